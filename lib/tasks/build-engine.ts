import { aborted } from '../binding/index.js';
import { readBesideModel } from '../declared/index.js';
import {
  BuildListener,
  buildModelEngine,
  buildOptionNames,
  checkBuildOptions,
  chooseTensorRt,
  readSource,
  sha256OfFile,
  type BuildOptions,
  type EngineBundle,
  type SourceModel,
} from '../engine/index.js';
import { checkOptions, FoveateError, invalidArgument } from '../errors/index.js';
import type { Preprocess } from '../image/index.js';
import type { LabelsOption } from '../labels/index.js';
import type { ModelSource } from '../session/index.js';
import { bakedOf, pixelsAsTheyAre } from './baked-preprocess.js';
import { Classifier } from './classifier.js';
import { Detector } from './detector.js';
import type { DetectionHead } from './heads/detection-head.js';
import type { PreprocessChoice } from './model-input.js';
import { loadTask, type LoadTaskOptions, type Task } from './recognize-task.js';
import { recalled } from './recognition-cache.js';
import { Segmenter } from './segmenter.js';
import { onlyToLook } from './task-engine.js';
import type { TaskName } from './task-of-outputs.js';

/** How {@link buildEngine} builds. */
export interface BuildEngineOptions extends Omit<BuildOptions, 'bakePreprocess' | 'preprocess' | 'labels'> {
  /** What the model is for. Default: recognised. */
  readonly task?: TaskName | undefined;
  /** For detectors whose outputs do not tell, see `DetectorOptions`. */
  readonly head?: DetectionHead | undefined;
  /** See `TaskOptions`. */
  readonly preprocess?: PreprocessChoice | undefined;
  readonly labels?: LabelsOption | undefined;
  /**
   * Whether scaling, normalisation and the order of axes go into the engine, whose input then takes pixels: uint8 [N, H, W, C], a quarter of the
   * bytes. Default true, where the model is one for pictures.
   */
  readonly bake?: boolean | undefined;
}

export interface BuildEngineResult {
  readonly bundle: EngineBundle;
  /** true: an engine of just this model, library and options was there. */
  readonly fromCache: boolean;
  /** Why the model's input was left as it is; undefined where the preprocessing was baked in, or that was not wanted. */
  readonly notBaked: string | undefined;
}

const optionNames = [...buildOptionNames.filter((name) => name !== 'bakePreprocess'), 'task', 'head', 'bake'];

/**
 * Builds a TensorRT engine of a model, or finds the one that was built before from the same model with the same library and options. The bundle holds
 * the engine, the model, how pictures become its input, and the names of its classes. Of the bundle of an optimised model, the form for TensorRT is built.
 *
 *     const { bundle } = await buildEngine('yolov8n.onnx', { device: 'tensorrt-rtx', computeCapability: 89, output: 'yolov8n.bundle' });
 *
 * The build runs on a thread of its own. An aborted or killed build leaves nothing behind; processes that want the same engine at the same time build
 * it once.
 *
 * Throws BACKEND_NOT_FOUND, BACKEND_UNAVAILABLE and BACKEND_TOO_OLD for the library, MODEL_NOT_FOUND, MODEL_INVALID, MODEL_UNSUPPORTED and BUNDLE_INVALID for the
 * model, INVALID_ARGUMENT and NOT_TRUSTED for options, OUTPUT_NOT_WRITABLE, ENGINE_FAILED, ABORTED.
 */
export async function buildEngine(model: ModelSource, options: BuildEngineOptions): Promise<BuildEngineResult> {
  checkOptions('build options', options ?? null, optionNames);
  const { task: asked, head, preprocess: choice, labels, bake = true, ...rest } = options;
  if (typeof bake !== 'boolean') throw invalidArgument('bake', 'true or false', bake);
  checkBuildOptions(rest);
  const { signal } = rest;
  if (signal?.aborted) throw aborted(signal);
  new BuildListener(rest).phase('Reading the model');
  // Opened on another thread meanwhile. What goes wrong is told where it is needed.
  void chooseTensorRt(rest.device, rest.tensorrtPath).catch(() => undefined);
  const source = await readSource(model, signal);
  let known: KnownPictures | string;
  try {
    known = await recognizedPictures(model, source, { task: asked, head, preprocess: choice, labels, signal });
  } catch (error) {
    // A model that is for no pictures is built as it is; what was said about pictures has to be right.
    const said = asked ?? head ?? choice ?? labels;
    const isOther = error instanceof FoveateError && (error.code === 'MODEL_UNSUPPORTED' || error.code === 'MODEL_AMBIGUOUS');
    if (said !== undefined || !isOther) throw error;
    // How pictures become the input is known of a bundle, whatever it is for.
    known =
      source.bundle === undefined ? error.message : knownPreprocess(source.bundle.preprocess, source.bundle.manifest.labels);
  }
  if (typeof known === 'string') return { ...(await buildModelEngine(source, rest)), notBaked: bake ? known : undefined };
  const { baked, pixels, values } = known;
  const built = await buildModelEngine(source, {
    ...rest,
    ...(bake && baked !== undefined ? { bakePreprocess: baked, preprocess: pixels } : { preprocess: values }),
    labels: known.labels,
  });
  const notBaked = bake && baked === undefined ? 'the input takes whole numbers already' : undefined;
  return { ...built, notBaked };
}

interface KnownPictures {
  readonly baked: BuildOptions['bakePreprocess'];
  /** `Preprocess` options for the baked engine, and for the one whose input stays as it is. */
  readonly pixels: Readonly<Record<string, unknown>>;
  readonly values: Readonly<Record<string, unknown>>;
  readonly labels: readonly string[] | undefined;
}

/** Opens the model to see what it is for, unless that is known from an earlier build. */
async function recognizedPictures(
  model: ModelSource,
  { path, sha256, read, bundle }: SourceModel,
  options: Pick<LoadTaskOptions, 'task' | 'head' | 'preprocess' | 'labels' | 'signal'>,
): Promise<KnownPictures> {
  const recognize = async (): Promise<KnownPictures> => {
    // Which only a detector takes: another refuses it, given or not.
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    await using task = await loadTask(path === undefined ? (await read()).bytes : model, { ...onlyToLook, ...given });
    return knownPictures(task);
  };
  const { task, head, preprocess, labels } = options;
  // A file with names may change under its path.
  if (typeof labels === 'string' || labels instanceof URL) return recognize();
  const beside = await readBesideModel(bundle ?? model, options);
  // Where the file has changed since it was read, nothing is known of what was read.
  const isSame = async (): Promise<boolean> => path === undefined || (await sha256OfFile(path, options.signal)) === sha256;
  return recalled({ model: sha256, beside, task, head, preprocess, labels }, recognize, isSame);
}

function knownPictures(task: Task): KnownPictures {
  const hasLabels = task instanceof Classifier || task instanceof Detector || task instanceof Segmenter;
  return knownPreprocess(task.preprocess, hasLabels ? task.labels : undefined);
}

function knownPreprocess(preprocess: Preprocess, labels: readonly string[] | undefined): KnownPictures {
  const { options } = preprocess;
  return {
    baked: bakedOf(preprocess),
    pixels: { ...options, ...pixelsAsTheyAre },
    values: { ...options },
    labels,
  };
}
