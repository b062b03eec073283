import type { Category, DatasetImage, RunLengthEncoding } from '../dataset/index.js';
import {
  cocoKeypointSigmas,
  evaluateDetections,
  truthOfDataset,
  type DetectionKind,
  type DetectionMetrics,
  type FoundObjects,
  type TruthObjects,
} from '../metrics/index.js';
import type { FoundObjectList } from './predictions.js';

/** What was found in a picture, by the data set's categories. */
export interface DetectedPicture {
  readonly image: DatasetImage;
  readonly found: FoundObjectList;
}

/** Objects of some pictures, and how they match. */
export interface MatchedObjects<K extends DetectionKind = DetectionKind> {
  readonly metrics: DetectionMetrics<K>;
  readonly truth: TruthObjects;
  readonly found: FoundObjects;
  /** In the order that `images` of both count by. */
  readonly pictures: readonly DetectedPicture[];
}

/** What of objects can be compared: their boxes, and what else all that was found, and all that is labelled, has. */
export function comparableKinds(pictures: readonly DetectedPicture[], categories: readonly Category[]): DetectionKind[] {
  const found = pictures.filter(({ found: { scores } }) => scores.length > 0);
  const labelled = pictures.flatMap(({ image }) => image.annotations);
  const have = (key: 'masks' | 'keypoints'): boolean =>
    found.length > 0 && found.every((picture) => picture.found[key] !== undefined);
  const kinds: DetectionKind[] = ['box'];
  if (have('masks') && labelled.length > 0 && labelled.every(({ segmentation }) => segmentation !== undefined))
    kinds.push('mask');
  const points = keypointCountOf(pictures);
  if (have('keypoints') && categories.some(({ keypoints }) => keypoints !== undefined && keypoints.length === points)) {
    kinds.push('keypoints');
  }
  return kinds;
}

/** Keypoints of each object that was found: of all pictures, as some of them may have none. */
export function keypointCountOf(pictures: readonly DetectedPicture[]): number {
  const some = pictures.find(({ found: { scores } }) => scores.length > 0)?.found;
  return (some?.keypoints?.length ?? 0) / 3 / (some?.scores.length ?? 1);
}

/** COCO's for its 17 keypoints; others are all as exact as one another, as in Ultralytics. */
function sigmasOf(points: number): readonly number[] {
  return points === cocoKeypointSigmas.length ? cocoKeypointSigmas : new Array<number>(points).fill(1 / points);
}

/** Matches what was found in some pictures with what is labelled there. Rejects with DATASET_INVALID, DATASET_UNSUPPORTED, ABORTED. */
export async function matchObjects<K extends DetectionKind>(
  kind: K,
  pictures: readonly DetectedPicture[],
  { categories, points: keypoints }: { readonly categories: number; readonly points: number },
  signal: AbortSignal | undefined,
): Promise<MatchedObjects<K>> {
  const points = kind === 'keypoints' ? keypoints : undefined;
  const ordered = [...pictures].sort((left, right) => left.image.id - right.image.id);
  const images = ordered.map(({ image }) => image);
  const { truth } = await truthOfDataset(images, { kind, keypointCount: points, signal });
  const found = foundObjects(kind, ordered);
  const sigmas = points === undefined ? undefined : sigmasOf(points);
  const counts = { imageCount: ordered.length, categoryCount: categories };
  const metrics = await evaluateDetections(truth, found, { kind, ...counts, sigmas, signal });
  return { metrics, truth, found, pictures: ordered };
}

function foundObjects(kind: DetectionKind, pictures: readonly DetectedPicture[]): FoundObjects {
  const count = pictures.reduce((sum, { found }) => sum + found.scores.length, 0);
  const all = {
    images: new Int32Array(count),
    categories: new Int32Array(count),
    boxes: new Float64Array(count * 4),
    scores: new Float64Array(count),
  };
  const areas = pictures.some(({ found }) => found.areas !== undefined) ? new Float64Array(count) : undefined;
  const masks: RunLengthEncoding[] = [];
  const keypoints: Float64Array[] = [];
  let at = 0;
  for (const [place, { found }] of pictures.entries()) {
    all.images.fill(place, at, at + found.scores.length);
    all.categories.set(found.classIds, at);
    all.boxes.set(found.boxes, at * 4);
    all.scores.set(found.scores, at);
    if (found.areas !== undefined) areas?.set(found.areas, at);
    if (kind === 'mask') masks.push(...(found.masks ?? []));
    if (kind === 'keypoints' && found.keypoints !== undefined) keypoints.push(found.keypoints);
    at += found.scores.length;
  }
  return {
    ...all,
    ...(areas && { areas }),
    ...(kind === 'mask' && { masks }),
    ...(kind === 'keypoints' && { keypoints: joined(keypoints) }),
  };
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
