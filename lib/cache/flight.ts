import { aborted } from '../binding/index.js';

/** One computation that several wait for. It ends with the call that began it: what it is of is that call's, which may change it from then on. */
export class Flight<Result> {
  readonly #answer: Promise<Result>;
  readonly #signal: AbortSignal | undefined;

  /** `signal`: of the call that began it. */
  constructor(computation: Promise<Result>, signal: AbortSignal | undefined) {
    this.#answer = untilAborted(computation, signal);
    this.#signal = signal;
  }

  /** Whether the call that began it was given up. Then nobody may join any more, and those who wait are told ABORTED. */
  get isAbandoned(): boolean {
    return this.#signal?.aborted === true;
  }

  /** Waits for the result. An abort ends this wait alone. */
  join(signal?: AbortSignal): Promise<Result> {
    return untilAborted(this.#answer, signal);
  }
}

function untilAborted<Result>(promise: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(aborted(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
