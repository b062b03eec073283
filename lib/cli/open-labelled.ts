import { openDataset, type Dataset, type DatasetOptions } from '../dataset/index.js';
import { ArgumentError } from '../errors/index.js';

/** Opens a labelled data set. Names that are given for the model are those of the data set's classes too, unless it names them itself. */
export async function openLabelled(data: string, options: DatasetOptions, labels: DatasetOptions['labels']): Promise<Dataset> {
  if (labels === undefined) return openDataset(data, options);
  try {
    return await openDataset(data, { ...options, labels });
  } catch (error) {
    const namesItself =
      error instanceof ArgumentError && error.details['name'] === 'labels' && error.details['format'] !== undefined;
    if (!namesItself) throw error;
    return openDataset(data, options);
  }
}
