/** What two models of one task find in the same picture, compared: see `measureAgreement`. */
import { invalidArgument } from '../errors/index.js';
import { meanStatistic, medianStatistic, ScoredBoxAgreement, SegmentationMetrics, type Statistic } from '../metrics/index.js';
import { Classifier, DensePredictor, Detector, Embedder, Segmenter, type Task, type TaskName } from '../tasks/index.js';
import type { PictureComparison } from './agreement.js';
import { settleAll } from './settle-all.js';

/** Throws INVALID_ARGUMENT where the two are not of one task, or have not as many classes. */
export function comparisonOf(reference: Task, candidate: Task): PictureComparison {
  if (reference instanceof Classifier && candidate instanceof Classifier) return ofClassifiers(reference, candidate);
  if (reference instanceof Detector && candidate instanceof Detector) return ofDetectors(reference, candidate);
  if (reference instanceof Segmenter && candidate instanceof Segmenter) return ofSegmenters(reference, candidate);
  if (reference instanceof Embedder && candidate instanceof Embedder) return ofEmbedders(reference, candidate);
  if (reference instanceof DensePredictor && candidate instanceof DensePredictor) return ofMaps(reference, candidate);
  throw invalidArgument('candidate', `a model for the same as the reference (${taskNameOf(reference)})`, taskNameOf(candidate));
}

export function taskNameOf(task: Task): TaskName {
  if (task instanceof Classifier) return 'classify';
  if (task instanceof Detector) return 'detect';
  if (task instanceof Segmenter) return 'segment';
  return task instanceof Embedder ? 'embed' : 'dense';
}

function checkClasses(reference: { labels: readonly string[] }, candidate: { labels: readonly string[] }): void {
  if (reference.labels.length === candidate.labels.length) return;
  throw invalidArgument('candidate', `a model of ${reference.labels.length} classes, as the reference`, candidate.labels.length);
}

const topK = 5;

function ofClassifiers(reference: Classifier, candidate: Classifier): PictureComparison {
  checkClasses(reference, candidate);
  const likeness: number[] = [];
  const amongFive: number[] = [];
  const same: number[] = [];
  const predicted: (readonly [before: number, after: number])[] = [];
  return {
    task: 'classify',
    compare: async (picture, signal) => {
      const options = { topK: Math.min(topK, reference.labels.length), signal };
      const [before, after] = await settleAll([reference.classify(picture, options), candidate.classify(picture, options)]);
      const [wanted, found] = [before.classIds[0] as number, after.classIds[0] as number];
      const score = before.scores[0] as number;
      const place = after.classIds.indexOf(wanted);
      return () => {
        predicted.push([wanted, found]);
        same.push(Number(wanted === found));
        amongFive.push(Number(place !== -1));
        likeness.push(-Math.abs(score - (place === -1 ? 0 : (after.scores[place] as number))));
      };
    },
    statistics: (truth) => [
      meanStatistic('top-1', same),
      meanStatistic('top-5', amongFive),
      ...(truth === undefined
        ? []
        : (['accuracy before', 'accuracy after'] as const).map((name, which) =>
            meanStatistic(
              name,
              predicted.map((classes, i) => (truth[i] === -1 ? NaN : Number(classes[which] === truth[i]))),
            ),
          )),
    ],
    extremes: () => [],
    likeness,
  };
}

function ofDetectors(reference: Detector, candidate: Detector): PictureComparison {
  checkClasses(reference, candidate);
  const agreement = new ScoredBoxAgreement();
  const likeness: number[] = [];
  return {
    task: 'detect',
    compare: async (picture, signal) => {
      // Suppression goes by score: lower boxes do not change which of the higher ones stay.
      const options = { scoreThreshold: agreement.lowestScore, signal };
      const [before, after] = await settleAll([reference.detect(picture, options), candidate.detect(picture, options)]);
      return () => {
        likeness.push(agreement.add(before, after));
      };
    },
    statistics: () => agreement.statistics(),
    extremes: () => [],
    likeness,
  };
}

function ofSegmenters(reference: Segmenter, candidate: Segmenter): PictureComparison {
  checkClasses(reference, candidate);
  const likeness: number[] = [];
  // A model of one channel finds one thing, and calls the rest 0.
  const classes = Math.max(2, reference.labels.length);
  return {
    task: 'segment',
    compare: async (picture, signal) => {
      const [before, after] = await settleAll([reference.segment(picture, { signal }), candidate.segment(picture, { signal })]);
      const metrics = new SegmentationMetrics({ classes, boundaries: false });
      const mapOf = ({ mask: data, width, height }: typeof before): { data: Uint8Array; width: number; height: number } => ({
        data,
        width,
        height,
      });
      await metrics.add(mapOf(before), mapOf(after), signal);
      const ious = metrics
        .summary()
        .perClass.filter((_, id) => id !== before.background)
        .map(({ iou }) => iou)
        .filter((iou) => !Number.isNaN(iou));
      const mean = ious.reduce((sum, iou) => sum + iou, 0) / ious.length; // NaN of none
      return () => {
        likeness.push(mean);
      };
    },
    statistics: () => [meanStatistic('mean IoU', likeness)],
    extremes: () => [{ name: 'lowest IoU', value: lowest(likeness) }],
    likeness,
  };
}

function ofEmbedders(reference: Embedder, candidate: Embedder): PictureComparison {
  const cosines: number[] = [];
  return {
    task: 'embed',
    compare: async (picture, signal) => {
      const [before, after] = await settleAll([reference.embed(picture, { signal }), candidate.embed(picture, { signal })]);
      const cosine = before.similarity(after);
      return () => {
        cosines.push(cosine);
      };
    },
    statistics: () => [medianStatistic('median cosine', cosines)],
    extremes: () => [{ name: 'lowest cosine', value: lowest(cosines) }],
    likeness: cosines,
  };
}

function ofMaps(reference: DensePredictor, candidate: DensePredictor): PictureComparison {
  const errors: number[] = [];
  const likeness: number[] = [];
  return {
    task: 'dense',
    compare: async (picture, signal) => {
      const [before, after] = await settleAll([reference.predict(picture, { signal }), candidate.predict(picture, { signal })]);
      const error = relativeError(before.values, after.values);
      return () => {
        errors.push(error);
        likeness.push(-error);
      };
    },
    statistics: (): readonly Statistic[] => [meanStatistic('relative error', errors, { lowerIsBetter: true })],
    extremes: () => [{ name: 'highest relative error', value: -lowest(likeness) }],
    likeness,
  };
}

/** The length of the difference over that of the reference, by its finite values; NaN where they are all 0, Infinity where the candidate has one that is not finite. */
function relativeError(reference: Float32Array, candidate: Float32Array): number {
  let squares = 0;
  let errors = 0;
  for (let i = 0; i < reference.length; i++) {
    const [value, other] = [reference[i] as number, candidate[i] as number];
    if (!Number.isFinite(value)) continue;
    if (!Number.isFinite(other)) return Infinity;
    squares += value * value;
    errors += (value - other) ** 2;
  }
  return squares === 0 ? NaN : Math.sqrt(errors / squares);
}

/** NaN of none. */
function lowest(values: readonly number[]): number {
  const defined = values.filter((value) => !Number.isNaN(value));
  return defined.length === 0 ? NaN : defined.reduce((least, value) => Math.min(least, value), Infinity);
}
