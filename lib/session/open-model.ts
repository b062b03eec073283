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
  type BuildPolicy,
  type DeviceChoice,
  type EngineDevice,
  type OnnxRuntimeDevice,
} from '../engine/index.js';
import { AbortedError, ArgumentError, checkPath, EngineError, FoveateError, invalidArgument } from '../errors/index.js';
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
  const found = await anyEngine(options, async (device, build) =>
    openEngine(await engineFor(model, device, { ...options, build }), options, 'an engine of it is there'),
  );
  return typeof found === 'object' ? found : await openOnnx(model, options, 'auto', found);
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

/**
 * What `open` makes of the first engine that 'auto' may run, one that is there before one that is built; or why there is none, where that is worth telling; undefined where there is
 * no GPU. Only what was asked for wrongly, and an abort, are errors: all else is a reason to go on.
 */
export async function anyEngine<T extends object>(
  { build = 'never', config, providerOptions }: SessionOptions,
  open: (device: EngineDevice, build: BuildPolicy) => Promise<T>,
): Promise<T | string | undefined> {
  if ((await settle(() => native().gpuObstacle())) !== undefined) return undefined;
  if (config !== undefined || providerOptions !== undefined) return 'options were given that ONNX Runtime alone takes';
  let reasons: string[] = [];
  for (const policy of build === 'never' ? (['never'] as const) : (['never', build] as const)) {
    reasons = [];
    for (const device of engineDevices) {
      try {
        return await open(device, policy);
      } catch (error) {
        if (!(error instanceof FoveateError) || error instanceof ArgumentError || error instanceof AbortedError) throw error;
        reasons.push(reasonOf(device, error));
      }
    }
  }
  return reasons.join('; ');
}

function reasonOf(device: EngineDevice, { code, message, hint }: FoveateError): string {
  if (code === 'BACKEND_NOT_FOUND') return `no library of ${device} is there`;
  return code === 'ENGINE_NOT_BUILT' && hint !== undefined ? `${message} (${hint})` : message;
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
  const own = chooseDevice(wanted, runtime);
  const choice = before === undefined ? own : { ...own, reason: `${before}; ${own.reason}` };
  try {
    return { ...opened, choice, handle: await open(choice.device) };
  } catch (error) {
    const mayFallBack = wanted === 'auto' && choice.device !== 'cpu';
    if (!(mayFallBack && error instanceof FoveateError && error.code === 'BACKEND_UNAVAILABLE')) throw error;
    return { ...opened, choice: { device: 'cpu', reason: error.message }, handle: await open('cpu') };
  }
}
