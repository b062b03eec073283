import { createHash } from 'node:crypto';

import type { Category, Dataset, DatasetImage } from '../dataset/index.js';

/** The labels of a data set, whole: without its pixels, these fit into memory. */
export interface Truth {
  readonly categories: readonly Category[];
  /** By name, in the order of the data set. */
  readonly images: ReadonlyMap<string, DatasetImage>;
  /** Labels of objects, or of whole pictures. */
  readonly annotations: number;
  /** Of all that is labelled: tells whether two results are of the same. */
  readonly sha256: string;
}

/** Reads the labels of all pictures. Rejects with DATASET_INVALID, ABORTED. */
export async function readTruth(dataset: Dataset, signal: AbortSignal | undefined): Promise<Truth> {
  const images = new Map<string, DatasetImage>();
  const hash = createHash('sha256').update(JSON.stringify(dataset.categories.map(({ name }) => name)));
  let annotations = 0;
  for await (const image of dataset.images(signal)) {
    images.set(image.name, image);
    annotations += image.annotations.length + image.categories.length;
    const { name, width, height, categories, annotations: objects } = image;
    hash.update(JSON.stringify({ name, width, height, categories, objects }));
  }
  return { categories: dataset.categories, images, annotations, sha256: hash.digest('hex') };
}
