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
