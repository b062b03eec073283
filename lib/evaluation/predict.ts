import { availableParallelism } from 'node:os';

import type { Dataset, DatasetImage, RunLengthEncoding } from '../dataset/index.js';
import { ArgumentError, MediaError } from '../errors/index.js';
import { runLengthMask, type Classification, type Detections, type Segmentation, type Timing } from '../results/index.js';
import { Classifier, Detector, Segmenter, type DetectOptions, type Task } from '../tasks/index.js';
import { mapInOrder } from './in-order.js';
import type { PredictedTask, FoundClasses, FoundObjectList, Prediction, PredictionsHeader } from './predictions.js';
import type { PredictionsFile } from './predictions-file.js';

/** What counts as found when a detector is measured. */
export type EvaluatedDetectOptions = Pick<DetectOptions, 'scoreThreshold' | 'iouThreshold' | 'maxDetections' | 'classAgnostic'>;

/**
 * As Ultralytics and most papers measure: precision is looked at down to the lowest scores, and suppression leaves close neighbours alone.
 * https://docs.ultralytics.com/modes/val
 */
export const defaultDetectOptions = { scoreThreshold: 0.001, iouThreshold: 0.7, maxDetections: 300 } as const;

/** A task whose results can be held against labels. */
export type EvaluableTask = Classifier | Detector | Segmenter;

export function predictedTaskOf(task: EvaluableTask): PredictedTask {
  if (task instanceof Classifier) return 'classify';
  return task instanceof Detector ? 'detect' : 'segment';
}

/** Throws INVALID_ARGUMENT for a task that gives neither classes, nor objects, nor regions. */
export function checkEvaluable(task: Task): asserts task is EvaluableTask {
  if (task instanceof Classifier || task instanceof Detector || task instanceof Segmenter) return;
  throw new ArgumentError('INVALID_ARGUMENT', {
    message: 'Expected a classifier, a detector or a segmenter to evaluate but received a model without classes',
    hint: 'Embeddings and dense maps are held against no labels.',
  });
}

/** What predictions of a task depend on, and what they are of. */
export function headerOf(
  task: EvaluableTask,
  detections: EvaluatedDetectOptions,
  model: PredictionsHeader['model'],
  foveate: string,
): PredictionsHeader {
  const preprocess = Object.entries(task.preprocess.options).map(
    ([name, value]) => [`preprocess.${name}`, Array.isArray(value) ? value.join(' ') : (value as string | number)] as const,
  );
  return {
    task: predictedTaskOf(task),
    labels: task.labels,
    model,
    foveate,
    options: {
      ...(task instanceof Detector
        ? { ...(detections as Record<string, number | boolean>), head: task.head }
        : { activation: task.activation }),
      ...Object.fromEntries(preprocess),
    },
  };
}

/** Runs a task on the pictures of a data set that a file of predictions does not hold yet, in their order, a few at a time. */
export async function predict(
  task: EvaluableTask,
  dataset: Dataset,
  file: PredictionsFile,
  {
    detections,
    onProgress,
    signal,
  }: { detections: EvaluatedDetectOptions; onProgress?: ((done: number) => void) | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  let done = 0;
  const missing = async function* (): AsyncGenerator<DatasetImage> {
    for await (const image of dataset.images(signal)) {
      if (!file.has(image.name)) yield image;
      else onProgress?.(++done);
    }
  };
  const work = async (image: DatasetImage): Promise<Prediction> => predictImage(task, image, detections, signal);
  for await (const prediction of mapInOrder(missing(), Math.max(2, availableParallelism()), work)) {
    file.append(prediction);
    onProgress?.(++done);
  }
}

/** A picture that cannot be read is a failure of its own; anything else ends the run. */
async function predictImage(
  task: EvaluableTask,
  { name, path }: DatasetImage,
  detections: EvaluatedDetectOptions,
  signal: AbortSignal | undefined,
): Promise<Prediction> {
  try {
    if (task instanceof Classifier) {
      const result = await task.classify(path, { topK: task.labels.length, signal });
      return { image: name, ms: timeOf(result.timing), found: classScores(result, task.labels.length) };
    }
    if (task instanceof Detector) {
      const result = await task.detect(path, { ...detections, signal });
      return { image: name, ms: timeOf(result.timing), found: objects(result) };
    }
    const result = await task.segment(path, { signal });
    return { image: name, ms: timeOf(result.timing), found: regions(result) };
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
    return { image: name, found: { error: { code: error.code, message: error.message } } };
  }
}

function timeOf({ decodeMs, preprocessMs, computeMs, transferMs, postprocessMs }: Timing): number {
  return decodeMs + preprocessMs + computeMs + transferMs + postprocessMs;
}

function classScores({ classIds, scores }: Classification, classes: number): FoundClasses {
  const classScores = new Float32Array(classes);
  classIds.forEach((id, rank) => {
    classScores[id] = scores[rank] as number;
  });
  return { classScores };
}

function objects(result: Detections): FoundObjectList {
  const boxes = new Float64Array(result.length * 4);
  for (let i = 0; i < result.length; i++) {
    const [x1, y1, x2, y2] = result.boxes.subarray(i * 4, i * 4 + 4) as unknown as [number, number, number, number];
    boxes.set([x1, y1, x2 - x1, y2 - y1], i * 4);
  }
  return {
    boxes,
    scores: Float64Array.from(result.scores),
    classIds: result.classIds,
    ...(result.masks && { masks: result.masks.map((mask): RunLengthEncoding => runLengthMask(mask, result)) }),
    ...(result.keypoints && { keypoints: Float64Array.from(result.keypoints) }),
  };
}

function regions({ mask, width, height }: Segmentation): { data: Uint8Array; width: number; height: number } {
  return { data: mask, width, height };
}
