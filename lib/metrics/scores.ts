/** Scores of pictures, as classifiers give them, and what is checked of them. */
import { checkInteger, invalidArgument } from '../errors/index.js';

/** A row of scores for each picture. */
export interface ScoreMatrix {
  /** pictures * classes, row by row: probabilities, logits, whatever ranks the classes. */
  readonly values: Float32Array | Float64Array;
  /** How many classes there are. */
  readonly classes: number;
}

/** How far the sum of a row of probabilities may be from 1: half floats of a thousand classes come near it. */
const sumTolerance = 0.01;

/** How many pictures the scores are of. Throws INVALID_ARGUMENT: no row, or no whole number of rows. */
export function pictureCount(name: string, scores: ScoreMatrix): number {
  checkInteger(`${name}.classes`, scores.classes, 1);
  if (!(scores.values instanceof Float32Array) && !(scores.values instanceof Float64Array)) {
    throw invalidArgument(`${name}.values`, 'a Float32Array or Float64Array', scores.values);
  }
  const count = scores.values.length / scores.classes;
  if (!Number.isInteger(count) || count === 0) {
    throw invalidArgument(
      `${name}.values`,
      `rows of ${scores.classes} scores, at least one`,
      scores.values.length,
      'There is one row of scores for each picture, and one score in it for each class.',
    );
  }
  return count;
}

/** Throws INVALID_ARGUMENT unless `labels` has `count` classes from 0 to `classes` - 1. */
export function checkLabels(name: string, labels: Int32Array, count: number, classes: number): void {
  if (!(labels instanceof Int32Array)) throw invalidArgument(name, 'an Int32Array', labels);
  if (labels.length !== count) {
    throw invalidArgument(name, `${count} classes, one for each picture`, labels.length);
  }
  for (let i = 0; i < count; i++) {
    const label = labels[i] as number;
    if (label < 0 || label >= classes) {
      throw invalidArgument(
        `${name}[${i}]`,
        `a class from 0 to ${classes - 1}`,
        label,
        'Do the labels number the classes as the model does? Leave out pictures without a label.',
      );
    }
  }
}

/** What one pass over the scores tells. */
export interface ScoreSummary {
  /** The class with the highest score of each picture; of equal ones the lowest, as in numpy's argmax. */
  readonly predicted: Int32Array;
  /** That score. */
  readonly confidence: Float64Array;
  /** Whether every row is a distribution: no score below 0, and a sum of 1, give or take 0.01. */
  readonly areProbabilities: boolean;
}

/** Throws INVALID_ARGUMENT where a score is no finite number. */
export function summarizeScores(name: string, scores: ScoreMatrix, count: number): ScoreSummary {
  const { values, classes } = scores;
  const predicted = new Int32Array(count);
  const confidence = new Float64Array(count);
  let areProbabilities = true;
  for (let i = 0, at = 0; i < count; i++) {
    const row = at;
    let best = values[row] as number;
    let bestAt = row;
    let lowest = best;
    let sum = 0;
    for (const end = row + classes; at < end; at++) {
      const value = values[at] as number;
      sum += value;
      if (value > best) {
        best = value;
        bestAt = at;
      } else if (value < lowest) {
        lowest = value;
      }
    }
    // A sum of finite doubles may overflow, which is no fault: only then is the row looked at again.
    if (!Number.isFinite(sum)) checkFinite(name, values, row, classes);
    predicted[i] = bestAt - row;
    confidence[i] = best;
    areProbabilities &&= lowest >= 0 && Math.abs(sum - 1) <= sumTolerance;
  }
  return { predicted, confidence, areProbabilities };
}

function checkFinite(name: string, values: Float32Array | Float64Array, row: number, classes: number): void {
  for (let c = 0; c < classes; c++) {
    const value = values[row + c] as number;
    if (Number.isFinite(value)) continue;
    throw invalidArgument(
      `${name}.values of picture ${row / classes}, class ${c}`,
      'a finite number',
      value,
      'The model gave no number there: a metric over it would mean nothing.',
    );
  }
}
