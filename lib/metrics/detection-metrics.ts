import { native, settle, type MatchingHandle, type NativeMatched } from '../binding/index.js';
import { checkInteger, checkNumber, checkOneOf, checkOptions, checkSignal, invalidArgument } from '../errors/index.js';
import { percentileInterval } from './bootstrap.js';
import { checkedObjects, detectionKinds, type DetectionKind, type FoundObjects, type TruthObjects } from './detection-objects.js';

/** COCO's twelve numbers. AP: mean over IoU of 0.5 to 0.95; 50, 75: at that IoU; s, m, l: of small, medium, large; AR1: with one detection a picture. */
export const boxSummaryNames = [
  ...(['AP', 'AP50', 'AP75', 'APs', 'APm', 'APl'] as const),
  ...(['AR1', 'AR10', 'AR100', 'ARs', 'ARm', 'ARl'] as const),
] as const;
/** COCO's ten numbers of keypoints. */
export const keypointSummaryNames = ['AP', 'AP50', 'AP75', 'APm', 'APl', 'AR', 'AR50', 'AR75', 'ARm', 'ARl'] as const;

/** The names of the numbers that sum up a kind. */
export type SummaryName<K extends DetectionKind = DetectionKind> = K extends 'keypoints'
  ? (typeof keypointSummaryNames)[number]
  : (typeof boxSummaryNames)[number];

/** How large objects are: up to 32^2 square pixels, to 96^2, beyond; both edges belong to it. Of keypoints there is no `small`. */
export type ObjectSize = 'all' | 'small' | 'medium' | 'large';

export interface EvaluateDetectionsOptions<K extends DetectionKind = DetectionKind> {
  readonly kind: K;
  /** At most 10 million: memory is taken for each, whether it has objects or not. */
  readonly imageCount: number;
  /** At most a million. */
  readonly categoryCount: number;
  /** How many of each picture and category count, ascending: three, of keypoints one. Default [1, 10, 100], of keypoints [20]. AP takes the last; AR1, AR10 and AR100 all three, whatever they are. */
  readonly maxDetections?: readonly number[] | undefined;
  /** Above 0 to 1, at most 32. Default: COCO's ten, 0.5 to 0.95. */
  readonly iouThresholds?: readonly number[] | undefined;
  /** How far each keypoint may be off, in parts of the object's size. Default: COCO's, of 17. */
  readonly sigmas?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What became of each object found, at the first IoU threshold (0.5) and objects of all sizes. */
export interface DetectionMatches {
  /** The truth that it was matched with, as given; -1: none. */
  readonly truths: Int32Array;
  /** The largest IoU (keypoints: OKS) with any truth of its picture and category, 0 where there is none. 0 beyond maxDetections. */
  readonly overlaps: Float64Array;
  /** 1: neither right nor wrong, because it lies on a crowd or something ignored, or is beyond maxDetections. */
  readonly ignored: Uint8Array;
}

/** One category's numbers: NaN where it has no truth. */
export interface CategoryMetrics {
  readonly AP: number;
  readonly AP50: number;
  readonly AP75: number;
  /** The highest recall, mean over the IoU thresholds. */
  readonly AR: number;
}

export interface CategoryCurve {
  /** 0, 0.01 to 1. */
  readonly recall: Float64Array;
  /** The best at that recall or beyond, 0 where it is not reached. NaN: the category has no truth. */
  readonly precision: Float64Array;
  /** The score that it is reached at, 0 where it is not. NaN: the category has no truth. */
  readonly scores: Float64Array;
}

export interface DetectionBootstrap<K extends DetectionKind = DetectionKind> {
  /** Lower and upper bound of the middle `confidence` of the samples; NaN where no sample has a number. */
  readonly intervals: Readonly<Record<SummaryName<K>, readonly [low: number, high: number]>>;
  /** Each resample's number. The same seed draws the same pictures, so two models can be compared sample by sample. */
  readonly samples: Readonly<Record<SummaryName<K>, Float64Array>>;
}

/** Default of COCO's person keypoints: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles. */
export const cocoKeypointSigmas: readonly number[] = [
  0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89,
].map((sigma) => sigma / 10);

/** As numpy spaces them: rounding decides which side of a threshold an IoU falls on. */
const cocoIouThresholds: readonly number[] = Array.from({ length: 10 }, (_, i) =>
  i === 9 ? 0.95 : i * ((0.95 - 0.5) / 9) + 0.5,
);
const recallPoints = 101;
const sizeNames: Readonly<Record<DetectionKind, readonly ObjectSize[]>> = {
  box: ['all', 'small', 'medium', 'large'],
  mask: ['all', 'small', 'medium', 'large'],
  keypoints: ['all', 'medium', 'large'],
};

/**
 * Matches what was found with what is true, and sums it up, to the numbers of pycocotools (docs/metrics.md). Off the JavaScript thread; the arrays are
 * copied before the call returns. Rejects with INVALID_ARGUMENT; DATASET_INVALID for a damaged mask; ABORTED.
 */
export async function evaluateDetections<K extends DetectionKind>(
  truth: TruthObjects,
  found: FoundObjects,
  options: EvaluateDetectionsOptions<K>,
): Promise<DetectionMetrics<K>> {
  const known = ['kind', 'imageCount', 'categoryCount', 'maxDetections', 'iouThresholds', 'sigmas', 'signal'];
  checkOptions('options', options, known);
  const kind = checkOneOf('kind', options.kind, detectionKinds) as K;
  const images = checkInteger('imageCount', options.imageCount, 0, 10_000_000);
  const categories = checkInteger('categoryCount', options.categoryCount, 0, 1_000_000);
  const maxDetections = checkMaxDetections(kind, options.maxDetections);
  const thresholds = checkNumbers('iouThresholds', options.iouThresholds ?? cocoIouThresholds, 1);
  if (thresholds.length > 32) throw invalidArgument('iouThresholds', 'at most 32 numbers', options.iouThresholds);
  const sigmas = kind === 'keypoints' ? checkNumbers('sigmas', options.sigmas ?? cocoKeypointSigmas, 1e6) : [];
  checkSignal(options.signal);
  const extent = { kind, imageCount: images, categoryCount: categories, keypointCount: sigmas.length };
  const truthArrays = checkedObjects('truth', truth, extent);
  if (!(found?.scores instanceof Float64Array)) throw invalidArgument('found.scores', 'a Float64Array', found?.scores);
  const foundArrays = checkedObjects('found', found, extent);
  const spec = {
    ...{ kind, images, categories, maxDetections },
    ...{ thresholds: Float64Array.from(thresholds), sigmas: Float64Array.from(sigmas) },
  };
  const matched = await settle((operation) => native().objectsMatch(truthArrays, foundArrays, spec, operation), options.signal);
  return new DetectionMetrics(matched, kind, categories, maxDetections, thresholds);
}

function checkMaxDetections(
  kind: DetectionKind,
  value: readonly number[] = kind === 'keypoints' ? [20] : [1, 10, 100],
): number[] {
  const count = kind === 'keypoints' ? 1 : 3;
  const isAscending = Array.isArray(value) && value.every((most, i) => i === 0 || most > (value[i - 1] as number));
  if (!isAscending || value.length !== count) {
    throw invalidArgument('maxDetections', count === 1 ? 'one number' : 'three ascending numbers', value);
  }
  return value.map((most, i) => checkInteger(`maxDetections[${i}]`, most, 1, 2 ** 31 - 1));
}

function checkNumbers(name: string, value: readonly number[], max: number): number[] {
  if (!Array.isArray(value) || value.length === 0) throw invalidArgument(name, 'an array of numbers', value);
  return value.map((number, i) => checkNumber(`${name}[${i}]`, number, Number.MIN_VALUE, max));
}

/** NaN for what COCO marks by -1. */
function orNaN(value: number): number {
  return value === -1 ? NaN : value;
}

/** What {@link evaluateDetections} gives. It keeps the matches in native memory, until it is collected. */
export class DetectionMetrics<K extends DetectionKind = DetectionKind> {
  readonly kind: K;
  /** NaN where there is nothing to count, which pycocotools calls -1. */
  readonly summary: Readonly<Record<SummaryName<K>, number>>;
  /** By place of the category. */
  readonly perCategory: readonly CategoryMetrics[];
  readonly matches: DetectionMatches;
  readonly iouThresholds: readonly number[];
  readonly maxDetections: readonly number[];
  readonly #matching: MatchingHandle;
  readonly #curves: Pick<NativeMatched, 'precision' | 'scores' | 'meanPrecision' | 'recall'>;
  readonly #categories: number;

  /** @internal */
  constructor(
    matched: NativeMatched,
    kind: K,
    categories: number,
    maxDetections: readonly number[],
    iouThresholds: readonly number[],
  ) {
    this.kind = kind;
    this.iouThresholds = iouThresholds;
    this.maxDetections = maxDetections;
    this.matches = { truths: matched.truths, overlaps: matched.overlaps, ignored: matched.ignored };
    this.#matching = matched.matching;
    this.#curves = matched;
    this.#categories = categories;
    this.summary = this.#named((i) => orNaN(matched.summary[i] as number));
    this.perCategory = Array.from({ length: categories }, (_, category) => this.ofSize(category, 'all'));
  }

  /** The numbers of one category's objects of one size. Throws INVALID_ARGUMENT. */
  ofSize(category: number, size: ObjectSize): CategoryMetrics {
    const curve = this.#curveAt(category, size, this.maxDetections.length - 1);
    const count = this.iouThresholds.length;
    const precision = this.#curves.meanPrecision.subarray(curve, curve + count);
    const recall = this.#curves.recall.subarray(curve, curve + count);
    const at = (iou: number): number => orNaN(precision[this.iouThresholds.indexOf(iou)] ?? -1);
    const mean = (values: Float64Array): number => orNaN(values.reduce((sum, value) => sum + value, 0) / count);
    return { AP: mean(precision), AP50: at(0.5), AP75: at(0.75), AR: mean(recall) };
  }

  /** `iou`: one of {@link iouThresholds}, to a millionth. `maxDetections`: one of {@link maxDetections}, by default the last. Throws INVALID_ARGUMENT. */
  precisionRecall(
    category: number,
    iou: number,
    options: { readonly size?: ObjectSize | undefined; readonly maxDetections?: number | undefined } = {},
  ): CategoryCurve {
    checkOptions('options', options, ['size', 'maxDetections']);
    const threshold = this.iouThresholds.findIndex((value) => Math.abs(value - iou) < 1e-6);
    if (threshold === -1) throw invalidArgument('iou', `one of ${this.iouThresholds.join(', ')}`, iou);
    const most = this.maxDetections.indexOf(options.maxDetections ?? (this.maxDetections.at(-1) as number));
    if (most === -1) throw invalidArgument('maxDetections', `one of ${this.maxDetections.join(', ')}`, options.maxDetections);
    const begin = (this.#curveAt(category, options.size ?? 'all', most) + threshold) * recallPoints;
    return {
      recall: Float64Array.from({ length: recallPoints }, (_, i) => (i === recallPoints - 1 ? 1 : i * 0.01)),
      precision: this.#curves.precision.slice(begin, begin + recallPoints).map(orNaN),
      scores: this.#curves.scores.slice(begin, begin + recallPoints).map(orNaN),
    };
  }

  /** The highest recall of one category at one IoU threshold. NaN where it has no truth. As {@link precisionRecall}. */
  highestRecall(
    category: number,
    iou: number,
    options: { readonly size?: ObjectSize | undefined; readonly maxDetections?: number | undefined } = {},
  ): number {
    const threshold = this.iouThresholds.findIndex((value) => Math.abs(value - iou) < 1e-6);
    if (threshold === -1) throw invalidArgument('iou', `one of ${this.iouThresholds.join(', ')}`, iou);
    const most = this.maxDetections.indexOf(options.maxDetections ?? (this.maxDetections.at(-1) as number));
    if (most === -1) throw invalidArgument('maxDetections', `one of ${this.maxDetections.join(', ')}`, options.maxDetections);
    return orNaN(this.#curves.recall[this.#curveAt(category, options.size ?? 'all', most) + threshold] as number);
  }

  /**
   * How far the numbers would vary with other pictures: draws as many as there are, with replacement, `resamples` times, and counts matches as often
   * as their picture is drawn. Nothing is matched again. `confidence`: of the intervals, default 0.95. Rejects with INVALID_ARGUMENT, ABORTED.
   */
  async bootstrap(
    resamples: number,
    seed: number,
    options: { readonly confidence?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<DetectionBootstrap<K>> {
    checkOptions('options', options, ['confidence', 'signal']);
    checkInteger('resamples', resamples, 1, 1_000_000);
    checkInteger('seed', seed, 0);
    const confidence = checkNumber('confidence', options.confidence ?? 0.95, 0, 1);
    // One part for each lane.
    const lanes = Math.min(native().visionLanes(), resamples);
    const bounds = Array.from({ length: lanes + 1 }, (_, lane) => Math.round((lane * resamples) / lanes));
    const parts = await Promise.all(
      bounds.slice(0, -1).map((first, lane) => {
        const count = (bounds[lane + 1] as number) - first;
        return settle((operation) => native().matchingResample(this.#matching, seed, first, count, operation), options.signal);
      }),
    );
    const numbers = parts.flatMap((part) => [...part]);
    const width = numbers.length / resamples;
    const samples = this.#named((i) =>
      Float64Array.from({ length: resamples }, (_, n) => orNaN(numbers[n * width + i] as number)),
    );
    const columns = Object.values<Float64Array>(samples);
    return { intervals: this.#named((i) => middleOf(columns[i] as Float64Array, confidence)), samples };
  }

  /**
   * Which categories are taken for which, matched whatever the category: of each picture the highest score first takes the free truth of most overlap,
   * at least `iou`. (categories + 1)^2 counts row by row: a row is what an object is, a column what it was found to be. The last row is what was found
   * where nothing is, the last column what was missed. Crowds and ignored objects are left out, and what was found on them. Rejects with
   * INVALID_ARGUMENT, ABORTED.
   */
  async confusion(iou: number, score: number, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Uint32Array> {
    checkOptions('options', options, ['signal']);
    checkNumber('iou', iou, Number.MIN_VALUE, 1);
    checkNumber('score', score, -Number.MAX_VALUE, Number.MAX_VALUE);
    return settle((operation) => native().matchingConfusion(this.#matching, iou, score, operation), options.signal);
  }

  #named<T>(valueOf: (i: number) => T): Readonly<Record<SummaryName<K>, T>> {
    const names = this.kind === 'keypoints' ? keypointSummaryNames : boxSummaryNames;
    return Object.fromEntries(names.map((name, i) => [name, valueOf(i)])) as Record<SummaryName<K>, T>;
  }

  /** Where the curves of a category, a size and a place in {@link maxDetections} begin, one for each threshold. */
  #curveAt(category: number, size: ObjectSize, most: number): number {
    checkInteger('category', category, 0, this.#categories - 1);
    const sizes = sizeNames[this.kind];
    const place = sizes.indexOf(checkOneOf('size', size, sizes));
    return ((category * sizes.length + place) * this.maxDetections.length + most) * this.iouThresholds.length;
  }
}

function middleOf(samples: Float64Array, confidence: number): [number, number] {
  const { low, high } = percentileInterval(samples, confidence);
  return [low, high];
}
