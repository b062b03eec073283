import { availableParallelism } from 'node:os';

import type { NativeSessionOptions } from '../binding/index.js';
import { buildPolicies, devices, isEngineDevice, type BuildPolicy, type BuildProgress, type Device } from '../engine/index.js';
import { checkBoolean, checkInteger, checkOneOf, checkPath, checkSignal, invalidArgument } from '../errors/index.js';

/** How a model is opened. What a device that is named has no use for is refused; 'auto' takes all. */
export interface SessionOptions {
  /** Where it runs. Default 'auto'. */
  readonly device?: Device | undefined;
  /** Threads inside one run. Default: the machine's cores divided by `lanes`. */
  readonly threads?: number | undefined;
  /** Threads over independent branches of the graph. Default 1: vision models are mostly one chain. */
  readonly interOpThreads?: number | undefined;
  /**
   * Runs at the same time, each with an execution context of its own. Default 1. On a CPU, two lanes that share all threads (`{ lanes: 2, threads: cores }`)
   * can fill each other's pauses, and hold the event loop up longer: measure both. `chooseLanes` finds the best number where threads are divided.
   */
  readonly lanes?: number | undefined;
  /** Whether threads spin while they wait for work inside a run. Default false: they would take the cores from whatever else has work. */
  readonly spinning?: boolean | undefined;
  /**
   * Whether the first run plans where in one block of memory later ones put their tensors. Default true. What the first run took is kept beside it: a session
   * of a few runs takes half the memory without, and one whose inputs change their shapes loses nothing.
   */
  readonly memoryPattern?: boolean | undefined;
  /** How far ONNX Runtime rewrites the graph on load. Default 'all'. */
  readonly graphOptimization?: 'disabled' | 'basic' | 'extended' | 'all' | undefined;
  /** Options of the device's execution provider, as ONNX Runtime documents them, such as `{ device_id: '1' }`. Not with device 'cpu'. */
  readonly providerOptions?: Readonly<Record<string, string>> | undefined;
  /** ONNX Runtime's own session configuration entries. */
  readonly config?: Readonly<Record<string, string>> | undefined;
  /**
   * For TensorRT, where no engine of the model is in the cache: 'never' (default) goes on to the next device, or throws ENGINE_NOT_BUILT where the device is
   * named; 'on-load' builds one first, which takes from seconds to many minutes; 'background', for 'auto' alone, goes on to the next device at once, builds one meanwhile, and
   * takes it from then on: see `building` of the session or task.
   */
  readonly build?: BuildPolicy | undefined;
  /** Told while an engine is built. */
  readonly onBuildProgress?: ((progress: BuildProgress) => void) | undefined;
  /** Runs the engine of a bundle that was built elsewhere. Engines are code: default false. */
  readonly trust?: boolean | undefined;
  /** For TensorRT: ordinals of the GPUs that lanes are spread over in turn, all of one compute capability; engines are found by the first, and built for the first of the machine alone. Default `[0]`. */
  readonly gpus?: readonly number[] | undefined;
  /** For TensorRT: whether the runs of each shape are recorded and replayed, which saves the processor's time where layers are many and short. Default false. */
  readonly cudaGraphs?: boolean | undefined;
  /** Path of the TensorRT library or its folder. Default: it is looked for, see docs/tensorrt.md. */
  readonly tensorrtPath?: string | undefined;
  /** Path of the ONNX Runtime library. Default: `FOVEATE_ONNXRUNTIME_PATH`, else the carrier package. */
  readonly onnxruntimePath?: string | undefined;
  /** Aborts loading. */
  readonly signal?: AbortSignal | undefined;
}

export const sessionOptionNames = [
  'device',
  'threads',
  'interOpThreads',
  'lanes',
  'spinning',
  'memoryPattern',
  'graphOptimization',
  'providerOptions',
  'config',
  'build',
  'onBuildProgress',
  'trust',
  'gpus',
  'cudaGraphs',
  'tensorrtPath',
  'onnxruntimePath',
  'signal',
] as const satisfies readonly (keyof SessionOptions)[];

const optimizationLevels = ['disabled', 'basic', 'extended', 'all'] as const;
const maxThreads = 1024;
/** Of one session. */
export const mostLanes = 64;

function checkTextRecord(name: string, value: unknown): Readonly<Record<string, string>> {
  if (value === null || typeof value !== 'object') throw invalidArgument(name, 'an object of strings', value);
  for (const [key, entry] of Object.entries(value)) {
    if (typeof entry !== 'string') throw invalidArgument(`${name}.${key}`, 'a string', entry);
  }
  return value as Record<string, string>;
}

/** Checks the options that `createSession` and every task share. */
export function checkSessionOptions(options: SessionOptions): void {
  if (options.device !== undefined) checkOneOf('device', options.device, devices);
  if (options.threads !== undefined) checkInteger('threads', options.threads, 1, maxThreads);
  if (options.interOpThreads !== undefined) checkInteger('interOpThreads', options.interOpThreads, 1, maxThreads);
  if (options.lanes !== undefined) checkInteger('lanes', options.lanes, 1, mostLanes);
  if (options.spinning !== undefined) checkBoolean('spinning', options.spinning);
  if (options.memoryPattern !== undefined) checkBoolean('memoryPattern', options.memoryPattern);
  if (options.graphOptimization !== undefined) checkOneOf('graphOptimization', options.graphOptimization, optimizationLevels);
  if (options.providerOptions !== undefined) checkTextRecord('providerOptions', options.providerOptions);
  if (options.config !== undefined) checkTextRecord('config', options.config);
  if (options.build !== undefined) checkOneOf('build', options.build, buildPolicies);
  checkBelong(options);
  if (options.build === 'background' && (options.device ?? 'auto') !== 'auto') {
    throw invalidArgument(
      'build',
      "'never' or 'on-load' with a device that is named",
      options.build,
      "A device that is named is the only one. Use device 'auto', which runs on the next meanwhile.",
    );
  }
  if (options.onBuildProgress !== undefined && typeof options.onBuildProgress !== 'function') {
    throw invalidArgument('onBuildProgress', 'a function', options.onBuildProgress);
  }
  for (const name of ['trust', 'cudaGraphs'] as const) {
    if (options[name] !== undefined) checkBoolean(name, options[name]);
  }
  if (options.gpus !== undefined) checkGpus(options.gpus);
  if (options.tensorrtPath !== undefined) checkPath('tensorrtPath', options.tensorrtPath, 'a path');
  if (options.onnxruntimePath !== undefined) checkPath('onnxruntimePath', options.onnxruntimePath, 'a path');
  checkSignal(options.signal);
}

/** Options that one kind of device alone has a use for. */
const ofOnnxRuntime = [
  'threads',
  'interOpThreads',
  'spinning',
  'memoryPattern',
  'graphOptimization',
  'config',
  'providerOptions',
] as const satisfies (keyof SessionOptions)[];
const ofEngines = ['build', 'onBuildProgress', 'trust', 'gpus', 'cudaGraphs'] as const satisfies (keyof SessionOptions)[];

/** Refuses what a device that is named would ignore. 'auto' takes all: what it comes to run on is not known before. */
function checkBelong(options: SessionOptions): void {
  const { device = 'auto' } = options;
  if (device === 'auto') return;
  const refuse = (names: readonly (keyof SessionOptions)[], whose: string): void => {
    const name = names.find((one) => options[one] !== undefined);
    if (name === undefined) return;
    const hint = `It is for ${whose}: leave it out, or use another device; 'auto' takes it.`;
    throw invalidArgument(name, `none with device '${device}'`, options[name], hint);
  };
  if (isEngineDevice(device)) refuse(ofOnnxRuntime, 'ONNX Runtime');
  else refuse(ofEngines, 'engines of TensorRT');
  if (device === 'cpu') refuse(['providerOptions'], 'the execution provider of another device');
}

function checkGpus(gpus: unknown): void {
  if (!Array.isArray(gpus) || gpus.length === 0) throw invalidArgument('gpus', 'an array of ordinals', gpus);
  gpus.forEach((gpu, i) => checkInteger(`gpus[${i}]`, gpu, 0, 1023));
  if (new Set(gpus).size < gpus.length)
    throw invalidArgument('gpus', 'each GPU once', gpus, 'Lanes are spread over them in turn.');
}

/** The options as the addon takes them. */
export function nativeSessionOptions(options: SessionOptions, device: Exclude<Device, 'auto'>): NativeSessionOptions {
  const lanes = options.lanes ?? 1;
  return {
    intraOpThreads: options.threads ?? Math.max(1, Math.floor(availableParallelism() / lanes)),
    interOpThreads: options.interOpThreads ?? 1,
    intraOpSpinning: options.spinning ?? false,
    memoryPattern: options.memoryPattern ?? true,
    graphOptimization: optimizationLevels.indexOf(options.graphOptimization ?? 'all'),
    providers: device === 'cuda' ? [{ name: device, options: options.providerOptions ?? {} }] : [],
    config: options.config ?? {},
    lanes,
    gpus: options.gpus ?? [],
    cudaGraphs: options.cudaGraphs ?? false,
  };
}
