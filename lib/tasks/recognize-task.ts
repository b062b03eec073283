import { ArgumentError, checkOneOf, checkOptions, ModelError } from '../errors/index.js';
import { readModel, type OnnxModel, type ValueInfo } from '../graph/index.js';
import { createSession, type ModelSource } from '../session/index.js';
import { recognizeActivation, type Activation } from './activation.js';
import { hasNamesBeside } from './beside-model.js';
import { Classifier, type ClassifyOptions } from './classifier.js';
import { Detector, type DetectOptions } from './detector.js';
import type { DetectionHead } from './detector-head.js';
import { Segmenter, type SegmenterOptions, type SegmentOptions } from './segmenter.js';
import { producerOf, sessionOptionsOf, taskOptionNames, type TaskOptions } from './task-model.js';

/** What a model is for. */
export type TaskName = 'classify' | 'detect' | 'segment';

export const taskNames = ['classify', 'detect', 'segment'] as const satisfies readonly TaskName[];

/** How {@link loadTask} opens a model. An option that only one task knows is refused where the model is for another. */
export interface LoadTaskOptions extends TaskOptions, ClassifyOptions, DetectOptions, SegmentOptions {
  /** What the model is for. Default: recognised. */
  readonly task?: TaskName | undefined;
  /** For detectors, see `DetectorOptions`. */
  readonly head?: DetectionHead | undefined;
  /** For classifiers and segmenters, see `ClassifierOptions` and `SegmenterOptions`. */
  readonly activation?: Activation | undefined;
  /** For segmenters, see `SegmenterOptions`. */
  readonly layout?: 'nchw' | 'nhwc' | undefined;
}

/** A model that was opened for what it is for. */
export type Task = Classifier | Detector | Segmenter;

/** What each task is called in messages, the rank of the output it reads, and its own options. */
const tasks = {
  classify: { noun: 'a classifier', rank: 2, options: ['topK', 'activation'] },
  detect: {
    noun: 'a detector',
    rank: 3,
    options: ['head', 'scoreThreshold', 'iouThreshold', 'maxDetections', 'classAgnostic', 'classes'],
  },
  segment: { noun: 'a segmenter', rank: 4, options: ['threshold', 'activation', 'layout'] },
} as const satisfies Record<TaskName, { noun: string; rank: number; options: readonly (keyof LoadTaskOptions)[] }>;

/**
 * Opens a model as what it is: a `Classifier` for an output of rank 2, a `Detector` for rank 3, a `Segmenter` for rank 4.
 * The model's own `task` entry decides where it has outputs of several ranks. An output of rank 2 that may as well be an embedding is not taken
 * for class scores.
 *
 *     const task = await loadTask('model.onnx');
 *     if (task instanceof Detector) console.log((await task.detect('street.jpg')).toJSON());
 *
 * Throws MODEL_AMBIGUOUS where this does not tell, MODEL_UNSUPPORTED where no task fits, UNKNOWN_OPTION for an option of another task, and as the `load` of that class.
 */
export async function loadTask(model: ModelSource, options: LoadTaskOptions = {}): Promise<Task> {
  checkOptions('options', options, [...taskOptionNames, ...Object.values(tasks).flatMap((task) => task.options), 'task']);
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
  }
}

/** Reads the model's description only: the session is opened once, by the task. */
async function taskOf(model: ModelSource, options: TaskOptions): Promise<TaskName> {
  const graph = await readModel(model, { signal: options.signal });
  try {
    return recognizeModel(graph, options.labels !== undefined || (await hasNamesBeside(model)));
  } catch (error) {
    // Where the engine refuses the model, that is the reason to tell.
    await (await createSession(model, sessionOptionsOf(options))).dispose();
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
  const output = outputs.find((candidate) => isFloat(candidate) && effectiveRank(candidate) === tasks.classify.rank);
  if (output === undefined || metadata.get('task') === 'classify' || metadata.has('names')) return;
  const isActivated = recognizeActivation(producerOf(graph, output.name), 'softmax') === 'none';
  if (isActivated || imagenetSizes.includes(output.shape?.[1])) return;
  throw new ModelError('MODEL_AMBIGUOUS', {
    message: `It is not clear whether ${describe([output])} holds class scores or an embedding: the model names no classes, and ends in no Softmax or Sigmoid`,
    hint: "For a classifier, say so: { task: 'classify' }, or give the labels. createSession() gives the raw outputs of any model.",
    details: { candidates: ['classify'] },
  });
}

/** The task of a model with these outputs whose metadata names `declared`. Throws MODEL_AMBIGUOUS, MODEL_UNSUPPORTED. */
export function recognizeTask(outputs: readonly ValueInfo[], declared: string | undefined): TaskName {
  const ranks = outputs.filter(isFloat).map(effectiveRank);
  // Every task reads exactly one output of its rank.
  const fitting = taskNames.filter((task) => ranks.filter((rank) => rank === tasks[task].rank).length === 1);
  if (declared === 'segment' && fitting.includes('detect')) {
    throw new ModelError('MODEL_UNSUPPORTED', {
      message: `The model is for instance segmentation (its metadata says 'segment', its outputs are ${describe(outputs)})`,
      hint: 'Models that give one score map, [N, C, H, W] or [N, H, W, C], can be used for segmentation.',
      details: { declared },
    });
  }
  // An output of unknown shape may turn out to fit.
  if (fitting.length === 0 && !ranks.includes(undefined)) {
    throw new ModelError('MODEL_UNSUPPORTED', {
      message: `Expected one float output [N, C] for a classifier, [N, 4 + C, A] or [N, A, 5 + C] for a detector, or [N, C, H, W] or [N, H, W, C] for a segmenter, but the model's outputs are ${describe(outputs)}`,
      hint: 'createSession() gives the raw outputs of any model.',
      details: { declared },
    });
  }
  const [only] = fitting;
  const recognized = fitting.find((task) => task === declared) ?? (fitting.length === 1 ? only : undefined);
  const contradicted = declared !== undefined && recognized !== declared;
  if (recognized !== undefined && !contradicted) return recognized;
  const says = declared === undefined ? 'its metadata does not say' : `its metadata says '${declared}'`;
  throw new ModelError('MODEL_AMBIGUOUS', {
    message: `It is not clear what the model is for: ${says}, its outputs are ${describe(outputs)}`,
    hint: `Name the task: { task: '${only ?? 'detect'}' }; known are ${taskNames.join(', ')}. createSession() gives the raw outputs of any model.`,
    details: { declared, candidates: fitting },
  });
}

function isFloat({ dtype }: ValueInfo): boolean {
  return dtype === 'float32' || dtype === 'float16';
}

/** `[N, C, 1, 1]`, as some exporters leave it, is `[N, C]`. */
function effectiveRank({ shape }: ValueInfo): number | undefined {
  if (shape === null) return undefined;
  return shape.length > 2 && shape.slice(2).every((dim) => dim === 1) ? 2 : shape.length;
}

function describe(outputs: readonly ValueInfo[]): string {
  const texts = outputs.map(({ name, dtype, shape }) => {
    const dims = shape === null ? 'of unknown shape' : `[${shape.map((dim) => dim ?? '?').join(', ')}]`;
    return `${name}: ${dtype} ${dims}`;
  });
  return texts.join('; ');
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
