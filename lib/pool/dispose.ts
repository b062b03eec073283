import { publish } from '../events/index.js';

/** Disposes of something where nobody waits for it: a failure is told in the log. */
export async function disposeUnasked(name: string, model: AsyncDisposable): Promise<void> {
  try {
    await model[Symbol.asyncDispose]();
  } catch (error) {
    logNotDisposed(name, error);
  }
}

export function logNotDisposed(name: string, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  const message = `The model could not be disposed of, and what it holds may be lost: ${reason}`;
  publish('foveate:log', { level: 'error', runtime: 'foveate', origin: name, message, requestIds: [] });
}

/** Rejects with the first failure, once all have settled. */
export async function allSettled(promises: readonly (Promise<unknown> | undefined)[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) {
    if (result.status === 'rejected') throw result.reason;
  }
}
