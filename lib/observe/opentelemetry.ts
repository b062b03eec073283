/** `foveate/opentelemetry`: spans of the calls of sessions, tasks and batchers. */
import type * as OpenTelemetry from '@opentelemetry/api';

import { packageVersion } from '../binding/index.js';
import { checkOptions, invalidArgument } from '../errors/index.js';
import { observe } from '../events/index.js';
import { optionalPackage } from './optional-package.js';
import { stagesOfBatched, stagesOfPictures, stagesOfRun, type Stage } from './stages.js';

/** Where spans go. */
export interface TraceOptions {
  /** Default: the global provider's, of the name `foveate`. */
  readonly tracer?: OpenTelemetry.Tracer | undefined;
}

/** A call that was answered. */
interface Answered {
  readonly name: string;
  readonly totalMs: number;
  readonly attributes: OpenTelemetry.Attributes;
  /** undefined where it ended well. */
  readonly code: string | undefined;
  readonly stages: readonly Stage[];
}

/**
 * Makes a span of each call of a batcher, a task or a session from now on, with spans of its stages in it; returns what ends that. A span is made when its call is answered, with the
 * times that it had, in the context of the caller, so its parent is the span that was active at the call. Runs that a task or a batcher makes have no span of their own.
 *
 *     import { traceRequests } from 'foveate/opentelemetry';
 *     const stop = traceRequests(); // after the provider has been registered, or before
 *
 * Throws PACKAGE_NOT_FOUND without @opentelemetry/api, INVALID_ARGUMENT.
 */
export function traceRequests(options: TraceOptions = {}): () => void {
  checkOptions('trace options', options, ['tracer']);
  const api = optionalPackage<typeof OpenTelemetry>('@opentelemetry/api', 'foveate/opentelemetry');
  const { tracer = api.trace.getTracer('foveate', packageVersion) } = options;
  if (tracer === null || typeof tracer !== 'object' || typeof tracer.startSpan !== 'function')
    throw invalidArgument('tracer', 'a Tracer of OpenTelemetry', options.tracer);
  const trace = (answered: Answered): void => makeSpans(api, tracer, answered);
  const stops = [
    observe('foveate:batch.request', ({ model, requestId, caller, priority, outcome, reject, totalMs, batched }) =>
      trace({
        name: 'foveate.request',
        totalMs,
        attributes: {
          'foveate.model': model,
          'foveate.request.id': requestId,
          'foveate.caller': caller,
          'foveate.priority': priority,
          'foveate.reject': reject,
          'foveate.samples': batched?.samples,
          'foveate.batch.count': batched?.batches,
          'foveate.batch.size': batched?.size,
          'foveate.batch.target': batched?.target,
          'foveate.batch.reason': batched?.reason,
        },
        code: batched === undefined ? outcome : undefined,
        stages: batched === undefined ? [] : stagesOfBatched(batched),
      }),
    ),
    observe('foveate:task.call', ({ model, requestId, device, pictures, outcome, totalMs, timings }) =>
      trace({
        name: 'foveate.task',
        totalMs,
        attributes: {
          'foveate.model': model,
          'foveate.request.id': requestId,
          'foveate.device': device,
          'foveate.pictures': pictures,
        },
        code: outcome === 'ok' ? undefined : outcome,
        stages: stagesOfPictures(timings, totalMs),
      }),
    ),
    observe('foveate:session.run', (run) => {
      if (run.by !== 'program') return;
      const { model, requestId, device, totalMs, copiedBytes } = run;
      const attributes = {
        'foveate.model': model,
        'foveate.request.id': requestId,
        'foveate.device': device,
        'foveate.copied_bytes': copiedBytes,
      };
      trace({ name: 'foveate.run', totalMs, attributes, code: undefined, stages: stagesOfRun(run) });
    }),
    observe('foveate:session.fail', ({ by, model, requestId, code, totalMs }) => {
      if (by !== 'program') return;
      const attributes = { 'foveate.model': model, 'foveate.request.id': requestId };
      trace({ name: 'foveate.run', totalMs, attributes, code, stages: [] });
    }),
  ];
  return () => {
    for (const stop of stops.splice(0)) stop();
  };
}

/** To be called in the context of the caller. */
function makeSpans(api: typeof OpenTelemetry, tracer: OpenTelemetry.Tracer, answered: Answered): void {
  const { name, totalMs, attributes, code, stages } = answered;
  const context = api.context.active();
  const endAt = Date.now();
  const startAt = endAt - totalMs;
  const span = tracer.startSpan(name, { startTime: timeOf(startAt), attributes }, context);
  if (code !== undefined) {
    span.setAttribute('error.type', code);
    span.setStatus({ code: api.SpanStatusCode.ERROR, message: code });
  }
  // Of a span that is not sampled, neither are its parts.
  if (span.isRecording()) {
    const within = api.trace.setSpan(context, span);
    for (const { name: stage, afterMs, ms } of stages) {
      const from = startAt + Math.max(0, afterMs);
      tracer.startSpan(`foveate.${stage}`, { startTime: timeOf(from) }, within).end(timeOf(Math.min(from + ms, endAt)));
    }
  }
  span.end(timeOf(endAt));
}

/** Seconds and nanoseconds: a number would be taken for another clock where it is small, and a Date has whole milliseconds. */
function timeOf(epochMs: number): OpenTelemetry.HrTime {
  return [Math.floor(epochMs / 1000), Math.floor((epochMs % 1000) * 1e6)];
}
