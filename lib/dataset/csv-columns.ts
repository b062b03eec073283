import type { SourcePlace } from './dataset.js';
import { invalidAt, unexpected } from './source-place.js';

/** What columns stand for, and the names that tools give them; letters, case and what joins words aside. */
const columnNames = {
  image: ['image', 'filename', 'file', 'path', 'imagepath', 'imagename', 'imagefile', 'img'],
  label: ['label', 'class', 'category', 'classname', 'labelname', 'categoryname'],
  xmin: ['xmin', 'x1', 'left'],
  ymin: ['ymin', 'y1', 'top'],
  xmax: ['xmax', 'x2', 'right'],
  ymax: ['ymax', 'y2', 'bottom'],
  width: ['width', 'imagewidth'],
  height: ['height', 'imageheight'],
  split: ['split', 'set', 'subset', 'usage', 'mlsplit'],
  difficult: ['difficult', 'isdifficult'],
  crowd: ['crowd', 'iscrowd', 'isgroupof'],
} as const;
export type CsvColumn = keyof typeof columnNames;

const corners = ['xmin', 'ymin', 'xmax', 'ymax'] as const;

/** Where the columns are that are understood, and which others there are. */
export interface CsvColumns {
  readonly count: number;
  /** Of each column its place, and what the file calls it. */
  readonly known: ReadonlyMap<CsvColumn, { readonly index: number; readonly name: string }>;
  readonly others: readonly { readonly index: number; readonly name: string }[];
  readonly hasBoxes: boolean;
}

/** Reads the header. Throws DATASET_INVALID. */
export function readHeader(header: readonly string[], place: SourcePlace): CsvColumns {
  const known = new Map<CsvColumn, { index: number; name: string }>();
  const others: { index: number; name: string }[] = [];
  header.forEach((text, index) => {
    const name = text.trim();
    const plain = name.toLowerCase().replaceAll(/[\s_.-]/g, '');
    const column = (Object.keys(columnNames) as CsvColumn[]).find((key) =>
      (columnNames[key] as readonly string[]).includes(plain),
    );
    if (column === undefined) others.push({ index, name: name === '' ? `column ${index + 1}` : name });
    else {
      const other = known.get(column);
      if (other !== undefined) {
        throw invalidAt({ ...place, field: name }, `expected each column once, but ${JSON.stringify(other.name)} says the same`);
      }
      known.set(column, { index, name });
    }
  });
  if (!known.has('image') || !known.has('label')) {
    throw invalidAt(
      place,
      `expected a header with the columns image and label but received ${header.map((name) => JSON.stringify(name)).join(', ')}`,
      'Write image,label for classes or image,label,xmin,ymin,xmax,ymax for boxes into the first line.',
    );
  }
  const missing = corners.filter((corner) => !known.has(corner));
  if (missing.length > 0 && missing.length < corners.length)
    throw unexpected(place, `the columns ${missing.join(', ')} too`, header);
  return { count: header.length, known, others, hasBoxes: missing.length === 0 };
}
