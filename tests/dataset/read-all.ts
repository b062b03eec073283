import { openDataset, type Dataset, type DatasetImage, type DatasetOptions } from '../../lib/index.js';

/** A data set, and all of its pictures. */
export async function readAll(path: string, options?: DatasetOptions): Promise<{ dataset: Dataset; images: DatasetImage[] }> {
  const dataset = await openDataset(path, options);
  const images: DatasetImage[] = [];
  for await (const image of dataset.images()) images.push(image);
  return { dataset, images };
}

export function namesOf({ categories }: Dataset): string[] {
  return categories.map(({ name }) => name);
}
