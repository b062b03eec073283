/** Expectations about errors, shared by all suites. */
import { expect } from 'vitest';
import { FoveateError, type ErrorCode } from '../../lib/errors/index.js';

function asFoveateError(error: unknown): FoveateError {
  expect(error).toBeInstanceOf(FoveateError);
  return error as FoveateError;
}

/** What `call` throws. */
export function thrownBy(call: () => unknown): FoveateError {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    return asFoveateError(error);
  }
  throw new Error(`Expected the call to throw, but it returned ${String(result)}`);
}

/** What `promise` rejects with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<FoveateError> {
  let result: unknown;
  try {
    result = await promise;
  } catch (error) {
    return asFoveateError(error);
  }
  throw new Error(`Expected a rejection, but the promise was fulfilled with ${String(result)}`);
}

/** The error has this code, says this, and, where a hint is expected, tells what to do. */
export function expectFailure(error: FoveateError, code: ErrorCode, message: RegExp, hint?: RegExp): void {
  expect(error.code, `${error.name}: ${error.message}`).toBe(code);
  expect(error.message).toMatch(message);
  if (hint !== undefined) expect(error.hint ?? '').toMatch(hint);
}
