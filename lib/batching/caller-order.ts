import { Chain, type Link } from './chain.js';
import type { Call } from './call.js';

/** Lets the answers to one caller's calls, of one priority and group, go out in the order of the calls. */
export class CallerOrder<Item, Result extends object> {
  readonly #chains = new Map<string, Chain<Call<Item, Result>>>();
  readonly #links = new Map<Call<Item, Result>, Link<Call<Item, Result>>>();

  /** A call has been submitted. Those without a caller keep no order. */
  add(call: Call<Item, Result>): void {
    if (call.caller === undefined) return;
    const key = keyOf(call);
    let chain = this.#chains.get(key);
    if (chain === undefined) this.#chains.set(key, (chain = new Chain()));
    this.#links.set(call, chain.add(call));
  }

  /** The calls that can be answered now that this one has its outcome, or has been answered already; in their order. */
  ready(call: Call<Item, Result>): Call<Item, Result>[] {
    const link = this.#links.get(call);
    if (link === undefined) return call.isSettled ? [] : [call];
    const key = keyOf(call);
    const chain = this.#chains.get(key) as Chain<Call<Item, Result>>;
    if (call.isSettled) this.#remove(chain, call);
    const ready: Call<Item, Result>[] = [];
    for (let first = chain.first; first?.outcome !== undefined; first = chain.first) {
      this.#remove(chain, first);
      ready.push(first);
    }
    if (chain.first === undefined) this.#chains.delete(key);
    return ready;
  }

  #remove(chain: Chain<Call<Item, Result>>, call: Call<Item, Result>): void {
    chain.remove(this.#links.get(call) as Link<Call<Item, Result>>);
    this.#links.delete(call);
  }
}

function keyOf<Item, Result extends object>({ caller, priority, group }: Call<Item, Result>): string {
  return `${priority}:${group.length}:${group}${caller}`;
}
