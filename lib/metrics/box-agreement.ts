/** How alike the boxes of two models are on the same pictures, without labels. */
import { checkNumber, checkOptions, invalidArgument } from '../errors/index.js';
import { ratioStatistic, type Statistic } from './statistic.js';

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

/** The boxes that a model found in one picture, with their scores. */
export interface ScoredBoxes extends FoundBoxes {
  /** 0 to 1, one for each box. */
  readonly scores: Float32Array | Float64Array;
}

/** How the boxes of two models are paired by score: see {@link ScoredBoxAgreement}. */
export interface ScoredBoxOptions {
  /** Boxes of both from this score on are compared. Default 0.25. */
  readonly scoreThreshold?: number | undefined;
  /** With hysteresis, boxes from `sure` on are looked for among the other's from `possible` on, so that a score that crosses one threshold by little is no loss. */
  readonly sure?: number | undefined;
  readonly possible?: number | undefined;
  /** From 0 (not included) to 1. Default 0.5. */
  readonly iouThreshold?: number | undefined;
}

/** Of each picture: how many boxes there were and how many of them were found. */
interface PictureMatches {
  readonly first: number;
  readonly second: number;
  readonly matched: number;
  readonly iou: number;
  readonly scoreError: number;
}

/**
 * Pairs the boxes of a reference and of a model made from it, picture by picture, and keeps a few numbers of each: what intervals need. The reference's boxes
 * come by score, the highest first; each takes, of the other's boxes of its class that are free, the one with the highest IoU, if that is at least
 * `iouThreshold`.
 */
export class ScoredBoxAgreement {
  readonly #options: { readonly [K in keyof ScoredBoxOptions]-?: number };
  readonly #plain: PictureMatches[] = [];
  readonly #forward: PictureMatches[] = [];
  readonly #backward: PictureMatches[] = [];

  /** Defaults: scores 0.25 on both; hysteresis 0.35 among 0.2. Throws INVALID_ARGUMENT, UNKNOWN_OPTION. */
  constructor(options: ScoredBoxOptions = {}) {
    checkOptions('agreement options', options, ['scoreThreshold', 'sure', 'possible', 'iouThreshold']);
    const sure = checkNumber('sure', options.sure ?? 0.35, 0, 1);
    this.#options = {
      scoreThreshold: checkNumber('scoreThreshold', options.scoreThreshold ?? 0.25, 0, 1),
      sure,
      possible: checkNumber('possible', options.possible ?? 0.2, 0, sure),
      iouThreshold: checkNumber('iouThreshold', options.iouThreshold ?? 0.5, Number.MIN_VALUE, 1),
    };
  }

  /** The lowest score of a box that is looked at: models are to be asked for boxes from it on. */
  get lowestScore(): number {
    return Math.min(this.#options.scoreThreshold, this.#options.possible);
  }

  /**
   * Counts a picture, and gives the share of the boxes of both, from `scoreThreshold` on, that are in a pair: NaN of none. Throws INVALID_ARGUMENT for
   * numbers that are not finite, or of lengths that do not fit.
   */
  add(reference: ScoredBoxes, candidate: ScoredBoxes): number {
    checkScored('reference', reference);
    checkScored('candidate', candidate);
    const { scoreThreshold, sure, possible, iouThreshold } = this.#options;
    const plain = matchByScore(from(reference, scoreThreshold), from(candidate, scoreThreshold), iouThreshold);
    const forward = matchByScore(from(reference, sure), from(candidate, possible), iouThreshold);
    const backward = matchByScore(from(candidate, sure), from(reference, possible), iouThreshold);
    this.#plain.push(plain);
    this.#forward.push(forward);
    this.#backward.push(backward);
    return (2 * plain.matched) / (plain.first + plain.second);
  }

  /** Of all pictures so far, in the order that they were added. Each is NaN where there is nothing to divide by. */
  statistics(): Statistic[] {
    const [plain, forward, backward] = [this.#plain, this.#forward, this.#backward];
    const ratio = (
      name: string,
      pictures: readonly PictureMatches[],
      over: keyof PictureMatches,
      under: keyof PictureMatches,
      lowerIsBetter = false,
    ): Statistic =>
      ratioStatistic(
        name,
        pictures.map((picture) => picture[over]),
        pictures.map((picture) => picture[under]),
        { lowerIsBetter },
      );
    return [
      ratio('recall', plain, 'matched', 'first'),
      ratio('precision', plain, 'matched', 'second'),
      ratio('mean IoU', plain, 'iou', 'matched'),
      ratio('score error', plain, 'scoreError', 'matched', true),
      ratio('hysteresis recall', forward, 'matched', 'first'),
      ratio('hysteresis precision', backward, 'matched', 'first'),
    ];
  }
}

function checkScored(name: string, boxes: ScoredBoxes): void {
  checkBoxes(name, boxes);
  if (boxes.scores.length !== boxes.classIds.length) {
    throw invalidArgument(`${name}.scores`, `a score for each of ${boxes.classIds.length} boxes`, boxes.scores.length);
  }
  if (!boxes.scores.every(Number.isFinite)) throw invalidArgument(`${name}.scores`, 'finite numbers', 'NaN or Infinity');
}

/** One box of a picture. */
interface PlacedBox {
  readonly box: Box;
  readonly classId: number;
  readonly score: number;
}

/** Those with a score of at least `threshold`, the highest first. */
function from({ boxes, classIds, scores }: ScoredBoxes, threshold: number): PlacedBox[] {
  // A score of 0.35 is a little less in single precision.
  const lowest = scores instanceof Float32Array ? Math.fround(threshold) : threshold;
  return Array.from(classIds, (classId, i) => ({ box: boxAt(boxes, i), classId, score: scores[i] as number }))
    .filter(({ score }) => score >= lowest)
    .sort((a, b) => b.score - a.score);
}

function matchByScore(first: readonly PlacedBox[], second: readonly PlacedBox[], threshold: number): PictureMatches {
  const free = new Set(second);
  let matched = 0;
  let iou = 0;
  let scoreError = 0;
  for (const wanted of first) {
    let best: PlacedBox | undefined;
    let bestIou = threshold;
    for (const other of free) {
      if (other.classId !== wanted.classId) continue;
      const shared = overlap(wanted.box, other.box);
      if (shared < bestIou || (best !== undefined && shared === bestIou)) continue;
      best = other;
      bestIou = shared;
    }
    if (best === undefined) continue;
    free.delete(best);
    matched++;
    iou += bestIou;
    scoreError += Math.abs(wanted.score - best.score);
  }
  return { first: first.length, second: second.length, matched, iou, scoreError };
}
