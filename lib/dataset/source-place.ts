import { DatasetError, describeValue, type ErrorCode } from '../errors/index.js';
import type { SourcePlace } from './dataset.js';

/** `"data/labels/a.txt", line 3, width`: how messages name a place. */
export function describePlace({ file, line, field }: SourcePlace): string {
  return [JSON.stringify(file), line === undefined ? '' : `line ${line}`, field ?? ''].filter((part) => part !== '').join(', ');
}

const usualHint = 'Correct it there, or take the entry out.';

function datasetError(code: ErrorCode, place: SourcePlace, problem: string, hint: string, cause?: unknown): DatasetError {
  const { file, line, field } = place;
  return new DatasetError(code, {
    message: `${describePlace(place)}: ${problem}`,
    hint,
    details: { file, ...(line === undefined ? {} : { line }), ...(field === undefined ? {} : { field }) },
    cause,
  });
}

/** DATASET_INVALID: what is wrong at a place. */
export function invalidAt(place: SourcePlace, problem: string, hint = usualHint, cause?: unknown): DatasetError {
  return datasetError('DATASET_INVALID', place, problem, hint, cause);
}

/** DATASET_INVALID: `expected <what> but received <value>`. */
export function unexpected(place: SourcePlace, expected: string, received: unknown, hint?: string): DatasetError {
  return invalidAt(place, `expected ${expected} but received ${describeValue(received)}`, hint);
}

/** DATASET_NOT_FOUND: what a place speaks of is not there. */
export function missingAt(place: SourcePlace, problem: string, hint = 'Check the path.', cause?: unknown): DatasetError {
  return datasetError('DATASET_NOT_FOUND', place, problem, hint, cause);
}

/** DATASET_UNSUPPORTED: no format, or more than one. */
export function unsupportedAt(place: SourcePlace, problem: string, hint: string): DatasetError {
  return datasetError('DATASET_UNSUPPORTED', place, problem, hint);
}

/** The place, further in. */
export function within(place: SourcePlace, field: string): SourcePlace {
  const joined = place.field === undefined ? field : `${place.field}${field.startsWith('[') ? '' : '.'}${field}`;
  return { ...place, field: joined };
}
