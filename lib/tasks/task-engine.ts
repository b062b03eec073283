/** The engine of TensorRT that runs a picture model in the place of its ONNX session. */
import { isDeepStrictEqual } from 'node:util';

import {
  buildModelEngine,
  checkBuildsFor,
  EngineBundle,
  isEngineDevice,
  findEngine,
  ModelBundle,
  readSource,
  runningTensorRt,
  type BuildOptions,
  type BuildPolicy,
  type EngineDevice,
  type SourceModel,
} from '../engine/index.js';
import { ArgumentError, EngineError } from '../errors/index.js';
import type { Preprocess } from '../image/index.js';
import {
  anyEngine,
  buildAnyEngine,
  createSession,
  createSessionBy,
  firstGpu,
  mayRunEngines,
  noEngineAtAll,
  openEngine,
  openOnCpu,
  openOnnx,
  type Backend,
  type ModelSource,
  type Opened,
  type Recovery,
  type Session,
  type SessionOptions,
} from '../session/index.js';
import { bakedOf, pixelsAsTheyAre } from './baked-preprocess.js';
import type { GivenModel } from './given-model.js';
import { asItIs, pixels, taskRunner, type Feed, type TaskRunner } from './task-runner.js';

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
  /** Whether the session that was looked at runs the model, and an engine is only built in the background. */
  readonly isServing: boolean;
}

/** How a session is opened that only shows what a model is: ONNX Runtime's optimisations refuse some graphs that are for TensorRT. */
export const onlyToLook: SessionOptions = {
  ...{ device: 'cpu', lanes: 1, graphOptimization: 'disabled' },
  ...{ config: undefined, providerOptions: undefined },
  ...{ build: undefined, onBuildProgress: undefined, trust: undefined, gpus: undefined, cudaGraphs: undefined },
};

/** An engine that was found or built, and what feeds it. */
interface FoundEngine {
  readonly bundle: EngineBundle;
  readonly feed: Feed;
}

/** Opens a session that shows what a model is; `engineSource` is undefined where that session is all there is to be. Throws as `createSession`. */
export async function openToLook(
  model: ModelSource,
  { source, bundle }: GivenModel,
  options: SessionOptions,
): Promise<{ readonly session: Session; readonly engineSource: EngineSource | undefined }> {
  if (bundle instanceof EngineBundle) {
    const session = await createSession(source, { ...options, ...onlyToLook });
    return { session, engineSource: { model, source, bundle, options, isServing: false } };
  }
  if (!(await mayRunEngines(options))) return { session: await createSession(source, options), engineSource: undefined };
  const without = await noEngineAtAll(model, options, '');
  const isServing = without !== undefined;
  const session = isServing
    ? await createOnnxSession(source, options, without)
    : await createSession(source, { ...options, ...onlyToLook });
  const isDone = isServing && options.build !== 'background';
  return { session, engineSource: isDone ? undefined : { model, source, bundle: undefined, options, isServing } };
}

/** Opens what is to run a model once all is known of it: an engine, or ONNX Runtime. `looked` is what it was looked at with. Throws as `createSession`. */
export async function openToRun(wanted: EngineSource & EngineWanted, looked: TaskRunner): Promise<Opened<TaskRunner>> {
  const { source, options, isServing } = wanted;
  if (isServing) return { runner: looked, building: taskEngineBuilding(wanted) };
  const engine = await openTaskEngine(wanted);
  if (typeof engine === 'object') return engine;
  const session = await createOnnxSession(source, options, engine);
  return {
    runner: taskRunner(session, asItIs),
    building: options.build === 'background' ? taskEngineBuilding(wanted) : undefined,
  };
}

/** With device 'auto', of ONNX Runtime's devices alone; `reason` is why. */
function createOnnxSession(source: ModelSource, options: SessionOptions, reason: string | undefined): Promise<Session> {
  return createSessionBy(source, options, async (given) => ({ runner: await openOnnx(given, options, 'auto', reason) }));
}

/**
 * Opens the engine of a model: that of the bundle that was given; for a device of TensorRT that of the cache, or one that is built now where that is allowed; for 'auto'
 * either, or why there is none. Throws as `createSession`.
 */
async function openTaskEngine(wanted: EngineWanted): Promise<Opened<TaskRunner> | string | undefined> {
  const { bundle, options, batchSize, preprocess } = wanted;
  const { device = 'auto', build = 'never' } = options;
  if (bundle !== undefined) {
    if (!takes(bundle, preprocess.shape, batchSize)) throw tooLarge(bundle, batchSize);
    // What it takes is what the model in the bundle does, which was looked at.
    if (device === 'auto') return await openRecoverable({ bundle, feed: asItIs }, wanted, 'the engine is one of it');
    return { runner: taskRunner(await createSession(bundle.path, options), asItIs) };
  }
  const named = isEngineDevice(device) ? device : undefined;
  if (named !== undefined) return { runner: await openOn(await engineFor(named, build, wanted), options, 'asked for') };
  return await anyEngine(options, async (one, policy) =>
    openRecoverable(await engineFor(one, policy, wanted), wanted, 'an engine of it is there'),
  );
}

/** What builds an engine in the background, for 'auto' where there is none. */
function taskEngineBuilding(given: EngineWanted): Opened<TaskRunner>['building'] {
  // Bytes are the caller's again as soon as the task is open.
  const model = given.model instanceof Uint8Array ? given.model.slice() : given.model;
  return (signal) =>
    buildAnyEngine(async (device) => {
      const wanted = { ...given, model, options: { ...given.options, signal } };
      return await openRecoverable(await engineFor(device, 'on-load', wanted), wanted, 'its engine was built in the background');
    });
}

/** The engine of a model for a device: one of the cache, or one that is built where that is allowed. */
async function engineFor(device: EngineDevice, build: BuildPolicy, wanted: EngineWanted): Promise<FoundEngine> {
  const { options, model, preprocess, batchSize, labels } = wanted;
  const { signal, tensorrtPath, gpus, onBuildProgress } = options;
  const library = await runningTensorRt(device, tensorrtPath, gpus);
  const source = await readSource(model, signal);
  const baked = bakedOf(preprocess);
  const find = (values: BuildOptions['bakePreprocess']): Promise<EngineBundle | undefined> => {
    const { shape } = values === undefined ? preprocess : preprocess.with(pixelsAsTheyAre);
    const fits = (bundle: EngineBundle): boolean => takes(bundle, shape, batchSize) && isDeepStrictEqual(bakedIn(bundle), values);
    return findEngine(source, library, fits, signal);
  };
  const found = (baked && (await find(baked))) ?? (await find(undefined));
  if (found === undefined && build === 'never') throw notBuilt(source, device);
  if (found === undefined) checkBuildsFor(library);
  const isFixed = source.inputs[0]?.shape?.[0] !== undefined && typeof source.inputs[0].shape[0] === 'number';
  const bundle =
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
  return { bundle, feed: bakedIn(bundle) === undefined ? asItIs : pixels() };
}

/** An engine that 'auto' chose: what it fails at is done on the CPU. */
async function openRecoverable(engine: FoundEngine, wanted: EngineWanted, reason: string): Promise<Opened<TaskRunner>> {
  const { model, options } = wanted;
  const optimised = (await ModelBundle.at(model))?.path;
  return { runner: await openOn(engine, options, reason), recovery: recoveryOf(engine, optimised, options, reason) };
}

/** `optimised`: the bundle of an optimised model, whose form for ONNX Runtime the CPU runs; of any other model it runs what the engine was built from, with the preprocessing that is baked into it. */
function recoveryOf(
  engine: FoundEngine,
  optimised: string | undefined,
  options: SessionOptions,
  reason: string,
): Recovery<TaskRunner> {
  const later = { ...options, signal: undefined };
  return {
    gpus: options.gpus ?? firstGpu,
    onCpu: async (why) => {
      const model = optimised ?? (await engine.bundle.wholeModel());
      const open = async (given: string | Uint8Array): Promise<Opened<Backend>> => ({
        runner: await openOnCpu(given, later, why),
      });
      return taskRunner(await createSessionBy(model, later, open), optimised === undefined ? engine.feed : asItIs);
    },
    again: (signal) => openOn(engine, { ...options, signal }, `it is back after it was lost; ${reason}`),
  };
}

async function openOn({ bundle, feed }: FoundEngine, options: SessionOptions, reason: string): Promise<TaskRunner> {
  const open = async (): Promise<Opened<Backend>> => ({ runner: await openEngine(bundle, options, reason) });
  return taskRunner(await createSessionBy(bundle.path, options, open), feed);
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
