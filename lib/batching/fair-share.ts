import { Chain, type Link } from './chain.js';
import { Heap, type HeapEntry } from './heap.js';

/** What is shared out: a request of one caller. */
export interface Share {
  readonly caller: string;
  readonly samples: number;
  /** Counts the requests. */
  readonly sequence: number;
}

interface Caller<R> {
  readonly waiting: Chain<R>;
  /** Samples of service at which its next request begins, were all callers served at the same speed. */
  start: number;
  entry: HeapEntry<Caller<R>> | undefined;
}

/** A place in a {@link FairShare}. */
export interface ShareTicket<R> {
  readonly caller: Caller<R>;
  readonly link: Link<R>;
}

/**
 * Whose turn it is: each caller's requests in their order, and among callers whoever was served the fewest samples while it had something waiting (start-time fair queuing,
 * Goyal et al. 1996). Who comes back after a pause has saved up nothing.
 */
export class FairShare<R extends Share> {
  readonly #callers = new Map<string, Caller<R>>();
  readonly #active = new Heap<Caller<R>>((a, b) => (a.start === b.start ? sequenceOf(a) < sequenceOf(b) : a.start < b.start));
  /** Where the service stands: the start of the request that was served last, but for those that were served before their turn. */
  #position = 0;
  /** Times that a caller was left without requests since it was last looked who can be forgotten. */
  #gone = 0;

  /** The request whose turn it is. */
  get next(): R | undefined {
    return this.#active.first?.waiting.first;
  }

  add(request: R): ShareTicket<R> {
    let caller = this.#callers.get(request.caller);
    if (caller === undefined) {
      caller = { waiting: new Chain(), start: this.#position, entry: undefined };
      this.#callers.set(request.caller, caller);
    }
    const link = caller.waiting.add(request);
    if (caller.entry === undefined) {
      caller.start = Math.max(caller.start, this.#position);
      caller.entry = this.#active.add(caller);
    }
    return { caller, link };
  }

  /** Takes a request out; `isServed`: it counts as its caller's, and is the first of it. */
  remove({ caller, link }: ShareTicket<R>, isServed: boolean): void {
    const entry = caller.entry as HeapEntry<Caller<R>>;
    caller.waiting.remove(link);
    if (isServed) {
      if (this.#active.first === caller) this.#position = caller.start;
      caller.start += link.value.samples;
    }
    if (caller.waiting.first !== undefined) {
      this.#active.moved(entry);
      return;
    }
    caller.entry = undefined;
    this.#active.remove(entry);
    this.#forget();
  }

  /** Of callers without requests, only those that were served ahead of the others have to be remembered; of none where nobody waits. */
  #forget(): void {
    if (this.#active.size === 0) {
      this.#callers.clear();
      this.#position = 0;
    } else if (++this.#gone > this.#callers.size) {
      this.#gone = 0;
      for (const [name, caller] of this.#callers) {
        if (caller.entry === undefined && caller.start <= this.#position) this.#callers.delete(name);
      }
    }
  }
}

/** Those in the heap have a request waiting. */
function sequenceOf<R extends Share>(caller: Caller<R>): number {
  return (caller.waiting.first as R).sequence;
}
