import { errorCodes, type ErrorConcern } from './codes.js';
import { FoveateError } from './foveate-error.js';

/** What the caller, or the program, did wrong: the next call may well succeed. */
const callersOwn: readonly ErrorConcern[] = ['argument', 'media', 'dataset', 'calibration', 'aborted', 'disposed'];

/**
 * Whether an error tells that what was called does not work: the engine, the device, a model that cannot be loaded, a time-out, anything unknown. Not what the caller did wrong or
 * aborted, and not a request that was turned away before it began. A signal of `AbortSignal.timeout` that ran out is a time-out.
 */
export function isFailure(error: unknown, signal?: AbortSignal): boolean {
  if (signal?.aborted === true && isAbort(error)) return isTimeout(signal.reason);
  if (!(error instanceof FoveateError)) return true;
  const { concern } = errorCodes[error.code];
  if (concern === 'queue') return error.code === 'DEADLINE_EXCEEDED';
  return !callersOwn.includes(concern);
}

/** Whether an error may be nothing but the end of a call that was aborted: foveate's own, or whatever else a function throws then. */
function isAbort(error: unknown): boolean {
  return !(error instanceof FoveateError) || error.code === 'ABORTED';
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === 'TimeoutError';
}
