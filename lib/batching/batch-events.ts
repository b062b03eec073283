/** What observers are told of batches and calls. Put together only where somebody listens, and member by member: spreading takes V8 ten times as long. */
import { DisposedError, outcomeOf, QueueError } from '../errors/index.js';
import type { BatchedRequest, BatchRequestEvent, BatchRunEvent } from '../events/index.js';
import type { BatchReport, Call } from './call.js';
import type { BatchRequestOptions } from './options.js';
import type { BatchSummary } from './run-batch.js';

export function runEvent(model: string | undefined, summary: BatchSummary, waitingSamples: number): BatchRunEvent {
  const { device, size, target, reason, requests, runs, runQueueMs, computeMs } = summary;
  return { model, device, size, target, reason, requests, runs, runQueueMs, computeMs, waitingSamples };
}

/** A call that is answered now. */
export interface AnsweredCall {
  readonly model: string | undefined;
  readonly options: BatchRequestOptions;
  /** From the call to the answer. */
  readonly totalMs: number;
}

export function answeredEvent<Item, Result extends object>(
  answered: AnsweredCall,
  call: Call<Item, Result>,
  report: BatchReport,
): BatchRequestEvent {
  return requestEvent(answered, 'ok', undefined, batchedRequest(call, report));
}

export function failedEvent(failed: AnsweredCall, error: unknown): BatchRequestEvent {
  return requestEvent(failed, outcomeOf(error), rejectOf(error), undefined);
}

function requestEvent(
  { model, options, totalMs }: AnsweredCall,
  outcome: string,
  reject: BatchRequestEvent['reject'],
  batched: BatchedRequest | undefined,
): BatchRequestEvent {
  const { requestId, caller, priority = 0 } = options;
  return { model, requestId, caller, priority, outcome, reject, totalMs, batched };
}

function batchedRequest<Item, Result extends object>(call: Call<Item, Result>, report: BatchReport): BatchedRequest {
  const { batch, queueMs, preprocessMs, computeMs, postprocessMs } = report;
  const { size, target, reason } = batch;
  let [preparedFrom, computedFrom] = [Infinity, Infinity];
  for (const part of call.parts) {
    preparedFrom = Math.min(preparedFrom, part.preparedFrom);
    computedFrom = Math.min(computedFrom, part.computedFrom);
  }
  return {
    samples: call.samples,
    batches: report.batches.length,
    size,
    target,
    reason,
    queueMs,
    preprocessMs,
    computeMs,
    postprocessMs,
    preprocessAfterMs: preparedFrom - call.submittedAt,
    computeAfterMs: computedFrom - call.submittedAt,
  };
}

function rejectOf(error: unknown): BatchRequestEvent['reject'] {
  if (error instanceof DisposedError) return 'disposed';
  if (!(error instanceof QueueError)) return undefined;
  if (error.code === 'DEADLINE_EXCEEDED') return 'deadline';
  // Other codes are of something behind the batcher, such as a breaker.
  if (error.code !== 'QUEUE_FULL') return undefined;
  return error.details['shed'] === true ? 'shed' : 'full';
}
