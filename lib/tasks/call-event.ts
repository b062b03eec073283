/** Tells observers of the calls of tasks. */
import { outcomeOf } from '../errors/index.js';
import { isObserved, publish, type PictureTimes } from '../events/index.js';

/** A call that has begun. */
export interface StartedCall {
  readonly model: string | undefined;
  readonly requestId: string | undefined;
  readonly pictures: number;
  readonly startedAt: number;
  /** Filled as pictures are done; undefined where nobody listened when the call began. */
  readonly timings: PictureTimes[] | undefined;
}

export function startedCall(model: string | undefined, requestId: string | undefined, pictures: number): StartedCall {
  const timings = isObserved('foveate:task.call') ? [] : undefined;
  return { model, requestId, pictures, startedAt: performance.now(), timings };
}

/** `device`: where the next call is made. */
export function publishCall({ timings, startedAt, ...call }: StartedCall, device: string, error?: unknown): void {
  if (timings === undefined) return;
  const ended = { outcome: error === undefined ? 'ok' : outcomeOf(error), totalMs: performance.now() - startedAt };
  publish('foveate:task.call', { ...call, device, ...ended, timings: error === undefined ? timings : [] });
}
