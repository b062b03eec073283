import { isObserved, publish } from '../events/index.js';
import type { AnyBatchable } from './batchable.js';
import { Batch, type BatchContext } from './batch.js';
import { BatchSizes } from './batch-sizes.js';
import type { BatchReport, BatchRequest } from './call.js';
import type { Clock } from './clock.js';
import type { AutoDelay } from './delay.js';
import type { BatcherSettings } from './options.js';
import { Patience } from './patience.js';
import { batchSize, decide, isOldestFirst, latestStart, type CloseReason, type Decision, type WaitingGroup } from './policy.js';
import { RequestQueue, type QueueGroup } from './queue.js';
import { runEvent } from './batch-events.js';
import { isOutOfMemory, runBatch, type BatchSummary, type RunListener } from './run-batch.js';

/** Groups of which is remembered what their batches cost. */
const keptGroups = 64;

/** What was learned of a group. */
export interface GroupMemory {
  readonly sizes: BatchSizes;
  readonly patience: Patience;
}

/** Who is told what becomes of requests. */
export interface SchedulerListener<Item, Result extends object> {
  done(request: BatchRequest<Item, Result>, result: Result, report: BatchReport): void;
  failed(request: BatchRequest<Item, Result>, error: unknown): void;
  closed(size: number, reason: CloseReason): void;
  /** Requests have left the queue. */
  hasRoom(): void;
  /** Gives up what is too late at `now`, and tells when there is something to give up next; Infinity for never. */
  expire(now: number): number;
}

/**
 * Takes requests from the queue through batches and lanes, as the policy decides. As many batches as there are lanes form at a time, of different groups: their requests are prepared while others run or wait.
 * Batches that cannot grow may be closed before there is a lane, so that the next can be prepared too.
 * All of it happens on the JavaScript thread, once after each turn of events and whenever the one timer tells that it is time.
 */
export class Scheduler<Item, Result extends object> implements BatchContext<Item, Result>, RunListener<Item, Result> {
  readonly batchable: AnyBatchable<Item, Result>;
  readonly clock: Clock;
  readonly queue = new RequestQueue<BatchRequest<Item, Result>>();
  readonly #settings: BatcherSettings;
  readonly #delay: AutoDelay | undefined;
  readonly #listener: SchedulerListener<Item, Result>;
  /** By group, the one that was used last at the end. */
  readonly #memories = new Map<string, GroupMemory>();
  /** Batches that still form, by group. */
  readonly #forming = new Map<string, Batch<Item, Result>>();
  /** Batches that are closed, and not done. */
  #closed = 0;
  /** Those of them that are on a lane. */
  #running = 0;
  /** Those that are prepared, and wait for one. */
  readonly #prepared: { readonly batch: Batch<Item, Result>; readonly go: (hasLane: boolean) => void }[] = [];
  /** Batches that have their arena. */
  #open = 0;
  #idleSince = -Infinity;
  #turn = 0;
  #opened = 0;
  /** Requests up to this one wait for nothing but a lane. */
  #flushedTo = -1;
  #isScheduled = false;
  #timer: { readonly at: number; readonly handle: unknown } | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(
    batchable: AnyBatchable<Item, Result>,
    settings: BatcherSettings,
    delay: AutoDelay | undefined,
    clock: Clock,
    listener: SchedulerListener<Item, Result>,
  ) {
    this.batchable = batchable;
    this.#settings = settings;
    this.#delay = delay;
    this.clock = clock;
    this.#listener = listener;
  }

  get running(): number {
    return this.#running;
  }

  get memories(): ReadonlyMap<string, GroupMemory> {
    return this.#memories;
  }

  get maxDelayMs(): number {
    return this.#delay?.delayMs ?? (this.#settings.maxDelayMs as number);
  }

  add(request: BatchRequest<Item, Result>): void {
    this.queue.add(request);
    this.schedule();
  }

  /** A request is waited for no more, or has failed. */
  remove(request: BatchRequest<Item, Result>): void {
    if (request.place !== undefined) this.queue.remove(request);
    const { batch } = request;
    if (batch === undefined) return;
    batch.leave(request);
    if (batch.samples > 0) return;
    if (this.#forming.get(batch.group) === batch) {
      this.#forming.delete(batch.group);
      void this.#close(batch);
    } else {
      const at = this.#prepared.findIndex((waiting) => waiting.batch === batch);
      if (at < 0) return;
      const [waiting] = this.#prepared.splice(at, 1);
      this.#done();
      waiting?.go(false);
    }
  }

  flush(sequence: number): void {
    this.#flushedTo = Math.max(this.#flushedTo, sequence);
    this.schedule();
  }

  /** Looks what there is to do, once all that goes on at the moment has been heard of. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#look();
    });
  }

  /** How long what waits is likely to take, in milliseconds; 0 while nothing is known. */
  drainMs(): number {
    let ms = 0;
    for (const { key, samples } of this.queue.groups) {
      const { sizes } = this.#memory(key);
      ms += Math.ceil(samples / sizes.target) * sizes.expectedMs(sizes.target);
    }
    return Math.ceil(ms / this.batchable.lanes);
  }

  /** Settles when no batch has an arena any more. */
  async idle(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #look(): void {
    const nextDeadline = this.#listener.expire(this.clock.now());
    let decision = this.#decide();
    while (decision.kind === 'close') {
      this.#closeBatch(decision);
      decision = this.#decide();
    }
    this.#form();
    this.#lookAgain(Math.min(decision.kind === 'look' ? decision.at : Infinity, nextDeadline));
  }

  #decide(): Decision {
    const groups: WaitingGroup[] = [];
    for (const group of this.queue.groups) groups.push(this.#waiting(group));
    return decide({
      now: this.clock.now(),
      idleLanes: this.batchable.lanes - this.#closed,
      ahead: this.batchable.ahead ?? 0,
      idleSince: this.#idleSince,
      maxDelayMs: this.maxDelayMs,
      turn: this.#turn,
      groups,
    });
  }

  #waiting(group: QueueGroup<BatchRequest<Item, Result>>): WaitingGroup {
    const { sizes, patience } = this.#memory(group.key);
    const { samples, oldest, deadlineAt } = group;
    return {
      group: group.key,
      samples,
      oldestAt: oldest.submittedAt,
      startBy: latestStart(deadlineAt, sizes.expectedMs(samples)),
      priority: group.priority,
      sizes: sizes.sizes(samples),
      isPatient: patience.isPatient(samples),
      isFlushed: oldest.sequence <= this.#flushedTo,
    };
  }

  #memory(group: string): GroupMemory {
    let memory = this.#memories.get(group);
    if (memory !== undefined) return memory;
    const { maxBatch, preferredSizes } = this.#settings;
    memory = { sizes: new BatchSizes(maxBatch, preferredSizes), patience: new Patience() };
    this.#memories.set(group, memory);
    for (const [key] of this.#memories) {
      if (this.#memories.size <= keptGroups) break;
      if (this.queue.group(key) === undefined) this.#memories.delete(key);
    }
    return memory;
  }

  /** The batch goes to a lane that is idle, or will. */
  #closeBatch({ group: key, samples, reason }: Extract<Decision, { kind: 'close' }>): void {
    this.#turn++;
    const batch = this.#fill(key, samples);
    if (batch === undefined) return;
    this.#forming.delete(key);
    const now = this.clock.now();
    const isLaneIdle = this.#closed < this.batchable.lanes;
    for (const { request } of batch.waitingSeats()) {
      this.queue.remove(request);
      request.delayedMs = isLaneIdle ? Math.max(0, now - Math.max(request.submittedAt, this.#idleSince)) : 0;
    }
    const memory = this.#memory(key);
    memory.patience.closed(reason, batch.samples);
    this.#memories.delete(key); // to the end
    this.#memories.set(key, memory);
    this.#closed++;
    this.#listener.closed(batch.samples, reason);
    this.#listener.hasRoom();
    void this.#run(batch, reason);
  }

  async #run(batch: Batch<Item, Result>, reason: CloseReason): Promise<void> {
    await batch.prepared();
    let finished: Promise<unknown> | undefined;
    if (await this.#takeLane(batch)) {
      const ran = await runBatch(batch, { target: batch.capacity, reason }, this);
      const next = this.#prepared.shift();
      if (next === undefined) this.#running--;
      else next.go(true);
      this.#done();
      this.#tell(ran.summary);
      finished = ran.finished;
    }
    await finished;
    await this.#close(batch);
  }

  #tell(summary: BatchSummary): void {
    if (summary.runs > 0 && isObserved('foveate:batch.run'))
      publish('foveate:batch.run', runEvent(this.#settings.name, summary, this.queue.samples));
  }

  /** A batch that was closed is done, or not needed any more. */
  #done(): void {
    if (this.#closed-- === this.batchable.lanes) this.#idleSince = this.clock.now();
    this.schedule();
  }

  /** Whether the batch has a lane: not where all of its requests left before there was one. */
  #takeLane(batch: Batch<Item, Result>): boolean | Promise<boolean> {
    if (batch.samples === 0) {
      this.#done();
      return false;
    }
    if (this.#running === this.batchable.lanes) return new Promise((go) => this.#prepared.push({ batch, go }));
    this.#running++;
    return true;
  }

  async #close(batch: Batch<Item, Result>): Promise<void> {
    try {
      await batch.close();
    } finally {
      if (--this.#open === 0) for (const wake of this.#whenIdle.splice(0)) wake();
    }
  }

  /** Gives seats in batches that form: in those that there are, then in new ones for the most urgent groups. */
  #form(): void {
    for (const key of this.#forming.keys()) this.#fill(key, this.#size(key));
    while (this.#forming.size < this.batchable.lanes) {
      const group = this.#mostUrgentUnformed();
      if (group === undefined) return;
      this.#fill(group.key, this.#size(group.key));
    }
  }

  #size(key: string): number {
    const { samples } = this.queue.group(key) as QueueGroup<BatchRequest<Item, Result>>;
    return batchSize(this.#memory(key).sizes.sizes(samples), samples);
  }

  #mostUrgentUnformed(): QueueGroup<BatchRequest<Item, Result>> | undefined {
    let best: QueueGroup<BatchRequest<Item, Result>> | undefined;
    for (const group of this.queue.groups) {
      if (group.unseated === 0 || this.#forming.has(group.key)) continue;
      const isBefore =
        best === undefined ||
        (group.priority === best.priority || isOldestFirst(this.#opened)
          ? group.oldest.sequence < best.oldest.sequence
          : group.priority > best.priority);
      if (isBefore) best = group;
    }
    return best;
  }

  /** The batch of the group that forms, with at most `limit` samples unless its first request has more; undefined where none of its requests could be given a seat. */
  #fill(key: string, limit: number): Batch<Item, Result> | undefined {
    let batch = this.#forming.get(key);
    for (;;) {
      const group = this.queue.group(key);
      const request = batch === undefined && isOldestFirst(this.#opened) ? group?.oldestNext : group?.next;
      if (group === undefined || request === undefined) return this.#forming.get(key);
      batch ??= this.#openBatch(request, group.samples);
      if (batch === undefined) continue; // the request was told why
      if (!batch.hasRoom(request.samples, limit)) return batch;
      group.seat(request);
      batch.add(request); // where it cannot be prepared, it may leave at once, and the batch with it
      batch = this.#forming.get(key);
    }
  }

  #openBatch(request: BatchRequest<Item, Result>, waiting: number): Batch<Item, Result> | undefined {
    const { sizes } = this.#memory(request.group);
    for (;;) {
      const capacity = Math.max(request.samples, sizes.sizes(waiting).at(-1) as number);
      try {
        const batch = new Batch(request.group, capacity, this);
        this.#forming.set(request.group, batch);
        this.#opened++;
        this.#open++;
        return batch;
      } catch (error) {
        if (isOutOfMemory(error) && capacity > request.samples) sizes.ranTooMany(capacity);
        else {
          this.failed(request, error);
          return undefined;
        }
      }
    }
  }

  /** One timer, for whatever comes first. One that is too early does no harm. */
  #lookAgain(at: number): void {
    if (this.#timer !== undefined && (at === Infinity || at < this.#timer.at)) {
      this.clock.clearTimer(this.#timer.handle);
      this.#timer = undefined;
    }
    if (at === Infinity || this.#timer !== undefined) return;
    const wake = (): void => {
      this.#timer = undefined;
      this.#look();
    };
    this.#timer = { at, handle: this.clock.setTimer(wake, Math.max(0, at - this.clock.now())) };
  }

  ran(group: string, samples: number, ms: number): void {
    this.#memory(group).sizes.record(samples, ms);
  }

  ranTooMany(group: string, samples: number): void {
    this.#memory(group).sizes.ranTooMany(samples);
  }

  done(request: BatchRequest<Item, Result>, result: Result, report: BatchReport): void {
    request.batch?.answered(request);
    this.#listener.done(request, result, report);
  }

  failed(request: BatchRequest<Item, Result>, error: unknown): void {
    this.#listener.failed(request, error);
  }
}
