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
  type Device,
  type EngineDevice,
  type SourceModel,
} from '../engine/index.js';
import { BackendError, EngineError } from '../errors/index.js';
import type { Preprocess } from '../image/index.js';
import { createSession, type ModelSource, type Session, type SessionOptions } from '../session/index.js';
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

export interface TaskEngine {
  readonly session: Session;
  /** Whether it takes pixels, and does by itself what the preprocessing has to do for the model. */
  readonly isBaked: boolean;
}

/** Whether a device may run engines: one of TensorRT, and 'auto' where there is a GPU. */
export async function mayRunEngines(device: Device = 'auto'): Promise<boolean> {
  if (device !== 'auto') return engineDevices.some((one) => one === device);
  return (await settle(() => native().gpuObstacle())) === undefined;
}

/**
 * Opens the engine of a model: that of the bundle that was given; for a device of TensorRT that of the cache, or one that is built now where that is allowed; for 'auto'
 * that of the cache, if there is one. Undefined where none is to run the model. Throws as `createSession`.
 */
export async function openTaskEngine(wanted: EngineWanted): Promise<TaskEngine | undefined> {
  const { bundle, options } = wanted;
  const { device = 'auto' } = options;
  if (bundle !== undefined) return { session: await createSession(bundle.path, options), isBaked: false };
  const named = engineDevices.find((one) => one === device);
  if (named !== undefined) return await openFor(named, wanted);
  for (const one of engineDevices) {
    try {
      return await openFor(one, wanted);
    } catch (error) {
      const isMissing = error instanceof BackendError || (error instanceof EngineError && error.code === 'ENGINE_NOT_BUILT');
      if (!isMissing) throw error;
    }
  }
  return undefined;
}

async function openFor(device: EngineDevice, wanted: EngineWanted): Promise<TaskEngine> {
  const { options, model, preprocess, batchSize, labels } = wanted;
  const { signal, tensorrtPath, build = 'never', onBuildProgress } = options;
  const library = await runningTensorRt(device, tensorrtPath);
  const source = await readSource(model, signal);
  const baked = bakedOf(preprocess);
  const takesBatch = ({ manifest }: EngineBundle): boolean => mostPictures(manifest.profiles) >= batchSize;
  const find = (isBaked: boolean): Promise<EngineBundle | undefined> =>
    findEngine(
      source,
      library,
      (bundle) => takesBatch(bundle) && isDeepStrictEqual(bakedIn(bundle), isBaked ? baked : undefined),
      signal,
    );
  const found = (baked && (await find(true))) ?? (await find(false));
  if (found === undefined && build === 'never') throw notBuilt(source, device);
  const chosen =
    found ??
    (
      await buildModelEngine(source, {
        ...{ device, tensorrtPath, labels, onProgress: onBuildProgress, signal },
        ...(baked === undefined
          ? { preprocess: { ...preprocess.options } }
          : { bakePreprocess: baked, preprocess: { ...preprocess.options, ...pixelsAsTheyAre } }),
        ...(batchSize > usualBatch && { batch: { min: 1, opt: batchSize, max: batchSize } }),
      })
    ).bundle;
  return { session: await createSession(chosen.path, { ...options, device }), isBaked: bakedIn(chosen) !== undefined };
}

/** An engine is built for so many pictures at a time unless told otherwise. */
const usualBatch = 8;

function bakedIn({ manifest }: EngineBundle): BuildOptions['bakePreprocess'] {
  return manifest.passes.find((pass) => pass.pass === 'bake-preprocess')?.values;
}

/** In one run of an engine; where its profiles leave nothing free, as many as the model was exported with. */
function mostPictures(profiles: EngineBundle['manifest']['profiles']): number {
  if (profiles.length === 0) return Infinity;
  return Math.max(1, ...profiles.flatMap((ranges) => ranges.map(({ max }) => max[0] ?? 1)));
}

function notBuilt({ name, path }: SourceModel, device: EngineDevice): EngineError {
  return new EngineError('ENGINE_NOT_BUILT', {
    message: `No engine of ${name} for ${device} and this machine's GPU is in the cache`,
    hint: `Build it: foveate build ${path ?? 'MODEL'} --device ${device}. Or open the model with build: 'on-load' (--build on-load).`,
    details: { device, model: path },
  });
}
