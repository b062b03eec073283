import type { HeapEntry } from './heap.js';
import type { Batch } from './batch.js';
import type { CloseReason } from './policy.js';
import type { Queued, QueuePlace } from './queue.js';

/** The batch that a request was part of. */
export interface BatchInfo {
  /** Samples that ran together. */
  readonly size: number;
  /** How many the batch was to have. */
  readonly target: number;
  /**
   * Why it closed: 'full': it had its size, or the next request did not fit. 'delay': a request had waited `maxDelayMs`. 'idle-lane': a lane became idle for a batch that was due, or one was idle
   * and waiting had brought no more lately. 'deadline': waiting longer would have missed a deadline. 'flush': `flush()` or `dispose()`.
   */
  readonly reason: CloseReason;
}

/** How a request was batched, and where its time went, in milliseconds. */
export interface BatchReport {
  /** Of several, that which was done last. */
  readonly batch: BatchInfo;
  /** One; several where the request was larger than a batch, in the order of its samples. */
  readonly batches: readonly BatchInfo[];
  /** From the call until its (first) batch began to run, less `preprocessMs`. */
  readonly queueMs: number;
  readonly preprocessMs: number;
  /** Inside the engine, of whole batches. */
  readonly computeMs: number;
  readonly postprocessMs: number;
}

/** What a batcher answers. */
export type Batched<Result> = Result & BatchReport;

/** A request, or a part of one that is larger than a batch. */
export class BatchRequest<Item, Result extends object> implements Queued<BatchRequest<Item, Result>> {
  readonly call: Call<Item, Result>;
  readonly item: Item;
  readonly samples: number;
  readonly sequence: number;
  place: QueuePlace<BatchRequest<Item, Result>> | undefined;
  /** That it has a seat in. */
  batch: Batch<Item, Result> | undefined;
  result: Result | undefined;
  report: BatchReport | undefined;
  /** Milliseconds that it waited though a lane was idle. */
  delayedMs = 0;
  /** When its preprocessing and its computation began; 0 before. */
  preparedFrom = 0;
  computedFrom = 0;

  constructor(call: Call<Item, Result>, item: Item, samples: number, sequence: number) {
    this.call = call;
    this.item = item;
    this.samples = samples;
    this.sequence = sequence;
  }

  get group(): string {
    return this.call.group;
  }
  get priority(): number {
    return this.call.priority;
  }
  get caller(): string {
    return this.call.caller ?? '';
  }
  get submittedAt(): number {
    return this.call.submittedAt;
  }
  get deadlineAt(): number {
    return this.call.deadlineAt;
  }
}

export type Outcome<Result> = { readonly result: Batched<Result> } | { readonly error: unknown };

interface CallInit {
  readonly group: string;
  readonly samples: number;
  readonly priority: number;
  readonly caller: string | undefined;
  readonly submittedAt: number;
  readonly deadlineAt: number;
  readonly signal: AbortSignal | undefined;
  readonly requestId: string | undefined;
}

/** One call of a batcher, from its submission to its one answer. */
export class Call<Item, Result extends object> {
  readonly group: string;
  readonly samples: number;
  readonly priority: number;
  readonly caller: string | undefined;
  readonly submittedAt: number;
  readonly deadlineAt: number;
  readonly promise: Promise<Batched<Result>>;
  parts: readonly BatchRequest<Item, Result>[] = [];
  partsLeft = 0;
  /** What it will be answered; kept while an earlier call of the same caller is not. */
  outcome: Outcome<Result> | undefined;
  isSettled = false;
  readonly signal: AbortSignal | undefined;
  readonly requestId: string | undefined;
  deadline: HeapEntry<Call<Item, Result>> | undefined;
  /** Lets go of the caller's signal. */
  unlink: (() => void) | undefined;
  #resolve!: (result: Batched<Result>) => void;
  #reject!: (error: unknown) => void;

  constructor(init: CallInit) {
    this.group = init.group;
    this.samples = init.samples;
    this.priority = init.priority;
    this.caller = init.caller;
    this.submittedAt = init.submittedAt;
    this.deadlineAt = init.deadlineAt;
    this.signal = init.signal;
    this.requestId = init.requestId;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Whether somebody still waits for what its parts give. */
  get isOpen(): boolean {
    return this.outcome === undefined && !this.isSettled;
  }

  settle(outcome: Outcome<Result>): void {
    this.isSettled = true;
    this.unlink?.();
    if ('error' in outcome) this.#reject(outcome.error);
    else this.#resolve(outcome.result);
  }
}

/** The report of a call, of those of its parts. */
export function joinReports(reports: readonly BatchReport[], last: BatchReport): BatchReport {
  if (reports.length === 1) return last;
  const total = (of: (report: BatchReport) => number): number => reports.reduce((sum, report) => sum + of(report), 0);
  return {
    batch: last.batch,
    batches: reports.map(({ batch }) => batch),
    queueMs: Math.min(...reports.map(({ queueMs }) => queueMs)),
    preprocessMs: total(({ preprocessMs }) => preprocessMs),
    computeMs: total(({ computeMs }) => computeMs),
    postprocessMs: total(({ postprocessMs }) => postprocessMs),
  };
}
