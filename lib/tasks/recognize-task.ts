import { hasNamesBeside } from '../declared/index.js';
import { ArgumentError, checkOneOf, checkOptions, ModelError } from '../errors/index.js';
import { ModelBundle } from '../engine/index.js';
import { readModel, type OnnxModel } from '../graph/index.js';
import { createSession, type ModelSource } from '../session/index.js';
import { producerOf, recognizeActivation, type Activation } from './activation.js';
import { Classifier, classifierOptionNames, type ClassifyOptions } from './classifier.js';
import { DensePredictor, densePredictorOptionNames, type DensePredictorOptions } from './dense-predictor.js';
import { Detector, detectOptionNames, detectorOptionNames, type DetectOptions, type DetectorOptions } from './detector.js';
import { Embedder, embedderOptionNames, type EmbedderOptions } from './embedder.js';
import type { DetectionHead } from './heads/detection-head.js';
import { givenModel } from './given-model.js';
import { Segmenter, segmenterOptionNames, type SegmenterOptions, type SegmentOptions } from './segmenter.js';
import { onlyToLook } from './task-engine.js';
import { sessionOptionsOf, taskOptionNames, type TaskOptions } from './task-options.js';
import { describeValues, effectiveRank, isFloat, isLogits, recognizeTask, taskNames, type TaskName } from './task-of-outputs.js';

/** How {@link loadTask} opens a model. An option that only one task knows is refused where the model is for another. */
export interface LoadTaskOptions extends TaskOptions, ClassifyOptions, DetectOptions, SegmentOptions {
  /** What the model is for. Default: recognised. */
  readonly task?: TaskName | undefined;
  /** For detectors, see `DetectorOptions`. */
  readonly head?: DetectionHead | undefined;
  readonly keypoints?: DetectorOptions['keypoints'];
  readonly rotated?: boolean | undefined;
  readonly ssd?: DetectorOptions['ssd'];
  /** For classifiers and segmenters, see `ClassifierOptions` and `SegmenterOptions`. */
  readonly activation?: Activation | undefined;
  /** For segmenters, see `SegmenterOptions`. */
  readonly layout?: 'nchw' | 'nhwc' | undefined;
  readonly background?: SegmenterOptions['background'];
  /** For embedders and dense predictors, see `EmbedderOptions`, `DensePredictorOptions`. */
  readonly output?: string | undefined;
  readonly pooling?: EmbedderOptions['pooling'];
  readonly scaling?: DensePredictorOptions['scaling'];
  readonly interpolation?: DensePredictorOptions['interpolation'];
}

/** A model that was opened for what it is for. */
export type Task = Classifier | Detector | Segmenter | Embedder | DensePredictor;

/** What each task is called in messages, and its own options. */
const tasks = {
  classify: { noun: 'a classifier', options: classifierOptionNames },
  detect: { noun: 'a detector', options: [...detectorOptionNames, ...detectOptionNames] },
  segment: { noun: 'a segmenter', options: segmenterOptionNames },
  embed: { noun: 'an embedder', options: embedderOptionNames },
  dense: { noun: 'a dense predictor', options: densePredictorOptionNames },
} as const satisfies Record<TaskName, { noun: string; options: readonly (keyof LoadTaskOptions)[] }>;

/** Names of {@link LoadTaskOptions}. */
export const loadTaskOptionNames: readonly (keyof LoadTaskOptions)[] = [
  ...taskOptionNames,
  ...Object.values(tasks).flatMap((task) => task.options),
  'task',
];

/**
 * Opens a model as what it is: a `Classifier` for an output of rank 2, a `Detector` for rank 3, a `Segmenter` for rank 4; an `Embedder` or a
 * `DensePredictor` where the names of the outputs say so, or the option `task`. The model's own `task` entry decides where it has outputs of several
 * ranks. An output of rank 2 that may as well be an embedding is not taken for class scores. The bundle of an optimised model says what it is.
 *
 *     const task = await loadTask('model.onnx');
 *     if (task instanceof Detector) console.log((await task.detect('street.jpg')).toJSON());
 *
 * Throws MODEL_AMBIGUOUS where this does not tell, MODEL_UNSUPPORTED where no task fits, UNKNOWN_OPTION for an option of another task, and as the `load` of that class.
 */
export async function loadTask(model: ModelSource, options: LoadTaskOptions = {}): Promise<Task> {
  checkOptions('options', options, loadTaskOptionNames);
  const { task: asked, ...rest } = options;
  const task = asked === undefined ? await taskOf(model, rest) : checkOneOf('task', asked, taskNames);
  checkBelongs(task, rest);
  switch (task) {
    case 'classify':
      return Classifier.load(model, rest);
    case 'detect':
      return Detector.load(model, rest);
    case 'segment':
      return Segmenter.load(model, rest as SegmenterOptions); // which refuses 'softmax' itself
    case 'embed':
      return Embedder.load(model, rest);
    case 'dense':
      return DensePredictor.load(model, rest);
  }
}

/** Reads the model's description only: the session is opened once, by the task. */
async function taskOf(model: ModelSource, options: TaskOptions): Promise<TaskName> {
  const { source, bundle } = await givenModel(model, options.signal);
  const name = bundle instanceof ModelBundle ? bundle.manifest.task?.name : undefined;
  if (bundle instanceof ModelBundle && name !== undefined) {
    const known = taskNames.find((task) => task === name);
    if (known === undefined)
      throw bundle.invalid(`names the task ${JSON.stringify(name)}, which this version of foveate does not know`);
    return known;
  }
  const graph = await readModel(source, { signal: options.signal });
  try {
    return recognizeModel(graph, options.labels !== undefined || (await hasNamesBeside(bundle ?? model)));
  } catch (error) {
    // Where the engine refuses the model, that is the reason to tell.
    await (await createSession(source, { ...sessionOptionsOf(options), ...onlyToLook })).dispose();
    throw error;
  }
}

/**
 * The task of a model by its description alone, as {@link loadTask} takes it. `namesClasses`: whether the caller, or a file beside the model, gives
 * labels.
 *
 * Throws MODEL_AMBIGUOUS, MODEL_UNSUPPORTED.
 */
export function recognizeModel(graph: OnnxModel, namesClasses: boolean): TaskName {
  const task = recognizeTask(graph.outputs, graph.metadata.get('task'));
  if (task === 'classify' && !namesClasses) checkHoldsScores(graph);
  return task;
}

/** Classes of ImageNet, without and with TensorFlow's background: so many values are scores, whoever names them. */
const imagenetSizes: readonly unknown[] = [1000, 1001];

/** Embeddings have the shape of class scores. Throws MODEL_AMBIGUOUS where nothing tells that a model's output of rank 2 holds scores. */
function checkHoldsScores(graph: OnnxModel): void {
  const { outputs, metadata } = graph;
  const output = outputs.find((candidate) => isFloat(candidate) && effectiveRank(candidate) === 2);
  if (output === undefined || outputs.some(isLogits) || metadata.get('task') === 'classify' || metadata.has('names')) return;
  const isActivated = recognizeActivation(producerOf(graph, output.name), 'softmax') === 'none';
  if (isActivated || imagenetSizes.includes(output.shape?.[1])) return;
  throw new ModelError('MODEL_AMBIGUOUS', {
    message: `It is not clear whether ${describeValues([output])} holds class scores or an embedding: the model names no classes, and ends in no Softmax or Sigmoid`,
    hint: "Say so: { task: 'classify' } or { task: 'embed' }, or give the labels of a classifier. createSession() gives the raw outputs of any model.",
    details: { candidates: ['classify', 'embed'] },
  });
}

function checkBelongs(task: TaskName, options: Readonly<Record<string, unknown>>): void {
  for (const other of taskNames.filter((name) => name !== task)) {
    const own: readonly string[] = tasks[task].options;
    const foreign = tasks[other].options.find((name) => options[name] !== undefined && !own.includes(name));
    if (foreign === undefined) continue;
    throw new ArgumentError('UNKNOWN_OPTION', {
      message: `The option ${foreign} is for ${tasks[other].noun}, but the model is used as ${tasks[task].noun}`,
      hint: `Leave it out, or name the task: { task: '${other}' }.`,
      details: { option: foreign, task },
    });
  }
}
