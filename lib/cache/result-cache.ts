import { aborted } from '../binding/index.js';
import { realClock, type Clock } from '../batching/clock.js';
import {
  checkBoolean,
  checkInteger,
  checkNumber,
  checkOptions,
  checkPath,
  checkSignal,
  FoveateError,
  invalidArgument,
} from '../errors/index.js';
import { disposeOf, isDisposable } from '../results/index.js';
import { addValue, hashOf, hashOfBytes, type KeyPart } from './content-key.js';
import { FileContents, type FileContent } from './file-contents.js';
import { Flight } from './flight.js';
import { KeptValues } from './kept-values.js';
import { resultBytes } from './result-size.js';

/** What a cache keeps, and for how long. */
export interface ResultCacheOptions {
  /** Which model the results are of: part of the key. A function is asked at each call, for a model that is changed beneath. Default ''. */
  readonly version?: string | (() => string) | undefined;
  /** For how many milliseconds a result is kept. Default Infinity: the same content gives the same result. */
  readonly ttlMs?: number | undefined;
  /** How many bytes results may take, by estimate; those that have not been asked for longest make room. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** How many results. Default 10,000. */
  readonly maxEntries?: number | undefined;
  /**
   * Whether items that are strings or URLs, alone, in an array or as `images` of a plain object, are paths, as tasks and their batchers take them: the content of their files counts, and
   * is equal to that of a Buffer. Default true.
   */
  readonly paths?: boolean | undefined;
}

/** What a cache has done so far. */
export interface ResultCacheStatistics {
  /** Calls that were answered with what was kept. */
  readonly hits: number;
  /** Calls that began a computation. */
  readonly misses: number;
  /** Calls that waited for one that another had begun. */
  readonly shared: number;
  /** Calls whose files could not be read: what was to be cached was called without the cache. */
  readonly uncached: number;
  /** `hits` and `shared` of all calls; NaN before the first. */
  readonly hitRate: number;
  /** Results that made room for others. */
  readonly evicted: number;
  /** Results whose time was over. */
  readonly expired: number;
  /** Results that were larger than the whole cache. */
  readonly tooLarge: number;
  readonly entries: number;
  /** By estimate. */
  readonly bytes: number;
}

/** Options of a call that do not change what comes out. */
const circumstances = ['signal', 'caller', 'priority', 'deadlineMs', 'requestId'];

interface Circumstances {
  readonly signal?: AbortSignal | undefined;
  readonly priority?: unknown;
  readonly deadlineMs?: number | undefined;
}

/** The key of a call, and the files that it stands for. */
interface CallKey {
  readonly text: string;
  readonly files: readonly FileContent[];
}

/**
 * Keeps results by the content of what they are of, and the options: equal pictures are looked at once, wherever they lie. Concurrent equal calls share one computation. Where
 * the call that began it is aborted, the others begin again, with an item of theirs. Errors are not kept.
 *
 * Every caller gets one and the same object: leave it unchanged. What has a `dispose` is refused, because it has one owner: copy what is needed of it. `timing` in a result is that of
 * the call that computed it.
 *
 *     const cache = new ResultCache((picture: PictureInput, options?: DetectOptions) => detector.detect(picture, options), { ttlMs: 60_000 });
 *     const detections = await cache.run('street.jpg', { scoreThreshold: 0.5 });
 */
export class ResultCache<Item, Result, Options extends object | undefined> {
  readonly #compute: (item: Item, options: Options) => Promise<Result>;
  readonly #version: () => string;
  readonly #maxBytes: number;
  readonly #maxEntries: number;
  readonly #files: FileContents | undefined;
  readonly #clock: Clock;
  readonly #kept: KeptValues<Result>;
  readonly #flights = new Map<string, Flight<Result>>();
  readonly #counts = { hits: 0, misses: 0, shared: 0, uncached: 0, evicted: 0, expired: 0, tooLarge: 0 };
  /** Changes with each `clear()`: what was begun before is not kept. */
  #generation = 0;

  /** Throws INVALID_ARGUMENT and UNKNOWN_OPTION. */
  constructor(compute: (item: Item, options: Options) => Promise<Result>, options?: ResultCacheOptions);
  /** @internal */
  constructor(compute: (item: Item, options: Options) => Promise<Result>, options: ResultCacheOptions, clock: Clock);
  constructor(
    compute: (item: Item, options: Options) => Promise<Result>,
    options: ResultCacheOptions = {},
    clock: Clock = realClock,
  ) {
    if (typeof compute !== 'function') throw invalidArgument('compute', 'a function (item, options) => Promise', compute);
    checkOptions('result cache options', options, ['version', 'ttlMs', 'maxBytes', 'maxEntries', 'paths']);
    const { version = '', ttlMs = Infinity } = options;
    if (typeof version !== 'string' && typeof version !== 'function') {
      throw invalidArgument('version', 'a string or a function that gives one', version);
    }
    this.#compute = compute;
    this.#version = typeof version === 'string' ? () => version : version;
    this.#maxBytes = checkInteger('maxBytes', options.maxBytes ?? 64 * 2 ** 20, 1);
    this.#maxEntries = checkInteger('maxEntries', options.maxEntries ?? 10_000, 1, 1_000_000);
    this.#files = checkBoolean('paths', options.paths ?? true) ? new FileContents() : undefined;
    this.#clock = clock;
    this.#kept = new KeptValues(checkNumber('ttlMs', ttlMs, 1, Infinity), clock, () => this.#counts.expired++);
  }

  /**
   * The result for an item: one that is kept, or is being computed, or a new one. `signal`, `caller`, `priority`, `deadlineMs` and `requestId` of the options do not make it
   * another result; the others do. Events and errors of a computation have the `requestId` of whoever began it. What the item holds is to be left alone until the promise settles.
   *
   * Throws as what is cached, ABORTED, and INVALID_ARGUMENT for an item or options that are not data, and for results that have to be disposed of.
   */
  async run(item: Item, options?: Options): Promise<Result> {
    const given: Circumstances = options ?? {};
    const { signal, priority, deadlineMs } = given;
    checkSignal(signal);
    if (signal?.aborted) throw aborted(signal);
    const began = this.#clock.now();
    const version = this.#version();
    const key = await this.#key(version, item, given);
    if (signal?.aborted) throw aborted(signal);
    if (key === undefined) {
      this.#counts.uncached++;
      return this.#compute(item, given as unknown as Options);
    }
    // A computation has the deadline and the priority of whoever began it: only those who would give it the same share it.
    const flightKey = `${key.text} ${String(priority)} ${deadlineMs}`;
    let left = deadlineMs;
    for (let isFirst = true; ; isFirst = false) {
      this.#kept.expire();
      if (this.#kept.has(key.text)) {
        this.#counts.hits++;
        return this.#kept.get(key.text) as Result;
      }
      const flight = this.#flights.get(flightKey);
      if (flight === undefined || flight.isAbandoned) {
        this.#counts.misses++;
        const timed = left === undefined ? given : { ...given, deadlineMs: left };
        return this.#begin(flightKey, key, version, item, timed).join();
      }
      if (isFirst) this.#counts.shared++;
      try {
        return await flight.join(signal);
      } catch (error) {
        if (signal?.aborted) throw error;
        if (deadlineMs !== undefined) left = deadlineMs - (this.#clock.now() - began);
        // The deadline of the one who began it has passed, not yet that of this call.
        const isOthersDeadline = error instanceof FoveateError && error.code === 'DEADLINE_EXCEEDED' && (left ?? 0) > 0;
        if (!isOthersDeadline && !flight.isAbandoned) throw error;
      }
    }
  }

  #begin(flightKey: string, key: CallKey, version: string, item: Item, given: Circumstances): Flight<Result> {
    const { signal } = given;
    const generation = this.#generation;
    const compute = async (): Promise<Result> => {
      const result = await this.#compute(item, given as unknown as Options);
      await refuseDisposable(result);
      const files = await Promise.all(key.files.map((file) => file.isStill()));
      // Whoever was told of an abort may have changed the item.
      const isOfKey = !signal?.aborted && version === this.#version() && files.every(Boolean);
      if (isOfKey && generation === this.#generation) this.#keep(key.text, result);
      return result;
    };
    const flight = new Flight(compute(), signal);
    this.#flights.set(flightKey, flight);
    const end = (): void => {
      if (this.#flights.get(flightKey) === flight) this.#flights.delete(flightKey);
    };
    flight.join().then(end, end); // before those who join are told
    return flight;
  }

  #keep(key: string, result: Result): void {
    this.#kept.expire();
    if (this.#kept.has(key)) return; // another deadline, the same result
    const bytes = resultBytes(result);
    if (bytes > this.#maxBytes) {
      this.#counts.tooLarge++;
      return;
    }
    while (this.#kept.size >= this.#maxEntries || this.#kept.bytes + bytes > this.#maxBytes) {
      this.#kept.remove(this.#kept.leastUsed as string);
      this.#counts.evicted++;
    }
    this.#kept.add(key, result, bytes);
  }

  /** Undefined where a file cannot be read. */
  async #key(version: string, item: Item, given: object): Promise<CallKey | undefined> {
    const parts: KeyPart[] = [];
    const files: FileContent[] = [];
    const options = Object.entries(given).filter(([name]) => !circumstances.includes(name));
    addValue(parts, 'version', version);
    addValue(parts, 'options', Object.fromEntries(options));
    let [name, content]: [string, unknown] = ['item', item];
    if (this.#files !== undefined && isRequest(item)) {
      const { images, ...others } = item;
      [name, content] = ['item.images', images];
      parts.push('request:');
      addValue(parts, 'item', others);
    }
    const elements: readonly unknown[] = Array.isArray(content) ? content : [content];
    parts.push(Array.isArray(content) ? `items${content.length}:` : 'item:');
    for (const [i, element] of elements.entries()) {
      if (this.#files === undefined) addValue(parts, name, element);
      else if (element instanceof Uint8Array) parts.push(`f${await hashOfBytes(element)}`);
      else if (typeof element === 'string' || element instanceof URL) {
        try {
          const file = await this.#files.of(checkPath(name, element));
          files.push(file);
          parts.push(`f${file.hash}`);
        } catch {
          return undefined; // what is cached will tell what is wrong with it
        }
      } else addValue(parts, Array.isArray(content) ? `${name}[${i}]` : name, element);
    }
    return { text: await hashOf(parts), files };
  }

  /** Forgets all results. What is being computed is answered, and not kept. */
  clear(): void {
    this.#generation++;
    this.#flights.clear();
    this.#kept.clear();
  }

  statistics(): ResultCacheStatistics {
    this.#kept.expire();
    const { hits, misses, shared, uncached } = this.#counts;
    return {
      ...this.#counts,
      hitRate: (hits + shared) / (hits + misses + shared + uncached),
      entries: this.#kept.size,
      bytes: this.#kept.bytes,
    };
  }
}

/** Whether it is what a batcher of a task takes: pictures, and options beside them. */
function isRequest(item: unknown): item is { readonly images: unknown } {
  if (item === null || typeof item !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(item);
  return (prototype === Object.prototype || prototype === null) && (item as { images?: unknown }).images !== undefined;
}

async function refuseDisposable(result: unknown): Promise<void> {
  if (!isDisposable(result)) return;
  await disposeOf(result);
  throw invalidArgument(
    'the result',
    'one that is free to keep',
    result,
    'A result with dispose() has one owner. Copy what is needed of it, dispose of it, and give the copy to the cache.',
  );
}
