/** Tells observers of runs. Nothing is put together where nobody listens. */
import { outcomeOf } from '../errors/index.js';
import { isObserved, publish, type RunBy, type SessionRunEvent } from '../events/index.js';

/** A run that has begun. */
export interface StartedRun {
  readonly model: string | undefined;
  readonly by: RunBy;
  readonly requestId: string | undefined;
  readonly startedAt: number;
}

type Measured = Omit<SessionRunEvent, 'model' | 'by' | 'requestId' | 'totalMs'>;

export function publishRun({ model, by, requestId, startedAt }: StartedRun, run: Measured): void {
  if (!isObserved('foveate:session.run')) return;
  publish('foveate:session.run', {
    model,
    device: run.device,
    by,
    requestId,
    totalMs: performance.now() - startedAt,
    queueMs: run.queueMs,
    computeMs: run.computeMs,
    uploadMs: run.uploadMs,
    downloadMs: run.downloadMs,
    copiedBytes: run.copiedBytes,
  });
}

export function publishFailure({ model, by, requestId, startedAt }: StartedRun, error: unknown): void {
  if (!isObserved('foveate:session.fail')) return;
  const totalMs = performance.now() - startedAt;
  publish('foveate:session.fail', { model, by, requestId, code: outcomeOf(error), totalMs });
}
