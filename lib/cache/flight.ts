import { aborted } from '../binding/index.js';

/** One computation that several wait for. It is aborted when the last of them has gone. */
export class Flight<Result> {
  readonly #controller = new AbortController();
  readonly #onAbandoned: () => void;
  #promise: Promise<Result> | undefined;
  #waiting = 0;

  /** `onAbandoned`: nobody may join any more. */
  constructor(onAbandoned: () => void) {
    this.#onAbandoned = onAbandoned;
  }

  /** Called once, before anybody joins. */
  start(compute: (signal: AbortSignal) => Promise<Result>): void {
    this.#promise = compute(this.#controller.signal);
    this.#promise.catch(() => undefined); // those who wait are told
  }

  /** Waits for the result. An abort ends this wait alone. */
  join(signal: AbortSignal | undefined): Promise<Result> {
    const promise = this.#promise as Promise<Result>;
    this.#waiting++;
    if (signal === undefined) return promise;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        reject(aborted(signal));
        if (--this.#waiting > 0) return;
        this.#onAbandoned();
        this.#controller.abort(signal.reason);
      };
      const end = (): void => signal.removeEventListener('abort', onAbort);
      signal.addEventListener('abort', onAbort, { once: true });
      promise.then(resolve, reject).finally(end);
    });
  }
}
