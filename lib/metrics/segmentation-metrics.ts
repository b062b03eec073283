/** Metrics of semantic segmentation: overlap of classes and of their boundaries, over pictures. */
import { native, settle } from '../binding/index.js';
import type { LabelMap } from '../dataset/index.js';
import { checkBoolean, checkInteger, checkNumber, checkOptions, checkSignal, invalidArgument } from '../errors/index.js';
import { checkWeights, type Statistic } from './statistic.js';

export interface SegmentationOptions {
  /** How many classes there are, 1 to 255: labels go from 0 to `classes` - 1, and 255 in the true map is not counted. */
  readonly classes: number;
  /** Over how many of them, from the first on, means are taken: the others are wrong wherever they are predicted. Default all. */
  readonly meanClasses?: number | undefined;
  /** Whether boundaries are compared too, which takes several times as long. Default true. */
  readonly boundaries?: boolean | undefined;
  /** How far apart boundaries may lie, as a share of the picture's diagonal, 0 to 1; rounded up to whole pixels. Default 0.0075. */
  readonly boundaryTolerance?: number | undefined;
}

/** One class. NaN where undefined: in pictures that have nothing of it. */
export interface SegmentedClass {
  /** Intersection over union: of all pixels that are of the class or said to be, the share that is both. */
  readonly iou: number;
  /** Twice the intersection over the sum of both: F1 of the pixels. */
  readonly dice: number;
  /** Share of the class's pixels that were said to be. */
  readonly accuracy: number;
  /** Mean F-score of the boundary over the pictures where either map has one. */
  readonly boundaryF: number;
  /** Pixels of the class. */
  readonly support: number;
  /** Pixels said to be of the class. */
  readonly predicted: number;
}

/** Means leave out the classes for which a value is NaN, as scikit-learn's jaccard_score does. NaN where nothing is left. */
export interface SegmentationSummary {
  readonly pictures: number;
  /** Counted: without those ignored. */
  readonly pixels: number;
  /** Share of pixels whose class is right. */
  readonly pixelAccuracy: number;
  readonly meanIou: number;
  readonly meanDice: number;
  readonly meanAccuracy: number;
  /** IoU of the classes, each weighted by its true pixels. */
  readonly frequencyWeightedIou: number;
  /** NaN where boundaries are not compared. */
  readonly meanBoundaryF: number;
  readonly perClass: readonly SegmentedClass[];
  /** classes * classes pixels of all pictures, a row for each true class. */
  readonly confusion: Float64Array;
}

/** What is kept of a picture, by class. */
interface PictureCounts {
  /** Pixels that are right, that are of the class, and that were said to be. */
  readonly correct: Float64Array;
  readonly support: Float64Array;
  readonly predicted: Float64Array;
  /** NaN where neither map has a boundary of the class. */
  readonly boundaryF: Float64Array;
}

/**
 * Compares label maps picture by picture, and keeps what metrics, intervals and slices need: of each picture a few numbers for each class.
 *
 * The boundary F-score is the harmonic mean of the share of predicted boundary pixels that lie near the true boundary, and of true ones near the
 * predicted (DAVIS, Perazzi et al. 2016; Csurka et al. 2013). It is 0 where one map alone has a boundary; where neither has, the picture does not count.
 */
export class SegmentationMetrics {
  readonly #options: Required<{ [K in keyof SegmentationOptions]: NonNullable<SegmentationOptions[K]> }>;
  readonly #pictures: (PictureCounts | undefined)[] = [];
  readonly #confusion: Float64Array;

  /** Throws INVALID_ARGUMENT, UNKNOWN_OPTION. */
  constructor(options: SegmentationOptions) {
    checkOptions('segmentation options', options, ['classes', 'meanClasses', 'boundaries', 'boundaryTolerance']);
    const classes = checkInteger('classes', options.classes, 1, 255);
    this.#options = {
      classes,
      meanClasses: checkInteger('meanClasses', options.meanClasses ?? classes, 1, classes),
      boundaries: checkBoolean('boundaries', options.boundaries ?? true),
      boundaryTolerance: checkNumber('boundaryTolerance', options.boundaryTolerance ?? 0.0075, 0, 1),
    };
    this.#confusion = new Float64Array(this.#options.classes ** 2);
  }

  /**
   * Counts a picture, on a thread of the core; both maps are read before the call returns. Several calls may be under way: pictures stay in the order of
   * the calls. What is predicted where the true map is ignored does not matter. Rejects with INVALID_ARGUMENT (sizes that differ, a label that is no class)
   * or ABORTED, and then leaves the picture out.
   */
  async add(truth: LabelMap, predicted: LabelMap, signal?: AbortSignal): Promise<void> {
    checkMap('truth', truth);
    checkMap('predicted', predicted);
    checkSignal(signal);
    const { width, height } = truth;
    if (predicted.width !== width || predicted.height !== height) {
      throw invalidArgument(
        'predicted',
        `a label map of ${width} x ${height} pixels, as of the labels`,
        `${predicted.width} x ${predicted.height}`,
        'Resize the prediction by nearest neighbours, or the scores that it is made from, to the size of the labels.',
      );
    }
    const { classes, boundaries, boundaryTolerance } = this.#options;
    const radius = boundaries ? Math.ceil(boundaryTolerance * Math.hypot(width, height)) : undefined;
    const place = this.#pictures.push(undefined) - 1;
    const spec = { width, height, classes, radius };
    const counts = await settle((operation) => native().labelMapsCompare(truth.data, predicted.data, spec, operation), signal);
    this.#pictures[place] = pictureCounts(counts.confusion, counts.boundaries, classes);
    for (let i = 0; i < counts.confusion.length; i++) {
      this.#confusion[i] = (this.#confusion[i] as number) + (counts.confusion[i] as number);
    }
  }

  /** How many pictures were counted. */
  get pictures(): number {
    return this.#counted().length;
  }

  /** Of the pictures whose `add` has settled. */
  summary(): SegmentationSummary {
    const pictures = this.#counted();
    return {
      ...summarize(pictures, new Float64Array(pictures.length).fill(1), this.#options.meanClasses),
      pictures: pictures.length,
      confusion: this.#confusion.slice(),
    };
  }

  /** The means of the summary, for intervals, slices and comparisons over the pictures whose `add` has settled by now, in their order. */
  statistics(): Statistic[] {
    const pictures = this.#counted();
    const { meanClasses, boundaries } = this.#options;
    const statistic = (name: string, of: (summary: Summary) => number): Statistic => ({
      name,
      compute: (weights) => {
        checkWeights(weights, pictures.length);
        return of(summarize(pictures, weights, meanClasses));
      },
    });
    return [
      statistic('mean IoU', (summary) => summary.meanIou),
      statistic('mean Dice', (summary) => summary.meanDice),
      statistic('pixel accuracy', (summary) => summary.pixelAccuracy),
      ...(boundaries ? [statistic('mean boundary F', (summary) => summary.meanBoundaryF)] : []),
    ];
  }

  /** The mean IoU of each picture by itself, in the order of the pictures; NaN where all is ignored. */
  pictureIous(): Float64Array {
    const one = Float64Array.of(1);
    return Float64Array.from(this.#counted(), (picture) => summarize([picture], one, this.#options.meanClasses).meanIou);
  }

  #counted(): PictureCounts[] {
    return this.#pictures.filter((picture) => picture !== undefined);
  }
}

function checkMap(name: string, map: LabelMap): void {
  checkInteger(`${name}.width`, map.width, 1, 65_535);
  checkInteger(`${name}.height`, map.height, 1, 65_535);
  if (!(map.data instanceof Uint8Array) || map.data.length !== map.width * map.height) {
    throw invalidArgument(`${name}.data`, `a Uint8Array of ${map.width} x ${map.height} labels`, map.data?.length);
  }
}

function pictureCounts(confusion: Uint32Array, boundaries: Uint32Array | undefined, classes: number): PictureCounts {
  const counts = {
    correct: new Float64Array(classes),
    support: new Float64Array(classes),
    predicted: new Float64Array(classes),
    boundaryF: new Float64Array(classes).fill(NaN),
  };
  for (let truth = 0; truth < classes; truth++) {
    counts.correct[truth] = confusion[truth * classes + truth] as number;
    for (let predicted = 0; predicted < classes; predicted++) {
      const pixels = confusion[truth * classes + predicted] as number;
      counts.support[truth] = (counts.support[truth] as number) + pixels;
      counts.predicted[predicted] = (counts.predicted[predicted] as number) + pixels;
    }
    if (boundaries !== undefined) counts.boundaryF[truth] = boundaryF(boundaries.subarray(4 * truth, 4 * truth + 4));
  }
  return counts;
}

function boundaryF(counts: Uint32Array): number {
  const [truth, truthMatched, predicted, predictedMatched] = counts as unknown as [number, number, number, number];
  if (truth === 0 && predicted === 0) return NaN;
  if (truthMatched === 0 || predictedMatched === 0) return 0;
  const precision = predictedMatched / predicted;
  const recall = truthMatched / truth;
  return (2 * precision * recall) / (precision + recall);
}

type Summary = Omit<SegmentationSummary, 'pictures' | 'confusion'>;

function summarize(pictures: readonly PictureCounts[], weights: Float64Array, meanClasses: number): Summary {
  const classes = pictures[0]?.correct.length ?? 0;
  const correct = new Float64Array(classes);
  const support = new Float64Array(classes);
  const predicted = new Float64Array(classes);
  const boundarySums = new Float64Array(classes);
  const boundaryWeights = new Float64Array(classes);
  for (const [i, picture] of pictures.entries()) {
    const weight = weights[i] as number;
    if (weight === 0) continue;
    for (let c = 0; c < classes; c++) {
      correct[c] = (correct[c] as number) + weight * (picture.correct[c] as number);
      support[c] = (support[c] as number) + weight * (picture.support[c] as number);
      predicted[c] = (predicted[c] as number) + weight * (picture.predicted[c] as number);
      const boundary = picture.boundaryF[c] as number;
      if (Number.isNaN(boundary)) continue;
      boundarySums[c] = (boundarySums[c] as number) + weight * boundary;
      boundaryWeights[c] = (boundaryWeights[c] as number) + weight;
    }
  }
  const perClass = Array.from(correct, (both, c) => {
    const own = support[c] as number;
    const said = predicted[c] as number;
    return {
      iou: both / (own + said - both),
      dice: (2 * both) / (own + said),
      accuracy: both / own,
      boundaryF: (boundarySums[c] as number) / (boundaryWeights[c] as number),
      support: own,
      predicted: said,
    };
  });
  const pixels = sumOf(support);
  const counted = perClass.slice(0, meanClasses);
  return {
    pixels,
    pixelAccuracy: sumOf(correct) / pixels,
    meanIou: meanOf(counted, 'iou'),
    meanDice: meanOf(counted, 'dice'),
    meanAccuracy: meanOf(counted, 'accuracy'),
    frequencyWeightedIou: perClass.reduce((sum, { iou, support: own }) => (own > 0 ? sum + iou * own : sum), 0) / pixels,
    meanBoundaryF: meanOf(counted, 'boundaryF'),
    perClass,
  };
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function meanOf(classes: readonly SegmentedClass[], key: 'iou' | 'dice' | 'accuracy' | 'boundaryF'): number {
  let sum = 0;
  let defined = 0;
  for (const { [key]: value } of classes) {
    if (Number.isNaN(value)) continue;
    sum += value;
    defined++;
  }
  return sum / defined;
}
