import type { Annotation, Category, SourcePlace } from './dataset.js';
import { boxAround, parseNumber } from './field-checks.js';
import { invalidAt, unexpected } from './source-place.js';

/** How many keypoints an object has, and whether two or three numbers stand for each. */
export interface KeypointShape {
  readonly count: number;
  readonly values: 2 | 3;
}

export interface YoloPicture {
  readonly width: number;
  readonly height: number;
}

/**
 * The objects of a label file. Each line is a class and a box (x and y of its centre, width, height), a box and keypoints, or a polygon; all in fractions of
 * the picture. Four points may be an oriented box as well as an outline, which nothing tells apart: they become both. Throws DATASET_INVALID.
 */
export function yoloAnnotations(
  text: string,
  file: string,
  categories: readonly Category[],
  keypoints: KeypointShape | undefined,
  picture: YoloPicture,
): readonly Annotation[] {
  const annotations: Annotation[] = [];
  text.split(/\r\n|\r|\n/).forEach((line, i) => {
    const words = line.trim().split(/\s+/);
    if (words[0] === '') return;
    const place = { file, line: i + 1 };
    const category = readClass(words[0] as string, categories, place);
    const row = { words, place, picture };
    const columns = keypoints === undefined ? 5 : 5 + keypoints.count * keypoints.values;
    if (keypoints !== undefined)
      annotations.push({ ...readBox(row, columns, category), keypoints: readKeypoints(row, keypoints) });
    else if (words.length <= 6) annotations.push(readBox(row, columns, category));
    else annotations.push(readPolygon(row, category));
  });
  return annotations;
}

interface Row {
  readonly words: readonly string[];
  readonly place: SourcePlace;
  readonly picture: YoloPicture;
}

function readClass(word: string, categories: readonly Category[], place: SourcePlace): number {
  const index = Number(word);
  // Some tools write all columns as 0.000000.
  if (!/^\d+(?:\.0*)?$/.test(word) || index >= categories.length) {
    throw unexpected({ ...place, field: 'class' }, `a class, 0 to ${categories.length - 1},`, word);
  }
  return index;
}

function readFraction(word: string, field: string, place: SourcePlace): number {
  const at = { ...place, field };
  const expected = 'a fraction of the picture, 0 to 1,';
  const value = parseNumber(word, at, expected);
  if (value < 0 || value > 1 + tolerance) throw unexpected(at, expected, word);
  return value;
}

/** Tools round outwards. */
const tolerance = 1e-3;

function readBox({ words, place, picture: { width, height } }: Row, columns: number, category: number): Annotation {
  if (words.length !== columns) {
    throw invalidAt(
      place,
      `expected ${columns} numbers, a class, a box${columns === 5 ? '' : ' and its keypoints'}, but received ${words.length}`,
    );
  }
  const [x, y, boxWidth, boxHeight] = ['x', 'y', 'width', 'height'].map((field, i) =>
    readFraction(words[i + 1] as string, field, place),
  ) as [number, number, number, number];
  return {
    category,
    box: [(x - boxWidth / 2) * width, (y - boxHeight / 2) * height, boxWidth * width, boxHeight * height],
    isCrowd: false,
    isIgnored: false,
    attributes: {},
  };
}

/** Points of two numbers are labelled unless both are 0. */
function readKeypoints({ words, place, picture: { width, height } }: Row, { count, values }: KeypointShape): readonly number[] {
  return Array.from({ length: count }, (_, i) => {
    const at = 5 + i * values;
    const x = readFraction(words[at] as string, `x${i + 1}`, place);
    const y = readFraction(words[at + 1] as string, `y${i + 1}`, place);
    const visibility =
      values === 3
        ? readVisibility(words[at + 2] as string, { ...place, field: `visibility${i + 1}` })
        : x === 0 && y === 0
          ? 0
          : 2;
    return [x * width, y * height, visibility];
  }).flat();
}

function readVisibility(word: string, place: SourcePlace): number {
  const value = parseNumber(word, place, '0, 1 or 2, whether it is seen,');
  if (value !== 0 && value !== 1 && value !== 2) throw unexpected(place, '0, 1 or 2, whether it is seen,', word);
  return value;
}

function readPolygon({ words, place, picture: { width, height } }: Row, category: number): Annotation {
  const numbers = words.length - 1;
  if (numbers % 2 === 1) throw invalidAt(place, `expected x and y in turn behind the class but received ${numbers} numbers`);
  const polygon = words.slice(1).map((word, i) => {
    const isX = i % 2 === 0;
    return readFraction(word, `${isX ? 'x' : 'y'}${(i >> 1) + 1}`, place) * (isX ? width : height);
  });
  return {
    category,
    box: boxAround([polygon]),
    segmentation: [polygon],
    isCrowd: false,
    isIgnored: false,
    corners: polygon.length === 8 ? clockwise(polygon) : undefined,
    attributes: {},
  };
}

/** The same corners from the same first one, in the order of a clock's hand as pictures are seen: y goes down. */
function clockwise(corners: readonly number[]): readonly number[] {
  const [x1, y1, x2, y2, x3, y3, x4, y4] = corners as readonly [number, number, number, number, number, number, number, number];
  const twiceArea = (x3 - x1) * (y4 - y2) - (x4 - x2) * (y3 - y1);
  return twiceArea >= 0 ? corners : [x1, y1, x4, y4, x3, y3, x2, y2];
}
