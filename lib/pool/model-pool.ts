import { AsyncLocalStorage } from 'node:async_hooks';

import { aborted } from '../binding/index.js';
import {
  checkRequestOptions,
  checkTimeLeft,
  failedEvent,
  realClock,
  type Batched,
  type BatchItem,
  type BatchRequestOptions,
  type BatchResult,
  type Clock,
} from '../batching/index.js';
import { checkOptions, checkSignal, FoveateError, invalidArgument, withRequestId } from '../errors/index.js';
import { isObserved, publish } from '../events/index.js';
import { allSettled } from './dispose.js';
import { Entry, Version, type Patience } from './entry.js';
import { Loader } from './loader.js';
import { processMeter, type MemoryMeter } from './memory.js';
import {
  poolBudget,
  registerSettings,
  swapSettings,
  type ModelPoolOptions,
  type PoolModels,
  type PoolSource,
  type RegisterOptions,
} from './options.js';
import { poolDisposed, tooLate, unknownModel } from './pool-errors.js';
import type { Resident } from './resident.js';
import { poolStatistics, type PoolStatistics } from './statistics.js';

interface Held {
  readonly entry: Entry;
  readonly resident: Resident;
}

/** What the code that runs now has been given by `use`, of all pools: each storage makes every promise of the process a little slower on Node 20 and 22, once it is used. */
const heldHere = new AsyncLocalStorage<readonly Held[]>();

/** How long a call waits for a model. */
export interface PoolUseOptions {
  /** Aborts while the model is waited for. A load that has begun goes on, but that of a swap. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Holds many models under a budget of memory: each is loaded when it is first asked for, once however many ask, warmed up, and given up for others when it was not asked for the longest. A call
 * never fails because other models are in use; it waits. `Models` tells TypeScript which model has which name.
 *
 *     const pool = new ModelPool<{ faces: Session; plates: Session }>({ memoryBytes: 600e6 });
 *     pool.register('faces', { load: (signal) => createSession('faces.onnx', { signal }), files: 'faces.onnx' });
 *     pool.register('plates', { load: (signal) => createSession('plates.onnx', { signal }), files: 'plates.onnx' });
 *     const { outputs, dispose } = await pool.run('faces', { images }, { deadlineMs: 500 });
 */
export class ModelPool<Models extends PoolModels = PoolModels> implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #loader: Loader;
  readonly #entries = new Map<string, Entry>();
  #closing: Promise<void> | undefined;

  /** Throws INVALID_ARGUMENT and UNKNOWN_OPTION. */
  constructor(options?: ModelPoolOptions);
  /** @internal */
  constructor(options: ModelPoolOptions, clock: Clock, meter: MemoryMeter);
  constructor(options: ModelPoolOptions = {}, clock: Clock = realClock, meter: MemoryMeter = processMeter) {
    this.#clock = clock;
    this.#loader = new Loader(poolBudget(options), clock, meter);
  }

  /** Makes a model known; nothing is loaded yet. Throws INVALID_ARGUMENT (a name that is taken), UNKNOWN_OPTION, DISPOSED. */
  register<Name extends keyof Models & string, Model extends Models[Name]>(name: Name, options: RegisterOptions<Model>): void {
    this.#checkOpen();
    if (typeof name !== 'string' || name === '') throw invalidArgument('name', 'a string that is not empty', name);
    if (this.#entries.has(name))
      throw invalidArgument('name', 'one that is not registered yet', name, 'A new version takes over with swap.');
    const { source, pinned } = registerSettings(options);
    this.#entries.set(name, new Entry(name, source, pinned));
  }

  /**
   * Runs one item on the model, in a batch with others: see `DynamicBatcher.run`. `deadlineMs` includes what loading takes.
   *
   * Throws as that does, and POOL_LOAD_FAILED, POOL_TOO_SMALL, DISPOSED, INVALID_ARGUMENT for a name that is not registered.
   */
  async run<Name extends keyof Models & string>(
    name: Name,
    item: BatchItem<Models[Name]>,
    options: BatchRequestOptions = {},
  ): Promise<Batched<BatchResult<Models[Name]>>> {
    checkRequestOptions(options);
    const { resident, leftMs } = await this.#holdForRequest(name, options);
    try {
      const result = resident.batcher.run(item, { ...options, deadlineMs: leftMs });
      if (resident.state !== 'open') void resident.batcher.flush(); // others wait until it is out of their way
      return (await result) as Batched<BatchResult<Models[Name]>>;
    } catch (error) {
      throw toCaller(error);
    } finally {
      resident.release();
    }
  }

  /**
   * Calls `work` with the model itself, which stays until what that returns has settled, and returns the same. Calls of the pool from within get the model that is held, whatever else
   * waits for its room; whoever waits for another one meanwhile waits for ever where both do not fit.
   *
   * Throws as `work`, and POOL_LOAD_FAILED, POOL_TOO_SMALL, ABORTED, DISPOSED, INVALID_ARGUMENT.
   */
  async use<Name extends keyof Models & string, Result>(
    name: Name,
    work: (model: Models[Name]) => Result | Promise<Result>,
    options: PoolUseOptions = {},
  ): Promise<Result> {
    checkOptions('use options', options, ['signal']);
    checkSignal(options.signal);
    if (typeof work !== 'function') throw invalidArgument('work', 'a function', work);
    const held = await this.#hold(name, options);
    try {
      const all = [...(heldHere.getStore() ?? []), held];
      return await heldHere.run(all, () => work(held.resident.loaded.model as Models[Name]));
    } finally {
      held.resident.release();
    }
  }

  /** Loads the model where it is not loaded. It may be given up again, unless it is pinned. Throws as {@link use}. */
  async load(name: keyof Models & string, options: PoolUseOptions = {}): Promise<void> {
    checkOptions('load options', options, ['signal']);
    checkSignal(options.signal);
    (await this.#hold(name, options)).resident.release();
  }

  /**
   * Loads and warms up a new version beside the one that serves, which goes on meanwhile. When it is ready, new requests go to it; those under way end on the old one, which is then disposed
   * of. Where it cannot be loaded, all is as it was. `batching` and `warmUp` stay as they are where they are left out. Settles when the new version serves.
   *
   * Throws POOL_LOAD_FAILED, POOL_TOO_SMALL where there is no room for both, ABORTED, DISPOSED, INVALID_ARGUMENT, UNKNOWN_OPTION.
   */
  async swap<Name extends keyof Models & string, Model extends Models[Name]>(
    name: Name,
    source: PoolSource<Model>,
    options: PoolUseOptions = {},
  ): Promise<void> {
    const entry = this.#entry(name);
    const settings = swapSettings(source, entry.version.source);
    checkOptions('swap options', options, ['signal']);
    checkSignal(options.signal);
    if (options.signal?.aborted) throw aborted(options.signal);
    try {
      const resident = await this.#loader.swap(entry, new Version(settings), options);
      resident.release();
    } catch (error) {
      throw toCaller(error);
    }
  }

  /** Keeps the model from now on, once it is loaded. Throws INVALID_ARGUMENT, DISPOSED. */
  pin(name: keyof Models & string): void {
    this.#entry(name).pinned = true;
    this.#loader.look();
  }

  /** Lets the model be given up for others again. Throws INVALID_ARGUMENT, DISPOSED. */
  unpin(name: keyof Models & string): void {
    this.#entry(name).pinned = false;
    this.#loader.look();
  }

  /** Disposes of the model, be it pinned, once those who have it are done; who asks for it from now on has it loaded again. A load that is under way goes on where somebody waits for it, and is given up where nobody does. Rejects where it cannot be disposed of. */
  async unload(name: keyof Models & string): Promise<void> {
    const entry = this.#entry(name);
    if (entry.resident === undefined) await this.#loader.giveUpLoad(entry);
    else await this.#loader.giveUp(entry.resident, entry, 'unload');
  }

  /** Unloads all models, and forgets what was counted and measured and which loads have failed. What is registered, and pinned, stays. Rejects where a model cannot be disposed of. */
  async reset(): Promise<void> {
    this.#checkOpen();
    const gone = allSettled([this.#loader.giveUpAll('reset'), this.#loader.giveUpLoad()]);
    this.#loader.reset();
    for (const entry of this.#entries.values()) entry.reset();
    await gone;
  }

  statistics(): PoolStatistics {
    return poolStatistics([...this.#entries.values()], this.#loader, this.#clock.now());
  }

  /** Takes no more calls. Those that have a model end; those that wait for one are rejected with DISPOSED. Then disposes of all models. Idempotent. */
  dispose(): Promise<void> {
    return (this.#closing ??= this.#loader.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** The model, and what is left of the deadline. Tells observers of a request that does not come so far; of others, the batcher tells. */
  async #holdForRequest(name: string, options: BatchRequestOptions): Promise<{ resident: Resident; leftMs: number | undefined }> {
    const { deadlineMs, requestId } = options;
    const calledAt = this.#clock.now();
    try {
      checkTimeLeft(deadlineMs);
      const { resident } = await this.#hold(name, options);
      if (deadlineMs === undefined) return { resident, leftMs: undefined };
      const leftMs = deadlineMs - (this.#clock.now() - calledAt);
      if (leftMs > 0) return { resident, leftMs };
      resident.release();
      throw tooLate(name, deadlineMs);
    } catch (error) {
      const model = this.#entries.get(name)?.requestName;
      if (model !== undefined && isObserved('foveate:batch.request')) {
        const totalMs = this.#clock.now() - calledAt;
        publish('foveate:batch.request', failedEvent({ model, options, totalMs }, error));
      }
      throw withRequestId(toCaller(error), requestId);
    }
  }

  async #hold(name: string, patience: Patience): Promise<Held> {
    const entry = this.#entry(name);
    if (patience.signal?.aborted) throw aborted(patience.signal);
    const held = heldHere.getStore()?.filter(({ resident }) => resident.isBusy) ?? [];
    const open = entry.resident?.state === 'open' ? entry.resident : held.find((one) => one.entry === entry)?.resident;
    if (open !== undefined) {
      entry.give(open, this.#clock.now());
      return { entry, resident: open };
    }
    if (entry.resident === undefined) entry.checkPause(this.#clock.now());
    const resident = await this.#loader.request(entry, patience, held.length > 0).catch((error: unknown) => {
      throw toCaller(error);
    });
    if (patience.signal?.aborted) {
      resident.release();
      throw aborted(patience.signal);
    }
    return { entry, resident };
  }

  #entry(name: string): Entry {
    this.#checkOpen();
    const entry = this.#entries.get(name);
    if (entry === undefined) throw unknownModel(name, [...this.#entries.keys()]);
    return entry;
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw poolDisposed('before the call');
  }
}

/** From here the stack leads to the caller; from where the error was made, it would not. */
function toCaller(error: unknown): unknown {
  if (error instanceof FoveateError) Error.captureStackTrace(error);
  return error;
}
