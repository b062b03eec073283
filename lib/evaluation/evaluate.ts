import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { aborted, packageVersion } from '../binding/index.js';
import type { Dataset, DatasetImage } from '../dataset/index.js';
import { checkOptions, DatasetError } from '../errors/index.js';
import { EngineBundle, ModelBundle, sha256OfFile } from '../engine/index.js';
import { Account, strangeImage } from './account.js';
import { evaluateClassified } from './classified.js';
import { evaluateDetected } from './detected.js';
import { matchClasses, type ClassMatching } from './class-matching.js';
import type { EvaluationResult } from './evaluation-result.js';
import {
  checkEvaluable,
  headerOf,
  defaultDetectOptions,
  predict,
  predictedTaskOf,
  type EvaluableTask,
  type EvaluatedDetectOptions,
} from './predict.js';
import { openPredictions } from './prediction-source.js';
import type { Prediction, PredictionsHeader } from './predictions.js';
import { PredictionsFile } from './predictions-file.js';
import { intervalsOf, slicesOf, type Sampler } from './sampling.js';
import { evaluateSegmented } from './segmented.js';
import { readTruth, type Truth } from './truth.js';

/** How {@link evaluate} runs a model and counts. */
export interface EvaluateOptions extends EvaluatePredictionsOptions, EvaluatedDetectOptions {
  /** A file that keeps what the model finds, so that it need not run again. Default: a temporary one. */
  readonly predictions?: string | undefined;
  /** Goes on with that file: pictures that are in it are not run again. Default false. */
  readonly resume?: boolean | undefined;
  /** Path of the model or its bundle, to be named in the results with its size and hash. */
  readonly model?: string | undefined;
  /** Told after each picture. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** How {@link evaluatePredictions} counts. */
export interface EvaluatePredictionsOptions {
  /** Resamples of the pictures that intervals are taken from; 0: none are. Default 1000. */
  readonly resamples?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const defaultResamples = 1000;
const countingOptions = ['resamples', 'signal'];
const evaluateOptions = [
  ...countingOptions,
  ...['scoreThreshold', 'iouThreshold', 'maxDetections', 'classAgnostic'],
  ...['predictions', 'resume', 'model', 'onProgress'],
];

/**
 * Runs a model on a labelled data set, and counts what it found against the labels.
 *
 *     await using detector = await Detector.load('yolov8n.onnx');
 *     const { metrics } = await evaluate(detector, await openDataset('coco/annotations/instances_val2017.json'));
 *     console.log(metrics.AP);
 *
 * A detector is asked for what papers measure, whatever it was opened with: scores from 0.001 on, suppression at an IoU of 0.7, 300 objects a picture. Pictures
 * that cannot be read are told in `failures` and counted nowhere.
 *
 * Throws DATASET_INVALID, DATASET_UNSUPPORTED where the labels are not of the model's kind, INVALID_ARGUMENT, OUTPUT_NOT_WRITABLE, ABORTED.
 */
export async function evaluate(task: EvaluableTask, dataset: Dataset, options: EvaluateOptions = {}): Promise<EvaluationResult> {
  checkOptions('evaluate options', options, evaluateOptions);
  const { predictions, resume = false, model, onProgress, signal, resamples, ...given } = options;
  checkEvaluable(task);
  checkKind(predictedTaskOf(task), dataset);
  matchClasses(task.labels, dataset.categories); // before the model runs for hours
  const folder = predictions === undefined ? await mkdtemp(join(tmpdir(), 'foveate-predictions-')) : undefined;
  const path = predictions ?? join(folder as string, 'predictions.ndjson');
  try {
    const detections = { ...defaultDetectOptions, ...definedOf(given) };
    const known = model === undefined ? undefined : await modelInfo(model, task, signal);
    const header = headerOf(task, detections, known, packageVersion);
    const file = resume ? await PredictionsFile.resume(path, header, signal) : PredictionsFile.create(path, header);
    try {
      await checkPictures(file, dataset, signal);
      await predict(task, dataset, file, {
        detections,
        onProgress: onProgress && ((done) => onProgress(done, dataset.size)),
        signal,
      });
    } finally {
      file.close();
    }
    return await evaluatePredictions(path, dataset, { resamples, signal });
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Counts what was found before: `predictions` is a file that {@link evaluate} kept, or a detector's results in COCO's form. No model runs.
 *
 * Throws DATASET_NOT_FOUND, DATASET_INVALID for a damaged file or one of other pictures, DATASET_UNSUPPORTED, ABORTED.
 */
export async function evaluatePredictions(
  predictions: string,
  dataset: Dataset,
  options: EvaluatePredictionsOptions = {},
): Promise<EvaluationResult> {
  checkOptions('evaluate options', options, countingOptions);
  const { resamples = defaultResamples, signal } = options;
  const truth = await readTruth(dataset, signal);
  const { header, matching, account, findings } = await countPredictions(predictions, dataset, truth, signal);
  const { images, sampler, notices, ...told } = findings;
  const intervals = await intervalsOf(sampler, images.length, resamples);
  const slices = await slicesOf(sampler, images, resamples);
  if (signal?.aborted) throw aborted(signal);
  return {
    format: 1,
    foveate: packageVersion,
    task: header.task,
    made: new Date().toISOString(),
    model: header.model,
    dataset: {
      name: basename(dataset.path),
      format: dataset.format,
      images: truth.images.size,
      annotations: truth.annotations,
      sha256: truth.sha256,
    },
    options: header.options,
    ...told,
    intervals,
    slices,
    latencyMs: account.latency(),
    failures: account.failures(),
    notices: [...matching.notices, ...notices],
  };
}

/** Counts what a file of predictions holds. Rejects as {@link evaluatePredictions} does. */
export async function countPredictions(
  predictions: string,
  dataset: Dataset,
  truth: Truth,
  signal: AbortSignal | undefined,
): Promise<{
  readonly header: PredictionsHeader;
  readonly matching: ClassMatching;
  readonly account: Account;
  readonly findings: Findings;
}> {
  const source = await openPredictions(predictions, truth, signal);
  const { header } = source;
  checkKind(header.task, dataset);
  const matching = matchClasses(header.labels, dataset.categories);
  const account = new Account(predictions, source, truth);
  const findings = await findingsOf[header.task]({ header, matching, truth, predictions: account.read(signal), signal });
  return { header, matching, account, findings };
}

const findingsOf: Readonly<Record<PredictionsHeader['task'], (run: PredictedRun) => Promise<Findings>>> = {
  classify: evaluateClassified,
  detect: evaluateDetected,
  segment: evaluateSegmented,
};

/** What there is to count. */
export interface PredictedRun {
  readonly header: PredictionsHeader;
  readonly matching: ClassMatching;
  readonly truth: Truth;
  /** Pictures that were run, once each. */
  readonly predictions: AsyncIterable<Prediction & { readonly found: Exclude<Prediction['found'], { error: unknown }> }>;
  readonly signal: AbortSignal | undefined;
}

/** What is told of a task alone. */
export type Findings = Pick<EvaluationResult, 'metrics' | 'classes' | 'curves' | 'confusion' | 'examples'> & {
  /** Those that count, in the order of the sampler's places. */
  readonly images: readonly DatasetImage[];
  readonly sampler: Sampler;
  readonly notices: readonly string[];
};

function checkKind(task: PredictionsHeader['task'], dataset: Dataset): void {
  if (task === dataset.task) return;
  const nouns = { classify: 'classes of whole pictures', detect: 'objects', segment: 'the class of every pixel' };
  throw new DatasetError('DATASET_UNSUPPORTED', {
    message: `Expected a data set that labels ${nouns[task]}, as the model finds, but ${dataset.path} labels ${nouns[dataset.task]}`,
    hint: 'Evaluate a model of its kind, or name the format of the data set where it was recognised wrongly.',
  });
}

/** Before the model runs: whether all labels can be read, and a file to go on with is not of other pictures. */
async function checkPictures(
  { path, images }: PredictionsFile,
  dataset: Dataset,
  signal: AbortSignal | undefined,
): Promise<void> {
  const unknown = new Set(images);
  for await (const { name } of dataset.images(signal)) unknown.delete(name);
  for (const image of unknown) throw strangeImage(path, image);
}

async function modelInfo(
  path: string,
  task: EvaluableTask,
  signal: AbortSignal | undefined,
): Promise<PredictionsHeader['model']> {
  // Of a bundle, the form that runs.
  const file = (await EngineBundle.at(path))?.engineFile ?? (await ModelBundle.at(path))?.form('onnxruntime') ?? path;
  const { size } = await stat(file);
  return { name: basename(path), bytes: size, sha256: await sha256OfFile(file, signal), device: task.session.device };
}

function definedOf<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
