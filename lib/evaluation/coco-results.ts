import { open } from 'node:fs/promises';

import type { DatasetImage } from '../dataset/index.js';
import { readCocoResults, type DetectionKind, type FoundObjects, type RunLengthMasks } from '../metrics/index.js';
import type { PredictionSource } from './prediction-source.js';
import { rowsAt, type FoundObjectList, type Prediction } from './predictions.js';
import type { Truth } from './truth.js';

/** So much of the file shows what the first result has: a mask is a few kilobytes at most. */
const peekBytes = 2 ** 16;

/**
 * A detector's results in COCO's form as predictions: by the ids of the data set's pictures and categories. A picture without results is one where nothing was
 * found. Rejects as {@link readCocoResults} does.
 */
export async function openCocoResults(path: string, truth: Truth, signal: AbortSignal | undefined): Promise<PredictionSource> {
  const images = [...truth.images.values()].sort((left, right) => left.id - right.id);
  const kind = await kindOf(path);
  const keypointCount = truth.categories.find(({ keypoints }) => keypoints !== undefined)?.keypoints?.length;
  const found = await readCocoResults(path, {
    kind,
    imageIds: images.map(({ id }) => id),
    categoryIds: truth.categories.map(({ id }) => id),
    keypointCount,
    signal,
  });
  const header = { task: 'detect', labels: truth.categories.map(({ name }) => name), options: {} } as const;
  return {
    header,
    async *pictures(): AsyncGenerator<Prediction> {
      yield* predictionsOf(images, found);
    },
  };
}

async function kindOf(path: string): Promise<DetectionKind> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(peekBytes), 0, peekBytes, 0);
    const text = buffer.toString('utf8', 0, bytesRead);
    return text.includes('"segmentation"') ? 'mask' : text.includes('"keypoints"') ? 'keypoints' : 'box';
  } finally {
    await file.close();
  }
}

function* predictionsOf(images: readonly DatasetImage[], found: FoundObjects): Generator<Prediction> {
  const places: number[][] = images.map(() => []);
  found.images.forEach((image, i) => (places[image] as number[]).push(i));
  const values = found.keypoints === undefined ? 0 : found.keypoints.length / Math.max(1, found.images.length);
  for (const [place, { name }] of images.entries()) {
    const own = places[place] as number[];
    const masks = found.masks as RunLengthMasks | undefined;
    const list: FoundObjectList = {
      boxes: rowsAt(own, found.boxes, 4),
      scores: rowsAt(own, found.scores, 1),
      classIds: Int32Array.from(own, (i) => found.categories[i] as number),
      ...(found.areas && { areas: rowsAt(own, found.areas, 1) }),
      ...(masks && { masks: own.map((i) => masks.at(i)) }),
      ...(found.keypoints && { keypoints: rowsAt(own, found.keypoints, values) }),
    };
    yield { image: name, found: list };
  }
}
