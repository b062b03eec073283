/** Tests of two groups of numbers against scipy: tests/reference/metrics/ranks.py. */
import { describe, expect, it, test } from 'vitest';

import { holm, mannWhitney } from '../../lib/metrics/index.js';
import { expectFailure, thrownBy } from '../errors/failure.js';
import { readAnswers } from './made.js';

interface Answers {
  readonly mannWhitney: { first: number[]; second: number[]; pValue: number }[];
  readonly holm: { pValues: number[]; adjusted: number[] }[];
}

const answers = readAnswers<Answers>('ranks');

describe('the test of Mann and Whitney', () => {
  test.each(answers.mannWhitney)('of $first and $second is that of scipy', ({ first, second, pValue }) => {
    expect(mannWhitney(first, second)).toBeCloseTo(pValue, 12);
    expect(mannWhitney(second, first)).toBeCloseTo(pValue, 12);
  });

  it('is as small as can be for groups that lie apart: two of all ways to deal them', () => {
    const low = Array.from({ length: 8 }, (_, i) => i);
    expect(
      mannWhitney(
        low,
        low.map((value) => value + 100),
      ),
    ).toBeCloseTo(2 / 12_870, 12);
  });

  it('takes infinite values, and fifty in each group', () => {
    expect(mannWhitney([1, 2, Infinity], [1, 2, Infinity])).toBe(1);
    const many = Array.from({ length: 50 }, (_, i) => i);
    expect(
      mannWhitney(
        many,
        many.map((value) => value + 0.5),
      ),
    ).toBeGreaterThan(0.8);
  });

  test.each<[string, number[], number[], RegExp]>([
    ['an empty group', [], [1], /at least one number, and no NaN for first/],
    ['NaN', [1], [NaN], /at least one number, and no NaN for second/],
    ['more than 100 values', Array.from({ length: 100 }, () => 0), [1], /at most 100 values/],
  ])('refuses %s', (_, first, second, message) => {
    expectFailure(
      thrownBy(() => mannWhitney(first, second)),
      'INVALID_ARGUMENT',
      message,
    );
  });
});

describe('the correction of Holm', () => {
  test.each(answers.holm)('of $pValues', ({ pValues, adjusted }) => {
    holm(pValues).forEach((value, i) => expect(value).toBeCloseTo(adjusted[i] as number, 14));
  });

  it('leaves NaN out, and nothing as it is', () => {
    expect(holm([NaN, 0.02])).toEqual([NaN, 0.02]);
    expect(holm([])).toEqual([]);
  });
});
