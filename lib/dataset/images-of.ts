import { throwIfAborted } from './source-file.js';

/** How many pictures are read ahead of the one that is asked for: as many as there are threads for files. */
const readAhead = 4;

/** What is read of pictures, in their order, a few read ahead. Each pass reads anew. Rejects as `read` does, and with ABORTED. */
export async function* imagesOf<T, Image>(
  items: readonly T[],
  read: (item: T, index: number) => Image | Promise<Image>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Image> {
  const ahead: Promise<Image>[] = [];
  let next = 0;
  while (next < items.length || ahead.length > 0) {
    throwIfAborted(signal);
    for (; next < items.length && ahead.length <= readAhead; next++) {
      const reading = Promise.resolve(read(items[next] as T, next));
      // Whoever stops, for a reason of its own or for the error of an earlier picture, leaves these to nobody.
      reading.catch(() => {});
      ahead.push(reading);
    }
    yield await (ahead.shift() as Promise<Image>);
  }
}
