import type { DatasetImage } from '../dataset/index.js';
import type { DetectionKind, DetectionMetrics } from '../metrics/index.js';
import type { ClassMatching } from './class-matching.js';
import { comparableKinds, keypointCountOf, matchObjects, type DetectedPicture, type MatchedObjects } from './detected-objects.js';
import { detectionExamples } from './detection-examples.js';
import type { EvaluatedRun, Findings } from './evaluate.js';
import type { ClassResult, EvaluationCurve } from './evaluation-result.js';
import { known } from './known.js';
import type { FoundObjectList } from './predictions.js';
import type { Sampler } from './sampling.js';

/** Where nothing else says so: what is looked at by people, unlike AP, is of what would be shown to them. */
export const shownScore = 0.25;
const shownIou = 0.5;
const mostCurves = 20;

/** Counts the objects that were found: boxes, and masks and keypoints where both sides have them. */
export async function evaluateDetected({ matching, truth, predictions, signal }: EvaluatedRun): Promise<Findings> {
  const { categories } = truth;
  const pictures: DetectedPicture[] = [];
  for await (const { image, found } of predictions) {
    pictures.push({ image: truth.images.get(image) as DatasetImage, found: inCategories(found as FoundObjectList, matching) });
  }
  const kinds = comparableKinds(pictures, categories);
  const points = keypointCountOf(pictures);
  const match = (some: readonly DetectedPicture[]): Promise<MatchedObjects[]> =>
    Promise.all(kinds.map((kind) => matchObjects(kind, some, { categories: categories.length, points }, signal)));
  const matched = await match(pictures);
  const sampler: Sampler = async (members, { samples, seed }) => {
    const isAll = members.length === pictures.length;
    const some = isAll ? matched : await match([...members].map((place) => pictures[place] as DetectedPicture));
    const estimates = await Promise.all(some.map(({ metrics }) => estimatesOf(metrics, samples, seed, signal)));
    return estimates.flat();
  };
  const [boxes] = matched as [MatchedObjects<'box'>];
  return {
    images: pictures.map(({ image }) => image),
    sampler,
    metrics: Object.fromEntries(
      matched.flatMap(({ metrics }) =>
        namedSummary(metrics).map(([name, value]) => [`${prefixOf(metrics.kind)}${name}`, known(value)]),
      ),
    ),
    classes: categories.flatMap(({ name }, category) => classResult(name, category, matched)),
    curves: curvesOf(
      boxes.metrics,
      categories.map(({ name }) => name),
    ),
    confusion: await confusionOf(
      boxes.metrics,
      categories.map(({ name }) => name),
      signal,
    ),
    examples: detectionExamples(boxes, categories, shownScore),
    notices: [],
  };
}

/** What the data set has no class for counts nowhere. */
function inCategories(
  { boxes, scores, classIds, areas, masks, keypoints }: FoundObjectList,
  { categoryOf }: ClassMatching,
): FoundObjectList {
  const kept = [...classIds.keys()].filter((i) => categoryOf[classIds[i] as number] !== -1);
  const values = scores.length === 0 ? 0 : (keypoints?.length ?? 0) / scores.length;
  const pick = (from: Float64Array, each: number): Float64Array => {
    const picked = new Float64Array(kept.length * each);
    kept.forEach((i, at) => picked.set(from.subarray(i * each, (i + 1) * each), at * each));
    return picked;
  };
  return {
    boxes: pick(boxes, 4),
    scores: pick(scores, 1),
    classIds: Int32Array.from(kept, (i) => categoryOf[classIds[i] as number] as number),
    ...(areas && { areas: pick(areas, 1) }),
    ...(masks && { masks: kept.map((i) => masks[i] as (typeof masks)[number]) }),
    ...(keypoints && { keypoints: pick(keypoints, values) }),
  };
}

/** `AP` of boxes, `mask.AP`, `keypoints.AP`. */
function prefixOf(kind: DetectionKind): string {
  return kind === 'box' ? '' : `${kind}.`;
}

function namedSummary({ summary }: DetectionMetrics): [string, number][] {
  return Object.entries<number>(summary);
}

async function estimatesOf(
  metrics: DetectionMetrics,
  samples: number,
  seed: number,
  signal: AbortSignal | undefined,
): ReturnType<Sampler> {
  const drawn: Readonly<Record<string, Float64Array>> =
    samples === 0 ? {} : (await metrics.bootstrap(samples, seed, { signal })).samples;
  return namedSummary(metrics).map(([name, value]) => ({
    name: `${prefixOf(metrics.kind)}${name}`,
    value,
    samples: drawn[name] ?? new Float64Array(),
  }));
}

/** Nothing of a class that is neither labelled nor found. */
function classResult(name: string, category: number, matched: readonly MatchedObjects[]): ClassResult[] {
  const [{ truth, found }] = matched as [MatchedObjects];
  const count = truth.categories.filter((place, i) => place === category && truth.crowd?.[i] !== 1).length;
  if (count === 0 && !found.categories.includes(category)) return [];
  const metrics = matched.flatMap(({ metrics: { kind, perCategory } }) =>
    Object.entries<number>({ ...perCategory[category] }).map(([metric, value]) => [`${prefixOf(kind)}${metric}`, known(value)]),
  );
  return [{ name, count, metrics: Object.fromEntries(metrics) as ClassResult['metrics'] }];
}

function curvesOf(metrics: DetectionMetrics, names: readonly string[]): EvaluationCurve[] {
  const curves = names.flatMap((name, category) => {
    const curve = metrics.precisionRecall(category, shownIou);
    return Number.isNaN(curve.precision[0]) ? [] : [{ name, ...curve }];
  });
  const [first] = curves;
  if (first === undefined) return [];
  const mean = (of: (curve: (typeof curves)[number], i: number) => number, length: number): number[] =>
    Array.from({ length }, (_, i) => curves.reduce((sum, curve) => sum + of(curve, i), 0) / curves.length);
  const recall = [...first.recall];
  const scores = Array.from({ length: 101 }, (_, i) => i / 100);
  return [
    {
      kind: 'precision-recall',
      name: 'all classes',
      x: recall,
      y: mean(({ precision }, i) => precision[i] as number, recall.length),
    },
    ...(curves.length > 1 && curves.length <= mostCurves
      ? curves.map(({ name, precision }): EvaluationCurve => ({ kind: 'precision-recall', name, x: recall, y: [...precision] }))
      : []),
    { kind: 'confidence-f1', name: 'all classes', x: scores, y: mean((curve, i) => f1At(curve, i / 100), scores.length) },
  ];
}

/** F1 of what is found from a score on: the farthest point of the curve that such scores reach. */
function f1At(
  { recall, precision, scores }: { recall: Float64Array; precision: Float64Array; scores: Float64Array },
  least: number,
): number {
  let best = 0;
  for (let i = 0; i < recall.length; i++) {
    const [r, p] = [recall[i] as number, precision[i] as number];
    if (p > 0 && (scores[i] as number) >= least) best = (2 * r * p) / (r + p);
  }
  return best;
}

async function confusionOf(
  metrics: DetectionMetrics,
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Findings['confusion']> {
  const counts = await metrics.confusion(shownIou, shownScore, { signal });
  const size = names.length + 1;
  const row = (actual: number): Uint32Array => counts.subarray(actual * size, (actual + 1) * size);
  const used = names.flatMap((_, id) => {
    const isUsed =
      row(id).some((count) => count > 0) || Array.from({ length: size }, (_, actual) => row(actual)[id]).some(Boolean);
    return isUsed ? [id] : [];
  });
  const shown = [...used, names.length];
  return {
    classes: [...used.map((id) => names[id] as string), 'background'],
    matrix: shown.map((actual) => shown.map((predicted) => row(actual)[predicted] as number)),
  };
}
