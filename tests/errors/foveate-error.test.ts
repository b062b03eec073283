import { describe, expect, it } from 'vitest';
import * as errors from '../../lib/errors/index.js';

const { createError, errorCodes, FoveateError } = errors;
const codes = Object.keys(errorCodes) as errors.ErrorCode[];

describe('createError', () => {
  it.each(codes)('%s makes an error of its concern', (code) => {
    const error = createError(code, { message: 'what failed', hint: 'what to do' });
    const { concern } = errorCodes[code];
    expect(error).toBeInstanceOf(FoveateError);
    expect(error).toBeInstanceOf(Error);
    expect(error.constructor.name.toLowerCase()).toBe(`${concern}error`);
    expect(error.name).toBe(concern === 'aborted' ? 'AbortError' : error.constructor.name);
    expect(error.code).toBe(code);
    expect(error.hint).toBe('what to do');
  });
});

describe('FoveateError', () => {
  it('shows its class and message in the stack, and where it was made', () => {
    const error = createError('MODEL_INVALID', { message: 'no model' });
    expect(error.stack).toMatch(/foveate-error\.test/);
    expect(String(error)).toBe('ModelError: no model');
  });

  it('keeps the cause', () => {
    const cause = new Error('deeper');
    expect(createError('INTERNAL', { message: 'm', cause }).cause).toBe(cause);
    expect(Object.hasOwn(createError('INTERNAL', { message: 'm' }), 'cause')).toBe(false);
  });

  it('is plain data in JSON, without what is empty', () => {
    expect(JSON.parse(JSON.stringify(createError('ABORTED', { message: 'stopped' })))).toEqual({
      code: 'ABORTED',
      message: 'stopped',
    });
    const full = createError('TENSOR_SHAPE', { message: 'm', hint: 'h', details: { expected: [1, 2] } });
    expect(JSON.parse(JSON.stringify(full))).toEqual({
      code: 'TENSOR_SHAPE',
      message: 'm',
      hint: 'h',
      details: { expected: [1, 2] },
    });
  });
});

describe('the table of codes', () => {
  it('gives every code an exit code of the CLI, a class and a meaning', () => {
    const classes = new Set(Object.keys(errors).map((name) => name.toLowerCase()));
    for (const code of codes) {
      const { concern, exitCode, meaning } = errorCodes[code];
      expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
      expect([1, 2, 3, 4, 5]).toContain(exitCode);
      expect(meaning).toMatch(/^[A-Z].*\.$/s);
      expect(classes).toContain(`${concern}error`);
    }
  });
});
