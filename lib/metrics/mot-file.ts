import { createReadStream } from 'node:fs';
import { aborted } from '../binding/index.js';
import { checkOptions, checkPath, checkSignal, DatasetError, describeValue } from '../errors/index.js';
import type { TrackedObjects } from './tracked-objects.js';

/** No row of numbers is as long; a file that is something else is not read to its end. */
const longestLine = 4096;
const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const columnNames = ['frame', 'id', 'left', 'top', 'width', 'height', 'confidence', 'class', 'visibility'];

export interface ReadMotFileOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a MOTChallenge file, `gt.txt` or a tracker's results: a row a line, of frame, id, left, top, width, height, confidence, then class and
 * visibility, or x, y, z (ten columns, and no classes), separated by commas or spaces. Visibility, x, y and z are checked, not kept.
 *
 * Rejects with DATASET_NOT_FOUND; DATASET_INVALID, which names the line, also for an id twice in a frame; ABORTED.
 */
export async function readMotFile(path: string | URL, options: ReadMotFileOptions = {}): Promise<TrackedObjects> {
  checkOptions('options of readMotFile', options, ['signal']);
  const { signal } = options;
  checkSignal(signal);
  const file = checkPath('path', path);
  if (signal?.aborted) throw aborted(signal);
  const rows = new MotRows(file);
  try {
    for await (const line of linesOf(file, signal)) rows.add(line);
  } catch (error) {
    if (signal?.aborted) throw aborted(signal);
    if (error instanceof DatasetError) throw error;
    throw new DatasetError('DATASET_NOT_FOUND', {
      message: `Cannot read ${JSON.stringify(file)}: ${(error as Error).message}`,
      details: { file },
      cause: error,
    });
  }
  return rows.objects();
}

/** In pieces, between which the event loop has its turn. */
async function* linesOf(file: string, signal: AbortSignal | undefined): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of createReadStream(file, { encoding: 'utf8', signal })) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > longestLine) break; // refused as a line of its own
  }
  if (rest !== '') yield rest;
}

class MotRows {
  readonly #file: string;
  readonly #frames: number[] = [];
  readonly #ids: number[] = [];
  readonly #boxes: number[] = [];
  readonly #confidences: number[] = [];
  readonly #classes: number[] = [];
  /** By frame, the line of each id. */
  readonly #lines = new Map<number, Map<number, number>>();
  #line = 0;
  #columns: number | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** Empty lines say nothing. */
  add(line: string): void {
    this.#line++;
    if (line.length > longestLine) throw this.#invalid(`the line has more than ${longestLine} characters`);
    const text = (this.#line === 1 ? line.replace(/^\uFEFF/, '') : line).trim();
    if (text === '') return;
    const fields = text.includes(',') ? text.replace(/,$/, '').split(',') : text.split(/\s+/);
    this.#checkColumns(fields.length);
    const frame = this.#integer(fields, 0, 1);
    const id = this.#integer(fields, 1, -(2 ** 31));
    this.#checkId(frame, id);
    this.#frames.push(frame);
    this.#ids.push(id);
    for (let column = 2; column < 6; column++) this.#boxes.push(this.#number(fields, column));
    this.#confidences.push(this.#number(fields, 6));
    if (this.#hasClasses()) this.#classes.push(this.#integer(fields, 7, -(2 ** 31)));
    for (let column = this.#hasClasses() ? 8 : 7; column < fields.length; column++) this.#number(fields, column);
  }

  objects(): TrackedObjects {
    return {
      frames: Int32Array.from(this.#frames),
      ids: Int32Array.from(this.#ids),
      boxes: Float64Array.from(this.#boxes),
      confidences: Float64Array.from(this.#confidences),
      ...(this.#hasClasses() ? { classes: Int32Array.from(this.#classes) } : {}),
    };
  }

  #hasClasses(): boolean {
    return this.#columns === 8 || this.#columns === 9;
  }

  #checkColumns(columns: number): void {
    if (columns < 7 || columns > 10) {
      throw this.#invalid(
        `expected 7 to 10 columns but there are ${columns}`,
        'A row is frame, id, left, top, width, height, confidence, then class and visibility, or x, y, z.',
      );
    }
    this.#columns ??= columns;
    if (columns === this.#columns) return;
    throw this.#invalid(`expected ${this.#columns} columns, as in the lines before, but there are ${columns}`);
  }

  #checkId(frame: number, id: number): void {
    let lines = this.#lines.get(frame);
    if (lines === undefined) this.#lines.set(frame, (lines = new Map()));
    const before = lines.get(id);
    if (before !== undefined) throw this.#invalid(`frame ${frame} has id ${id} already in line ${before}`);
    lines.set(id, this.#line);
  }

  #number(fields: readonly string[], column: number): number {
    const text = fields[column]!.trim();
    const value = number.test(text) ? Number(text) : NaN;
    if (Number.isFinite(value)) return value;
    throw this.#invalid(`expected a number for ${this.#nameOf(column)} but received ${describeValue(text)}`);
  }

  #integer(fields: readonly string[], column: number, min: number): number {
    const value = this.#number(fields, column);
    if (Number.isInteger(value) && value >= min && value < 2 ** 31) return value;
    const range = min === 1 ? 'a whole number from 1 to 2147483647' : 'a whole number of 32 bits';
    throw this.#invalid(`expected ${range} for ${this.#nameOf(column)} but received ${value}`);
  }

  #nameOf(column: number): string {
    return (column < 7 || this.#hasClasses() ? columnNames[column] : ['x', 'y', 'z'][column - 7]) ?? `column ${column + 1}`;
  }

  #invalid(reason: string, hint?: string): DatasetError {
    return new DatasetError('DATASET_INVALID', {
      message: `${this.#file}:${this.#line}: ${reason}`,
      hint,
      details: { file: this.#file, line: this.#line },
    });
  }
}
