import { open } from 'node:fs/promises';

import { DatasetError } from '../errors/index.js';
import { openCocoResults } from './coco-results.js';
import type { Prediction, PredictionsHeader } from './predictions.js';
import { readPredictions, readPredictionsHeader } from './predictions-file.js';
import type { Truth } from './truth.js';

/** Predictions that were kept, whoever wrote them. */
export interface PredictionSource {
  readonly header: PredictionsHeader;
  pictures(signal: AbortSignal | undefined): AsyncIterable<Prediction>;
}

/** Opens a file that {@link PredictionsFile} wrote, or one with a detector's results in COCO's form. Rejects with DATASET_NOT_FOUND, DATASET_INVALID. */
export async function openPredictions(path: string, truth: Truth, signal: AbortSignal | undefined): Promise<PredictionSource> {
  if (await beginsAsList(path)) return openCocoResults(path, truth, signal);
  const header = await readPredictionsHeader(path, signal);
  return { header, pictures: (ending) => readPredictions(path, header, ending) };
}

async function beginsAsList(path: string): Promise<boolean> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0);
    return /^\s*\[/.test(buffer.toString('utf8', 0, bytesRead));
  } catch (cause) {
    throw new DatasetError('DATASET_NOT_FOUND', {
      message: `Cannot read the predictions ${JSON.stringify(path)}: ${(cause as Error).message}`,
      hint: 'Check the path; foveate eval MODEL --data DATASET -o FOLDER makes FOLDER/predictions.ndjson.',
      details: { file: path },
      cause,
    });
  }
}
