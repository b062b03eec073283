/** How much of what a model finds another one, made from it, still finds in the same pictures. No labels are needed. */
import { availableParallelism } from 'node:os';

import { checkOptions, checkSignal, invalidArgument, MediaError } from '../errors/index.js';
import { mapInOrder } from '../evaluation/index.js';
import { bootstrap, type BootstrapOptions, type Statistic } from '../metrics/index.js';
import type { Task, TaskName } from '../tasks/index.js';
import { comparisonOf } from './picture-comparison.js';

export interface AgreementOptions {
  /** Of classifiers: the true class of each picture, by id, -1 where it is unknown. With it, both models' accuracy is told too. */
  readonly truth?: Int32Array | undefined;
  /** Of the intervals. Default: 1000 samples, seed 0, level 0.95. */
  readonly bootstrap?: BootstrapOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told after each picture. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** One number of agreement. */
export interface AgreementMetric {
  readonly name: string;
  /** null where it is undefined, such as a recall of no boxes. */
  readonly value: number | null;
  /** By bootstrap over pictures; absent where a sample says nothing, as of a minimum, or of a single picture. */
  readonly interval?: readonly [low: number, high: number] | undefined;
}

/** How alike two models are. */
export interface Agreement {
  readonly task: TaskName;
  /** Those that were compared. */
  readonly pictures: number;
  readonly metrics: readonly AgreementMetric[];
  /** The pictures that differ most, the worst first, by a number that is lower the more they differ; null below all numbers. */
  readonly worst: readonly { readonly picture: string; readonly value: number | null }[];
  /** Pictures that could not be read, which count nowhere. */
  readonly failures: readonly { readonly picture: string; readonly code: string; readonly message: string }[];
}

/** What is counted of pictures of one task. */
export interface PictureComparison {
  readonly task: TaskName;
  /** Runs both models on a picture, in any order. What it gives is counted by calling it, in the order of the pictures. */
  compare(picture: string, signal: AbortSignal | undefined): Promise<() => void>;
  /** Of the pictures that were counted, in their order. */
  statistics(truth: Int32Array | undefined): readonly Statistic[];
  /** Numbers that have no interval, such as the lowest of all. */
  extremes(): readonly { readonly name: string; readonly value: number }[];
  /** Of each picture that was counted: lower where the two differ more; NaN where there was nothing to compare. */
  readonly likeness: readonly number[];
}

/** So many of the worst pictures are named. */
const namedWorst = 5;

/**
 * Runs a reference and a candidate on the same pictures, a few at a time, and compares what they find:
 *
 * - classifiers: `top-1` is the share of pictures with the same likeliest class, `top-5` that of pictures where the reference's is among the
 *   candidate's five likeliest; with `truth`, `accuracy before` and `accuracy after`;
 * - detectors: `recall`, `precision`, `mean IoU` and `score error` (mean absolute difference) of boxes from a score of 0.25 on, paired from an IoU of 0.5 on;
 *   `hysteresis recall` is the share of the reference's boxes from 0.35 on that are among the candidate's from 0.2 on, `hysteresis precision` the mirror image;
 * - segmenters: `mean IoU` over pictures of the mean over the classes that either map has, the background left out, and `lowest IoU`;
 * - embedders: `median cosine`, `lowest cosine`;
 * - dense predictors: `relative error`, the length of the difference over that of the reference, mean over pictures, and `highest relative error`.
 *
 * Of each picture a few numbers are kept. Throws INVALID_ARGUMENT where the two are not of one task or `pictures` is empty, UNKNOWN_OPTION, ABORTED, and as the tasks do;
 * pictures that cannot be read are told in `failures`.
 */
export async function measureAgreement(
  reference: Task,
  candidate: Task,
  pictures: readonly string[],
  options: AgreementOptions = {},
): Promise<Agreement> {
  checkOptions('agreement options', options, ['truth', 'bootstrap', 'signal', 'onProgress']);
  const { truth, signal, onProgress } = options;
  checkSignal(signal);
  if (pictures.length === 0) throw invalidArgument('pictures', 'at least one picture', pictures.length);
  if (truth !== undefined && truth.length !== pictures.length) {
    throw invalidArgument('truth', `the class of each of ${pictures.length} pictures`, truth.length);
  }
  const comparison = comparisonOf(reference, candidate);
  const failures: { picture: string; code: string; message: string }[] = [];
  const counted: number[] = [];
  const work = async (place: number): Promise<[place: number, outcome: (() => void) | MediaError]> => {
    try {
      return [place, await comparison.compare(pictures[place] as string, signal)];
    } catch (error) {
      if (error instanceof MediaError) return [place, error];
      throw error;
    }
  };
  let done = 0;
  for await (const [place, outcome] of mapInOrder(pictures.keys(), Math.max(2, availableParallelism()), work)) {
    if (outcome instanceof MediaError) {
      failures.push({ picture: pictures[place] as string, code: outcome.code, message: outcome.message });
    } else {
      outcome();
      counted.push(place);
    }
    onProgress?.(++done, pictures.length);
  }
  const truthOfCounted = truth && Int32Array.from(counted, (place) => truth[place] as number);
  return {
    task: comparison.task,
    pictures: counted.length,
    metrics: metricsOf(comparison, truthOfCounted, counted.length, options.bootstrap),
    worst: worstOf(comparison.likeness, (i) => pictures[counted[i] as number] as string),
    failures,
  };
}

function metricsOf(
  comparison: PictureComparison,
  truth: Int32Array | undefined,
  pictures: number,
  options: BootstrapOptions | undefined,
): AgreementMetric[] {
  if (pictures === 0) return [];
  const estimates = bootstrap(comparison.statistics(truth), pictures, options).map(({ name, value, interval }) => ({
    name,
    value: known(value),
    // One picture is drawn again and again: a width of 0 would look like certainty.
    ...(pictures > 1 && !Number.isNaN(interval.low) && { interval: [interval.low, interval.high] as const }),
  }));
  return [...estimates, ...comparison.extremes().map(({ name, value }) => ({ name, value: known(value) }))];
}

function worstOf(likeness: readonly number[], nameOf: (place: number) => string): Agreement['worst'] {
  return [...likeness.entries()]
    .filter(([, value]) => !Number.isNaN(value))
    .sort(([, a], [, b]) => a - b)
    .slice(0, namedWorst)
    .map(([place, value]) => ({ picture: nameOf(place), value: known(value) }));
}

/** A number as JSON can say it. */
function known(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
