import type { Clock } from '../batching/index.js';
import { publish, type PoolEvictEvent } from '../events/index.js';
import { allSettled, disposeUnasked, logNotDisposed } from './dispose.js';
import { Job, Waiter, type Entry, type Patience, type Version } from './entry.js';
import { loadModel } from './load-model.js';
import { bytesOfFiles, MemoryExperience, type MemoryMeter } from './memory.js';
import type { Bytes } from './options.js';
import { loadFailed, poolDisposed, tooSmall } from './pool-errors.js';
import { Resident, type Loaded } from './resident.js';
import { most, mostRoom, plus, planRoom, sumOf, type Situation } from './room.js';

/**
 * Loads models one at a time, in the order in which they are asked for, and makes the room for each. Where too little is free, models that nobody has go first; where that is not enough, those that
 * are in use take no more requests until they have gone, so that a model that is always in use keeps none out for ever.
 */
export class Loader {
  readonly budget: Bytes;
  /** The most that was in use at a time. */
  peak: Bytes = { host: 0, device: 0 };
  readonly #clock: Clock;
  readonly #meter: MemoryMeter;
  #experience = new MemoryExperience();
  /** Loads that wait for their turn and for room. */
  readonly #queue: Job[] = [];
  /** The load that is under way, what it counts for, and when it is over. */
  #loading: { readonly job: Job; bytes: Bytes; readonly done: Promise<void> } | undefined;
  /** Loaded models until they are disposed of, and the entries that they are or were of. */
  readonly #residents = new Map<Resident, Entry>();

  constructor(budget: Bytes, clock: Clock, meter: MemoryMeter) {
    this.budget = budget;
    this.#clock = clock;
    this.#meter = meter;
  }

  get waiting(): number {
    return this.#queue.length;
  }
  get loading(): Job | undefined {
    return this.#loading?.job;
  }
  get used(): Bytes {
    return plus(sumOf([...this.#residents.keys()].map(({ bytes }) => bytes)), this.#loading?.bytes ?? { host: 0, device: 0 });
  }

  /** The model, held for whoever asks. `isUrgent`: whoever asks holds another one, which may be in the way of loads that wait. */
  request(entry: Entry, patience: Patience, isUrgent: boolean): Promise<Resident> {
    const { job = (entry.job = new Job(entry, entry.version, false)) } = entry;
    return this.#wait(job, patience, isUrgent);
  }

  /** Loads a version beside the one that there is, and has it take over. It is held for whoever asks. */
  swap(entry: Entry, version: Version, patience: Patience): Promise<Resident> {
    return this.#wait(new Job(entry, version, true), patience, false);
  }

  #wait(job: Job, patience: Patience, isUrgent: boolean): Promise<Resident> {
    const waiter = new Waiter(job.entry.name, patience, this.#clock, () => this.#gone(job, waiter));
    job.waiters.add(waiter);
    if (this.loading !== job) {
      const at = this.#queue.indexOf(job);
      if (isUrgent && at > 0) this.#queue.splice(at, 1);
      if (isUrgent && at !== 0) this.#queue.unshift(job);
      else if (at === -1) this.#queue.push(job);
      if (job.fileBytes === undefined) void this.#sizeUp(job);
      this.look();
    }
    return waiter.promise;
  }

  async #sizeUp(job: Job): Promise<void> {
    job.fileBytes = await bytesOfFiles(job.version.source.files);
    this.look();
  }

  /** A load that has begun goes on, for the next request, but not that of a swap: nothing changes where it is aborted. */
  #gone(job: Job, waiter: Waiter): void {
    job.waiters.delete(waiter);
    if (job.waiters.size > 0) return;
    if (this.loading === job && !job.isSwap && !this.#queue.includes(job)) return;
    job.abandon();
    this.#dequeue(job);
    this.look();
  }

  #dequeue(job: Job): void {
    const at = this.#queue.indexOf(job);
    if (at !== -1) this.#queue.splice(at, 1);
  }

  /** Begins the next load where there is room for it, and else makes room. Called whenever something has changed. */
  look(): void {
    while (this.#loading === undefined) {
      const [job] = this.#queue;
      if (job === undefined) break;
      const { resident } = job.entry;
      if (!job.isSwap && resident !== undefined) {
        this.#reopen(resident, job.entry); // it was in the way of a load that is not wanted any more
        continue;
      }
      if (job.fileBytes === undefined) break;
      const situation = this.#situation(job);
      const need = this.#need(job, job.fileBytes, situation);
      const plan = planRoom({ ...situation, need });
      if (plan === undefined) {
        this.#dequeue(job);
        this.#failed(job, this.#tooSmall(job, need, situation));
        continue;
      }
      this.#make(plan.victims);
      if (!plan.fits) return;
      this.#dequeue(job);
      this.#begin(job, need);
    }
    if (this.#queue.length === 0) this.#make([]);
  }

  /** Gets the victims out of the way, and lets all others be used. */
  #make(victims: readonly Resident[]): void {
    for (const [resident, entry] of this.#residents) {
      if (!victims.includes(resident)) this.#reopen(resident, entry);
      else if (resident.isBusy) resident.drain();
      else void this.#evict(resident, entry);
    }
  }

  #reopen(resident: Resident, entry: Entry): void {
    resident.reopen();
    const { job } = entry;
    if (job === undefined || entry.resident !== resident || resident.state !== 'open') return;
    this.#dequeue(job);
    job.give(resident, this.#clock.now());
  }

  /** All but what is being loaded. The version that is to be swapped stays. */
  #situation(job: Job): Omit<Situation<Resident>, 'need'> {
    const all = [...this.#residents.keys()];
    const leaving = all.filter(({ state }) => state === 'leaving');
    const mayGo = (resident: Resident): boolean => !leaving.includes(resident) && resident !== job.entry.resident;
    return {
      budget: this.budget,
      used: sumOf(all.map(({ bytes }) => bytes)),
      leaving: sumOf(leaving.map(({ bytes }) => bytes)),
      candidates: all.filter((resident) => mayGo(resident) && !this.#residents.get(resident)?.pinned),
    };
  }

  /** What the load takes: what the user says; else what it has taken; else, of no more than can be had, what the version before has, or a guess. */
  #need({ version, entry }: Job, fileBytes: number, situation: Omit<Situation<Resident>, 'need'>): Bytes {
    const { memoryBytes, deviceMemoryBytes } = version.source;
    const guess = entry.version.taken ?? this.#experience.guess(fileBytes);
    const room = mostRoom(situation);
    return {
      host: memoryBytes ?? version.taken?.host ?? guessed(guess.host, room.host, Math.max(1, fileBytes)),
      device: deviceMemoryBytes ?? version.taken?.device ?? guessed(guess.device, room.device, 0),
    };
  }

  #tooSmall({ entry, version }: Job, need: Bytes, situation: Omit<Situation<Resident>, 'need'>): Error {
    return tooSmall(entry.name, version.source.version, need, mostRoom(situation), this.budget);
  }

  #begin(job: Job, need: Bytes): void {
    const done = Promise.resolve()
      .then(() => this.#load(job))
      .catch((error: unknown) => this.#failed(job, error))
      .finally(() => {
        this.#loading = undefined;
        this.look();
      });
    this.#loading = { job, bytes: need, done };
    this.#countPeak();
  }

  async #load(job: Job): Promise<void> {
    const { entry, version, signal } = job;
    const loaded = await loadModel({
      ...{ name: entry.name, source: version.source, fileBytes: job.fileBytes ?? 0, taken: version.taken },
      ...{ clock: this.#clock, meter: this.#meter, signal },
    });
    (this.#loading as { bytes: Bytes }).bytes = loaded.bytes;
    this.#countPeak();
    // It may be given up between the answer, that it has a place, and here.
    if (!(await this.#hasPlace(job, loaded)) || signal.aborted) return await disposeUnasked(entry.name, loaded.model);
    version.taken = loaded.bytes;
    this.#experience.add(loaded.bytes, job.fileBytes ?? 0);
    let resident: Resident;
    try {
      resident = new Resident(entry.name, version.source, loaded, this.#clock, () => {
        if (this.#queue.length > 0) this.look();
      });
    } catch (error) {
      await disposeUnasked(entry.name, loaded.model);
      throw error;
    }
    this.#loaded(job, resident);
  }

  /** Whether what was loaded can stay. Where it takes more than was thought, others may have to go; where those are in use, it has to wait for them without being loaded. */
  async #hasPlace(job: Job, { bytes }: Loaded): Promise<boolean> {
    while (!job.signal.aborted) {
      const situation = this.#situation(job);
      const plan = planRoom({ ...situation, need: bytes });
      if (plan?.fits) return true;
      if (plan === undefined) {
        this.#failed(job, this.#tooSmall(job, bytes, situation));
        return false;
      }
      const inTheWay = [...plan.victims, ...[...this.#residents.keys()].filter(({ state }) => state === 'leaving')];
      if (inTheWay.some(({ isBusy }) => isBusy)) {
        job.version.taken = bytes;
        if (job.waiters.size > 0) this.#queue.unshift(job);
        else job.abandon();
        return false;
      }
      this.#make(plan.victims);
      await Promise.allSettled(inTheWay.map((resident) => resident.leave()));
    }
    return false;
  }

  #loaded(job: Job, resident: Resident): void {
    const { entry, version, isSwap } = job;
    const { loadMs, warmUp, bytes } = resident.loaded;
    const before = entry.resident;
    this.#residents.set(resident, entry);
    (this.#loading as { bytes: Bytes }).bytes = { host: 0, device: 0 };
    entry.resident = resident;
    entry.loads++;
    entry.forgetFailure();
    const { host: memoryBytes, device: deviceMemoryBytes } = bytes;
    const to = version.source.version;
    publish('foveate:pool.load', {
      ...{ model: entry.name, version: to, loadMs, warmUpMs: warmUp?.ms ?? 0, memoryBytes, deviceMemoryBytes },
      failure: undefined,
    });
    if (isSwap) {
      publish('foveate:pool.swap', {
        ...{ model: entry.name, from: entry.version.source.version, to, inUse: before?.holders ?? 0 },
      });
      entry.version = version;
      entry.swaps++;
      if (before !== undefined) void this.#leave(before).catch((error: unknown) => logNotDisposed(entry.name, error));
    }
    job.give(resident, this.#clock.now());
    this.#reopen(resident, entry); // those who wait for the version before
  }

  #failed(job: Job, error: unknown): void {
    const { entry, version, isSwap } = job;
    if (job.signal.aborted) return;
    entry.failedLoads++;
    const now = this.#clock.now();
    const told = isSwap ? loadFailed(entry.name, version.source.version, error, undefined) : entry.failed(error, now);
    publish('foveate:pool.load', {
      ...{ model: entry.name, version: version.source.version, loadMs: 0, warmUpMs: 0, memoryBytes: 0, deviceMemoryBytes: 0 },
      failure: told.message,
    });
    job.fail(told);
  }

  #countPeak(): void {
    this.peak = most(this.peak, this.used);
  }

  /** Settles when it is gone; never rejects. */
  async #evict(resident: Resident, entry: Entry): Promise<void> {
    entry.evictions++;
    await this.giveUp(resident, entry, 'memory').catch((error: unknown) => logNotDisposed(entry.name, error));
  }

  /** Has a model go as soon as nobody has it. Rejects where it cannot be disposed of. */
  giveUp(resident: Resident, entry: Entry, reason: PoolEvictEvent['reason']): Promise<void> {
    if (resident.state !== 'leaving') {
      const { host: memoryBytes, device: deviceMemoryBytes } = resident.bytes;
      publish('foveate:pool.evict', {
        ...{ model: entry.name, version: resident.source.version, reason, memoryBytes, deviceMemoryBytes },
      });
    }
    if (entry.resident === resident) entry.resident = undefined;
    return this.#leave(resident);
  }

  async #leave(resident: Resident): Promise<void> {
    try {
      await resident.leave();
    } finally {
      this.#residents.delete(resident);
      this.look();
    }
  }

  /** Gives up a load that goes on though nobody waits for it: that of the model, or of whichever. Settles when nothing is left of it; never rejects. */
  async giveUpLoad(entry?: Entry): Promise<void> {
    if (this.#loading === undefined) return;
    const { job, done } = this.#loading;
    if (job.entry.job !== job || job.waiters.size > 0 || (entry !== undefined && job.entry !== entry)) return;
    job.abandon();
    await done;
  }

  /** Forgets what was measured, and what was counted of the memory. */
  reset(): void {
    this.#experience = new MemoryExperience();
    this.peak = this.used;
  }

  /** Those who wait for a model are told that there is none any more. Settles when all models are gone, which is when nobody has them; rejects where one cannot be disposed of. */
  async close(): Promise<void> {
    const loading = this.#loading;
    const waiting = [...this.#queue.splice(0), ...(loading === undefined ? [] : [loading.job])];
    for (const job of waiting) {
      job.fail(poolDisposed('while the request waited for its model'));
      job.abandon();
    }
    await allSettled([this.giveUpAll('dispose'), loading?.done]);
  }

  /** As {@link giveUp}, of all models. */
  async giveUpAll(reason: PoolEvictEvent['reason']): Promise<void> {
    await allSettled([...this.#residents].map(([resident, entry]) => this.giveUp(resident, entry, reason)));
  }
}

/** No more than there is room for, and no less than is certain. */
function guessed(guess: number, room: number, least: number): number {
  const bytes = Math.max(least, Math.min(guess, room));
  return Number.isFinite(bytes) ? bytes : least;
}
