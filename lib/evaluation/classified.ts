import type { DatasetImage } from '../dataset/index.js';
import { DatasetError } from '../errors/index.js';
import {
  bootstrapAmong,
  classificationStatistics,
  evaluateClassification,
  meanStatistic,
  precisionRecallCurve,
  rocCurve,
  thinCurve,
  type ClassificationMetrics,
  type ScoreMatrix,
} from '../metrics/index.js';
import type { PredictedRun, Findings } from './evaluate.js';
import type { EvaluationCurve, EvaluationExample, MetricValues } from './evaluation-result.js';
import { knownValues } from './known.js';
import type { FoundClasses } from './predictions.js';
import { intervalLevel } from './sampling.js';

/** Curves of more classes are a tangle, and a large file. */
const mostCurves = 20;
const curvePoints = 200;
const examplesShown = 24;
const topK = 5;

/** Counts the classes that were found. What a model has no class for has one of its own, whose score is 0: it counts as missed. */
export async function evaluateClassified({ header, matching, truth, predictions }: PredictedRun): Promise<Findings> {
  const strangers = truth.categories.flatMap((_, place) => (matching.classOf[place] === -1 ? [place] : []));
  const names = [...header.labels, ...strangers.map((place) => truth.categories[place]?.name ?? '')];
  const classOf = Int32Array.from(matching.classOf, (id, place) =>
    id === -1 ? header.labels.length + strangers.indexOf(place) : id,
  );
  const images: DatasetImage[] = [];
  const labels: number[] = [];
  const rows: Float32Array[] = [];
  let unlabelled = 0;
  for await (const { image: name, found } of predictions) {
    const image = truth.images.get(name) as DatasetImage;
    const [category, other] = image.categories;
    if (other !== undefined) throw severalClasses(name);
    if (category === undefined) {
      unlabelled++;
      continue;
    }
    images.push(image);
    labels.push(classOf[category] as number);
    rows.push((found as FoundClasses).classScores);
  }
  const scores: ScoreMatrix = { values: new Float32Array(rows.length * names.length), classes: names.length };
  rows.forEach((row, picture) => scores.values.set(row, picture * names.length));
  const notices = unlabelled === 0 ? [] : [`${unlabelled} pictures have no class, and do not count.`];
  if (images.length === 0) throw nothingLabelled();
  const labelIds = Int32Array.from(labels);
  const counted = evaluateClassification(labelIds, scores, { k: Math.min(topK, names.length) });
  const { correct, correctTopK, predicted } = counted;
  const statistics = [
    meanStatistic('top1', correct),
    ...(names.length > topK && correctTopK !== undefined ? [meanStatistic('top5', correctTopK)] : []),
    ...classificationStatistics(labelIds, predicted, names.length).flatMap((statistic) => {
      const name = { 'balanced accuracy': 'balancedAccuracy', 'macro F1': 'macroF1' }[statistic.name];
      return name === undefined ? [] : [{ ...statistic, name }];
    }),
  ];
  return {
    images,
    sampler: async (members, draws) => bootstrapAmong(statistics, images.length, members, { ...draws, level: intervalLevel }),
    metrics: metricsOf(counted, names.length),
    classes: counted.perClass.flatMap(({ support, precision, recall, f1, rocAuc }, id) =>
      support === 0
        ? []
        : [{ name: names[id] as string, count: support, metrics: knownValues({ precision, recall, f1, rocAuc }) }],
    ),
    curves: curvesOf(labelIds, scores, counted, names),
    confusion: confusionOf(counted, names),
    examples: examplesOf(images, labelIds, counted, scores, names),
    notices,
  };
}

function metricsOf(counted: ClassificationMetrics, classes: number): MetricValues {
  const { accuracy, topK: hits, balancedAccuracy, macro, micro, weighted, rocAuc, logLoss, brier, calibrationError } = counted;
  return knownValues({
    top1: accuracy,
    ...(classes > topK && { top5: hits }),
    balancedAccuracy,
    macroPrecision: macro.precision,
    macroRecall: macro.recall,
    macroF1: macro.f1,
    microF1: micro.f1,
    weightedF1: weighted.f1,
    rocAuc: rocAuc.macro,
    logLoss,
    brier,
    calibrationError,
  });
}

function curvesOf(
  labels: Int32Array,
  scores: ScoreMatrix,
  { calibration, perClass }: ClassificationMetrics,
  names: readonly string[],
): EvaluationCurve[] {
  const filled = calibration.filter(({ count }) => count > 0);
  const reliability: EvaluationCurve[] =
    filled.length === 0
      ? []
      : [
          {
            kind: 'reliability',
            name: 'all',
            x: filled.map(({ confidence }) => confidence),
            y: filled.map(({ accuracy }) => accuracy),
          },
        ];
  const labelled = perClass.flatMap(({ support }, id) => (support > 0 ? [id] : []));
  if (labelled.length > mostCurves) return reliability;
  const kinds = { 'precision-recall': precisionRecallCurve, roc: rocCurve } as const;
  return [
    ...reliability,
    ...Object.entries(kinds).flatMap(([kind, curveOf]) =>
      labelled.flatMap((id): EvaluationCurve[] => {
        const curve = curveOf(labels, scores, id);
        if (curve === undefined) return [];
        const { x, y } = thinCurve(curve, curvePoints);
        return [{ kind: kind as keyof typeof kinds, name: names[id] as string, x: [...x], y: [...y] }];
      }),
    ),
  ];
}

/** Only classes that are labelled or were found: of a thousand, most data sets have a few. */
function confusionOf({ confusion, perClass, classes }: ClassificationMetrics, names: readonly string[]): Findings['confusion'] {
  if (confusion === undefined) return undefined;
  const used = perClass.flatMap(({ support, predicted }, id) => (support > 0 || predicted > 0 ? [id] : []));
  return {
    classes: used.map((id) => names[id] as string),
    matrix: used.map((actual) => used.map((predicted) => confusion[actual * classes + predicted] as number)),
  };
}

/** Pictures that the model was surest about, and wrong. */
function examplesOf(
  images: readonly DatasetImage[],
  labels: Int32Array,
  { predicted, correct }: ClassificationMetrics,
  { values, classes }: ScoreMatrix,
  names: readonly string[],
): EvaluationExample[] {
  const scoreOf = (picture: number): number => values[picture * classes + (predicted[picture] as number)] as number;
  return [...images.keys()]
    .filter((picture) => correct[picture] === 0)
    .sort((left, right) => scoreOf(right) - scoreOf(left))
    .slice(0, examplesShown)
    .map((picture) => {
      const { name, path } = images[picture] as DatasetImage;
      const [actual, found] = [labels, predicted].map((ids) => names[ids[picture] as number]);
      return { image: name, path, kind: 'wrong-class', caption: `${actual}, taken for ${found}`, score: scoreOf(picture) };
    });
}

function severalClasses(image: string): DatasetError {
  return new DatasetError('DATASET_UNSUPPORTED', {
    message: `Expected one class for each picture, but ${JSON.stringify(image)} has several`,
    hint: 'A classifier whose classes exclude one another is measured on pictures of one class each.',
    details: { image },
  });
}

function nothingLabelled(): DatasetError {
  return new DatasetError('DATASET_INVALID', {
    message: 'No picture that was run has a class',
    hint: 'Check that the data set has labels, and that its pictures can be read.',
  });
}
