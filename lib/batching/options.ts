import {
  checkInteger,
  checkNumber,
  checkOneOf,
  checkOptions,
  checkRequestId,
  checkSignal,
  invalidArgument,
  QueueError,
} from '../errors/index.js';

/** What becomes of a request for which the queue has no room. */
export type WhenFull = 'reject' | 'shed-oldest' | 'block';
const whenFullPolicies = ['reject', 'shed-oldest', 'block'] as const satisfies readonly WhenFull[];

/** How a `DynamicBatcher` makes batches. */
export interface DynamicBatcherOptions {
  /** The most samples of a batch. Default 32. Which size is really used is measured: see `preferredSizes`. */
  readonly maxBatch?: number | undefined;
  /**
   * How long a request may wait for others beside an idle lane, in milliseconds. Default 50. 'auto': as long as 95 of 100 requests are answered within `targetP95Ms`. Requests wait
   * less where the last waits brought no more, and not at all where larger batches do not pay.
   */
  readonly maxDelayMs?: number | 'auto' | undefined;
  /** With `maxDelayMs: 'auto'`, and only then: within how many milliseconds 95 of 100 requests are to be answered. */
  readonly targetP95Ms?: number | undefined;
  /**
   * Sizes that a batch is closed at without waiting: the largest that what waits fills. Default: the size is found by measuring; the smallest is taken that is not 15 % slower
   * per sample than the fastest.
   */
  readonly preferredSizes?: readonly number[] | undefined;
  /** How many samples may wait. Default 1024. */
  readonly maxQueueSamples?: number | undefined;
  /**
   * What becomes of a request for which there is no room: 'reject' (default) with QUEUE_FULL; 'shed-oldest' rejects instead those that have waited longest and are of no higher priority;
   * 'block': it waits outside until there is room.
   */
  readonly whenFull?: WhenFull | undefined;
  /** What events and metrics call it. Default: the path of the model, where what is batched has one. */
  readonly name?: string | undefined;
}

/** Options of one request. */
export interface BatchRequestOptions {
  /** An integer from -100 to 100; default 0. Higher ones go first; one batch in 16 begins with whoever has waited longest. */
  readonly priority?: number | undefined;
  /**
   * Who asks. Callers share the batcher fairly, by samples served, and one caller's requests of one priority and shape are begun and answered in the order of its calls. Requests without
   * a caller count as one, begin in their order, and are answered when they are done.
   */
  readonly caller?: string | undefined;
  /** Within how many milliseconds from now the result is needed. After that the request is rejected with DEADLINE_EXCEEDED, wherever it is; at 0 or less, at once. At most an hour. */
  readonly deadlineMs?: number | undefined;
  /** Aborts, wherever the request is. A run that others wait for goes on. */
  readonly signal?: AbortSignal | undefined;
  /** What events, traces and the `details` of errors call the request, such as the id of an HTTP request; up to 200 characters. Default: none. */
  readonly requestId?: string | undefined;
}

/** The options of a batcher with nothing left open. */
export interface BatcherSettings {
  readonly maxBatch: number;
  /** undefined: tuned to `targetP95Ms`. */
  readonly maxDelayMs: number | undefined;
  readonly targetP95Ms: number | undefined;
  readonly preferredSizes: readonly number[] | undefined;
  readonly maxQueueSamples: number;
  readonly whenFull: WhenFull;
  readonly name: string | undefined;
}

const mostMs = 3_600_000;
const mostSamples = 1_000_000;
const batcherOptionNames = [
  'maxBatch',
  'maxDelayMs',
  'targetP95Ms',
  'preferredSizes',
  'maxQueueSamples',
  'whenFull',
  'name',
] as const;
const requestOptionNames = ['priority', 'caller', 'deadlineMs', 'signal', 'requestId'] as const;

/** `mostPerRun`: the most samples that what is batched takes at once. Throws INVALID_ARGUMENT and UNKNOWN_OPTION. */
export function batcherSettings(options: DynamicBatcherOptions, mostPerRun: number): BatcherSettings {
  checkOptions('batcher options', options, batcherOptionNames);
  const { maxDelayMs = 50, targetP95Ms, preferredSizes, name } = options;
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw invalidArgument('name', 'a string that is not empty', name);
  const maxBatch = Math.min(checkInteger('maxBatch', options.maxBatch ?? 32, 1, 4096), mostPerRun);
  if (maxDelayMs === 'auto') {
    if (targetP95Ms === undefined)
      throw invalidArgument('targetP95Ms', "a number with maxDelayMs: 'auto'", targetP95Ms, 'It is what the delay is tuned to.');
    checkNumber('targetP95Ms', targetP95Ms, 0.1, mostMs);
  } else {
    if (typeof maxDelayMs !== 'number') throw invalidArgument('maxDelayMs', "a number or 'auto'", maxDelayMs);
    checkNumber('maxDelayMs', maxDelayMs, 0, mostMs);
    if (targetP95Ms !== undefined)
      throw invalidArgument(
        'targetP95Ms',
        "none without maxDelayMs: 'auto'",
        targetP95Ms,
        "Give maxDelayMs: 'auto', or leave it out.",
      );
  }
  return {
    maxBatch,
    maxDelayMs: maxDelayMs === 'auto' ? undefined : maxDelayMs,
    targetP95Ms,
    preferredSizes: preferredSizes === undefined ? undefined : checkSizes(preferredSizes, maxBatch),
    maxQueueSamples: checkInteger('maxQueueSamples', options.maxQueueSamples ?? 1024, 1, mostSamples),
    whenFull: checkOneOf('whenFull', options.whenFull ?? 'reject', whenFullPolicies),
    name,
  };
}

function checkSizes(sizes: readonly number[], maxBatch: number): readonly number[] {
  if (!Array.isArray(sizes) || sizes.length === 0)
    throw invalidArgument('preferredSizes', 'an array of at least one size', sizes, 'Leave it out to have the size measured.');
  sizes.forEach((size, i) => checkInteger(`preferredSizes[${i}]`, size, 1, maxBatch));
  return [...new Set(sizes)].sort((a, b) => a - b);
}

/** Throws INVALID_ARGUMENT and UNKNOWN_OPTION. */
export function checkRequestOptions(options: BatchRequestOptions): void {
  checkOptions('batch request options', options, requestOptionNames);
  const { priority, caller, deadlineMs, signal, requestId } = options;
  if (priority !== undefined) checkInteger('priority', priority, -100, 100);
  if (caller !== undefined && (typeof caller !== 'string' || caller === ''))
    throw invalidArgument('caller', 'a string that is not empty', caller);
  if (deadlineMs !== undefined && !(typeof deadlineMs === 'number' && deadlineMs <= mostMs))
    throw invalidArgument('deadlineMs', `a number of at most ${mostMs}`, deadlineMs);
  checkSignal(signal);
  checkRequestId(requestId);
}

/** Throws DEADLINE_EXCEEDED where a caller that passes on what is left of its time has none left. */
export function checkTimeLeft(deadlineMs: number | undefined): void {
  if (deadlineMs === undefined || deadlineMs > 0) return;
  throw new QueueError('DEADLINE_EXCEEDED', {
    message: `Expected a result within ${deadlineMs} ms: no time was left at the call`,
    hint: 'Give the request more time, or leave it out.',
    details: { deadlineMs, stage: 'call' },
  });
}
