import { aborted } from '../binding/index.js';

/**
 * Lets at most `places` callers in at once, first come first served. Pictures that wait cost nothing: only those inside hold a slot in
 * native memory.
 */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  /** Settles when there is a place, with the function that gives it back. Rejects with ABORTED, and leaves the queue, when aborted before. */
  async enter(signal: AbortSignal | undefined): Promise<() => void> {
    if (signal?.aborted) throw aborted(signal);
    if (this.#free > 0) {
      this.#free--;
    } else {
      await new Promise<void>((resolve, reject) => {
        const enter = (): void => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        };
        const onAbort = (): void => {
          this.#waiting.splice(this.#waiting.indexOf(enter), 1);
          reject(aborted(signal as AbortSignal));
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        this.#waiting.push(enter);
      });
    }
    return () => this.#leave();
  }

  /** A place goes straight to whoever waits longest. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
