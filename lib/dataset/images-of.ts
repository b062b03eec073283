import type { DatasetImage } from './dataset.js';
import { throwIfAborted } from './source-file.js';

/** How many pictures are read ahead of the one that is asked for: as many as there are threads for files. */
const readAhead = 4;

/** Pictures in their order, a few read ahead. Each pass reads anew. Rejects as `read` does, and with ABORTED. */
export async function* imagesOf<T>(
  items: readonly T[],
  read: (item: T, index: number) => DatasetImage | Promise<DatasetImage>,
  signal: AbortSignal | undefined,
): AsyncGenerator<DatasetImage> {
  const ahead: Promise<DatasetImage>[] = [];
  let next = 0;
  while (next < items.length || ahead.length > 0) {
    throwIfAborted(signal);
    for (; next < items.length && ahead.length <= readAhead; next++) {
      const reading = Promise.resolve(read(items[next] as T, next));
      // Whoever stops, for a reason of its own or for the error of an earlier picture, leaves these to nobody.
      reading.catch(() => {});
      ahead.push(reading);
    }
    yield await (ahead.shift() as Promise<DatasetImage>);
  }
}
