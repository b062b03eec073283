/** Which results are free to keep, and the end of those that are not: outputs of a session lie in memory that has to be given back. */

/** Whether somebody has to dispose of it. */
export function isDisposable(value: unknown): value is object {
  return disposal(value) !== undefined;
}

/** Disposes of a result where that is needed; what it rejects with is nobody's concern. */
export async function disposeOf(value: unknown): Promise<void> {
  try {
    await disposal(value)?.call(value);
  } catch {
    // It was on its way out.
  }
}

function disposal(value: unknown): (() => unknown) | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  const { dispose } = value as { dispose?: unknown };
  const found =
    dispose ?? (value as Partial<Disposable>)[Symbol.dispose] ?? (value as Partial<AsyncDisposable>)[Symbol.asyncDispose];
  return typeof found === 'function' ? (found as () => unknown) : undefined;
}
