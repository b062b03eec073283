import { errorCodes, type ErrorCode, type ErrorConcern } from './codes.js';

/** What an error carries besides its code. */
export interface ErrorInit {
  /** What failed, what was expected, what was received. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
  /** The values that the message speaks of, for programs. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** Every error that foveate throws or rejects with. Compare by {@link code}. */
export class FoveateError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, init: ErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = code;
    this.hint = init.hint;
    this.details = init.details ?? {};
  }

  override get name(): string {
    return this.constructor.name;
  }

  toJSON(): { code: ErrorCode; message: string; hint?: string; details?: Readonly<Record<string, unknown>> } {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(Object.keys(this.details).length === 0 ? {} : { details: this.details }),
    };
  }
}

export class ArgumentError extends FoveateError {}
export class BindingError extends FoveateError {}
export class BackendError extends FoveateError {}
export class ModelError extends FoveateError {}
export class EngineError extends FoveateError {}
export class CudaError extends FoveateError {}
export class QueueError extends FoveateError {}
export class PoolError extends FoveateError {}
export class AbortedError extends FoveateError {
  /** What all of Node calls it, so that code which looks for aborts finds it. */
  override get name(): string {
    return 'AbortError';
  }
}
export class DisposedError extends FoveateError {}
export class MediaError extends FoveateError {}
export class DatasetError extends FoveateError {}
export class CalibrationError extends FoveateError {}
export class InternalError extends FoveateError {}

const classes: Record<ErrorConcern, typeof FoveateError> = {
  argument: ArgumentError,
  binding: BindingError,
  backend: BackendError,
  model: ModelError,
  engine: EngineError,
  cuda: CudaError,
  queue: QueueError,
  pool: PoolError,
  aborted: AbortedError,
  disposed: DisposedError,
  media: MediaError,
  dataset: DatasetError,
  calibration: CalibrationError,
  internal: InternalError,
};

/** The error of the subclass that the code belongs to. */
export function createError(code: ErrorCode, init: ErrorInit): FoveateError {
  return new classes[errorCodes[code].concern](code, init);
}

/** What an event calls an error: its code, or 'error' where it has none. */
export function outcomeOf(error: unknown): string {
  return error instanceof FoveateError ? error.code : 'error';
}

/** The same error, with the id of the request in its `details`. A copy: others may have been given the error too. */
export function withRequestId(error: unknown, requestId: string | undefined): unknown {
  if (requestId === undefined || !(error instanceof FoveateError) || error.details['requestId'] === requestId) return error;
  const { code, message, hint, details, cause } = error;
  return createError(code, { message, hint, details: { ...details, requestId }, cause });
}
