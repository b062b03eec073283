/** What the order of scores tells, one class against the rest: areas under ROC curves, and the curves. */
import { checkInteger, invalidArgument } from '../errors/index.js';
import { checkLabels, pictureCount, type ScoreMatrix } from './scores.js';

/** What is kept of so many classes stays in the cache while a stretch of each row is read. */
const blockClasses = 32;

/**
 * Area under the ROC curve of each class against the rest: the share of pairs of a picture of the class and another whose scores are in order, a tie being
 * half. Counted in whole numbers, so exact. NaN where all pictures, or none, are of the class.
 */
export function rocAreas(truth: Int32Array, { values, classes }: ScoreMatrix, support: Float64Array): Float64Array {
  const { sorted, begins, lowest, highest, scale, starts, partsAt } = ownScores(truth, { values, classes }, support);
  const halves = new Float64Array(classes);
  for (let first = 0; first < classes; first += blockClasses) {
    const behind = Math.min(first + blockClasses, classes);
    for (let i = 0; i < truth.length; i++) {
      const label = truth[i];
      for (let c = first; c < behind; c++) {
        const score = values[i * classes + c] as number;
        if (score > (highest[c] as number) || c === label) continue;
        const end = begins[c + 1] as number;
        if (score < (lowest[c] as number)) {
          halves[c] = (halves[c] as number) + 2 * (end - (begins[c] as number));
          continue;
        }
        const part = (partsAt[c] as number) + (((score - (lowest[c] as number)) * (scale[c] as number)) | 0);
        const partEnd = starts[part + 1] as number;
        let low = starts[part] as number;
        let high = partEnd;
        while (low < high) {
          const middle = (low + high) >>> 1;
          if ((sorted[middle] as number) < score) low = middle + 1;
          else high = middle;
        }
        halves[c] = (halves[c] as number) + 2 * (end - low);
        if (low < partEnd && sorted[low] === score) halves[c] = (halves[c] as number) - countEqual(sorted, low, partEnd);
      }
    }
  }
  return halves.map((half, c) => {
    const positives = support[c] as number;
    // 0 / 0 where there are no pairs.
    return half / (2 * positives * (truth.length - positives));
  });
}

/**
 * The scores that pictures have for their own class: ascending within each class, the classes one after the other. The range of a class is divided into
 * equal parts, so that little is left to search in one: rounding keeps the order, what is in a lower part is lower.
 */
interface OwnScores {
  readonly sorted: Float64Array;
  /** Of each class in `sorted`, and the end of the last one. */
  readonly begins: Int32Array;
  /** -Infinity where the class has no picture, so that every score is above it. */
  readonly lowest: Float64Array;
  readonly highest: Float64Array;
  /** Parts per score. */
  readonly scale: Float64Array;
  /** Where the parts of all classes begin in `sorted`: those of a class, and their end, from `partsAt` on. */
  readonly starts: Int32Array;
  readonly partsAt: Int32Array;
}

function ownScores(truth: Int32Array, { values, classes }: ScoreMatrix, support: Float64Array): OwnScores {
  const begins = new Int32Array(classes + 1);
  const partsAt = new Int32Array(classes + 1);
  for (let c = 0; c < classes; c++) {
    begins[c + 1] = (begins[c] as number) + (support[c] as number);
    partsAt[c + 1] = (partsAt[c] as number) + partsOf(support[c] as number) + 2;
  }
  const sorted = new Float64Array(truth.length);
  const next = begins.slice();
  for (let i = 0; i < truth.length; i++) {
    const label = truth[i] as number;
    const place = next[label] as number;
    sorted[place] = values[i * classes + label] as number;
    next[label] = place + 1;
  }
  const lowest = new Float64Array(classes).fill(-Infinity);
  const highest = lowest.slice();
  const scale = new Float64Array(classes);
  const starts = new Int32Array(partsAt[classes] as number);
  for (let c = 0; c < classes; c++) {
    const [begin, end] = [begins[c] as number, begins[c + 1] as number];
    if (begin === end) continue;
    sorted.subarray(begin, end).sort();
    lowest[c] = sorted[begin] as number;
    highest[c] = sorted[end - 1] as number;
    const range = (highest[c] as number) - (lowest[c] as number);
    scale[c] = range > 0 && range < Infinity ? partsOf(end - begin) / range : 0;
    const ofClass = starts.subarray(partsAt[c], partsAt[c + 1]).fill(end);
    for (let place = end - 1; place >= begin; place--) {
      ofClass[(((sorted[place] as number) - (lowest[c] as number)) * (scale[c] as number)) | 0] = place;
    }
    for (let part = ofClass.length - 2; part >= 0; part--) {
      ofClass[part] = Math.min(ofClass[part] as number, ofClass[part + 1] as number);
    }
  }
  return { sorted, begins, lowest, highest, scale, starts, partsAt };
}

/** Of a class with so many pictures. The highest score falls into one part more. */
function partsOf(pictures: number): number {
  return Math.min(4 * pictures, 65_536);
}

/** How many scores from `begin` up to `end` equal the one at `begin`. */
function countEqual(sorted: Float64Array, begin: number, end: number): number {
  const score = sorted[begin] as number;
  let low = begin;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) > score) high = middle;
    else low = middle + 1;
  }
  return low - begin;
}

/** A curve of scores and labels: a point for each threshold, of which the first is Infinity. */
export interface ThresholdCurve {
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Scores from this one on count as the class. */
  readonly thresholds: Float64Array;
}

/** How many pictures of the class, and others, reach each score that occurs, from the highest on. */
interface Reached {
  readonly thresholds: number[];
  readonly positives: number[];
  readonly negatives: number[];
}

function reached(truth: Int32Array, scores: ScoreMatrix, classId: number): Reached {
  const { values, classes } = scores;
  checkInteger('classId', classId, 0, classes - 1);
  checkLabels('truth', truth, pictureCount('scores', scores), classes);
  let positives = 0;
  for (const label of truth) if (label === classId) positives++;
  const own = new Float64Array(positives);
  const other = new Float64Array(truth.length - positives);
  let ownAt = own.length;
  let otherAt = other.length;
  for (let i = 0; i < truth.length; i++) {
    const score = values[i * classes + classId] as number;
    // NaN equals nothing, and would never be passed below.
    if (!Number.isFinite(score)) throw invalidArgument(`scores.values[${i * classes + classId}]`, 'a finite number', score);
    if (truth[i] === classId) own[--ownAt] = score;
    else other[--otherAt] = score;
  }
  own.sort();
  other.sort();
  const result: Reached = { thresholds: [], positives: [], negatives: [] };
  ownAt = own.length;
  otherAt = other.length;
  while (ownAt > 0 || otherAt > 0) {
    const score = Math.max(
      ownAt > 0 ? (own[ownAt - 1] as number) : -Infinity,
      otherAt > 0 ? (other[otherAt - 1] as number) : -Infinity,
    );
    while (ownAt > 0 && own[ownAt - 1] === score) ownAt--;
    while (otherAt > 0 && other[otherAt - 1] === score) otherAt--;
    result.thresholds.push(score);
    result.positives.push(own.length - ownAt);
    result.negatives.push(other.length - otherAt);
  }
  return result;
}

/**
 * The ROC curve of one class against the rest: x is the share of others, y that of the class that reaches a threshold. Points on a straight line
 * between their neighbours are left out, as scikit-learn's roc_curve does. undefined where all pictures, or none, are of the class.
 * Scores and labels as `evaluateClassification` takes them. Throws INVALID_ARGUMENT.
 */
export function rocCurve(truth: Int32Array, scores: ScoreMatrix, classId: number): ThresholdCurve | undefined {
  const { thresholds, positives, negatives } = reached(truth, scores, classId);
  const own = positives.at(-1) ?? 0;
  const other = negatives.at(-1) ?? 0;
  if (own === 0 || other === 0) return undefined;
  const bends = (counts: readonly number[], i: number): boolean =>
    (counts[i + 1] as number) - (counts[i] as number) !== (counts[i] as number) - (counts[i - 1] as number);
  const kept = thresholds
    .map((_, i) => i)
    .filter((i) => i === 0 || i === thresholds.length - 1 || bends(positives, i) || bends(negatives, i));
  return {
    x: Float64Array.from([0, ...kept.map((i) => (negatives[i] as number) / other)]),
    y: Float64Array.from([0, ...kept.map((i) => (positives[i] as number) / own)]),
    thresholds: Float64Array.from([Infinity, ...kept.map((i) => thresholds[i] as number)]),
  };
}

/**
 * Precision (y) over recall (x) of one class against the rest, a point for each score that occurs: scikit-learn's precision_recall_curve, the other
 * way round, from recall 0 and precision 1 on. undefined where no picture is of the class. Throws INVALID_ARGUMENT.
 */
export function precisionRecallCurve(truth: Int32Array, scores: ScoreMatrix, classId: number): ThresholdCurve | undefined {
  const { thresholds, positives, negatives } = reached(truth, scores, classId);
  const own = positives.at(-1) ?? 0;
  if (own === 0) return undefined;
  return {
    x: Float64Array.from([0, ...positives.map((count) => count / own)]),
    y: Float64Array.from([1, ...positives.map((count, i) => count / (count + (negatives[i] as number)))]),
    thresholds: Float64Array.from([Infinity, ...thresholds]),
  };
}

/**
 * At most `points` of a curve's points, for a drawing: each is one of the curve's own, the first and the last among them, and they lie about as far
 * apart from each other along the curve. Throws INVALID_ARGUMENT for fewer than 2.
 */
export function thinCurve(curve: ThresholdCurve, points: number): ThresholdCurve {
  checkInteger('points', points, 2);
  const { x, y } = curve;
  if (x.length <= points) return curve;
  const step = (i: number): number =>
    Math.abs((x[i] as number) - (x[i - 1] as number)) + Math.abs((y[i] as number) - (y[i - 1] as number));
  let length = 0;
  for (let i = 1; i < x.length; i++) length += step(i);
  const kept = [0];
  let walked = 0;
  for (let i = 1; i < x.length - 1 && kept.length < points - 1; i++) {
    walked += step(i);
    if (walked * (points - 1) >= kept.length * length) kept.push(i);
  }
  kept.push(x.length - 1);
  const pick = (values: Float64Array): Float64Array => Float64Array.from(kept, (i) => values[i] as number);
  return { x: pick(x), y: pick(y), thresholds: pick(curve.thresholds) };
}
