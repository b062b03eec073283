import { describe, expect, it } from 'vitest';
import {
  checkBoolean,
  checkInteger,
  checkNumber,
  checkOneOf,
  checkOptions,
  checkPath,
  describeValue,
  nearestName,
  withDefaults,
} from '../../lib/errors/index.js';
import { expectFailure, thrownBy } from './failure.js';

const circle: Record<string, unknown> = {};
circle['self'] = circle;

describe('describeValue', () => {
  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [NaN, 'NaN'],
    [-1.5, '-1.5'],
    [true, 'true'],
    [7n, '7n'],
    ['a "quoted" word', '"a \\"quoted\\" word"'],
    [() => 1, 'a function'],
    [[1, 2, 3], '[1, 2, 3]'],
    [['a', 'b', 'c'], 'an array of 3'],
    [Array.from({ length: 9 }, () => 0), 'an array of 9'],
    [[], 'an array of 0'],
    [{}, 'an object'],
    [{ min: 8, opt: 4, max: 1 }, '{ min: 8, opt: 4, max: 1 }'],
    [{ min: '8', max: undefined, opt: null }, '{ min: "8", max: undefined, opt: null }'],
    [Object.assign(Object.create(null), { a: 1n }), '{ a: 1n }'],
    [{ data: new Uint8Array(2), width: 1 }, 'an object'],
    [{ run: () => 1 }, 'an object'],
    [circle, 'an object'],
    [Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i, i])), 'an object'],
    [Object.create(null), 'an object'],
    [new Map(), 'a Map'],
    [new Uint8Array(2), 'a Uint8Array'],
    [Symbol('s'), 'a Symbol'],
  ])('shows %o as %s', (value, text) => {
    expect(describeValue(value)).toBe(text);
  });

  it('cuts long text', () => {
    const text = describeValue('x'.repeat(1000));
    expect(text.length).toBeLessThan(100);
    expect(text).toMatch(/^"x+\.\.\."$/);
  });
});

describe('checkOptions', () => {
  it('lets options that are left out, and known ones, pass', () => {
    checkOptions('options', undefined, ['a']);
    checkOptions('options', {}, ['a']);
    checkOptions('options', { a: 1 }, ['a']);
  });

  it.each([null, 5, 'text', [1]])('refuses %o', (value) => {
    expectFailure(
      thrownBy(() => checkOptions('run options', value, ['a'])),
      'INVALID_ARGUMENT',
      /an object of options for run options/,
    );
  });

  it('names the option that was probably meant', () => {
    const error = thrownBy(() => checkOptions('options', { scoreTreshold: 1 }, ['scoreThreshold', 'signal']));
    expectFailure(error, 'UNKNOWN_OPTION', /"scoreTreshold"/, /^Did you mean "scoreThreshold"\?$/);
    expect(error.details).toMatchObject({ option: 'scoreTreshold' });
  });

  it('lists all options where none is near', () => {
    expectFailure(
      thrownBy(() => checkOptions('options', { zzz: 1 }, ['signal', 'lanes'])),
      'UNKNOWN_OPTION',
      /"zzz"/,
      /signal, lanes/,
    );
  });
});

describe('checks of single values', () => {
  it.each([1.5, NaN, Infinity, '3', undefined, 0, 11])('checkInteger refuses %o', (value) => {
    expectFailure(
      thrownBy(() => checkInteger('count', value, 1, 10)),
      'INVALID_ARGUMENT',
      /an integer from 1 to 10 for count/,
    );
  });

  it('checkInteger gives the value', () => {
    expect(checkInteger('count', 10, 1, 10)).toBe(10);
    expectFailure(
      thrownBy(() => checkInteger('count', 0, 1)),
      'INVALID_ARGUMENT',
      /an integer of at least 1/,
    );
  });

  it.each([NaN, -0.1, 1.1, '0.5', null])('checkNumber refuses %o', (value) => {
    expectFailure(
      thrownBy(() => checkNumber('score', value, 0, 1)),
      'INVALID_ARGUMENT',
      /a number from 0 to 1 for score/,
    );
  });

  it.each([0, 'true', undefined])('checkBoolean refuses %o', (value) => {
    expectFailure(
      thrownBy(() => checkBoolean('flag', value)),
      'INVALID_ARGUMENT',
      /true or false for flag/,
    );
  });

  it('checkOneOf names the value that was probably meant', () => {
    expectFailure(
      thrownBy(() => checkOneOf('fit', 'leterbox', ['letterbox', 'stretch'])),
      'INVALID_ARGUMENT',
      /one of letterbox, stretch for fit but received "leterbox"/,
      /Did you mean "letterbox"/,
    );
    expect(thrownBy(() => checkOneOf('fit', 4, ['letterbox'])).hint).toBeUndefined();
  });
});

describe('nearestName', () => {
  it.each([
    ['cuda', ['cpu', 'cuda', 'auto'], 'cuda'],
    ['CUDA', ['cpu', 'cuda'], 'cuda'],
    ['tensor-rt', ['tensorrt', 'tensorrt-rtx'], 'tensorrt'],
    ['images', ['image'], 'image'],
    ['widht', ['height', 'width'], 'width'],
    ['xyz', ['image', 'scores'], undefined],
    ['a', [], undefined],
  ])('%s among %o is %s', (wanted, names, nearest) => {
    expect(nearestName(wanted, names)).toBe(nearest);
  });
});

it('withDefaults takes an option that is undefined as left out', () => {
  const defaults = { a: 1, b: 2 as number | null };
  expect(withDefaults(defaults, { a: undefined as never, b: null })).toEqual({ a: 1, b: null });
  expect(defaults).toEqual({ a: 1, b: 2 });
});

describe('checkPath', () => {
  it('gives the path of a path and of a file: URL', () => {
    expect(checkPath('model', 'a/b.onnx')).toBe('a/b.onnx');
    expect(checkPath('model', new URL('file:///a%20b.onnx'))).toBe('/a b.onnx');
    expect(checkPath('model', 'file:///c.onnx')).toBe('/c.onnx');
  });

  it.each([['', 5, null, undefined, {}]].flat())('refuses %o', (value) => {
    expectFailure(
      thrownBy(() => checkPath('model', value)),
      'INVALID_ARGUMENT',
      /a path or file: URL for model/,
    );
  });

  it('refuses what the system would cut off: the file that is opened is another than the one that was checked', () => {
    expectFailure(
      thrownBy(() => checkPath('model', 'a.onnx\0.jpg')),
      'INVALID_ARGUMENT',
      /without null bytes/,
    );
  });

  it('refuses other URLs', () => {
    expectFailure(
      thrownBy(() => checkPath('model', new URL('https://example.com/a.onnx'))),
      'INVALID_ARGUMENT',
      /a file: URL for model/,
    );
  });
});
