/** The engine of TensorRT that runs a picture model in the place of its ONNX session. */
import { isDeepStrictEqual } from 'node:util';

import { native, settle } from '../binding/index.js';
import type { EngineBundle } from '../engine/index.js';
import {
  buildModelEngine,
  engineDevices,
  findEngine,
  readSource,
  runningTensorRt,
  type BuildOptions,
  type BuildPolicy,
  type EngineDevice,
  type SourceModel,
} from '../engine/index.js';
import { ArgumentError, EngineError } from '../errors/index.js';
import type { Preprocess } from '../image/index.js';
import { anyEngine, createSession, type ModelSource, type Session, type SessionOptions } from '../session/index.js';
import { bakedOf, pixelsAsTheyAre } from './baked-preprocess.js';

/** What is known of the model once its task has been recognised. */
export interface EngineWanted {
  /** As it was given. */
  readonly model: ModelSource;
  /** The bundle of an engine, where that was given. */
  readonly bundle: EngineBundle | undefined;
  readonly options: SessionOptions;
  /** Pictures per run. */
  readonly batchSize: number;
  readonly preprocess: Preprocess;
  readonly labels: readonly string[] | undefined;
}

/** What is to be opened once the task has been recognised. */
export interface EngineSource extends Pick<EngineWanted, 'model' | 'bundle' | 'options'> {
  /** The ONNX model. */
  readonly source: ModelSource;
}

/** How a session is opened that only shows what a model is: ONNX Runtime's optimisations refuse some graphs that are for TensorRT. */
export const onlyToLook: SessionOptions = {
  ...{ device: 'cpu', lanes: 1, graphOptimization: 'disabled' },
  ...{ config: undefined, providerOptions: undefined },
};

export interface TaskEngine {
  readonly session: Session;
  /** Whether it takes pixels, and does by itself what the preprocessing has to do for the model. */
  readonly isBaked: boolean;
}

/** Whether engines may run a model: on a device of TensorRT, and with 'auto' where there is a GPU and no option speaks against it. */
export async function mayRunEngines({ device = 'auto', config, providerOptions }: SessionOptions): Promise<boolean> {
  if (device !== 'auto') return engineDevices.some((one) => one === device);
  if (config !== undefined || providerOptions !== undefined) return false;
  return (await settle(() => native().gpuObstacle())) === undefined;
}

/**
 * Opens the engine of a model: that of the bundle that was given; for a device of TensorRT that of the cache, or one that is built now where that is allowed; for 'auto'
 * either, or why there is none. Throws as `createSession`.
 */
export async function openTaskEngine(wanted: EngineWanted): Promise<TaskEngine | string | undefined> {
  const { bundle, options, batchSize, preprocess } = wanted;
  const { device = 'auto', build = 'never' } = options;
  if (bundle !== undefined) {
    if (!takes(bundle, preprocess.shape, batchSize)) throw tooLarge(bundle, batchSize);
    return { session: await createSession(bundle.path, options), isBaked: false };
  }
  const named = engineDevices.find((one) => one === device);
  if (named !== undefined) return await openFor(named, build, wanted);
  return await anyEngine(options, (one, policy) => openFor(one, policy, wanted));
}

async function openFor(device: EngineDevice, build: BuildPolicy, wanted: EngineWanted): Promise<TaskEngine> {
  const { options, model, preprocess, batchSize, labels } = wanted;
  const { signal, tensorrtPath, onBuildProgress } = options;
  const library = await runningTensorRt(device, tensorrtPath);
  const source = await readSource(model, signal);
  const baked = bakedOf(preprocess);
  const find = (values: BuildOptions['bakePreprocess']): Promise<EngineBundle | undefined> => {
    const { shape } = values === undefined ? preprocess : preprocess.with(pixelsAsTheyAre);
    const fits = (bundle: EngineBundle): boolean => takes(bundle, shape, batchSize) && isDeepStrictEqual(bakedIn(bundle), values);
    return findEngine(source, library, fits, signal);
  };
  const found = (baked && (await find(baked))) ?? (await find(undefined));
  if (found === undefined && build === 'never') throw notBuilt(source, device);
  const isFixed = source.inputs[0]?.shape?.[0] !== undefined && typeof source.inputs[0].shape[0] === 'number';
  const chosen =
    found ??
    (
      await buildModelEngine(source, {
        ...{ device, tensorrtPath, labels, onProgress: onBuildProgress, signal },
        ...(baked === undefined
          ? { preprocess: { ...preprocess.options } }
          : { bakePreprocess: baked, preprocess: { ...preprocess.options, ...pixelsAsTheyAre } }),
        ...(batchSize > usualBatch && !isFixed && { batch: { min: 1, opt: batchSize, max: batchSize } }),
      })
    ).bundle;
  return { session: await createSession(chosen.path, { ...options, device }), isBaked: bakedIn(chosen) !== undefined };
}

/** An engine is built for so many pictures at a time unless told otherwise. */
const usualBatch = 8;

/** Whether an engine takes one picture of that shape and up to `batch`, under one of its profiles. Where the shape follows from the picture, only the batch is looked at. */
function takes({ manifest: { inputs, profiles } }: EngineBundle, shape: readonly number[] | undefined, batch: number): boolean {
  const [input] = inputs;
  if (input === undefined || inputs.length > 1) return false;
  const isIn = (size: number | undefined, low: number, high: number): boolean =>
    size === undefined || (low <= size && size <= high);
  const sizes = input.shape.map((_, axis) => (axis === 0 ? batch : shape?.[axis - 1]));
  if (!input.shape.every((size, axis) => size === null || axis === 0 || isIn(sizes[axis], size, size))) return false;
  if (profiles.length === 0) return true;
  return profiles.some((ranges) => {
    const range = ranges.find((one) => one.input === input.name);
    if (range === undefined) return true;
    const { min, max } = range;
    return (
      (min[0] ?? 1) <= 1 && sizes.every((size, axis) => isIn(size, axis === 0 ? 1 : (min[axis] ?? 0), max[axis] ?? Infinity))
    );
  });
}

function tooLarge({ path, manifest }: EngineBundle, batch: number): ArgumentError {
  return new ArgumentError('INVALID_ARGUMENT', {
    message: `Expected options that fit the profiles of the engine ${path} but it does not take ${batch} ${batch === 1 ? 'picture' : 'pictures'} of that size at once`,
    hint: `Give another batchSize, or build it for more: foveate build ${manifest.model.source} --batch.`,
  });
}

function bakedIn({ manifest }: EngineBundle): BuildOptions['bakePreprocess'] {
  return manifest.passes.find((pass) => pass.pass === 'bake-preprocess')?.values;
}

function notBuilt({ name, path }: SourceModel, device: EngineDevice): EngineError {
  return new EngineError('ENGINE_NOT_BUILT', {
    message: `No engine of ${name} for ${device} and this machine's GPU is in the cache`,
    hint: `Build it: foveate build ${path ?? 'MODEL'} --device ${device}. Or open the model with build: 'on-load' (--build on-load).`,
    details: { device, model: path },
  });
}
