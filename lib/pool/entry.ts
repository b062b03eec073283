import { aborted } from '../binding/index.js';
import type { Clock } from '../batching/index.js';
import { loadFailed, tooLate } from './pool-errors.js';
import type { Bytes, SourceSettings } from './options.js';
import type { Resident } from './resident.js';

const firstPauseMs = 1000;
const longestPauseMs = 60_000;

/** A version of a model. */
export class Version {
  readonly source: SourceSettings;
  /** What it took when it was first loaded; undefined where it never was. */
  taken: Bytes | undefined;

  constructor(source: SourceSettings) {
    this.source = source;
  }
}

/** A registered model. */
export class Entry {
  readonly name: string;
  pinned: boolean;
  version: Version;
  /** That requests are given; undefined while it is not loaded. */
  resident: Resident | undefined;
  /** That requests wait for; undefined where none does. */
  job: Job | undefined;
  uses = 0;
  loads = 0;
  failedLoads = 0;
  evictions = 0;
  swaps = 0;
  lastUse: number | undefined;
  #failure: { readonly cause: unknown; readonly attempts: number; readonly retryAt: number } | undefined;

  constructor(name: string, source: SourceSettings, pinned: boolean) {
    this.name = name;
    this.version = new Version(source);
    this.pinned = pinned;
  }

  /** What events of requests call it, as its batcher does. */
  get requestName(): string {
    return this.version.source.batching.name ?? this.name;
  }

  give(resident: Resident, now: number): void {
    resident.hold();
    this.uses++;
    this.lastUse = now;
  }

  /** As if it had just been registered, but for being pinned. */
  reset(): void {
    this.uses = this.loads = this.failedLoads = this.evictions = this.swaps = 0;
    this.lastUse = undefined;
    this.version.taken = undefined;
    this.forgetFailure();
  }

  /** A load has failed. What those are told who waited for it. */
  failed(cause: unknown, now: number): Error {
    const attempts = (this.#failure?.attempts ?? 0) + 1;
    const afterMs = Math.min(firstPauseMs * 2 ** (attempts - 1), longestPauseMs);
    this.#failure = { cause, attempts, retryAt: now + afterMs };
    return loadFailed(this.name, this.version.source.version, cause, { attempts, afterMs, isPause: false });
  }

  /** Throws while it is too early to try again what has failed. */
  checkPause(now: number): void {
    if (this.#failure === undefined || now >= this.#failure.retryAt) return;
    const { cause, attempts, retryAt } = this.#failure;
    throw loadFailed(this.name, this.version.source.version, cause, { attempts, afterMs: retryAt - now, isPause: true });
  }

  forgetFailure(): void {
    this.#failure = undefined;
  }
}

/** One load of a model, and those who wait for it. */
export class Job {
  readonly entry: Entry;
  readonly version: Version;
  /** Whether it takes the place of the version that there is. */
  readonly isSwap: boolean;
  readonly waiters = new Set<Waiter>();
  readonly #stop = new AbortController();
  /** Bytes of its files; undefined until that is known. */
  fileBytes: number | undefined;

  constructor(entry: Entry, version: Version, isSwap: boolean) {
    this.entry = entry;
    this.version = version;
    this.isSwap = isSwap;
    if (version.source.files.length === 0) this.fileBytes = 0;
  }

  /** Aborts when the model is not wanted any more. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  abandon(): void {
    if (this.entry.job === this) this.entry.job = undefined;
    this.#stop.abort();
  }

  give(resident: Resident, now: number): void {
    if (this.entry.job === this) this.entry.job = undefined;
    for (const waiter of this.waiters) {
      if (this.isSwap) resident.hold();
      else this.entry.give(resident, now);
      waiter.give(resident);
    }
    this.waiters.clear();
  }

  fail(error: unknown): void {
    if (this.entry.job === this) this.entry.job = undefined;
    for (const waiter of this.waiters) waiter.fail(error);
    this.waiters.clear();
  }
}

/** How long somebody waits for a model. */
export interface Patience {
  readonly signal?: AbortSignal | undefined;
  readonly deadlineMs?: number | undefined;
}

/** Somebody who waits for a model. */
export class Waiter {
  /** The model, which is held for whoever waited; rejects with ABORTED, DEADLINE_EXCEEDED, and why there is none. */
  readonly promise: Promise<Resident>;
  /** Gives it to whoever waits. */
  give!: (resident: Resident) => void;
  fail!: (error: unknown) => void;

  /** `onGone` is called where it waits no longer, before it is told why. */
  constructor(name: string, { signal, deadlineMs }: Patience, clock: Clock, onGone: (waiter: Waiter) => void) {
    this.promise = new Promise((resolve, reject) => {
      const leave = (error: unknown): void => {
        onGone(this);
        this.fail(error);
      };
      const onAbort = (): void => leave(aborted(signal as AbortSignal));
      signal?.addEventListener('abort', onAbort, { once: true });
      const timer =
        deadlineMs === undefined ? undefined : clock.setTimer(() => leave(tooLate(name, deadlineMs)), Math.max(0, deadlineMs));
      const unlink = (): void => {
        signal?.removeEventListener('abort', onAbort);
        if (timer !== undefined) clock.clearTimer(timer);
      };
      this.give = (resident) => {
        unlink();
        resolve(resident);
      };
      this.fail = (error) => {
        unlink();
        reject(error as Error);
      };
    });
  }
}
