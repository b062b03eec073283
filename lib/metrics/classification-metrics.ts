/** Metrics of classifiers, equal to scikit-learn's. */
import { checkInteger, checkOptions, invalidArgument } from '../errors/index.js';
import { calibrationBins, calibrationError, type CalibrationBin } from './calibration.js';
import { averagePrecisionRecall, countClasses, precisionRecall, type AveragedPrecisionRecall } from './class-counts.js';
import { rocAreas } from './ranking.js';
import { checkLabels, pictureCount, summarizeScores, type ScoreMatrix, type ScoreSummary } from './scores.js';

export interface ClassificationOptions {
  /** A prediction is a hit of the top k where the label is among the k highest scores. Default 5. */
  readonly k?: number | undefined;
  /** Bins of equal width for the calibration. Default 15. */
  readonly bins?: number | undefined;
}

/** One class against the rest. */
export interface ClassMetrics {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Pictures of the class. */
  readonly support: number;
  /** Pictures said to be of the class. */
  readonly predicted: number;
  /** Area under the ROC curve; NaN without scores, and where all pictures, or none, are of the class. */
  readonly rocAuc: number;
}

export interface ClassificationMetrics extends AveragedPrecisionRecall {
  readonly pictures: number;
  readonly classes: number;
  /** Share of pictures whose highest score is the label's; of equal scores the class with the lowest number is predicted. */
  readonly accuracy: number;
  readonly k: number;
  /**
   * Share of pictures whose label is among the k highest scores, as scikit-learn's top_k_accuracy_score ranks them: of equal scores the class with the
   * higher number goes first. NaN where fewer than k ranks are known.
   */
  readonly topK: number;
  /** By class. */
  readonly perClass: readonly ClassMetrics[];
  /** Mean over the classes that have an area, each counting the same, or by its support. NaN without any. Of two classes, the class of interest has `perClass[1].rocAuc`. */
  readonly rocAuc: { readonly macro: number; readonly weighted: number };
  /** Mean of -ln of the label's score, scores clipped to 2^-52 from 0 and 1. NaN where scores are no probabilities. */
  readonly logLoss: number;
  /** Mean squared distance to the label's row of 0 and 1: from 0 to 2, of two classes halved. NaN where scores are no probabilities. */
  readonly brier: number;
  /** Expected calibration error of the highest score, 0 to 1. NaN where scores are no probabilities. */
  readonly calibrationError: number;
  /** The reliability curve behind it; empty where scores are no probabilities. */
  readonly calibration: readonly CalibrationBin[];
  /**
   * classes * classes, a row for each label, a column for each prediction. undefined above 4,096 classes, where it would take more than 64 MiB, almost
   * all of it 0: `predicted` has all that is in it.
   */
  readonly confusion: Uint32Array | undefined;
  /** The predicted class of each picture; -1 where none was given. */
  readonly predicted: Int32Array;
  /** 1 where it is the label, 0 elsewhere: for intervals, slices and comparisons. */
  readonly correct: Uint8Array;
  /** 1 where the label is among the k highest; undefined where {@link topK} is NaN. */
  readonly correctTopK: Uint8Array | undefined;
}

const mostConfusionClasses = 4096;
/** scikit-learn's limit for doubles: what a score of 0 for the label costs is not infinite. */
const probabilityFloor = Number.EPSILON;

/**
 * Compares the scores of pictures with their labels. `truth` has a class from 0 to `scores.classes` - 1 for each picture. Log loss, Brier score and
 * calibration are there where every row of the scores is a distribution: not negative, and with a sum of 1, give or take 0.01.
 *
 * Equal to scikit-learn 1.9 with zero_division=0: precision, recall and F1 of 0 where nothing was predicted, or nothing is there. Areas are NaN where
 * undefined, and left out of the means, where scikit-learn gives none at all. Throws INVALID_ARGUMENT: no pictures, labels out of range, scores that
 * are no finite numbers.
 */
export function evaluateClassification(
  truth: Int32Array,
  scores: ScoreMatrix,
  options: ClassificationOptions = {},
): ClassificationMetrics {
  const { k, bins } = checkedOptions(options);
  const count = pictureCount('scores', scores);
  checkLabels('truth', truth, count, scores.classes);
  const summary = summarizeScores('scores', scores, count);
  const base = fromPredictions(truth, summary.predicted, scores.classes, k);
  const support = Float64Array.from(base.perClass, (one) => one.support);
  const areas = rocAreas(truth, scores, support);
  const correctTopK = topHits(truth, scores, k);
  return {
    ...base,
    topK: mean(correctTopK),
    correctTopK,
    perClass: base.perClass.map((one, c) => ({ ...one, rocAuc: areas[c] as number })),
    rocAuc: averageAreas(areas, support),
    ...(summary.areProbabilities ? probabilityMetrics(truth, scores, summary, base.correct, bins) : {}),
  };
}

/** Classes of each picture, the likeliest first, where the scores of all are not known. */
export interface RankedPredictions {
  /** pictures * ranks, row by row; -1 where there is no further class. */
  readonly classIds: Int32Array;
  /** How many each picture has at most. */
  readonly ranks: number;
  /** How many classes there are. */
  readonly classes: number;
}

/**
 * Compares ranked classes with labels. What needs all scores is NaN or empty: areas, log loss, Brier score, calibration, and `topK` where `k` is more
 * than the ranks that are known. Throws INVALID_ARGUMENT as `evaluateClassification` does.
 */
export function evaluateRankedClassification(
  truth: Int32Array,
  predictions: RankedPredictions,
  options: ClassificationOptions = {},
): ClassificationMetrics {
  const { k } = checkedOptions(options);
  const { classIds, ranks, classes } = predictions;
  checkInteger('predictions.classes', classes, 1);
  checkInteger('predictions.ranks', ranks, 1, classes);
  if (!(classIds instanceof Int32Array)) throw invalidArgument('predictions.classIds', 'an Int32Array', classIds);
  const count = classIds.length / ranks;
  if (!Number.isInteger(count) || count === 0) {
    throw invalidArgument('predictions.classIds', `rows of ${ranks} classes, at least one`, classIds.length);
  }
  checkLabels('truth', truth, count, classes);
  for (const [i, id] of classIds.entries()) {
    if (id >= -1 && id < classes) continue;
    throw invalidArgument(`predictions.classIds[${i}]`, `a class from 0 to ${classes - 1}, or -1 for none`, id);
  }
  const predicted = Int32Array.from({ length: count }, (_, i) => classIds[i * ranks] as number);
  const base = fromPredictions(truth, predicted, classes, k);
  if (k > ranks) return base;
  const correctTopK = Uint8Array.from(truth, (label, i) => Number(classIds.subarray(i * ranks, i * ranks + k).includes(label)));
  return { ...base, topK: mean(correctTopK), correctTopK };
}

function checkedOptions(options: ClassificationOptions): { readonly k: number; readonly bins: number } {
  checkOptions('classification options', options, ['k', 'bins']);
  return { k: checkInteger('k', options.k ?? 5, 1), bins: checkInteger('bins', options.bins ?? 15, 1, 10_000) };
}

/** All that the predicted classes tell; what needs scores is NaN. */
function fromPredictions(truth: Int32Array, predicted: Int32Array, classes: number, k: number): ClassificationMetrics {
  const counts = countClasses(truth, predicted, classes);
  const correct = Uint8Array.from(truth, (label, i) => Number(label === predicted[i]));
  return {
    pictures: truth.length,
    classes,
    accuracy: mean(correct),
    k,
    topK: NaN,
    ...averagePrecisionRecall(counts),
    perClass: Array.from(counts.support, (support, c) => {
      const said = counts.predicted[c] as number;
      return { ...precisionRecall(counts.correct[c] as number, support, said), support, predicted: said, rocAuc: NaN };
    }),
    rocAuc: { macro: NaN, weighted: NaN },
    logLoss: NaN,
    brier: NaN,
    calibrationError: NaN,
    calibration: [],
    confusion: classes <= mostConfusionClasses ? confusionMatrix(truth, predicted, classes) : undefined,
    predicted,
    correct,
    correctTopK: undefined,
  };
}

function confusionMatrix(truth: Int32Array, predicted: Int32Array, classes: number): Uint32Array {
  const matrix = new Uint32Array(classes * classes);
  for (let i = 0; i < truth.length; i++) {
    const prediction = predicted[i] as number;
    if (prediction < 0) continue;
    const cell = (truth[i] as number) * classes + prediction;
    matrix[cell] = (matrix[cell] as number) + 1;
  }
  return matrix;
}

function topHits(truth: Int32Array, { values, classes }: ScoreMatrix, k: number): Uint8Array {
  const hits = new Uint8Array(truth.length);
  for (let i = 0; i < truth.length; i++) {
    const label = i * classes + (truth[i] as number);
    const score = values[label] as number;
    let before = 0;
    for (let at = i * classes; at < label && before < k; at++) if ((values[at] as number) > score) before++;
    for (let at = label + 1; at < (i + 1) * classes && before < k; at++) if ((values[at] as number) >= score) before++;
    hits[i] = Number(before < k);
  }
  return hits;
}

function averageAreas(areas: Float64Array, support: Float64Array): ClassificationMetrics['rocAuc'] {
  let sum = 0;
  let defined = 0;
  let weightedSum = 0;
  let weights = 0;
  for (let c = 0; c < areas.length; c++) {
    const area = areas[c] as number;
    if (Number.isNaN(area)) continue;
    sum += area;
    defined++;
    weightedSum += area * (support[c] as number);
    weights += support[c] as number;
  }
  return { macro: sum / defined, weighted: weightedSum / weights };
}

function probabilityMetrics(
  truth: Int32Array,
  { values, classes }: ScoreMatrix,
  { confidence }: ScoreSummary,
  correct: Uint8Array,
  bins: number,
): Pick<ClassificationMetrics, 'logLoss' | 'brier' | 'calibrationError' | 'calibration'> {
  let logLoss = 0;
  let brier = 0;
  for (let i = 0; i < truth.length; i++) {
    const row = i * classes;
    const own = values[row + (truth[i] as number)] as number;
    logLoss -= Math.log(Math.min(Math.max(own, probabilityFloor), 1 - probabilityFloor));
    let squares = 0;
    for (let at = row; at < row + classes; at++) squares += (values[at] as number) ** 2;
    brier += squares - own ** 2 + (1 - own) ** 2;
  }
  const calibration = calibrationBins(confidence, correct, bins);
  return {
    logLoss: logLoss / truth.length,
    brier: brier / truth.length / (classes <= 2 ? 2 : 1),
    calibrationError: calibrationError(calibration),
    calibration,
  };
}

function mean(hits: Uint8Array): number {
  let sum = 0;
  for (const hit of hits) sum += hit;
  return sum / hits.length;
}
