import { aborted } from '../binding/index.js';

/**
 * Lets at most `places` batches in at once, first come first served. Those that wait cost nothing: only those inside hold a slot in
 * native memory.
 */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  /**
   * Takes a place; `leave` gives it back. At once where one is free, so that the picture is read before the call returns; otherwise a promise
   * for when there is one. Throws or rejects with ABORTED, and leaves the queue, when aborted before.
   */
  enter(signal: AbortSignal | undefined): void | Promise<void> {
    if (signal?.aborted) throw aborted(signal);
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    return new Promise((resolve, reject) => {
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

  /** A place goes straight to whoever waits longest. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
