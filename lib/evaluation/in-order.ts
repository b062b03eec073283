/**
 * Does `work` on the items, at most `places` at a time, and gives the results in the order of the items. No more than `places` results are
 * ever held. The first failure is thrown, after the work in progress has come to its end.
 */
export async function* mapInOrder<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  places: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const running: Promise<R>[] = [];
  try {
    for await (const item of items) {
      if (running.length === places) yield await (running.shift() as Promise<R>);
      const result = work(item);
      // It is awaited when its turn comes; a failure before that is not an unhandled one.
      result.catch(() => {});
      running.push(result);
    }
    while (running.length > 0) yield await (running.shift() as Promise<R>);
  } finally {
    await Promise.allSettled(running);
  }
}
