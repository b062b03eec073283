/**
 * `maxDelayMs: 'auto'`: how long to wait for a batch so that 95 of 100 requests are answered within a target. Every few requests the delay shrinks where the p95 is
 * above the target, and grows a little where it is well below.
 */

const keptRequests = 256;
const adjustEvery = 32;
/** The delay is multiplied by this where the target is missed; what little is left of it becomes none. */
const shrink = 0.7;
const leastMs = 0.1;
/** The delay grows only while the p95 is below this part of the target, by this part of it. */
const comfortable = 0.85;
const growth = 0.05;

export interface DelayReport {
  /** The delay now. */
  readonly delayMs: number;
  readonly targetP95Ms: number;
  /** Of the last requests, from the call to the result; undefined before there are enough, Infinity where more than 5 of 100 had no answer by their deadline. */
  readonly p95Ms: number | undefined;
  /**
   * What the p95 would be without any delay: no lower target can be held on this machine with this load. Estimated from the same requests, each without the time in which it
   * waited beside an idle lane.
   */
  readonly leastP95Ms: number | undefined;
  /** Whether the target can be held: `leastP95Ms` is not above it. undefined before there are enough requests. */
  readonly canHold: boolean | undefined;
}

export class AutoDelay {
  readonly #targetMs: number;
  readonly #totals = new Float64Array(keptRequests);
  readonly #withoutDelay = new Float64Array(keptRequests);
  #count = 0;
  #delayMs: number;
  #p95Ms: number | undefined;
  #leastP95Ms: number | undefined;

  constructor(targetMs: number) {
    this.#targetMs = targetMs;
    this.#delayMs = targetMs * growth;
  }

  get delayMs(): number {
    return this.#delayMs;
  }

  /** A request took so long, `delayedMs` of which it waited though a lane was idle; Infinity for one that missed its deadline. */
  record(totalMs: number, delayedMs: number): void {
    const at = this.#count++ % keptRequests;
    this.#totals[at] = totalMs;
    this.#withoutDelay[at] = totalMs - delayedMs;
    if (this.#count % adjustEvery === 0) this.#adjust();
  }

  #adjust(): void {
    const kept = Math.min(this.#count, keptRequests);
    this.#p95Ms = p95(this.#totals.slice(0, kept));
    this.#leastP95Ms = p95(this.#withoutDelay.slice(0, kept));
    if (this.#p95Ms > this.#targetMs) {
      this.#delayMs *= shrink;
      if (this.#delayMs < leastMs) this.#delayMs = 0;
    } else if (this.#p95Ms < this.#targetMs * comfortable) {
      this.#delayMs = Math.min(this.#delayMs + this.#targetMs * growth, this.#targetMs);
    }
  }

  report(): DelayReport {
    const leastP95Ms = this.#leastP95Ms;
    const canHold = leastP95Ms === undefined ? undefined : leastP95Ms <= this.#targetMs;
    return { delayMs: this.#delayMs, targetP95Ms: this.#targetMs, p95Ms: this.#p95Ms, leastP95Ms, canHold };
  }
}

function p95(values: Float64Array): number {
  values.sort();
  return values[Math.ceil(values.length * 0.95) - 1] as number;
}
