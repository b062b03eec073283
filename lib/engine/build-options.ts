import { ArgumentError, checkInteger, checkOneOf, checkOptions, checkPath, invalidArgument } from '../errors/index.js';
import type { NativeEngineSpec, NativeTensorRt } from '../binding/index.js';
import type { BakedPreprocess } from '../graph/index.js';
import type { BuildProgress } from './build-progress.js';
import type { BatchRange, OptimizationProfile } from './build-profiles.js';

/** A line of the library's log. */
export interface BuildLogLine {
  readonly level: 'error' | 'warning' | 'info' | 'verbose';
  readonly message: string;
}

/** How an engine is built. What is left out is left to the library. */
export interface BuildOptions {
  /** The library: a family, with a version where one is needed: 'tensorrt-rtx', 'tensorrt@10', 'tensorrt@>=10.8'. */
  readonly device: string;
  /** Its folder or file. Default: it is looked for, see docs/tensorrt.md. */
  readonly tensorrtPath?: string | undefined;
  /** Where the bundle is put: a folder that is not there, is empty, or is a bundle, which is replaced. Default: it stays in the cache. */
  readonly output?: string | undefined;
  /** For 'tensorrt-rtx': the GPUs to build for, as in 89 for compute capability 8.9. Default: the GPU of this machine. */
  readonly computeCapability?: number | readonly number[] | undefined;
  /**
   * Shapes to build for, one profile or several, in the axes of the model's own input, also where the engine takes pixels. Default: one, in which only
   * the batch axis is free: 1 to 8.
   */
  readonly profiles?: readonly OptimizationProfile[] | undefined;
  /** Instead of profiles: how many pictures a batch may have. A model whose batch axis is fixed gets a free one. */
  readonly batch?: BatchRange | undefined;
  /** Makes a fixed batch axis free. Default: where `batch` asks for it. */
  readonly freeBatch?: boolean | undefined;
  /** Bakes this into the engine, whose input then takes pixels: uint8 [N, H, W, C]. Default: the input stays as it is. */
  readonly bakePreprocess?: BakedPreprocess | undefined;
  /** Told in the manifest: how pictures become the engine's input, and the names of its classes. */
  readonly preprocess?: Readonly<Record<string, unknown>> | undefined;
  readonly labels?: readonly string[] | undefined;
  /** Memory that layers may use while they run, in bytes. */
  readonly workspaceBytes?: number | undefined;
  /** 0 (fast build) to 5 (fast engine). */
  readonly optimizationLevel?: number | undefined;
  /** Whether float32 is multiplied with 10 bits of mantissa on tensor cores, faster. Default true, as the libraries have it. */
  readonly tf32?: boolean | undefined;
  /** Kernels for weights with 2:4 structured sparsity. */
  readonly sparsity?: boolean | undefined;
  /** Runs with later releases of the same major version too. */
  readonly versionCompatible?: boolean | undefined;
  /** Runs on other GPUs too: 'ampere-plus', or 'same-compute-capability'. */
  readonly hardwareCompatibility?: NativeEngineSpec['hardwareCompatibility'] | undefined;
  /** Whether weights can be replaced afterwards. */
  readonly refit?: boolean | undefined;
  /** Leaves the weights out; a refit brings them back. */
  readonly stripWeights?: boolean | undefined;
  /** Whether weights may be kept on the host and streamed. */
  readonly weightStreaming?: boolean | undefined;
  /** A deep-learning accelerator (Jetson), and whether layers that it cannot run may go to the GPU. */
  readonly dlaCore?: number | undefined;
  readonly gpuFallback?: boolean | undefined;
  /** Bits of TacticSource, as the release numbers them. */
  readonly tacticSources?: number | undefined;
  readonly auxiliaryStreams?: number | undefined;
  /** For TensorRT 8 only: later releases take the precision from the graph. */
  readonly precision?: 'fp16' | 'int8' | undefined;
  /** Shared libraries with operators. They are code that is run: `trust` has to be true. */
  readonly pluginLibraries?: readonly string[] | undefined;
  readonly trust?: boolean | undefined;
  /** Whether an engine that was built before is taken from the cache. Default true. */
  readonly cache?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BuildProgress) => void) | undefined;
  readonly onLog?: ((line: BuildLogLine) => void) | undefined;
}

/** Whether an option decides what is built. A new one has to be told of here, or does not compile. */
const decides: Readonly<Record<keyof BuildOptions, boolean>> = {
  device: false, // the library that it leads to does
  tensorrtPath: false,
  output: false,
  computeCapability: false, // told in the engine
  profiles: true,
  batch: true,
  freeBatch: false, // told in the passes
  bakePreprocess: false,
  preprocess: true,
  labels: true,
  workspaceBytes: true,
  optimizationLevel: true,
  tf32: true,
  sparsity: true,
  versionCompatible: true,
  hardwareCompatibility: true,
  refit: true,
  stripWeights: true,
  weightStreaming: true,
  dlaCore: true,
  gpuFallback: true,
  tacticSources: true,
  auxiliaryStreams: true,
  precision: true,
  pluginLibraries: true,
  trust: false,
  cache: false,
  signal: false,
  onProgress: false,
  onLog: false,
};

export const buildOptionNames = Object.keys(decides) as readonly (keyof BuildOptions)[];

/** The options that were given of those that decide an engine, besides model, library, GPU and passes. */
export function decidingOptions(options: BuildOptions): Readonly<Record<string, unknown>> {
  const given = buildOptionNames.filter((name) => decides[name] && options[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, options[name]]));
}

const flagNames = [
  'freeBatch',
  'tf32',
  'sparsity',
  'versionCompatible',
  'refit',
  'stripWeights',
  'weightStreaming',
  'gpuFallback',
  'trust',
  'cache',
] as const satisfies readonly (keyof BuildOptions)[];

/** Throws UNKNOWN_OPTION, INVALID_ARGUMENT, NOT_TRUSTED. */
export function checkBuildOptions(options: BuildOptions): void {
  checkOptions('build options', options, buildOptionNames);
  if (typeof options.device !== 'string') {
    throw invalidArgument('device', "'tensorrt', 'tensorrt-rtx' or one of them with a version", options.device);
  }
  const { workspaceBytes, optimizationLevel, dlaCore, tacticSources, auxiliaryStreams, precision, hardwareCompatibility } =
    options;
  if (options.tensorrtPath !== undefined) checkPath('tensorrtPath', options.tensorrtPath);
  if (options.output !== undefined) checkPath('output', options.output);
  if (workspaceBytes !== undefined) checkInteger('workspaceBytes', workspaceBytes, 0, Number.MAX_SAFE_INTEGER);
  if (optimizationLevel !== undefined) checkInteger('optimizationLevel', optimizationLevel, 0, 5);
  if (dlaCore !== undefined) checkInteger('dlaCore', dlaCore, 0, 15);
  if (tacticSources !== undefined) checkInteger('tacticSources', tacticSources, 0, 2 ** 32 - 1);
  if (auxiliaryStreams !== undefined) checkInteger('auxiliaryStreams', auxiliaryStreams, 0, 128);
  if (precision !== undefined) checkOneOf('precision', precision, ['fp16', 'int8']);
  if (hardwareCompatibility !== undefined) {
    checkOneOf('hardwareCompatibility', hardwareCompatibility, ['none', 'ampere-plus', 'same-compute-capability']);
  }
  for (const name of ['profiles', 'pluginLibraries'] as const) {
    if (options[name] !== undefined && !Array.isArray(options[name])) throw invalidArgument(name, 'an array', options[name]);
  }
  for (const name of ['onProgress', 'onLog'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function')
      throw invalidArgument(name, 'a function', options[name]);
  }
  for (const name of flagNames) {
    if (options[name] !== undefined && typeof options[name] !== 'boolean')
      throw invalidArgument(name, 'true or false', options[name]);
  }
  for (const capability of capabilitiesOf(options)) checkInteger('computeCapability', capability, 50, 999);
  if ((options.pluginLibraries ?? []).length > 0 && options.trust !== true) {
    throw new ArgumentError('NOT_TRUSTED', {
      message: `Plugin libraries are code that is run, but they were not declared to be trusted: ${options.pluginLibraries?.join(', ')}`,
      hint: 'Give trust: true (--trust) where you know where they come from.',
      details: { pluginLibraries: options.pluginLibraries },
    });
  }
}

/** Throws INVALID_ARGUMENT for what only other libraries can do: this one would ignore it, or fail late and tell nothing. */
export function checkOptionsFor({ family, version, profile }: NativeTensorRt, options: BuildOptions): void {
  const only = (name: string, other: string, hint: string): ArgumentError =>
    new ArgumentError('INVALID_ARGUMENT', {
      message: `Expected option ${name} for ${other} only, but the library is ${family} ${version}`,
      hint,
    });
  if (options.precision !== undefined && profile !== 'trt8') {
    const hint = 'Leave it out: later releases take the precision from the graph. Export the model in the one that is wanted.';
    throw only('precision', 'TensorRT 8', hint);
  }
  if (family !== 'tensorrt-rtx') return;
  if (options.versionCompatible === true) {
    throw only('versionCompatible', 'tensorrt', 'Leave it out: TensorRT-RTX has no lean runtime that such an engine needs.');
  }
  if (options.dlaCore !== undefined) {
    throw only('dlaCore', 'tensorrt', 'Leave it out: TensorRT-RTX builds for GPUs alone.');
  }
}

export function capabilitiesOf({ computeCapability }: BuildOptions): readonly number[] {
  if (computeCapability === undefined) return [];
  const list = Array.isArray(computeCapability) ? (computeCapability as readonly number[]) : [computeCapability as number];
  return [...new Set(list)].sort((a, b) => a - b);
}

/** Builder flags, by the names that the addon knows: those to set, and those to clear that are set unless told otherwise. */
export function flagsOf(options: BuildOptions): { readonly flags: readonly string[]; readonly clearedFlags: readonly string[] } {
  const flags: readonly (readonly [boolean | undefined, readonly string[]])[] = [
    [options.tf32, ['TF32']],
    [options.sparsity, ['SPARSE_WEIGHTS']],
    [options.versionCompatible, ['VERSION_COMPATIBLE']],
    // Of the two ways to leave weights out, the one that builders without a GPU can do.
    [options.stripWeights, ['STRIP_PLAN', 'REFIT_INDIVIDUAL']],
    [options.refit === true && options.stripWeights !== true, ['REFIT']],
    [options.weightStreaming, ['WEIGHT_STREAMING']],
    [options.gpuFallback, ['GPU_FALLBACK']],
    [options.precision === 'fp16', ['FP16']],
    [options.precision === 'int8', ['INT8']],
  ];
  return {
    flags: flags.flatMap(([wanted, list]) => (wanted === true ? list : [])),
    clearedFlags: options.tf32 === false ? ['TF32'] : [],
  };
}
