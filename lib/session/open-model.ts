/** Opens a model on the device that it is to run on. */
import { native, settle, type NativeRuntime } from '../binding/index.js';
import {
  buildModelEngine,
  checkBuildsFor,
  chooseDevice,
  EngineBundle,
  isEngineDevice,
  findEngine,
  ModelBundle,
  openOnnxRuntime,
  readSource,
  runnableEngine,
  runningTensorRt,
  type BuildPolicy,
  type EngineDevice,
  type OnnxRuntimeChoice,
  type OnnxRuntimeDevice,
} from '../engine/index.js';
import { checkPath, EngineError, FoveateError, invalidArgument, ModelError } from '../errors/index.js';
import { checkModelFile } from '../graph/index.js';
import { anyEngine, buildAnyEngine, mayRunEngines, noEngineAtAll } from './any-engine.js';
import { Backend } from './backend.js';
import type { Opened, Recovery } from './failover.js';
import { nativeSessionOptions, type SessionOptions } from './options.js';

/** `model` is the path of a file or of a bundle, or bytes. Throws as `createSession`. */
export async function openModel(model: string | Uint8Array, options: SessionOptions): Promise<Opened<Backend>> {
  const bundle = typeof model === 'string' ? await EngineBundle.at(model) : undefined;
  if (bundle !== undefined) return await openBundle(bundle, options);
  const wanted = options.device ?? 'auto';
  if (isEngineDevice(wanted)) return { runner: await openEngine(await engineFor(model, wanted, options), options, 'asked for') };
  if (wanted !== 'auto') return { runner: await openOnnx(model, options, wanted) };
  const mayRun = await mayRunEngines(options);
  const without = mayRun ? await noEngineAtAll(model, options, ' --no-bake') : undefined;
  const open = async (device: EngineDevice, build: BuildPolicy): Promise<Opened<Backend>> =>
    openRecoverable(await engineFor(model, device, { ...options, build }), model, options, 'an engine of it is there');
  const found = without ?? (await anyEngine(options, open));
  if (typeof found === 'object') return found;
  const builds = options.build === 'background' && mayRun;
  // Bytes are the caller's again as soon as the model is open.
  const kept = builds && typeof model !== 'string' ? model.slice() : model;
  const runner = await openOnnx(model, options, 'auto', found);
  return { runner, building: builds ? engineBuilding(kept, options, runner) : undefined };
}

async function openBundle(bundle: EngineBundle, options: SessionOptions): Promise<Opened<Backend>> {
  const { family } = bundle.manifest.engine;
  const { device = 'auto' } = options;
  if (device === 'auto') return await openRecoverable(bundle, bundle.path, options, 'the engine is one of it');
  if (device === family) return { runner: await openEngine(bundle, options, 'asked for') };
  throw invalidArgument(
    'device',
    `'auto' or '${family}', of which the engine in ${bundle.path} is one`,
    device,
    'Open the model that it was built from to run that elsewhere.',
  );
}

/** An engine that 'auto' chose. */
async function openRecoverable(
  bundle: EngineBundle,
  model: string | Uint8Array,
  options: SessionOptions,
  reason: string,
): Promise<Opened<Backend>> {
  const form = await cpuForm(bundle, model);
  const runner = await openEngine(bundle, options, reason);
  return { runner, recovery: recoveryOf(bundle, form, options, runner) };
}

/** What engines run on unless GPUs are named. */
export const firstGpu: readonly number[] = [0];

/** `form` is what the CPU runs. */
function recoveryOf(
  bundle: EngineBundle,
  form: () => Promise<string>,
  options: SessionOptions,
  first: Backend,
): Recovery<Backend> {
  return {
    gpus: options.gpus ?? firstGpu,
    onCpu: async (reason) => standingFor(first, await openOnCpu(await form(), later(options), reason)),
    again: (signal) => openEngine(bundle, later(options, signal), `it is back after it was lost; ${first.choice.reason}`),
  };
}

/** What the CPU runs in the place of an engine: of an optimised model its form for ONNX Runtime, else what the engine was built from, changed by the same passes. */
async function cpuForm(bundle: EngineBundle, model: string | Uint8Array): Promise<() => Promise<string>> {
  const isAsGiven = bundle.manifest.passes.length === 0;
  const optimised = isAsGiven ? (await ModelBundle.at(model))?.path : undefined;
  return async () => optimised ?? (await bundle.wholeModel());
}

function engineBuilding(model: string | Uint8Array, options: SessionOptions, first: Backend): Opened<Backend>['building'] {
  return async (signal) => {
    const built = await buildAnyEngine(async (device) => {
      const bundle = await engineFor(model, device, { ...later(options, signal), build: 'on-load' });
      return await openRecoverable(bundle, model, later(options, signal), 'its engine was built in the background');
    });
    await standingFor(first, built.runner);
    return built;
  };
}

/** `backend`, where it takes and gives what `first` does; else it is closed again, and ENGINE_FAILED thrown. */
async function standingFor(first: Backend, backend: Backend): Promise<Backend> {
  try {
    backend.checkStandsFor(first);
    return backend;
  } catch (error) {
    await backend.close();
    throw error;
  }
}

/** The options for what is opened after `createSession` has returned: its signal was for that alone. */
function later(options: SessionOptions, signal?: AbortSignal): SessionOptions {
  return { ...options, signal };
}

/** Throws as `createSession`. */
export async function openEngine(bundle: EngineBundle, options: SessionOptions, reason: string): Promise<Backend> {
  const { trust = false, signal } = options;
  const family = bundle.manifest.engine.family as EngineDevice;
  const library = await runningTensorRt(family, options.tensorrtPath, options.gpus);
  const path = await runnableEngine(bundle, library, { trust, signal });
  const handle = await settle(
    (operation) => native().sessionOpen(library.runtime, path, nativeSessionOptions(options, family), operation),
    signal,
  );
  const runtime = { name: library.family, version: library.version, path: library.path };
  return new Backend({ handle, choice: { device: family, reason }, runtime, path, mostRows: mostRowsOf(bundle) });
}

/** Of inputs whose first dimension is free, as large as the largest profile lets them be. */
function mostRowsOf({ manifest: { profiles } }: EngineBundle): number {
  const largest = profiles.map((ranges) => Math.min(...ranges.map(({ max }) => max[0] ?? Infinity)));
  return largest.length === 0 ? Infinity : Math.max(...largest);
}

/** The engine of a model for a device that was named. */
async function engineFor(
  model: string | Uint8Array,
  device: EngineDevice,
  { build = 'never', tensorrtPath, gpus, onBuildProgress, signal }: SessionOptions,
): Promise<EngineBundle> {
  const library = await runningTensorRt(device, tensorrtPath, gpus);
  const source = await readSource(model, signal);
  const found = await findEngine(source, library, takesTensors, signal);
  if (found !== undefined) return found;
  if (build === 'on-load') {
    checkBuildsFor(library);
    const built = await buildModelEngine(source, { device, tensorrtPath, onProgress: onBuildProgress, signal });
    return built.bundle;
  }
  throw new EngineError('ENGINE_NOT_BUILT', {
    message: `No engine of ${source.name} for ${library.family} ${library.version} and this machine's GPU is in the cache`,
    hint: `Build it: foveate build ${source.path ?? 'MODEL'} --device ${device} --no-bake. Or open the model with build: 'on-load'.`,
    details: { device, model: source.path },
  });
}

/** The raw outputs of a model are asked for: its input has to be its own. */
function takesTensors({ manifest }: EngineBundle): boolean {
  return manifest.passes.every(({ pass }) => pass !== 'bake-preprocess');
}

/** On ONNX Runtime. `before`: why on nothing else. */
export async function openOnnx(
  model: string | Uint8Array,
  options: SessionOptions,
  wanted: OnnxRuntimeDevice | 'auto',
  before?: string,
): Promise<Backend> {
  const { runtime, source } = await onnxModel(model, options);
  const { device, reason } = chooseDevice(wanted, runtime);
  try {
    return await openOnnxOn(runtime, source, options, { device, reason: before === undefined ? reason : `${before}; ${reason}` });
  } catch (error) {
    const mayFallBack = wanted === 'auto' && device !== 'cpu';
    if (!(mayFallBack && error instanceof FoveateError && error.code === 'BACKEND_UNAVAILABLE')) throw error;
    return await openOnnxOn(runtime, source, options, { device: 'cpu', reason: error.message });
  }
}

/** On the CPU, in the place of a device of TensorRT. Throws as {@link openOnnx}. */
export async function openOnCpu(model: string | Uint8Array, options: SessionOptions, reason: string): Promise<Backend> {
  const { runtime, source } = await onnxModel(model, options);
  const choice = { device: 'cpu', reason } as const;
  try {
    return await openOnnxOn(runtime, source, options, choice);
  } catch (error) {
    // ONNX Runtime's optimisations refuse some graphs that are for TensorRT.
    if (!(error instanceof ModelError) || options.graphOptimization !== undefined) throw error;
    return await openOnnxOn(runtime, source, { ...options, graphOptimization: 'disabled' }, choice);
  }
}

/** ONNX Runtime, and what of a model it is given. */
async function onnxModel(
  model: string | Uint8Array,
  { onnxruntimePath, signal }: SessionOptions,
): Promise<{ readonly runtime: NativeRuntime; readonly source: string | Uint8Array }> {
  const runtime = await openOnnxRuntime(onnxruntimePath && checkPath('onnxruntimePath', onnxruntimePath));
  const source = (await (await ModelBundle.at(model))?.wholeForm('onnxruntime', signal)) ?? model;
  if (typeof source === 'string') await checkModelFile(source);
  return { runtime, source };
}

async function openOnnxOn(
  { handle: runtime, name, version, path }: NativeRuntime,
  source: string | Uint8Array,
  options: SessionOptions,
  choice: OnnxRuntimeChoice,
): Promise<Backend> {
  const handle = await settle(
    (operation) => native().sessionOpen(runtime, source, nativeSessionOptions(options, choice.device), operation),
    options.signal,
  );
  return new Backend({
    ...{ handle, choice, runtime: { name, version, path } },
    path: typeof source === 'string' ? source : undefined,
  });
}
