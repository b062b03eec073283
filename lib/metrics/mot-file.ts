import { createReadStream } from 'node:fs';
import { aborted } from '../binding/index.js';
import { checkOptions, checkPath, checkSignal, DatasetError, describeValue } from '../errors/index.js';
import type { TrackedObjects } from './tracked-objects.js';

/** No row of numbers is as long; a file that is something else is not read to its end. */
const longestLine = 4096;
const mostColumns = 10;
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
    for await (const lines of linesOf(file, signal)) lines.forEach((line) => rows.add(line));
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
async function* linesOf(file: string, signal: AbortSignal | undefined): AsyncGenerator<string[]> {
  let rest = '';
  for await (const chunk of createReadStream(file, { encoding: 'utf8', signal })) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield lines;
    if (rest.length > longestLine) break; // refused as a line of its own
  }
  if (rest !== '') yield [rest];
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
  readonly #values = new Float64Array(mostColumns);
  #line = 0;
  #columns: number | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** Empty lines say nothing. */
  add(line: string): void {
    this.#line++;
    const values = this.#values;
    const columns = readPlainRow(line, values) ?? this.#readRow(line);
    if (columns === 0) return;
    this.#checkColumns(columns);
    const frame = this.#integer(0, 1);
    const id = this.#integer(1, -(2 ** 31));
    this.#checkId(frame, id);
    this.#frames.push(frame);
    this.#ids.push(id);
    this.#boxes.push(values[2]!, values[3]!, values[4]!, values[5]!);
    this.#confidences.push(values[6]!);
    if (this.#hasClasses()) this.#classes.push(this.#integer(7, -(2 ** 31)));
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
    if (columns < 7 || columns > mostColumns) {
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

  /** Any row; returns how many columns it has. */
  #readRow(line: string): number {
    if (line.length > longestLine) throw this.#invalid(`the line has more than ${longestLine} characters`);
    const text = (this.#line === 1 ? line.replace(/^\uFEFF/, '') : line).trim();
    if (text === '') return 0;
    const fields = text.includes(',') ? text.replace(/,$/, '').split(',') : text.split(/\s+/);
    this.#checkColumns(fields.length);
    fields.forEach((field, column) => {
      const trimmed = field.trim();
      const value = number.test(trimmed) ? Number(trimmed) : NaN;
      if (!Number.isFinite(value)) {
        throw this.#invalid(`expected a number for ${this.#nameOf(column)} but received ${describeValue(trimmed)}`);
      }
      this.#values[column] = value;
    });
    return fields.length;
  }

  #integer(column: number, min: number): number {
    const value = this.#values[column]!;
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

const [comma, minus, point, zero] = [',', '-', '.', '0'].map((character) => character.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
];
const powersOfTen = Array.from({ length: 16 }, (_, exponent) => 10 ** exponent);

/**
 * Reads a row of plain decimal numbers and commas, which is what trackers write, without making a string of each; returns how many columns it has,
 * or undefined for any other row. With at most 15 digits, the digits and the power of ten are exact, so that their quotient is the nearest number.
 */
function readPlainRow(line: string, values: Float64Array): number | undefined {
  let columns = 0;
  let mantissa = 0;
  let digits = 0;
  let decimals = -1; // before the point
  let isNegative = false;
  for (let i = 0; i <= line.length; i++) {
    const character = i === line.length ? comma : line.charCodeAt(i);
    const digit = character - zero;
    if (digit >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit;
      digits++;
      if (decimals >= 0) decimals++;
    } else if (character === comma) {
      if (digits === 0 || digits > 15 || columns === mostColumns) return undefined;
      const value = decimals > 0 ? mantissa / powersOfTen[decimals]! : mantissa;
      values[columns++] = isNegative ? -value : value;
      [mantissa, digits, decimals, isNegative] = [0, 0, -1, false];
    } else if (character === point && decimals < 0) {
      decimals = 0;
    } else if (character === minus && digits === 0 && decimals < 0 && !isNegative) {
      isNegative = true;
    } else {
      return undefined;
    }
  }
  return columns;
}
