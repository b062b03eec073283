import { ignoredPixel, type DatasetImage, type LabelMap } from '../dataset/index.js';
import { DatasetError } from '../errors/index.js';
import { bootstrapAmong, SegmentationMetrics, type SegmentationSummary } from '../metrics/index.js';
import type { ClassMatching } from './class-matching.js';
import type { EvaluatedRun, Findings } from './evaluate.js';
import type { EvaluationExample } from './evaluation-result.js';
import { known } from './known.js';

/** So many maps are counted at a time: each may be a megabyte and more. */
const mostInFlight = 4;
const examplesShown = 24;
/** What a model says of a class that the data set does not label: wrong, and no class of the means. */
const otherClass = 'other';

const statisticNames: Readonly<Record<string, string>> = {
  'mean IoU': 'mIoU',
  'mean Dice': 'mDice',
  'pixel accuracy': 'pixelAccuracy',
  'mean boundary F': 'boundaryF',
};

/** Counts the pixels that were found. */
export async function evaluateSegmented({ matching, truth, predictions, signal }: EvaluatedRun): Promise<Findings> {
  const { categories } = truth;
  const hasOthers = matching.categoryOf.some((place) => place === -1);
  const counted = new SegmentationMetrics({
    classes: categories.length + Number(hasOthers),
    meanClasses: categories.length,
  });
  const images: DatasetImage[] = [];
  let pending: Promise<void>[] = [];
  for await (const { image: name, found } of predictions) {
    const image = truth.images.get(name) as DatasetImage;
    const map = await image.labelMap?.(signal);
    if (map === undefined) throw withoutMap(name);
    const predicted = inCategories(found as LabelMap, matching, categories.length);
    if (predicted.width !== map.width || predicted.height !== map.height) throw otherSize(name, predicted, map);
    images.push(image);
    pending.push(counted.add(map, predicted, signal));
    if (pending.length === mostInFlight) pending = (await Promise.all(pending), []);
  }
  await Promise.all(pending);
  const summary = counted.summary();
  const statistics = counted
    .statistics()
    .map((statistic) => ({ ...statistic, name: statisticNames[statistic.name] ?? statistic.name }));
  const names = [...categories.map(({ name }) => name), ...(hasOthers ? [otherClass] : [])];
  return {
    images,
    sampler: async (members, draws) => bootstrapAmong(statistics, images.length, members, { ...draws, level: 0.95 }),
    metrics: metricsOf(summary),
    classes: summary.perClass.flatMap(({ support, predicted, iou, dice, accuracy, boundaryF }, place) =>
      place === categories.length || (support === 0 && predicted === 0)
        ? []
        : [
            {
              name: names[place] as string,
              count: support,
              metrics: { iou: known(iou), dice: known(dice), accuracy: known(accuracy), boundaryF: known(boundaryF) },
            },
          ],
    ),
    curves: [],
    confusion: confusionOf(summary, names),
    examples: worstOf(images, counted),
    notices: [],
  };
}

function metricsOf(summary: SegmentationSummary): Record<string, number | null> {
  return {
    mIoU: known(summary.meanIou),
    mDice: known(summary.meanDice),
    pixelAccuracy: known(summary.pixelAccuracy),
    meanAccuracy: known(summary.meanAccuracy),
    frequencyWeightedIoU: known(summary.frequencyWeightedIou),
    boundaryF: known(summary.meanBoundaryF),
  };
}

function inCategories({ data, width, height }: LabelMap, { categoryOf }: ClassMatching, other: number): LabelMap {
  const places = new Uint8Array(ignoredPixel + 1).fill(other);
  categoryOf.forEach((place, id) => {
    if (place !== -1) places[id] = place;
  });
  const mapped = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) mapped[i] = places[data[i] as number] as number;
  return { data: mapped, width, height };
}

function confusionOf({ confusion }: SegmentationSummary, names: readonly string[]): Findings['confusion'] {
  const classes = names.length;
  const matrix = names.map((_, actual) => Array.from(confusion.subarray(actual * classes, (actual + 1) * classes)));
  return { classes: names, matrix };
}

function worstOf(images: readonly DatasetImage[], counted: SegmentationMetrics): EvaluationExample[] {
  return [...counted.pictureIous().entries()]
    .filter(([, iou]) => iou < 1)
    .sort(([, left], [, right]) => left - right)
    .slice(0, examplesShown)
    .map(([picture, iou]) => {
      const { name, path } = images[picture] as DatasetImage;
      return { image: name, path, kind: 'low-iou', caption: `mIoU ${iou.toFixed(2)}`, score: iou };
    });
}

function withoutMap(image: string): DatasetError {
  return new DatasetError('DATASET_INVALID', {
    message: `The picture ${JSON.stringify(image)} has no labelled pixels`,
    hint: 'Put its mask beside the others, or take it out of the data set.',
    details: { image },
  });
}

function otherSize(image: string, predicted: LabelMap, labelled: LabelMap): DatasetError {
  return new DatasetError('DATASET_INVALID', {
    message: `The mask of ${JSON.stringify(image)} is not as large as the picture: expected ${predicted.width} x ${predicted.height}, received ${labelled.width} x ${labelled.height}`,
    hint: 'Masks have a pixel for each of the picture, as it is shown: one that is turned by its EXIF orientation has its mask turned too.',
    details: { image },
  });
}
