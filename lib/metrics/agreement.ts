/** How alike two models are on the same pictures, without labels: what a smaller or quantized model changes. */
import type { LabelMap } from '../dataset/index.js';
import { checkInteger, checkOptions, invalidArgument } from '../errors/index.js';
import { countClasses } from './class-counts.js';
import { checkLabels, pictureCount, summarizeScores, type ScoreMatrix } from './scores.js';
import { SegmentationMetrics } from './segmentation-metrics.js';

export interface PredictionAgreement {
  readonly pictures: number;
  /** Share of pictures for which both predict the same class. */
  readonly top1: number;
  /** Cohen's kappa: 0 where they agree as often as by chance, 1 where always. NaN where both predict one and the same class throughout. */
  readonly kappa: number;
}

/** Agreement of the predicted classes of each picture, 0 to `classes` - 1. Throws INVALID_ARGUMENT. */
export function predictionAgreement(first: Int32Array, second: Int32Array, classes: number): PredictionAgreement {
  checkInteger('classes', classes, 1);
  checkLabels('first', first, first.length, classes);
  if (first.length === 0) throw invalidArgument('first', 'a class for each picture, at least one', first.length);
  checkLabels('second', second, first.length, classes);
  const counts = countClasses(first, second, classes);
  const pictures = first.length;
  let same = 0;
  let byChance = 0;
  for (let c = 0; c < classes; c++) {
    same += counts.correct[c] as number;
    byChance += (counts.support[c] as number) * (counts.predicted[c] as number);
  }
  const expected = byChance / pictures;
  return { pictures, top1: same / pictures, kappa: (same - expected) / (pictures - expected) };
}

export interface ScoreAgreement extends PredictionAgreement {
  /** Mean Jensen-Shannon divergence of the scores of a picture, in nats: 0 where they are the same, ln 2 at most. NaN where scores are no probabilities. */
  readonly jensenShannon: number;
  /** Mean Kullback-Leibler divergence of the second from the first, in nats; Infinity where the second gives 0 to what the first does not. NaN as above. */
  readonly kullbackLeibler: number;
  /** Largest difference of any two scores. */
  readonly largestDifference: number;
}

/** Agreement of the scores of each picture. Divergences are of the rows divided by their sums. Throws INVALID_ARGUMENT: sizes that differ, NaN. */
export function scoreAgreement(first: ScoreMatrix, second: ScoreMatrix): ScoreAgreement {
  const count = pictureCount('first', first);
  if (second.classes !== first.classes || pictureCount('second', second) !== count) {
    throw invalidArgument(
      'second',
      `scores of ${count} pictures and ${first.classes} classes, as of the first`,
      `${second.values.length / second.classes} and ${second.classes}`,
    );
  }
  const [one, other] = [summarizeScores('first', first, count), summarizeScores('second', second, count)];
  const areProbabilities = one.areProbabilities && other.areProbabilities;
  let jensenShannon = areProbabilities ? 0 : NaN;
  let kullbackLeibler = jensenShannon;
  for (let i = 0; areProbabilities && i < count; i++) {
    const [js, kl] = divergences(first, second, i);
    jensenShannon += js;
    kullbackLeibler += kl;
  }
  let largestDifference = 0;
  for (let i = 0; i < first.values.length; i++) {
    largestDifference = Math.max(largestDifference, Math.abs((first.values[i] as number) - (second.values[i] as number)));
  }
  return {
    ...predictionAgreement(one.predicted, other.predicted, first.classes),
    jensenShannon: jensenShannon / count,
    kullbackLeibler: kullbackLeibler / count,
    largestDifference,
  };
}

function divergences(first: ScoreMatrix, second: ScoreMatrix, picture: number): [js: number, kl: number] {
  const begin = picture * first.classes;
  const end = begin + first.classes;
  let firstSum = 0;
  let secondSum = 0;
  for (let at = begin; at < end; at++) {
    firstSum += first.values[at] as number;
    secondSum += second.values[at] as number;
  }
  let js = 0;
  let kl = 0;
  for (let at = begin; at < end; at++) {
    const p = (first.values[at] as number) / firstSum;
    const q = (second.values[at] as number) / secondSum;
    const middle = (p + q) / 2;
    if (p > 0) {
      kl += p * Math.log(p / q);
      js += (p * Math.log(p / middle)) / 2;
    }
    if (q > 0) js += (q * Math.log(q / middle)) / 2;
  }
  // Rounding may leave a little less than nothing of equal rows.
  return [Math.max(js, 0), Math.max(kl, 0)];
}

/** The boxes that a model found in one picture. */
export interface FoundBoxes {
  /** left, top, right, bottom of each, in pixels. */
  readonly boxes: Float32Array | Float64Array;
  readonly classIds: Int32Array;
}

export interface BoxAgreement {
  readonly pictures: number;
  /** Boxes of the first, of the second, and pairs of both. */
  readonly first: number;
  readonly second: number;
  readonly matched: number;
  /** Share of the second's boxes that the first has too. NaN where the second has none. */
  readonly precision: number;
  /** Share of the first's boxes that the second has too. NaN where the first has none. */
  readonly recall: number;
  /** Share of the boxes of both that are in a pair. NaN where neither has any. */
  readonly f1: number;
  /** Mean IoU of the pairs. NaN without any. */
  readonly meanIou: number;
  /** Share of pictures in which both have as many boxes of each class. */
  readonly sameCounts: number;
}

/**
 * Pairs the boxes of two models in each picture: of boxes of the same class with an IoU of at least `iouThreshold`, the pair with the highest IoU first,
 * each box in one pair at most. The same, whichever model is named first, but for ties. Throws INVALID_ARGUMENT, UNKNOWN_OPTION.
 */
export function boxAgreement(
  first: readonly FoundBoxes[],
  second: readonly FoundBoxes[],
  options: { readonly iouThreshold?: number | undefined } = {},
): BoxAgreement {
  checkOptions('agreement options', options, ['iouThreshold']);
  const iouThreshold = options.iouThreshold ?? 0.5;
  if (!(iouThreshold > 0 && iouThreshold <= 1)) {
    throw invalidArgument('iouThreshold', 'a number above 0, up to 1', iouThreshold);
  }
  if (first.length === 0) throw invalidArgument('first', 'the boxes of each picture, at least one', first.length);
  if (second.length !== first.length) throw invalidArgument('second', `${first.length} pictures, as of the first`, second.length);
  const total = { first: 0, second: 0, matched: 0, iou: 0, sameCounts: 0 };
  for (const [i, one] of first.entries()) {
    const other = second[i] as FoundBoxes;
    checkBoxes(`first[${i}]`, one);
    checkBoxes(`second[${i}]`, other);
    total.first += one.classIds.length;
    total.second += other.classIds.length;
    for (const iou of matchedIous(one, other, iouThreshold)) {
      total.matched++;
      total.iou += iou;
    }
    total.sameCounts += Number(haveSameCounts(one.classIds, other.classIds));
  }
  return {
    pictures: first.length,
    first: total.first,
    second: total.second,
    matched: total.matched,
    precision: total.matched / total.second,
    recall: total.matched / total.first,
    f1: (2 * total.matched) / (total.first + total.second),
    meanIou: total.iou / total.matched,
    sameCounts: total.sameCounts / first.length,
  };
}

function checkBoxes(name: string, { boxes, classIds }: FoundBoxes): void {
  if (boxes.length !== 4 * classIds.length) {
    throw invalidArgument(`${name}.boxes`, `four numbers for each of ${classIds.length} boxes`, boxes.length);
  }
  if (!boxes.every(Number.isFinite)) throw invalidArgument(`${name}.boxes`, 'finite numbers', 'NaN or Infinity');
}

function matchedIous(first: FoundBoxes, second: FoundBoxes, threshold: number): number[] {
  const pairs: { readonly a: number; readonly b: number; readonly iou: number }[] = [];
  for (let a = 0; a < first.classIds.length; a++) {
    for (let b = 0; b < second.classIds.length; b++) {
      if (first.classIds[a] !== second.classIds[b]) continue;
      const iou = overlap(boxAt(first.boxes, a), boxAt(second.boxes, b));
      if (iou >= threshold) pairs.push({ a, b, iou });
    }
  }
  pairs.sort((x, y) => y.iou - x.iou || x.a - y.a || x.b - y.b);
  const takenFirst = new Set<number>();
  const takenSecond = new Set<number>();
  const ious: number[] = [];
  for (const { a, b, iou } of pairs) {
    if (takenFirst.has(a) || takenSecond.has(b)) continue;
    takenFirst.add(a);
    takenSecond.add(b);
    ious.push(iou);
  }
  return ious;
}

type Box = readonly [left: number, top: number, right: number, bottom: number];

function boxAt(boxes: FoundBoxes['boxes'], place: number): Box {
  const at = 4 * place;
  return [boxes[at] as number, boxes[at + 1] as number, boxes[at + 2] as number, boxes[at + 3] as number];
}

/** Intersection over union; 0 where neither box has an area. */
function overlap(first: Box, second: Box): number {
  const width = Math.max(0, Math.min(first[2], second[2]) - Math.max(first[0], second[0]));
  const height = Math.max(0, Math.min(first[3], second[3]) - Math.max(first[1], second[1]));
  const both = width * height;
  const union = areaOf(first) + areaOf(second) - both;
  return union > 0 ? both / union : 0;
}

function areaOf([left, top, right, bottom]: Box): number {
  return (right - left) * (bottom - top);
}

function haveSameCounts(first: Int32Array, second: Int32Array): boolean {
  if (first.length !== second.length) return false;
  const sorted = second.slice().sort();
  return first
    .slice()
    .sort()
    .every((id, i) => id === sorted[i]);
}

export interface MaskAgreement {
  readonly pictures: number;
  /** Share of pixels for which both predict the same class. */
  readonly pixels: number;
  /** Mean IoU over the classes that either model predicts. */
  readonly meanIou: number;
}

/** Agreement of the label maps of two models, whose labels go from 0 to `classes` - 1; 255 in the first is not counted. Rejects with INVALID_ARGUMENT, UNKNOWN_OPTION, ABORTED. */
export async function maskAgreement(
  first: readonly LabelMap[],
  second: readonly LabelMap[],
  options: { readonly classes: number; readonly signal?: AbortSignal | undefined },
): Promise<MaskAgreement> {
  checkOptions('agreement options', options, ['classes', 'signal']);
  if (first.length === 0) throw invalidArgument('first', 'the label map of each picture, at least one', first.length);
  if (second.length !== first.length) throw invalidArgument('second', `${first.length} pictures, as of the first`, second.length);
  const metrics = new SegmentationMetrics({ classes: options.classes, boundaries: false });
  for (const [i, map] of first.entries()) await metrics.add(map, second[i] as LabelMap, options.signal);
  const { pictures, pixelAccuracy, meanIou } = metrics.summary();
  return { pictures, pixels: pixelAccuracy, meanIou };
}

export interface EmbeddingAgreement {
  readonly pictures: number;
  /** Mean cosine of the two vectors of each picture, and the lowest. */
  readonly meanCosine: number;
  readonly lowestCosine: number;
  /** Of each picture. */
  readonly cosines: Float64Array;
}

/** Agreement of vectors of `dimension` numbers, one for each picture, row by row, of any length but 0. Throws INVALID_ARGUMENT. */
export function embeddingAgreement(
  first: Float32Array | Float64Array,
  second: Float32Array | Float64Array,
  dimension: number,
): EmbeddingAgreement {
  checkInteger('dimension', dimension, 1);
  const pictures = first.length / dimension;
  if (!Number.isInteger(pictures) || pictures === 0) {
    throw invalidArgument('first', `vectors of ${dimension} numbers, at least one`, first.length);
  }
  if (second.length !== first.length) throw invalidArgument('second', `${first.length} numbers, as of the first`, second.length);
  const cosines = new Float64Array(pictures);
  for (let i = 0; i < pictures; i++) {
    let product = 0;
    let firstSquares = 0;
    let secondSquares = 0;
    for (let at = i * dimension; at < (i + 1) * dimension; at++) {
      const [a, b] = [first[at] as number, second[at] as number];
      product += a * b;
      firstSquares += a * a;
      secondSquares += b * b;
    }
    const length = Math.sqrt(firstSquares) * Math.sqrt(secondSquares);
    if (!(length > 0 && length < Infinity)) {
      throw invalidArgument(`picture ${i}`, 'two vectors of finite numbers, not all 0', `lengths whose product is ${length}`);
    }
    cosines[i] = Math.min(Math.max(product / length, -1), 1);
  }
  return {
    pictures,
    meanCosine: cosines.reduce((sum, cosine) => sum + cosine, 0) / pictures,
    lowestCosine: cosines.reduce((lowest, cosine) => Math.min(lowest, cosine), Infinity),
    cosines,
  };
}
