import { closeSync, createReadStream, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';

import { aborted } from '../binding/index.js';
import { DatasetError, MediaError } from '../errors/index.js';
import { parsePrediction, predictionLine } from './prediction-lines.js';
import { predictedTasks, type Prediction, type PredictionsHeader } from './predictions.js';
import { notWritable } from '../text/index.js';

/** The form of the file, which is told in its first line. */
const format = 1;

/**
 * What a model found in the pictures of a data set: the first line says of which model, each other one holds a picture. A line that is whole is done, so that
 * a run goes on after whatever ended it, and metrics are computed again without the model.
 */
export class PredictionsFile {
  readonly path: string;
  readonly #descriptor: number;
  readonly #done: Set<string>;

  private constructor(path: string, descriptor: number, done: Set<string>) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#done = done;
  }

  /** Begins a file in place of any that is there. Throws OUTPUT_NOT_WRITABLE. */
  static create(path: string, header: PredictionsHeader): PredictionsFile {
    try {
      const file = new PredictionsFile(path, openSync(path, 'w'), new Set());
      file.#write(`${JSON.stringify({ predictions: format, ...header })}\n`);
      return file;
    } catch (error) {
      throw error instanceof MediaError ? error : notWritable(path, error);
    }
  }

  /**
   * Goes on with a file; one that is not there, or not begun, is begun. What follows the last whole line is cut off; pictures that failed are
   * tried again.
   * Throws DATASET_INVALID for a damaged file, or one of another model, other options, another task or labels; OUTPUT_NOT_WRITABLE.
   */
  static async resume(path: string, header: PredictionsHeader, signal?: AbortSignal): Promise<PredictionsFile> {
    const before = await wholePredictions(path, signal);
    if (before === undefined) return PredictionsFile.create(path, header);
    checkSame(path, before.header, header);
    try {
      const descriptor = openSync(path, 'r+');
      ftruncateSync(descriptor, before.bytes);
      return new PredictionsFile(path, descriptor, before.images);
    } catch (error) {
      throw notWritable(path, error);
    }
  }

  /** Whether a picture is in the file. */
  has(image: string): boolean {
    return this.#done.has(image);
  }

  /** Pictures that are in the file. */
  get images(): ReadonlySet<string> {
    return this.#done;
  }

  append(prediction: Prediction): void {
    this.#write(predictionLine(prediction));
    this.#done.add(prediction.image);
  }

  #write(text: string): void {
    try {
      writeSync(this.#descriptor, text, fstatSync(this.#descriptor).size);
    } catch (error) {
      throw notWritable(this.path, error);
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** The first line of a file of predictions. Rejects with DATASET_NOT_FOUND, DATASET_INVALID. */
export async function readPredictionsHeader(path: string, signal?: AbortSignal): Promise<PredictionsHeader> {
  for await (const { text } of linesOf(path, signal)) return parseHeader(path, text);
  throw invalid(path, 1, '', 'the file is empty', 'Make it with foveate eval MODEL --data DATASET -o FOLDER.');
}

/**
 * The pictures of a file of predictions, one at a time; one that failed and was tried again comes twice. Rejects with DATASET_NOT_FOUND, DATASET_INVALID,
 * ABORTED.
 */
export async function* readPredictions(
  path: string,
  header: PredictionsHeader,
  signal?: AbortSignal,
): AsyncGenerator<Prediction> {
  let line = 0;
  for await (const { text, whole } of linesOf(path, signal)) {
    if (++line === 1) continue;
    yield parseLine(path, line, text, header, whole);
  }
}

function parseLine(path: string, line: number, text: string, { task, labels }: PredictionsHeader, whole = true): Prediction {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const hint = whole ? undefined : 'The run was interrupted: repeat its call with --resume.';
    throw invalid(path, line, '', `it is no JSON: ${(error as Error).message}`, hint);
  }
  const parsed = parsePrediction(value, task, labels.length);
  if ('wrong' in parsed) throw invalid(path, line, parsed.field, parsed.wrong);
  return parsed;
}

function parseHeader(path: string, text: string): PredictionsHeader {
  let first: unknown;
  try {
    first = JSON.parse(text);
  } catch {
    // told below
  }
  const { predictions, ...header } = (first ?? {}) as PredictionsHeader & { predictions?: unknown };
  const { task, labels, options, model } = header;
  const isTask = predictedTasks.includes(task);
  const isLabels = Array.isArray(labels) && labels.every((label) => typeof label === 'string');
  if (predictions === format && isTask && isLabels && isRecord(options) && (model === undefined || isModel(model))) return header;
  throw invalid(
    path,
    1,
    '',
    'it does not say what the predictions are of',
    "Expected a file that foveate eval wrote, or a detector's results in COCO's form: a JSON array.",
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isModel(value: unknown): boolean {
  return (
    isRecord(value) &&
    [value['name'], value['sha256']].every((text) => typeof text === 'string') &&
    Number.isInteger(value['bytes'])
  );
}

/** What a file holds up to the last whole line; undefined where there is no file, or no whole line. */
async function wholePredictions(
  path: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly header: PredictionsHeader; readonly images: Set<string>; readonly bytes: number } | undefined> {
  let header: PredictionsHeader | undefined;
  const images = new Set<string>();
  let bytes = 0;
  let line = 0;
  try {
    for await (const { text, end, whole } of linesOf(path, signal)) {
      if (!whole) break;
      line++;
      if (header === undefined) header = parseHeader(path, text);
      else {
        const { image, found } = parseLine(path, line, text, header);
        if (!('error' in found)) images.add(image);
      }
      bytes = end;
    }
  } catch (error) {
    if (error instanceof DatasetError && error.code === 'DATASET_NOT_FOUND') return undefined;
    throw error;
  }
  return header && { header, images, bytes };
}

/** Lines with the byte at which each ends; the last may lack its end. Rejects with DATASET_NOT_FOUND, ABORTED. */
async function* linesOf(
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly text: string; readonly end: number; readonly whole: boolean }> {
  let rest: Buffer[] = [];
  let end = 0;
  const take = (last: Buffer): string => {
    const line = rest.length === 0 ? last : Buffer.concat([...rest, last]);
    rest = [];
    end += line.length;
    return line.toString('utf8');
  };
  try {
    for await (const chunk of createReadStream(path, { signal, highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
      let start = 0;
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, start)) {
        const text = take(chunk.subarray(start, at));
        yield { text, end: ++end, whole: true };
        start = at + 1;
      }
      if (start < chunk.length) rest.push(chunk.subarray(start));
    }
  } catch (cause) {
    if (signal?.aborted) throw aborted(signal);
    if (cause instanceof DatasetError) throw cause;
    throw new DatasetError('DATASET_NOT_FOUND', {
      message: `Cannot read the predictions ${JSON.stringify(path)}: ${(cause as Error).message}`,
      hint: 'Check the path; foveate eval MODEL --data DATASET -o FOLDER makes FOLDER/predictions.ndjson.',
      details: { file: path },
      cause,
    });
  }
  if (rest.length > 0) yield { text: take(Buffer.alloc(0)), end, whole: false };
}

/** Throws where predictions to go on with are of something else. */
function checkSame(path: string, before: PredictionsHeader, now: PredictionsHeader): void {
  const shown = ({ task, labels, model, options }: PredictionsHeader): Record<string, string> => ({
    task,
    model: model?.sha256 ?? 'none',
    labels: JSON.stringify(labels),
    ...Object.fromEntries(Object.entries(options).map(([name, value]) => [`option ${name}`, JSON.stringify(value)])),
  });
  const [old, given] = [shown(before), shown(now)];
  for (const name of new Set([...Object.keys(old), ...Object.keys(given)])) {
    if (old[name] === given[name]) continue;
    throw new DatasetError('DATASET_INVALID', {
      message: `The predictions ${path} to go on with have another ${name}: expected ${given[name] ?? 'none'}, received ${old[name] ?? 'none'}`,
      hint: 'Call it with the same model and options to go on, or begin anew without resume.',
      details: { file: path, expected: given[name], received: old[name] },
    });
  }
}

function invalid(path: string, line: number, field: string, wrong: string, hint?: string): DatasetError {
  const place = field === '' ? `line ${line}` : `line ${line}, ${field}`;
  return new DatasetError('DATASET_INVALID', {
    message: `The predictions ${path}, ${place}: ${wrong}`,
    hint: hint ?? 'The file is damaged, or the model gave what is no number: have it find them again.',
    details: { file: path, line, ...(field !== '' && { field }) },
  });
}
