/** Arrivals against the exponential and the Poisson distribution of scipy: tests/reference/metrics/ranks.py. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, test } from 'vitest';

import { arrivals, expectedArrivals } from '../../lib/bench/load/arrivals.js';
import { parseLoadShape } from '../../lib/bench/load/load-shape.js';
import { expectFailure, thrownBy } from '../errors/failure.js';
import { readAnswers } from '../metrics/made.js';

interface Answers {
  readonly quantiles: { share: number; value: number }[];
  readonly poisson: { mean: number; most: { count: number; chance: number }[] }[];
}

const answers = readAnswers<Answers>('ranks');
const times = (shape: string, rate?: number, durationMs = 10_000, constant = false, seed = 1): number[] => [
  ...arrivals(parseLoadShape(shape, rate, durationMs), { arrivals: constant ? 'constant' : 'poisson', seed }),
];
const between = (all: readonly number[], from: number, to: number): number => all.filter((at) => at >= from && at < to).length;

describe('Poisson arrivals', () => {
  const rate = 100;
  const all = times('steady', rate, 1_000_000);

  it('are ordered, within the time, and the same for the same seed', () => {
    expect(all.every((at, i) => at >= (all[i - 1] ?? 0) && at < 1_000_000)).toBe(true);
    expect(times('steady', 50)).toEqual(times('steady', 50));
    expect(times('steady', 50, 10_000, false, 2)).not.toEqual(times('steady', 50));
  });

  it('have gaps of the exponential distribution: at no share are they further off than one in a million samples', () => {
    const gaps = all.map((at, i) => ((at - (all[i - 1] ?? 0)) * rate) / 1000);
    for (const { share, value } of answers.quantiles) {
      const found = gaps.filter((gap) => gap <= value).length / gaps.length;
      expect(Math.abs(found - share), `share ${share}`).toBeLessThan(4.9 * Math.sqrt((share * (1 - share)) / gaps.length));
    }
  });

  test.each(answers.poisson)('come $mean at a time as often as the Poisson distribution has it', ({ mean, most }) => {
    const widthMs = (1000 * mean) / rate;
    const windows = Math.floor(1_000_000 / widthMs);
    const counts = new Uint32Array(windows);
    for (const at of all) if (at < windows * widthMs) counts[Math.floor(at / widthMs)]!++;
    for (const { count, chance } of most) {
      const found = counts.filter((one) => one <= count).length / windows;
      expect(Math.abs(found - chance), `at most ${count}`).toBeLessThan(4.9 * Math.sqrt((chance * (1 - chance)) / windows));
    }
  });
});

describe('shapes, with constant arrivals', () => {
  it('steady: evenly from 0 on', () => {
    expect(times('steady', 4, 1000, true)).toEqual([0, 250, 500, 750]);
    expect(times('steady', 0.5, 1000, true)).toEqual([0]);
  });

  it('ramp: so many in each part as the area under the line', () => {
    const all = times('ramp:10..90', undefined, 10_000, true);
    expect(all).toHaveLength(500);
    expect(between(all, 0, 5000)).toBe(150); // 5 s at 30 a second on average
    expect(expectedArrivals(parseLoadShape('ramp:10..90', undefined, 10_000))).toBe(500);
    // Downwards, and from and to 0: nothing divides by it.
    expect(between(times('ramp:90..10', undefined, 10_000, true), 0, 5000)).toBe(350);
    for (const shape of ['ramp:0..100', 'ramp:100..0']) {
      const found = times(shape, undefined, 10_000, true);
      expect(found).toHaveLength(500);
      expect(found.every((at) => at >= 0 && at < 10_000)).toBe(true);
    }
  });

  it('spike: the base, the peak, the base again', () => {
    const all = times('spike:10,100@2s+3s', undefined, 10_000, true);
    expect([between(all, 0, 2000), between(all, 2000, 5000), between(all, 5000, 10_000)]).toEqual([20, 300, 50]);
    expect(between(times('spike:0,100@0s', undefined, 2000, true), 0, 1000)).toBe(100);
  });

  it('steps: each for an equal part', () => {
    const all = times('steps:10,0,30', undefined, 3000, true);
    expect([0, 1, 2].map((second) => between(all, 1000 * second, 1000 * (second + 1)))).toEqual([10, 0, 30]);
  });

  test.each<[string, number | undefined, RegExp]>([
    ['square', undefined, /steady, ramp:10\.\.200, spike/],
    ['ramp:10', undefined, /steady, ramp/],
    ['ramp:1..NaN', undefined, /steady, ramp/],
    ['ramp:-1..5', undefined, /steady, ramp/],
    ['ramp:1..2', 5, /none with shape ramp:1\.\.2 for rate/],
    ['steps:0,0', undefined, /a rate above 0/],
    ['steps:1,9999999', undefined, /from 0 to 1000000/],
    ['spike:1,5@9s+2s', undefined, /a spike within the 10 s/],
    ['spike:1,5@1s+0s', undefined, /a spike within/],
    ['steady', undefined, /requests a second for rate/],
    ['steady', 0, /more than 0 for rate/],
    ['steady', NaN, /for rate but received NaN/],
  ])('%s with rate %s is refused', (shape, rate, message) => {
    expectFailure(
      thrownBy(() => parseLoadShape(shape, rate, 10_000)),
      'INVALID_ARGUMENT',
      message,
    );
  });
});

test.each(['docs/bench.md', 'docs/cli.md'])('the shapes of calls in %s fit into their durations', (page) => {
  const text = readFileSync(join(import.meta.dirname, '../..', page), 'utf8');
  const calls = text.split('\n').filter((line) => /foveate load-test .*--shape [a-z]+:/.test(line));
  expect(calls.length).toBeGreaterThan(0);
  for (const call of calls) {
    const [shape, seconds = '10'] = [/--shape (\S+)/.exec(call)?.[1] as string, /--duration (\d+)s/.exec(call)?.[1]];
    expect(() => parseLoadShape(shape, undefined, 1000 * Number(seconds)), call).not.toThrow();
  }
});
