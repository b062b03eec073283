import { readFile } from 'node:fs/promises';

import { DatasetError } from '../errors/index.js';
import type { EvaluationResult } from './evaluation-result.js';

/** Reads the results.json of an evaluation. Rejects with DATASET_NOT_FOUND, DATASET_INVALID. */
export async function readEvaluation(path: string): Promise<EvaluationResult> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new DatasetError('DATASET_NOT_FOUND', {
      message: `Cannot read the results ${JSON.stringify(path)}: ${(cause as Error).message}`,
      hint: 'foveate eval MODEL --data DATASET -o FOLDER writes FOLDER/results.json.',
      details: { file: path },
      cause,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // told below
  }
  const { format, task, metrics, intervals, classes, slices, dataset } = (value ?? {}) as Partial<EvaluationResult>;
  const isWhole =
    typeof task === 'string' &&
    [metrics, intervals, dataset].every((part) => typeof part === 'object' && part !== null) &&
    [classes, slices].every((parts) => Array.isArray(parts) && parts.every(hasMetrics)) &&
    Object.values(intervals ?? {}).every(Array.isArray);
  if (format === 1 && isWhole) return value as EvaluationResult;
  const otherFormat = format === undefined ? 'it holds something else' : `its format is ${String(format)}`;
  const wrong = format === 1 ? 'parts of it are missing or damaged' : otherFormat;
  throw new DatasetError('DATASET_INVALID', {
    message: `Expected results of an evaluation in ${path}, in format 1, but ${wrong}`,
    hint: 'foveate eval MODEL --data DATASET -o FOLDER writes FOLDER/results.json.',
    details: { file: path },
  });
}

function hasMetrics(part: unknown): boolean {
  const { metrics } = (part ?? {}) as { readonly metrics?: unknown };
  return typeof metrics === 'object' && metrics !== null;
}
