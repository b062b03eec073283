import { createReadStream } from 'node:fs';
import nodePath from 'node:path';

import { CsvError, parse, type CastingContext } from 'csv-parse';

import type { NamedClass } from './class-names.js';
import { readHeader, type CsvColumn, type CsvColumns } from './csv-columns.js';
import type { Annotation, Attributes, Category, Dataset, DatasetImage, SourcePlace } from './dataset.js';
import { checkSide, parseFlag, parseNumber } from './field-checks.js';
import { imagesOf } from './images-of.js';
import { Notices } from './notices.js';
import { compareNames, isFile, resolvePictureName } from './picture-files.js';
import { checkStart, notUtf8, throwIfAborted, unreadable } from './source-file.js';
import { invalidAt, missingAt, unexpected, unsupportedAt } from './source-place.js';
import { chooseSplit } from './splits.js';

const rowTwice = { one: 'a row that says what another does', many: 'rows that say what others do' };
const picturesMissing = { one: 'the pictures were not found, looked for in', many: 'the pictures were not found, looked for in' };

export interface CsvOptions {
  readonly images: string | undefined;
  readonly split: string | undefined;
  readonly labels: readonly NamedClass[] | undefined;
  readonly signal: AbortSignal | undefined;
}

interface Row {
  readonly values: readonly string[];
  readonly place: SourcePlace;
}

/** A picture that rows are still added to. */
interface HeldPicture {
  readonly picture: DatasetImage & { readonly categories: number[]; readonly annotations: Annotation[] };
  /** Of the first row that has it. */
  readonly line: number | undefined;
}

/**
 * A row for each class of a picture (`image,label`) or for each box (`image,label,xmin,ymin,xmax,ymax`, in pixels).
 * Rejects with DATASET_NOT_FOUND, DATASET_INVALID, DATASET_UNSUPPORTED, ABORTED.
 */
export async function openCsv(path: string, { images, split, labels, signal }: CsvOptions): Promise<Dataset> {
  const { columns, rows } = await readRows(path, signal);
  const chosen = rowsOfSplit(path, columns, rows, split);
  const folder = images ?? (await findPictures(path, columns, chosen));
  const notices = new Notices();
  const categories = categoriesOf(columns, chosen, labels);
  const pictures = readPictures(columns, chosen, folder, categories, notices);
  if (columns.hasBoxes) checkPixels(path, pictures);
  const [first] = pictures;
  if (first !== undefined && !(await isFile(first.picture.path))) notices.add(picturesMissing, { file: folder });
  return {
    format: 'csv',
    task: columns.hasBoxes ? 'detect' : 'classify',
    path,
    categories,
    size: pictures.length,
    notices: notices.list,
    images: (stop) => imagesOf(pictures, ({ picture }) => picture, stop),
  };
}

async function readRows(path: string, signal: AbortSignal | undefined): Promise<{ columns: CsvColumns; rows: readonly Row[] }> {
  const place = { file: path };
  const text = textOf(path, signal);
  const first = await text.next();
  const start = first.done === true ? '' : first.value;
  const parser = parse({ delimiter: delimiterOf(start), info: true, relax_column_count: true, skip_empty_lines: true });
  const feeding = feed(parser, start, text);
  let columns: CsvColumns | undefined;
  const rows: Row[] = [];
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: CastingContext }>) {
      const at = { ...place, line: info.lines };
      if (columns === undefined) {
        columns = readHeader(record, at);
        continue;
      }
      if (record.length !== columns.count) {
        throw invalidAt(
          at,
          `expected ${columns.count} columns, as in the header, but received ${record.length}`,
          'Put values with commas into quotes.',
        );
      }
      rows.push({ values: record, place: at });
    }
    await feeding;
  } catch (error) {
    parser.destroy();
    await feeding.catch(() => {});
    throw error instanceof CsvError ? syntaxError(error, place) : error;
  }
  if (columns === undefined)
    throw invalidAt({ ...place, line: 1 }, 'expected a header, such as image,label, but the file is empty');
  return { columns, rows };
}

/** Hands the text on, no faster than it is taken; a failure to read reaches whoever reads the parser. */
async function feed(parser: ReturnType<typeof parse>, start: string, text: AsyncIterable<string>): Promise<void> {
  try {
    parser.write(start);
    for await (const part of text) {
      if (parser.destroyed) return;
      if (!parser.write(part)) await new Promise((resolve) => parser.once('drain', resolve).once('close', resolve));
    }
    parser.end();
  } catch (error) {
    parser.destroy(error as Error);
  }
}

/** The file's text in parts, without a byte order mark. Rejects with DATASET_NOT_FOUND, DATASET_INVALID, ABORTED. */
async function* textOf(path: string, signal: AbortSignal | undefined): AsyncGenerator<string, undefined> {
  const place = { file: path };
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes?: Uint8Array): string => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch {
      throw notUtf8(place);
    }
  };
  // The parser counts both of \r\n as ends of lines where others end in \n alone.
  let heldReturn = '';
  const withLineFeeds = (text: string): string => {
    const whole = heldReturn + text;
    heldReturn = whole.endsWith('\r') ? '\r' : '';
    return whole.slice(0, whole.length - heldReturn.length).replaceAll(/\r\n?/g, '\n');
  };
  let isFirst = true;
  try {
    for await (const bytes of createReadStream(path, { highWaterMark: 2 ** 18 }) as AsyncIterable<Buffer>) {
      throwIfAborted(signal);
      if (isFirst) checkStart(bytes, place);
      isFirst = false;
      yield withLineFeeds(decode(bytes));
    }
  } catch (error) {
    throw unreadable(place, error);
  }
  yield `${withLineFeeds(decode())}${heldReturn}`;
  return undefined;
}

/** Commas, unless the header has none but semicolons or tabs. */
function delimiterOf(start: string): string {
  const header = /^[^\r\n]*/.exec(start)?.[0] ?? '';
  return [',', ';', '\t'].find((delimiter) => header.includes(delimiter)) ?? ',';
}

function syntaxError(error: CsvError, place: SourcePlace): Error {
  const line = /line (\d+)/.exec(error.message)?.[1];
  const at = line === undefined ? place : { ...place, line: Number(line) };
  return invalidAt(at, `it is not CSV: ${error.message}`, 'Quotes within quotes are written twice.', error);
}

/** The text of a column; undefined where there is none. */
function textIn(row: Row, { known }: CsvColumns, column: CsvColumn): string | undefined {
  const found = known.get(column);
  return found === undefined ? undefined : row.values[found.index]?.trim();
}

function placeIn({ place }: Row, { known }: CsvColumns, column: CsvColumn): SourcePlace {
  return { ...place, field: known.get(column)?.name };
}

function rowsOfSplit(path: string, columns: CsvColumns, rows: readonly Row[], split: string | undefined): readonly Row[] {
  if (!columns.known.has('split')) {
    if (split === undefined) return rows;
    throw missingAt(
      { file: path },
      `expected a column split for the split ${JSON.stringify(split)} but there is none`,
      'Leave out the option split.',
    );
  }
  const names = [...new Set(rows.map((row) => textIn(row, columns, 'split') ?? ''))];
  if (names.length === 0) return rows;
  const wanted = split ?? chooseSplit(names);
  const isWanted = (name: string | undefined): boolean => name?.toLowerCase() === wanted.toLowerCase();
  if (!names.some(isWanted)) {
    throw missingAt(
      { file: path },
      `no row is of the split ${JSON.stringify(wanted)}: there are ${names.join(', ')}`,
      'Name one of them.',
    );
  }
  return rows.filter((row) => isWanted(textIn(row, columns, 'split')));
}

/** A picture in which nothing is labelled is written as a row that has only its name. */
function isEmptyPicture(row: Row, columns: CsvColumns): boolean {
  return (
    columns.hasBoxes &&
    (['label', 'xmin', 'ymin', 'xmax', 'ymax'] as const).every((column) => textIn(row, columns, column) === '')
  );
}

/** Those of the option in its order; else those in the file, sorted: numbers as numbers. */
function categoriesOf(columns: CsvColumns, rows: readonly Row[], labels: readonly NamedClass[] | undefined): readonly Category[] {
  if (labels !== undefined) return labels.map(({ id, name }) => ({ id, name: name ?? String(id) }));
  const names = new Set<string>();
  for (const row of rows) {
    if (isEmptyPicture(row, columns)) continue;
    const name = textIn(row, columns, 'label');
    if (name === undefined || name === '') throw unexpected(placeIn(row, columns, 'label'), 'a class', name);
    names.add(name);
  }
  const areNumbers = [...names].every((name) => /^\d+$/.test(name));
  return [...names].sort(areNumbers ? (a, b) => Number(a) - Number(b) : compareNames).map((name, id) => ({ id, name }));
}

function readPictures(
  columns: CsvColumns,
  rows: readonly Row[],
  folder: string,
  categories: readonly Category[],
  notices: Notices,
): readonly HeldPicture[] {
  const placeOf = new Map(categories.map(({ name }, place) => [name, place]));
  const pictures = new Map<string, HeldPicture>();
  for (const row of rows) {
    const { picture } = pictureOf(row, columns, folder, pictures);
    if (isEmptyPicture(row, columns)) continue;
    const label = textIn(row, columns, 'label') as string;
    const category = placeOf.get(label);
    if (category === undefined) {
      const what = label === '' ? 'a class' : `one of the ${categories.length} classes in labels`;
      throw unexpected(placeIn(row, columns, 'label'), what, label);
    }
    if (columns.hasBoxes) picture.annotations.push(readBox(row, columns, category));
    else if (picture.categories.includes(category)) notices.add(rowTwice, row.place);
    else picture.categories.push(category);
  }
  return [...pictures.values()];
}

/** The picture of a row: the one of an earlier row with its name, or a new one. */
function pictureOf(row: Row, columns: CsvColumns, folder: string, pictures: Map<string, HeldPicture>): HeldPicture {
  const at = placeIn(row, columns, 'image');
  const image = textIn(row, columns, 'image');
  if (image === undefined || image === '') throw unexpected(at, 'the name of a file', image);
  const { path, name } = resolvePictureName(folder, image, at);
  const width = readSide(row, columns, 'width');
  const height = readSide(row, columns, 'height');
  const known = pictures.get(name);
  if (known === undefined) {
    const attributes = columns.hasBoxes ? {} : attributesOf(row, columns);
    const picture = { id: pictures.size, name, path, width, height, categories: [], annotations: [], attributes };
    const held = { picture, line: row.place.line };
    pictures.set(name, held);
    return held;
  }
  for (const [column, side, other] of [
    ['width', width, known.picture.width],
    ['height', height, known.picture.height],
  ] as const) {
    if (side !== other) throw unexpected(placeIn(row, columns, column), `${other}, as in line ${known.line},`, side);
  }
  return known;
}

function readSide(row: Row, columns: CsvColumns, column: 'width' | 'height'): number | undefined {
  const text = textIn(row, columns, column);
  if (text === undefined || text === '') return undefined;
  const at = placeIn(row, columns, column);
  return checkSide(parseNumber(text, at), at);
}

function readBox(row: Row, columns: CsvColumns, category: number): Annotation {
  const read = (column: CsvColumn): number => parseNumber(textIn(row, columns, column), placeIn(row, columns, column));
  const [left, top, right, bottom] = [read('xmin'), read('ymin'), read('xmax'), read('ymax')];
  if (right < left) throw unexpected(placeIn(row, columns, 'xmax'), `at least xmin, ${left},`, right);
  if (bottom < top) throw unexpected(placeIn(row, columns, 'ymax'), `at least ymin, ${top},`, bottom);
  return {
    category,
    box: [left, top, right - left, bottom - top],
    isCrowd: parseFlag(textIn(row, columns, 'crowd'), placeIn(row, columns, 'crowd')),
    isIgnored: parseFlag(textIn(row, columns, 'difficult'), placeIn(row, columns, 'difficult')),
    attributes: attributesOf(row, columns),
  };
}

function attributesOf({ values }: Row, { others }: CsvColumns): Attributes {
  return Object.fromEntries(others.map(({ index, name }) => [name, values[index] as string]).filter(([, value]) => value !== ''));
}

/** Boxes that all lie within one pixel are fractions of the picture, whose size nobody has told. */
function checkPixels(path: string, pictures: readonly HeldPicture[]): void {
  const boxes = pictures.flatMap(({ picture: { annotations } }) => annotations.map(({ box }) => box as NonNullable<typeof box>));
  const areFractions = boxes.length > 0 && boxes.every(([x, y, width, height]) => x + width <= 1 && y + height <= 1);
  if (areFractions) {
    throw unsupportedAt({ file: path }, 'all corners are at most 1: they are fractions of the picture', 'Write them in pixels.');
  }
}

/** Beside the file, or in a folder images there. */
async function findPictures(path: string, columns: CsvColumns, [first]: readonly Row[]): Promise<string> {
  const folder = nodePath.dirname(path);
  const name = first === undefined ? '' : (textIn(first, columns, 'image') ?? '');
  const inside = nodePath.join(folder, 'images');
  return !(await isFile(nodePath.resolve(folder, name))) && (await isFile(nodePath.resolve(inside, name))) ? inside : folder;
}
