import { aborted } from '../binding/index.js';
import { AbortedError, DisposedError, FoveateError, invalidArgument, QueueError, withRequestId } from '../errors/index.js';
import { isObserved, publish } from '../events/index.js';
import { Session, type InputTensors, type ModelTypes, type OutputTensors } from '../session/index.js';
import { Admission } from './admission.js';
import { toBatchable, type AnyBatchable, type ToBatchable } from './batchable.js';
import { BatchRequest, Call, joinReports, type Batched, type BatchReport } from './call.js';
import { CallerOrder } from './caller-order.js';
import { realClock, type Clock } from './clock.js';
import { AutoDelay } from './delay.js';
import { Heap } from './heap.js';
import { countLive } from './live-batchers.js';
import {
  batcherSettings,
  checkRequestOptions,
  checkTimeLeft,
  type BatcherSettings,
  type BatchRequestOptions,
  type DynamicBatcherOptions,
} from './options.js';
import { answeredEvent, failedEvent, type AnsweredCall } from './batch-events.js';
import { Scheduler } from './scheduler.js';
import { SessionBatchable, type SessionResult } from './session-batchable.js';
import { Counts, type BatcherStatistics } from './statistics.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- the type of a model, an item or a result is found out here */
/** What a batcher takes. */
export type BatchSource = Session<any> | AnyBatchable<any, any> | ToBatchable<any, any>;
export type BatchItem<Source> =
  Source extends Session<infer M extends ModelTypes>
    ? InputTensors<M>
    : Source extends AnyBatchable<infer Item, any> | ToBatchable<infer Item, any>
      ? Item
      : never;
export type BatchResult<Source> =
  Source extends Session<infer M extends ModelTypes>
    ? SessionResult<OutputTensors<M>>
    : Source extends AnyBatchable<any, infer Result extends object> | ToBatchable<any, infer Result extends object>
      ? Result
      : never;
/* eslint-enable @typescript-eslint/no-explicit-any */

/** How a batcher ends. */
export interface DisposeBatcherOptions {
  /** Whether what waits is still run. Default true; otherwise it is rejected with DISPOSED. */
  readonly drain?: boolean | undefined;
}

/**
 * Makes batches of requests, for a session or whatever else is {@link Batchable}: by size, delay, priority, deadline and fair share, with a bounded queue. Each answer tells how
 * it was batched and why. Dispose of it before what it runs, which stays yours.
 *
 * Which size of batch pays is measured. Where larger ones do not, as often on a CPU, requests are run one by one.
 *
 *     const batcher = new DynamicBatcher(session, { maxBatch: 32, maxDelayMs: 50 });
 *     const { outputs, batch, queueMs } = await batcher.run({ images }, { caller: 'camera 1', deadlineMs: 200 });
 */
export class DynamicBatcher<
  Source extends BatchSource,
  Item = BatchItem<Source>,
  Result extends object = BatchResult<Source>,
> implements AsyncDisposable {
  /** What events and metrics call it: see the options. */
  readonly name: string | undefined;
  readonly #batchable: AnyBatchable<Item, Result>;
  readonly #settings: BatcherSettings;
  readonly #clock: Clock;
  readonly #delay: AutoDelay | undefined;
  readonly #scheduler: Scheduler<Item, Result>;
  readonly #admission: Admission<Item, Result>;
  readonly #order = new CallerOrder<Item, Result>();
  readonly #deadlines = new Heap<Call<Item, Result>>((a, b) => a.deadlineAt < b.deadlineAt);
  /** Calls without an answer. */
  readonly #calls = new Set<Call<Item, Result>>();
  readonly #counts = new Counts();
  readonly #endLive: () => void;
  #sequence = 0;
  #closing: Promise<void> | undefined;

  /** Throws INVALID_ARGUMENT and UNKNOWN_OPTION. */
  constructor(source: Source, options?: DynamicBatcherOptions);
  /** @internal */
  constructor(source: Source, options: DynamicBatcherOptions, clock: Clock);
  constructor(source: Source, options: DynamicBatcherOptions = {}, clock: Clock = realClock) {
    this.#batchable = batchableOf(source) as AnyBatchable<Item, Result>;
    const settings = batcherSettings(options, this.#batchable.mostSamples);
    this.name = settings.name ?? this.#batchable.name;
    this.#settings = { ...settings, name: this.name };
    const { targetP95Ms } = this.#settings;
    this.#delay = targetP95Ms === undefined ? undefined : new AutoDelay(targetP95Ms);
    this.#clock = clock;
    this.#scheduler = new Scheduler(this.#batchable, this.#settings, this.#delay, clock, {
      done: (request, result, report) => this.#partDone(request, result, report),
      failed: (request, error) => this.#outcome(request.call, { error }),
      closed: (size, reason) => this.#counts.closed(size, reason),
      hasRoom: () => this.#admission.letIn(),
      expire: (now) => this.#expire(now),
    });
    this.#admission = new Admission(this.#scheduler, this.#settings, (call, error) => this.#giveUp(call, error));
    this.#endLive = countLive(this);
  }

  /**
   * Runs one item in a batch with others. What it holds is to be left alone until the promise settles. Of a session, the item is its inputs, and all of them have the batch
   * dimension first: `[n, ...]` counts for n samples. Dispose of the result; outputs are views of those of the whole batch, whose memory is given back with the last of its results.
   *
   * Throws as what is run, and QUEUE_FULL, DEADLINE_EXCEEDED, ABORTED, DISPOSED.
   */
  async run(item: Item, options: BatchRequestOptions = {}): Promise<Batched<Result>> {
    checkRequestOptions(options);
    let call: Call<Item, Result> | undefined;
    try {
      call = this.#submit(item, options);
      const result = await call.promise;
      // Here, after the await, it is the caller's asynchronous context again, which a trace belongs to.
      if (isObserved('foveate:batch.request'))
        publish('foveate:batch.request', answeredEvent(this.#answered(options, call), call, result));
      return result;
    } catch (error) {
      if (isObserved('foveate:batch.request'))
        publish('foveate:batch.request', failedEvent(this.#answered(options, call), error));
      // From here the stack leads to the caller; from where the error was made, it would not.
      if (error instanceof FoveateError) Error.captureStackTrace(error);
      throw withRequestId(error, options.requestId);
    }
  }

  /** `call` is undefined where it was refused before it was one. */
  #answered(options: BatchRequestOptions, call: Call<Item, Result> | undefined): AnsweredCall {
    return { model: this.name, options, totalMs: call === undefined ? 0 : this.#clock.now() - call.submittedAt };
  }

  #submit(given: Item, options: BatchRequestOptions): Call<Item, Result> {
    const { priority = 0, caller, deadlineMs, signal, requestId } = options;
    if (signal?.aborted) throw aborted(signal);
    if (this.#closing !== undefined) throw disposed('before the call');
    const item = this.#batchable.accept?.(given) ?? given;
    const samples = this.#batchable.samples(item);
    const group = this.#batchable.group(item);
    try {
      checkTimeLeft(deadlineMs);
      this.#admission.checkRoom(samples, priority);
    } catch (error) {
      this.#count(error);
      throw error;
    }
    const submittedAt = this.#clock.now();
    const deadlineAt = deadlineMs === undefined ? Infinity : submittedAt + deadlineMs;
    const call = new Call<Item, Result>({ group, samples, priority, caller, submittedAt, deadlineAt, signal, requestId });
    call.parts = this.#parts(call, item);
    call.partsLeft = call.parts.length;
    this.#calls.add(call);
    this.#order.add(call);
    if (deadlineMs !== undefined) call.deadline = this.#deadlines.add(call);
    if (signal !== undefined) {
      const onAbort = (): void => this.#giveUp(call, aborted(signal));
      signal.addEventListener('abort', onAbort, { once: true });
      call.unlink = () => signal.removeEventListener('abort', onAbort);
    }
    this.#admission.enter(call);
    this.#counts.mostWaitingSamples = Math.max(this.#counts.mostWaitingSamples, this.#scheduler.queue.samples);
    this.#scheduler.schedule(); // one that waits outside may have a deadline
    return call;
  }

  #parts(call: Call<Item, Result>, item: Item): BatchRequest<Item, Result>[] {
    const { maxBatch } = this.#settings;
    if (call.samples <= maxBatch) return [new BatchRequest(call, item, call.samples, this.#sequence++)];
    const parts: BatchRequest<Item, Result>[] = [];
    for (let start = 0; start < call.samples; start += maxBatch) {
      const end = Math.min(start + maxBatch, call.samples);
      parts.push(new BatchRequest(call, this.#batchable.slice(item, start, end), end - start, this.#sequence++));
    }
    return parts;
  }

  #partDone(request: BatchRequest<Item, Result>, result: Result, report: BatchReport): void {
    const { call } = request;
    request.result = result;
    request.report = report;
    if (--call.partsLeft > 0) return;
    const results = call.parts.map((part) => part.result as Result);
    const reports = call.parts.map((part) => part.report as BatchReport);
    try {
      const joined = results.length === 1 ? result : this.#batchable.join(results);
      this.#outcome(call, { result: { ...joined, ...joinReports(reports, report) } });
    } catch (error) {
      for (const part of results) this.#batchable.discard(part);
      this.#outcome(call, { error });
    }
  }

  /** What the call will be answered is known. */
  #outcome(call: Call<Item, Result>, outcome: NonNullable<typeof call.outcome>): void {
    if (!call.isOpen) return;
    call.outcome = outcome;
    if ('error' in outcome) this.#letGo(call);
    for (const ready of this.#order.ready(call)) this.#answer(ready);
  }

  #answer(call: Call<Item, Result>): void {
    const outcome = call.outcome as NonNullable<typeof call.outcome>;
    if ('error' in outcome) this.#count(outcome.error);
    else {
      this.#counts.succeeded++;
      this.#delay?.record(this.#clock.now() - call.submittedAt, (call.parts[0] as (typeof call.parts)[number]).delayedMs);
    }
    this.#forget(call);
    call.settle(outcome);
  }

  /** Answers a call with an error at once, whatever stage it is at, and whatever calls of the same caller are before it. */
  #giveUp(call: Call<Item, Result>, error: unknown): void {
    if (call.isSettled) return;
    if (call.outcome !== undefined && 'result' in call.outcome) this.#batchable.discard(call.outcome.result);
    this.#letGo(call);
    this.#count(error);
    // One that is not answered in time was not answered within the target either.
    if (error instanceof QueueError && error.code === 'DEADLINE_EXCEEDED') this.#delay?.record(Infinity, 0);
    this.#forget(call);
    call.settle({ error });
    for (const ready of this.#order.ready(call)) this.#answer(ready);
  }

  /** Takes what is left of the call out of the queue and its batches, and takes back results of parts. */
  #letGo(call: Call<Item, Result>): void {
    this.#admission.leave(call);
    for (const part of call.parts) {
      if (call.partsLeft > 0 && part.result !== undefined) this.#batchable.discard(part.result);
      part.result = undefined;
      this.#scheduler.remove(part);
    }
    this.#admission.letIn();
    this.#scheduler.schedule();
  }

  /** Whether a part of the call has not begun to run. */
  #isWaiting(call: Call<Item, Result>): boolean {
    return this.#admission.isOutside(call) || call.parts.some(({ place }) => place !== undefined);
  }

  #forget(call: Call<Item, Result>): void {
    this.#calls.delete(call);
    if (call.deadline !== undefined) this.#deadlines.remove(call.deadline);
    call.deadline = undefined;
  }

  #count(error: unknown): void {
    const { failed } = this.#counts;
    if (error instanceof AbortedError) failed.aborted++;
    else if (error instanceof DisposedError) failed.disposed++;
    else if (error instanceof QueueError && error.code === 'QUEUE_FULL') failed.queueFull++;
    else if (error instanceof QueueError && error.code === 'DEADLINE_EXCEEDED') failed.deadline++;
    else failed.error++;
  }

  #expire(now: number): number {
    for (let call = this.#deadlines.first; call !== undefined && call.deadlineAt <= now; call = this.#deadlines.first) {
      this.#giveUp(call, deadlineExceeded(call, now, this.#isWaiting(call)));
    }
    return this.#deadlines.first?.deadlineAt ?? Infinity;
  }

  /** Has all that waits run as soon as there are lanes, and settles when all calls made before have been answered. */
  async flush(): Promise<void> {
    this.#scheduler.flush(this.#sequence - 1);
    await Promise.allSettled([...this.#calls].map(({ promise }) => promise));
  }

  statistics(): BatcherStatistics {
    const { queue, running, memories, maxDelayMs } = this.#scheduler;
    return {
      waitingSamples: queue.samples,
      waitingRequests: queue.requests,
      blockedCalls: this.#admission.blocked,
      runningBatches: running,
      ...this.#counts.report(),
      maxDelayMs,
      delay: this.#delay?.report(),
      groups: [...memories].map(([group, { sizes }]) => ({ group, target: sizes.target, costs: sizes.costs() })),
    };
  }

  /** Takes no more requests; answers those that it has, by running them or, without `drain`, with DISPOSED where they have not begun. Idempotent. */
  dispose({ drain = true }: DisposeBatcherOptions = {}): Promise<void> {
    return (this.#closing ??= this.#close(drain));
  }

  async #close(drain: boolean): Promise<void> {
    if (!drain) {
      for (const call of this.#calls) {
        if (this.#isWaiting(call)) this.#giveUp(call, disposed('while the request waited'));
      }
    }
    await this.flush();
    await this.#scheduler.idle();
    this.#endLive();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/** Throws INVALID_ARGUMENT. */
function batchableOf(source: BatchSource): AnyBatchable<unknown, object> {
  if (source instanceof Session) return new SessionBatchable(source);
  const given = source as Partial<ToBatchable<unknown, object>> & Partial<AnyBatchable<unknown, object>>;
  if (typeof given?.[toBatchable] === 'function') return given[toBatchable]();
  if (typeof given?.run === 'function' && typeof given.prepare === 'function') return given as AnyBatchable<unknown, object>;
  throw invalidArgument('source', 'a Session, a task such as a Detector, or a Batchable', source);
}

function disposed(when: string): DisposedError {
  return new DisposedError('DISPOSED', {
    message: `The batcher was disposed ${when}`,
    hint: 'Dispose of it after its last use.',
  });
}

function deadlineExceeded<Item, Result extends object>(call: Call<Item, Result>, now: number, isWaiting: boolean): QueueError {
  const deadlineMs = call.deadlineAt - call.submittedAt;
  const afterMs = (now - call.submittedAt).toFixed(1);
  return new QueueError('DEADLINE_EXCEEDED', {
    message: `Expected a result within ${deadlineMs} ms, but the request was still ${isWaiting ? 'waiting' : 'being run'} ${afterMs} ms after the call`,
    hint: 'Send less, give it a higher priority, or more time.',
    details: { deadlineMs, stage: isWaiting ? 'queue' : 'run' },
  });
}
