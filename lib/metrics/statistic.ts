/** Statistics over pictures that count more than once, or not at all: what intervals, slices and comparisons are made from. */
import { invalidArgument } from '../errors/index.js';
import { averagePrecisionRecall, countClasses } from './class-counts.js';
import { checkLabels } from './scores.js';

export interface Statistic {
  readonly name: string;
  /** Whether less is better, as of a loss. Default false. */
  readonly lowerIsBetter?: boolean | undefined;
  /** Where the statistic is the share of pictures that are right: 1 for each that is, 0 for the others. Comparisons then test them exactly. */
  readonly outcomes?: Uint8Array | undefined;
  /** The statistic of the pictures, each counting as often as its weight says. NaN where it is undefined. */
  compute(weights: Float64Array): number;
}

/**
 * The mean of one value for each picture, such as whether a prediction is right, or a loss. Pictures whose value is NaN have none, and do not count.
 * Its `compute` throws INVALID_ARGUMENT unless there is a weight for each.
 */
export function meanStatistic(
  name: string,
  values: ArrayLike<number>,
  options: { readonly lowerIsBetter?: boolean } = {},
): Statistic {
  const defined = Float64Array.from(values);
  return {
    name,
    lowerIsBetter: options.lowerIsBetter,
    outcomes: defined.every((value) => value === 0 || value === 1) ? Uint8Array.from(defined) : undefined,
    compute: (weights) => {
      checkWeights(weights, defined.length);
      let sum = 0;
      let total = 0;
      for (let i = 0; i < defined.length; i++) {
        const value = defined[i] as number;
        if (Number.isNaN(value)) continue;
        const weight = weights[i] as number;
        sum += weight * value;
        total += weight;
      }
      return sum / total;
    },
  };
}

/**
 * A sum over pictures divided by another, such as boxes found by boxes there were: pictures count by what they hold. NaN where the second sum is 0. Its
 * `compute` throws INVALID_ARGUMENT unless there is a weight for each.
 */
export function ratioStatistic(
  name: string,
  over: ArrayLike<number>,
  under: ArrayLike<number>,
  options: { readonly lowerIsBetter?: boolean } = {},
): Statistic {
  if (over.length !== under.length) throw invalidArgument('under', `${over.length} numbers, as over`, under.length);
  return {
    name,
    lowerIsBetter: options.lowerIsBetter,
    compute: (weights) => {
      checkWeights(weights, over.length);
      let upper = 0;
      let lower = 0;
      for (let i = 0; i < over.length; i++) {
        upper += (weights[i] as number) * (over[i] as number);
        lower += (weights[i] as number) * (under[i] as number);
      }
      return lower === 0 ? NaN : upper / lower;
    },
  };
}

/**
 * The median of one value for each picture, each counting as often as its weight, a whole number, says: between two, their mean. Pictures whose value
 * is NaN do not count. Its `compute` throws INVALID_ARGUMENT unless there is a weight for each.
 */
export function medianStatistic(name: string, values: ArrayLike<number>): Statistic {
  const given = Float64Array.from(values);
  const order = [...given.keys()]
    .filter((i) => !Number.isNaN(given[i]))
    .sort((a, b) => (given[a] as number) - (given[b] as number));
  return {
    name,
    compute: (weights) => {
      checkWeights(weights, given.length);
      const total = order.reduce((sum, i) => sum + (weights[i] as number), 0);
      if (total === 0) return NaN;
      const at = (place: number): number => {
        let passed = 0;
        for (const i of order) {
          passed += weights[i] as number;
          if (passed > place) return given[i] as number;
        }
        return NaN;
      };
      return (at(Math.ceil(total / 2) - 1) + at(Math.floor(total / 2))) / 2;
    },
  };
}

/** Accuracy, balanced accuracy and macro F1 of predicted classes, -1 being none. Throws INVALID_ARGUMENT as `evaluateClassification` does. */
export function classificationStatistics(truth: Int32Array, predicted: Int32Array, classes: number): Statistic[] {
  checkLabels('truth', truth, predicted.length, classes);
  for (const [i, id] of predicted.entries()) {
    if (id < -1 || id >= classes)
      throw invalidArgument(`predicted[${i}]`, `a class from 0 to ${classes - 1}, or -1 for none`, id);
  }
  const averages = (weights: Float64Array): ReturnType<typeof averagePrecisionRecall> => {
    checkWeights(weights, truth.length);
    return averagePrecisionRecall(countClasses(truth, predicted, classes, weights));
  };
  return [
    meanStatistic(
      'accuracy',
      predicted.map((id, i) => Number(id === truth[i])),
    ),
    { name: 'balanced accuracy', compute: (weights) => averages(weights).balancedAccuracy },
    { name: 'macro F1', compute: (weights) => averages(weights).macro.f1 },
  ];
}

/** Throws INVALID_ARGUMENT unless there is a weight for each of `pictures` pictures. */
export function checkWeights(weights: Float64Array, pictures: number): void {
  if (weights.length !== pictures) {
    throw invalidArgument('weights', `${pictures} weights, one for each picture`, weights.length);
  }
}
