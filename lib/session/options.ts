import { availableParallelism } from 'node:os';

import type { NativeSessionOptions } from '../binding/index.js';
import { devices, type Device } from '../engine/index.js';
import { checkBoolean, checkInteger, checkOneOf, checkPath, checkSignal, invalidArgument } from '../errors/index.js';

/** How a model is opened. */
export interface SessionOptions {
  /** Where it runs. Default 'auto'. */
  readonly device?: Device | undefined;
  /** Threads inside one run. Default: the machine's cores divided by `lanes`. */
  readonly threads?: number | undefined;
  /** Threads over independent branches of the graph. Default 1: vision models are mostly one chain. */
  readonly interOpThreads?: number | undefined;
  /**
   * Runs at the same time, each with an execution context of its own. Default 1. On a CPU, two lanes that share all threads (`{ lanes: 2, threads: cores }`)
   * can fill each other's pauses, and hold the event loop up longer: measure both.
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
  if (options.device === 'cpu' && options.providerOptions !== undefined) {
    throw invalidArgument(
      'providerOptions',
      "none with device 'cpu'",
      options.providerOptions,
      'They are for the execution provider of another device: leave them out, or name that device.',
    );
  }
  if (options.config !== undefined) checkTextRecord('config', options.config);
  if (options.onnxruntimePath !== undefined) checkPath('onnxruntimePath', options.onnxruntimePath, 'a path');
  checkSignal(options.signal);
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
    providers: device === 'cpu' ? [] : [{ name: device, options: options.providerOptions ?? {} }],
    config: options.config ?? {},
    lanes,
  };
}
