import { batcherSettings, type BatchSource, type DynamicBatcherOptions } from '../batching/index.js';
import { checkBoolean, checkInteger, checkOptions, checkPath, invalidArgument } from '../errors/index.js';

/** What a pool can hold: what a `DynamicBatcher` takes, and can be disposed of. */
export type PoolModel = BatchSource & AsyncDisposable;
/** The models of a pool by their names. */
export type PoolModels = Readonly<Record<string, PoolModel>>;

/** What the models of a pool may take together. Models that are loading, and those that are being disposed of, count. */
export interface ModelPoolOptions {
  /** Bytes of the process's own memory. Default: no limit. */
  readonly memoryBytes?: number | undefined;
  /** Bytes on GPUs, all of them together. Default: no limit. */
  readonly deviceMemoryBytes?: number | undefined;
}

/** Where a model of a pool comes from. */
export interface PoolSource<Model extends PoolModel> {
  /**
   * Opens the model, which is the pool's from then on. Called when it is needed, one model at a time. `signal` aborts when the model is not wanted any more: by `unload`, `reset`
   * or `dispose`, or where a swap is aborted.
   */
  readonly load: (signal: AbortSignal) => Model | Promise<Model>;
  /** Told in statistics, events and errors. */
  readonly version?: string | undefined;
  /** How requests are batched. `name` is by default the one in the pool. */
  readonly batching?: DynamicBatcherOptions | undefined;
  /**
   * One run, repeated after loading until the last three took the same time within 15 %, at most 30 times or 5 seconds. What it gives is disposed of where it has `Symbol.dispose`. Default: of a
   * session whose inputs have no free dimension but the batch, a run of zeros; else none. false: none.
   */
  readonly warmUp?: ((model: Model, signal: AbortSignal) => unknown) | false | undefined;
  /** Paths or `file:` URLs of what is loaded. A model takes no less than they have bytes, and what one takes that was never loaded is guessed by them. */
  readonly files?: string | URL | readonly (string | URL)[] | undefined;
  /** Bytes of memory that the model takes, with all that its largest batches need. Default: measured while it is loaded and warmed up. */
  readonly memoryBytes?: number | undefined;
  /** Bytes that it takes on GPUs. Default: measured. */
  readonly deviceMemoryBytes?: number | undefined;
}

/** A model of a pool. */
export interface RegisterOptions<Model extends PoolModel> extends PoolSource<Model> {
  /** Whether it stays once it is loaded, however long it is not used. Default false. */
  readonly pinned?: boolean | undefined;
}

const poolOptionNames = ['memoryBytes', 'deviceMemoryBytes'] as const;
const sourceOptionNames = [
  'load',
  'version',
  'batching',
  'warmUp',
  'files',
  'memoryBytes',
  'deviceMemoryBytes',
] as const satisfies readonly (keyof PoolSource<PoolModel>)[];

/** Bytes of the process's memory, and of that of GPUs. */
export interface Bytes {
  readonly host: number;
  readonly device: number;
}

/** The budget: Infinity where there is no limit. Throws INVALID_ARGUMENT and UNKNOWN_OPTION. */
export function poolBudget(options: ModelPoolOptions): Bytes {
  checkOptions('pool options', options, poolOptionNames);
  const { memoryBytes, deviceMemoryBytes } = options;
  return {
    host: memoryBytes === undefined ? Infinity : checkInteger('memoryBytes', memoryBytes, 1),
    device: deviceMemoryBytes === undefined ? Infinity : checkInteger('deviceMemoryBytes', deviceMemoryBytes, 1),
  };
}

/** A source with nothing left open, for any model. */
export interface SourceSettings {
  readonly load: (signal: AbortSignal) => PoolModel | Promise<PoolModel>;
  readonly version: string | undefined;
  readonly batching: DynamicBatcherOptions;
  readonly warmUp: ((model: PoolModel, signal: AbortSignal) => unknown) | false | undefined;
  readonly files: readonly string[];
  readonly memoryBytes: number | undefined;
  readonly deviceMemoryBytes: number | undefined;
}

/** The options of `register`. Throws INVALID_ARGUMENT and UNKNOWN_OPTION. */
export function registerSettings<Model extends PoolModel>(
  options: RegisterOptions<Model>,
): { source: SourceSettings; pinned: boolean } {
  checkOptions('model options', options, [...sourceOptionNames, 'pinned']);
  return { source: sourceSettings(options), pinned: checkBoolean('pinned', options?.pinned ?? false) };
}

/** The options of `swap`: how requests are batched, and the run to warm up with, stay as they were where they are left out. Throws INVALID_ARGUMENT and UNKNOWN_OPTION. */
export function swapSettings<Model extends PoolModel>(options: PoolSource<Model>, before: SourceSettings): SourceSettings {
  checkOptions('swap options', options, sourceOptionNames);
  const source = sourceSettings(options);
  return {
    ...source,
    batching: options.batching ?? before.batching,
    warmUp: source.warmUp ?? before.warmUp,
  };
}

function sourceSettings<Model extends PoolModel>(options: PoolSource<Model> | undefined): SourceSettings {
  const { load, version, batching = {}, warmUp, files = [], memoryBytes, deviceMemoryBytes } = options ?? {};
  if (typeof load !== 'function')
    throw invalidArgument('load', 'a function', load, 'It opens the model: (signal) => createSession(path, { signal }).');
  if (version !== undefined && (typeof version !== 'string' || version === ''))
    throw invalidArgument('version', 'a string that is not empty', version);
  batcherSettings(batching, Infinity); // throws now, not with the first request
  if (warmUp !== undefined && warmUp !== false && typeof warmUp !== 'function')
    throw invalidArgument('warmUp', 'a function or false', warmUp);
  if (memoryBytes !== undefined) checkInteger('memoryBytes', memoryBytes, 0);
  if (deviceMemoryBytes !== undefined) checkInteger('deviceMemoryBytes', deviceMemoryBytes, 0);
  const paths: readonly unknown[] = Array.isArray(files) ? files : [files];
  return {
    load,
    version,
    batching,
    warmUp: warmUp as SourceSettings['warmUp'],
    files: paths.map((path, i) => checkPath(Array.isArray(files) ? `files[${i}]` : 'files', path)),
    memoryBytes,
    deviceMemoryBytes,
  };
}
