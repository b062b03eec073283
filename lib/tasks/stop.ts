import { AbortedError, checkSignal } from '../errors/index.js';

/** What stops the work on the pictures of one call: the caller's signal and, where there are several pictures, the first failure. */
export class Stop {
  /** undefined where nothing can stop the work: then it costs nothing either. */
  readonly signal: AbortSignal | undefined;
  readonly #controller: AbortController | undefined;
  readonly #caller: AbortSignal | undefined;
  readonly #onAbort = (): void => this.abort(this.#caller?.reason);

  constructor(caller: AbortSignal | undefined, pictures: number) {
    checkSignal(caller);
    if (pictures < 2) {
      this.signal = caller;
      return;
    }
    // Linked by hand: what AbortSignal.any() makes stays with a signal that lives on.
    this.#caller = caller;
    this.#controller = new AbortController();
    this.signal = this.#controller.signal;
    checkSignal(this.signal); // any number of pictures listen
    if (caller?.aborted) this.#onAbort();
    caller?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Stops the other pictures. */
  abort(reason: unknown): void {
    this.#controller?.abort(reason);
  }

  /** Lets go of the caller's signal, which may live on. */
  unlink(): void {
    this.#caller?.removeEventListener('abort', this.#onAbort);
  }
}

/**
 * Waits for all, so that nothing is still at work in memory about to be given back. The first failure stops the others at once; thrown is the
 * failure of the lowest index, those that were only stopped passed over.
 */
export async function allOrFirstError<T>(promises: readonly Promise<T>[], stop: Stop): Promise<T[]> {
  for (const promise of promises) promise.catch((error: unknown) => stop.abort(error));
  const settled = await Promise.allSettled(promises);
  const errors = settled.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  if (errors.length > 0) throw errors.find((error) => !(error instanceof AbortedError)) ?? errors[0];
  return settled.map((outcome) => (outcome as PromiseFulfilledResult<T>).value);
}
