import { errorCodes, type ErrorConcern } from './codes.js';
import { FoveateError } from './foveate-error.js';

/** What is wrong with a request. */
const refusals: readonly ErrorConcern[] = ['argument', 'media', 'dataset', 'calibration'];

/** What the caller, or the program, did wrong: the next call may well succeed. */
const callersOwn: readonly ErrorConcern[] = [...refusals, 'aborted', 'disposed'];

/**
 * Whether an error tells that what was called does not work: the engine, the device, a model that cannot be loaded, a time-out, anything unknown. Not what the caller did wrong or
 * aborted, and not a request that was turned away before it began. A signal of `AbortSignal.timeout` that ran out is a time-out.
 */
export function isFailure(error: unknown, signal?: AbortSignal): boolean {
  if (isAbort(error, signal)) return isTimeout(signal);
  if (!(error instanceof FoveateError)) return true;
  const { concern } = errorCodes[error.code];
  if (concern === 'queue') return error.code === 'DEADLINE_EXCEEDED' && error.details['stage'] !== 'call';
  return !callersOwn.includes(concern);
}

/** Whether an error tells that something is wrong with the request: as what refused it sees it, which something else may answer. */
export function isRefusal(error: unknown): boolean {
  return error instanceof FoveateError && refusals.includes(errorCodes[error.code].concern);
}

/** Foveate's own, or whatever else a function throws then. */
function isAbort(error: unknown, signal: AbortSignal | undefined): boolean {
  return error instanceof FoveateError ? error.code === 'ABORTED' : signal?.aborted === true;
}

function isTimeout(signal: AbortSignal | undefined): boolean {
  const reason: unknown = signal?.aborted === true ? signal.reason : undefined;
  return reason instanceof Error && reason.name === 'TimeoutError';
}
