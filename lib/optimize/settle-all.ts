/** As Promise.all, but ends only when all have ended: what they work on may be disposed of then. Of failures, throws that of the first. */
export async function settleAll<const T extends readonly Promise<unknown>[]>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const settled = await Promise.allSettled(promises);
  return settled.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value as unknown;
  }) as { -readonly [K in keyof T]: Awaited<T[K]> };
}
