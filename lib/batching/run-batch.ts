/** Runs a batch that is closed. */
import { createError, FoveateError, type ErrorCode } from '../errors/index.js';
import type { AnyBatchable, BatchRun } from './batchable.js';
import type { Batch, TakenSeat } from './batch.js';
import type { BatchInfo, BatchReport, BatchRequest } from './call.js';
import type { Clock } from './clock.js';

/** Nobody's request is to blame, and the next run would fail the same. */
const endOfAll: readonly ErrorCode[] = ['ABORTED', 'DISPOSED', 'DEVICE_LOST'];
const memoryCodes: readonly ErrorCode[] = ['OUT_OF_MEMORY', 'CUDA_OUT_OF_MEMORY'];

/** What is to be told of a batch. */
export interface RunListener<Item, Result extends object> {
  readonly batchable: AnyBatchable<Item, Result>;
  readonly clock: Clock;
  /** All seats of the batch have run at once, and took so long. */
  ran(group: string, samples: number, ms: number): void;
  /** More than there is memory for, or than what is run takes by now. */
  ranTooMany(group: string, samples: number): void;
  done(request: BatchRequest<Item, Result>, result: Result, report: BatchReport): void;
  failed(request: BatchRequest<Item, Result>, error: unknown): void;
}

/** What became of a batch. */
export interface BatchSummary extends BatchInfo {
  readonly requests: number;
  /** 0 where all of its requests had left before. */
  readonly runs: number;
  readonly runQueueMs: number;
  readonly computeMs: number;
  /** Where it ran; undefined where that is not known, or no run ended well. */
  readonly device: string | undefined;
}

export function isOutOfMemory(error: unknown): boolean {
  return error instanceof FoveateError && memoryCodes.includes(error.code);
}

/**
 * Runs the seats of a batch, and tells of each request what came of it. Where a run fails, its halves are run for themselves, down to the request that is to blame, so that the others have their
 * results. Settles when the lane is free; `finished` settles when all results are out of the arena. Neither rejects.
 */
export async function runBatch<Item, Result extends object>(
  batch: Batch<Item, Result>,
  closed: Omit<BatchInfo, 'size'>,
  listener: RunListener<Item, Result>,
): Promise<{ readonly finished: Promise<unknown>; readonly summary: BatchSummary }> {
  const seats = batch.waitingSeats();
  const finishing: Promise<void>[] = [];
  const info: BatchInfo = { size: batch.samples, ...closed };
  let runs = 0;
  let runQueueMs = 0;
  let computeMs = 0;
  let device: string | undefined;
  await runSeats(seats, true);
  // Member by member: to spread one object into another costs V8 ten microseconds here, which a batch of one feels.
  const { size, target, reason } = info;
  const summary = { size, target, reason, requests: seats.length, runs, runQueueMs, computeMs, device };
  return { finished: Promise.all(finishing), summary };

  async function runSeats(given: readonly TakenSeat<Item, Result>[], isWhole: boolean): Promise<void> {
    const waiting = given.filter(({ request }) => request.batch === batch);
    if (waiting.length === 0) return;
    const samples = waiting.reduce((sum, seat) => sum + seat.samples, 0);
    const startedAt = listener.clock.now();
    let run: BatchRun<unknown>;
    runs++;
    try {
      run = await listener.batchable.run(batch.arena, waiting, batch.signalOf(waiting));
    } catch (error) {
      if (isOutOfMemory(error) || samples > listener.batchable.mostSamples) listener.ranTooMany(batch.group, samples);
      if (waiting.length === 1 || (error instanceof FoveateError && endOfAll.includes(error.code))) {
        const shared = waiting.length > 1;
        for (const { request } of waiting) if (request.batch === batch) listener.failed(request, shared ? ownCopy(error) : error);
        return;
      }
      const half = waiting.length >> 1;
      await runSeats(waiting.slice(0, half), false);
      await runSeats(waiting.slice(half), false);
      return;
    }
    runQueueMs += run.queueMs;
    computeMs += run.computeMs;
    device = run.device;
    if (isWhole) listener.ran(batch.group, samples, listener.clock.now() - startedAt - run.queueMs);
    for (const seat of waiting) {
      if (seat.request.batch === batch) finishing.push(finish(seat, run, startedAt, isWhole ? info : { ...info, size: samples }));
    }
  }

  async function finish(seat: TakenSeat<Item, Result>, run: BatchRun<unknown>, startedAt: number, ran: BatchInfo): Promise<void> {
    const { request, preprocessMs } = seat;
    const { batchable, clock } = listener;
    const finishedAt = clock.now();
    request.computedFrom = startedAt + run.queueMs;
    try {
      const finished = batchable.finish(batch.arena, run.output, seat);
      const result = finished instanceof Promise ? await finished : finished;
      if (request.batch !== batch) {
        batchable.discard(result);
        return;
      }
      listener.done(request, result, {
        batch: ran,
        batches: [ran],
        queueMs: Math.max(0, startedAt - request.submittedAt - preprocessMs) + run.queueMs,
        preprocessMs,
        computeMs: run.computeMs,
        postprocessMs: clock.now() - finishedAt,
      });
    } catch (error) {
      if (request.batch === batch) listener.failed(request, error);
    }
  }
}

/** Errors belong to one caller each: its stack is put into them. */
function ownCopy(error: unknown): unknown {
  if (!(error instanceof FoveateError)) return error;
  return createError(error.code, { message: error.message, hint: error.hint, details: error.details, cause: error });
}
