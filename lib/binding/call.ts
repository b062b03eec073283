import {
  AbortedError,
  checkSignal,
  createError,
  errorCodes,
  InternalError,
  type ErrorCode,
  FoveateError,
} from '../errors/index.js';
import { loadBinding, type LoadedBinding } from './load.js';
import type { Native, OperationHandle } from './native.js';

let loaded: LoadedBinding | undefined;

/** The addon and where it came from; loaded on first use, so that importing foveate never fails. Throws BINDING_NOT_FOUND. */
export function binding(): LoadedBinding {
  if (loaded === undefined) {
    loaded = loadBinding();
    // Node runs no cleanup hook of an addon on process.exit(), and ends the libraries under whatever still runs in them.
    process.once('exit', loaded.native.environmentStop);
  }
  return loaded;
}

/** The addon's functions. Throws BINDING_NOT_FOUND. */
export function native(): Native {
  return binding().native;
}

/** An error as the addon reports it. */
interface NativeFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

function isNativeFailure(reason: unknown): reason is NativeFailure {
  return reason !== null && typeof reason === 'object' && 'code' in reason && Object.hasOwn(errorCodes, String(reason.code));
}

function toFoveateError(reason: unknown): FoveateError {
  if (reason instanceof FoveateError) return reason; // such as BINDING_NOT_FOUND
  if (isNativeFailure(reason)) {
    const error = createError(reason.code, { message: reason.message, hint: reason.hint });
    Error.captureStackTrace(error, toFoveateError); // Node keeps ten frames: none for how the error is made
    return error;
  }
  return new InternalError('INTERNAL', {
    message: `Unexpected failure in the native core: ${reason instanceof Error ? reason.message : String(reason)}`,
    hint: 'This is a fault of foveate; please report it with the stack.',
    cause: reason,
  });
}

/** Calls the addon synchronously and turns what it throws into a FoveateError. */
export function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (reason) {
    throw toFoveateError(reason);
  }
}

/**
 * Calls the addon and turns its rejection into a FoveateError. The error is made here, in an async function, because then its
 * stack leads on to whoever awaits; one made in the addon would have none.
 *
 * With a `signal`, aborting cancels the operation: queued work never starts, running work stops at the next chance, and the
 * promise rejects with ABORTED, the signal's reason as cause.
 */
export async function settle<T>(
  call: (operation: OperationHandle | undefined) => Promise<T>,
  signal?: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) {
    try {
      return await call(undefined);
    } catch (reason) {
      throw toFoveateError(reason);
    }
  }
  checkSignal(signal);
  if (signal.aborted) throw aborted(signal);
  const operation = native().operationCreate();
  const onAbort = (): void => native().operationCancel(operation);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await call(operation);
  } catch (reason) {
    if (signal.aborted && isNativeFailure(reason) && reason.code === 'ABORTED') throw aborted(signal);
    throw toFoveateError(reason);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The error of an operation whose signal was aborted. */
export function aborted(signal: AbortSignal): AbortedError {
  return new AbortedError('ABORTED', { message: 'The operation was aborted', cause: signal.reason });
}
