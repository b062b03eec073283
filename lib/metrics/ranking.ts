/** What the order of scores tells, one class against the rest: areas under ROC curves, and the curves. */
import { checkInteger } from '../errors/index.js';
import type { ScoreMatrix } from './scores.js';

/** Columns that are taken out of the matrix at once: a line of the cache holds so many floats. */
const blockColumns = 16;

/** Area under the ROC curve of each class against the rest. NaN where all pictures, or none, are of the class. */
export function rocAreas(truth: Int32Array, scores: ScoreMatrix, support: Float64Array): Float64Array {
  const { values, classes } = scores;
  const count = truth.length;
  const areas = new Float64Array(classes).fill(NaN);
  const block = new Float64Array(count * Math.min(blockColumns, classes));
  for (let first = 0; first < classes; first += blockColumns) {
    const columns = Math.min(blockColumns, classes - first);
    for (let i = 0; i < count; i++) {
      const row = i * classes + first;
      for (let c = 0; c < columns; c++) block[c * count + i] = values[row + c] as number;
    }
    for (let c = 0; c < columns; c++) {
      const positives = support[first + c] as number;
      if (positives === 0 || positives === count) continue;
      areas[first + c] = rocArea(truth, first + c, block.subarray(c * count, (c + 1) * count), positives);
    }
  }
  return areas;
}

/** The share of pairs of a picture of the class and another whose scores are in order, a tie being half: in whole numbers, so exact. */
function rocArea(truth: Int32Array, classId: number, column: Float64Array, positives: number): number {
  const sorted = new Float64Array(positives);
  let found = 0;
  for (let i = 0; i < column.length; i++) if (truth[i] === classId) sorted[found++] = column[i] as number;
  sorted.sort();
  const lowest = sorted[0] as number;
  let halves = 0;
  for (let i = 0; i < column.length; i++) {
    if (truth[i] === classId) continue;
    const score = column[i] as number;
    if (score < lowest) {
      halves += 2 * positives;
      continue;
    }
    const notBelow = firstNotBelow(sorted, score);
    const above = sorted[notBelow] === score ? firstAbove(sorted, score) : notBelow;
    halves += 2 * (positives - above) + (above - notBelow);
  }
  return halves / (2 * positives * (column.length - positives));
}

function firstNotBelow(sorted: Float64Array, score: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < score) low = middle + 1;
    else high = middle;
  }
  return low;
}

function firstAbove(sorted: Float64Array, score: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) <= score) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A curve for a report: a point for each threshold, of which the first is Infinity. */
export interface Curve {
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
  let positives = 0;
  for (const label of truth) if (label === classId) positives++;
  const own = new Float64Array(positives);
  const other = new Float64Array(truth.length - positives);
  let ownAt = own.length;
  let otherAt = other.length;
  for (let i = 0; i < truth.length; i++) {
    const score = values[i * classes + classId] as number;
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
 * Scores and labels as `evaluateClassification` takes them.
 */
export function rocCurve(truth: Int32Array, scores: ScoreMatrix, classId: number): Curve | undefined {
  checkInteger('classId', classId, 0, scores.classes - 1);
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
 * way round, from recall 0 and precision 1 on. undefined where no picture is of the class.
 */
export function precisionRecallCurve(truth: Int32Array, scores: ScoreMatrix, classId: number): Curve | undefined {
  checkInteger('classId', classId, 0, scores.classes - 1);
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
 * apart from each other along the curve.
 */
export function thinCurve(curve: Curve, points: number): Curve {
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
