import { randomUUID } from 'node:crypto';

import { realClock, type Clock } from '../batching/clock.js';
import { checkInteger, checkNumber, checkOptions, DisposedError, invalidArgument, QueueError } from '../errors/index.js';
import { disposeOf } from '../results/index.js';
import { KeptValues } from './kept-values.js';
import { resultBytes } from './result-size.js';

/** What a store keeps, and for how long. */
export interface OutputStoreOptions {
  /** For how many milliseconds a result is kept. Default 600,000, ten minutes. */
  readonly ttlMs?: number | undefined;
  /** How many bytes results may take, by estimate. Default 256 MiB. */
  readonly maxBytes?: number | undefined;
  /** How many results. Default 10,000. */
  readonly maxEntries?: number | undefined;
}

/** How one result is put into a store. */
export interface PutOptions {
  /** Under which it is fetched; none that is in the store. Default: a random UUID, which nobody guesses. */
  readonly id?: string | undefined;
  /** What it takes. Default: by estimate, which does not see what private members hold: tell it for outputs of a session. */
  readonly bytes?: number | undefined;
}

/** What a store holds, and has done so far. */
export interface OutputStoreStatistics {
  readonly entries: number;
  readonly bytes: number;
  readonly put: number;
  /** `get` and `take` that found something, and those that did not. */
  readonly found: number;
  readonly missed: number;
  readonly expired: number;
  /** Puts for which there was no room. */
  readonly refused: number;
}

/**
 * Keeps results for callers that fetch them later, by an id. Whoever was told an id finds the result there until its time is over: where there is no room, new results are refused, and old ones stay. A result that has to be
 * disposed of belongs to the store until it is taken, and is disposed of when it is deleted, when it expires, and with the store. There are no timers: what has expired goes when the next call comes.
 *
 *     const store = new OutputStore<Detections>({ ttlMs: 60_000 });
 *     const id = store.put(await detector.detect('street.jpg'));
 *     const detections = store.get(id); // undefined after a minute
 */
export class OutputStore<Result> implements Disposable {
  readonly #maxBytes: number;
  readonly #maxEntries: number;
  readonly #clock: Clock;
  readonly #kept: KeptValues<Result>;
  readonly #counts = { put: 0, found: 0, missed: 0, expired: 0, refused: 0 };
  #disposed = false;

  /** Throws INVALID_ARGUMENT and UNKNOWN_OPTION. */
  constructor(options?: OutputStoreOptions);
  /** @internal */
  constructor(options: OutputStoreOptions, clock: Clock);
  constructor(options: OutputStoreOptions = {}, clock: Clock = realClock) {
    checkOptions('output store options', options, ['ttlMs', 'maxBytes', 'maxEntries']);
    this.#maxBytes = checkInteger('maxBytes', options.maxBytes ?? 256 * 2 ** 20, 1);
    this.#maxEntries = checkInteger('maxEntries', options.maxEntries ?? 10_000, 1, 1_000_000);
    this.#clock = clock;
    this.#kept = new KeptValues(checkNumber('ttlMs', options.ttlMs ?? 600_000, 1, Infinity), clock, (result) => {
      this.#counts.expired++;
      void disposeOf(result);
    });
  }

  /** Keeps a result, and tells its id. Throws STORE_FULL, and then the result stays the caller's; INVALID_ARGUMENT, also for an id that is taken; DISPOSED. */
  put(result: Result, options: PutOptions = {}): string {
    this.#check();
    checkOptions('put options', options, ['id', 'bytes']);
    const { id = randomUUID() } = options;
    checkId(id);
    if (this.#kept.has(id))
      throw invalidArgument('id', 'one that is not in the store', id, 'Delete the other first, or let an id be made.');
    const bytes = options.bytes === undefined ? resultBytes(result) : checkInteger('bytes', options.bytes, 0);
    if (this.#kept.size >= this.#maxEntries || this.#kept.bytes + bytes > this.#maxBytes) {
      this.#counts.refused++;
      throw this.#full(bytes);
    }
    this.#kept.add(id, result, bytes);
    this.#counts.put++;
    return id;
  }

  /** The result, which stays the store's; undefined where there is none, or none any more. Throws INVALID_ARGUMENT, DISPOSED. */
  get(id: string): Result | undefined {
    this.#look(id);
    return this.#kept.get(id);
  }

  /** The result, which is the caller's from now on, and not there any more. Throws as `get`. */
  take(id: string): Result | undefined {
    this.#look(id);
    return this.#kept.remove(id);
  }

  #look(id: string): void {
    this.#check();
    this.#counts[this.#kept.has(checkId(id)) ? 'found' : 'missed']++;
  }

  /** Drops a result, and disposes of it where that is needed. Tells whether there was one. Throws as `get`. */
  delete(id: string): boolean {
    this.#check();
    const isThere = this.#kept.has(checkId(id));
    void disposeOf(this.#kept.remove(id));
    return isThere;
  }

  statistics(): OutputStoreStatistics {
    if (!this.#disposed) this.#kept.expire();
    return { entries: this.#kept.size, bytes: this.#kept.bytes, ...this.#counts };
  }

  /** Disposes of all results that are left. Idempotent. */
  dispose(): void {
    this.#disposed = true;
    for (const result of this.#kept.clear()) void disposeOf(result);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #check(): void {
    if (this.#disposed) {
      throw new DisposedError('DISPOSED', {
        message: 'The output store was disposed before the call',
        hint: 'Dispose of it after its last use.',
      });
    }
    this.#kept.expire();
  }

  #full(bytes: number): QueueError {
    const { size, nextExpiry } = this.#kept;
    const isTooLarge = bytes > this.#maxBytes;
    const retryAfterMs =
      isTooLarge || nextExpiry === undefined || nextExpiry === Infinity ? undefined : Math.ceil(nextExpiry - this.#clock.now());
    return new QueueError('STORE_FULL', {
      message: `Expected room for a result of ${bytes} bytes, but the store holds ${size} of at most ${this.#maxEntries} results and ${this.#kept.bytes} of at most ${this.#maxBytes} bytes`,
      hint: isTooLarge
        ? 'Raise maxBytes.'
        : 'Fetch results by take(), which makes room, delete them, or raise maxBytes and maxEntries.',
      details: { bytes, keptBytes: this.#kept.bytes, maxBytes: this.#maxBytes, retryAfterMs },
    });
  }
}

function checkId(id: unknown): string {
  if (typeof id !== 'string' || id === '') throw invalidArgument('id', 'a string that is not empty', id);
  return id;
}
