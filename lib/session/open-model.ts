/** Opens a model on the device that it is to run on. */
import { native, settle, type SessionHandle } from '../binding/index.js';
import {
  buildModelEngine,
  checkRunnable,
  chooseDevice,
  EngineBundle,
  engineDevices,
  findEngine,
  ModelBundle,
  openOnnxRuntime,
  readSource,
  runningTensorRt,
  type DeviceChoice,
  type EngineDevice,
  type OnnxRuntimeDevice,
} from '../engine/index.js';
import { BackendError, checkPath, EngineError, FoveateError, invalidArgument } from '../errors/index.js';
import { checkModelFile } from '../graph/index.js';
import { nativeSessionOptions, type SessionOptions } from './options.js';

/** A model that was opened, and how. */
export interface OpenedModel {
  readonly handle: SessionHandle;
  readonly choice: DeviceChoice;
  /** The engine behind it. */
  readonly runtime: { readonly name: string; readonly version: string; readonly path: string };
  /** The file that was opened; undefined for bytes. */
  readonly path: string | undefined;
}

/** `model` is the path of a file or of a bundle, or bytes. Throws as `createSession`. */
export async function openModel(model: string | Uint8Array, options: SessionOptions): Promise<OpenedModel> {
  const bundle = typeof model === 'string' ? await EngineBundle.at(model) : undefined;
  if (bundle !== undefined) return await openBundle(bundle, options);
  const wanted = options.device ?? 'auto';
  if (isEngineDevice(wanted)) return await openEngine(await engineFor(model, wanted, options), options, 'asked for');
  if (wanted !== 'auto') return await openOnnx(model, options, wanted);
  const found = await anyEngine(model, options);
  if (found instanceof EngineBundle) {
    return await openEngine(
      found,
      options,
      `an engine of ${found.manifest.engine.family} ${found.manifest.engine.version} is there`,
    );
  }
  const opened = await openOnnx(model, options, 'auto');
  if (found === undefined) return opened;
  const { choice } = opened;
  return { ...opened, choice: { ...choice, reason: `${found}; ${choice.reason}` } };
}

export function isEngineDevice(device: string): device is EngineDevice {
  return (engineDevices as readonly string[]).includes(device);
}

async function openBundle(bundle: EngineBundle, options: SessionOptions): Promise<OpenedModel> {
  const { family } = bundle.manifest.engine;
  const { device = 'auto' } = options;
  if (device === 'auto') return await openEngine(bundle, options, 'the engine is one of it');
  if (device === family) return await openEngine(bundle, options, 'asked for');
  throw invalidArgument(
    'device',
    `'auto' or '${family}', of which the engine in ${bundle.path} is one`,
    device,
    'Open the model that it was built from to run that elsewhere.',
  );
}

async function openEngine(bundle: EngineBundle, options: SessionOptions, reason: string): Promise<OpenedModel> {
  const { trust = false, signal } = options;
  const family = bundle.manifest.engine.family as EngineDevice;
  const library = await runningTensorRt(family, options.tensorrtPath);
  await checkRunnable(bundle, library, { trust, signal });
  const path = await bundle.wholeEngine(signal);
  const handle = await settle(
    (operation) => native().sessionOpen(library.runtime, path, nativeSessionOptions(options, family), operation),
    signal,
  );
  const runtime = { name: library.family, version: library.version, path: library.path };
  return { handle, choice: { device: family, reason }, runtime, path };
}

/** The engine of a model for a device that was named. */
async function engineFor(
  model: string | Uint8Array,
  device: EngineDevice,
  { build = 'never', tensorrtPath, onBuildProgress, signal }: SessionOptions,
): Promise<EngineBundle> {
  const library = await runningTensorRt(device, tensorrtPath);
  const source = await readSource(model, signal);
  const found = await findEngine(source, library, takesTensors, signal);
  if (found !== undefined) return found;
  if (build === 'on-load') {
    const built = await buildModelEngine(source, { device, tensorrtPath, onProgress: onBuildProgress, signal });
    return built.bundle;
  }
  throw new EngineError('ENGINE_NOT_BUILT', {
    message: `No engine of ${source.name} for ${library.family} ${library.version} and this machine's GPU is in the cache`,
    hint: `Build it: foveate build ${source.path ?? 'MODEL'} --device ${device} --no-bake. Or open the model with build: 'on-load'.`,
    details: { device, model: source.path },
  });
}

/** An engine of a model; or why there is none, where that is worth telling; undefined where this machine has no GPU. */
async function anyEngine(model: string | Uint8Array, options: SessionOptions): Promise<EngineBundle | string | undefined> {
  if ((await settle(() => native().gpuObstacle())) !== undefined) return undefined;
  const reasons: string[] = [];
  for (const device of engineDevices) {
    try {
      return await engineFor(model, device, options);
    } catch (error) {
      const isMissing = error instanceof BackendError || (error instanceof EngineError && error.code === 'ENGINE_NOT_BUILT');
      if (!isMissing) throw error;
      reasons.push(reasonOf(device, error));
    }
  }
  return reasons.join('; ');
}

function reasonOf(device: EngineDevice, error: FoveateError): string {
  if (error.code === 'BACKEND_NOT_FOUND') return `no library of ${device} is there`;
  return error.message;
}

/** The raw outputs of a model are asked for: its input has to be its own. */
function takesTensors({ manifest }: EngineBundle): boolean {
  return manifest.passes.every(({ pass }) => pass !== 'bake-preprocess');
}

async function openOnnx(
  model: string | Uint8Array,
  options: SessionOptions,
  wanted: OnnxRuntimeDevice | 'auto',
): Promise<OpenedModel> {
  const runtime = await openOnnxRuntime(options.onnxruntimePath && checkPath('onnxruntimePath', options.onnxruntimePath));
  const source = (await (await ModelBundle.at(model))?.wholeForm('onnxruntime', options.signal)) ?? model;
  if (typeof source === 'string') await checkModelFile(source);
  const open = (device: OnnxRuntimeDevice): Promise<SessionHandle> =>
    settle(
      (operation) => native().sessionOpen(runtime.handle, source, nativeSessionOptions(options, device), operation),
      options.signal,
    );
  const { name, version, path } = runtime;
  const opened = { runtime: { name, version, path }, path: typeof source === 'string' ? source : undefined };
  const choice = chooseDevice(wanted, runtime);
  try {
    return { ...opened, choice, handle: await open(choice.device) };
  } catch (error) {
    const mayFallBack = wanted === 'auto' && choice.device !== 'cpu';
    if (!(mayFallBack && error instanceof FoveateError && error.code === 'BACKEND_UNAVAILABLE')) throw error;
    return { ...opened, choice: { device: 'cpu', reason: error.message }, handle: await open('cpu') };
  }
}
