/** Ranges, weights and differences against what numpy makes of the elements themselves: see tests/reference/precision/ranges.py. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  compareTensors,
  findRange,
  quantizeWeights,
  TensorObserver,
  type RangeActivation,
  type TensorStatistics,
} from '../../lib/precision/index.js';
import { createSession } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { fixture } from '../session/fixtures.js';
import { noise } from './noise.js';

interface Answers {
  ranges: {
    distribution: string;
    activation: RangeActivation['name'] | 'none';
    symmetric: boolean;
    after: boolean;
    least: number;
    minMax: number;
    signal: number;
  }[];
  percentiles: { distribution: string; percentile: number; magnitude: number; low: number; high: number }[];
  weights: { axis: number; scales: number[]; values: number[] }[];
  difference: Record<string, number>[];
}

const answers = JSON.parse(readFileSync(new URL('../reference/fixtures/precision.json', import.meta.url), 'utf8')) as Answers;

const distributions: Record<string, (x: number, i: number) => number> = {
  bell: (x) => x * 4,
  tail: (x, i) => {
    const value = (x * 5 + 1) * (i % 50 === 0 ? 12 : 1);
    return value > 12 ? 3 : value;
  },
  rectified: (x) => Math.max(x * 6 - 1, 0),
};

const statistics: Record<string, TensorStatistics> = {};

beforeAll(async () => {
  const session = await createSession(fixture('identity_float32.onnx'));
  for (const [name, of] of Object.entries(distributions)) {
    using observer = new TensorObserver([{ name: 'y' }]);
    const values = Float32Array.from(noise(6000, 7).map(of));
    await session.observe({ x: new Tensor('float32', values, [2000, 3]) }, observer, { picture: 0 });
    statistics[name] = (await observer.statistics())[0] as TensorStatistics;
  }
  await session.dispose();
});

describe('findRange', () => {
  it.each(answers.ranges)('$distribution, $activation, symmetric $symmetric, after $after', async (answer) => {
    const { activation: name, symmetric, after } = answer;
    const activation: RangeActivation | undefined =
      name === 'none' ? undefined : { name, ...(name === 'clip' ? { min: 0, max: 6 } : {}) };
    const spec = { symmetric, activation, quantized: after ? 'after' : 'before' } as const;
    const of = statistics[answer.distribution] as TensorStatistics;
    const all = await findRange(of, { ...spec, method: 'min-max' });
    expect(all.error / answer.minMax).toBeCloseTo(1, 1);
    expect(all.signal / answer.signal).toBeCloseTo(1, 3);
    const best = await findRange(of, { ...spec, method: 'mse' });
    // 6000 elements leave room for luck: that of the dense grid is the least over what just these elements are.
    expect(best.error).toBeLessThan(1.08 * answer.least);
    // The zeros of a ReLU become 0.5 in both sigmoids: a range that has a level just there is better than any of the grid.
    const luckier = answer.distribution === 'rectified' && answer.activation.endsWith('sigmoid');
    if (!luckier) expect(best.error).toBeGreaterThan(0.85 * answer.least);
  });

  it.each(answers.percentiles)('percentile $percentile of $distribution', async ({ distribution, percentile, ...answer }) => {
    const of = statistics[distribution] as TensorStatistics;
    const close = { symmetric: answer.magnitude, low: answer.low, high: answer.high };
    const symmetric = await findRange(of, { method: 'percentile', percentile, symmetric: true });
    const sided = await findRange(of, { method: 'percentile', percentile, symmetric: false });
    const near = (found: number, wanted: number): void => expect(Math.abs(found - wanted)).toBeLessThan(0.02 * (of.max - of.min));
    near(symmetric.max, close.symmetric);
    near(sided.min, close.low);
    near(sided.max, close.high);
  });
});

it.each(answers.weights)('quantizeWeights along axis $axis', async ({ axis, scales, values }) => {
  const weights = Float32Array.from(noise(4 * 3 * 9, 11));
  weights.fill(0, 54, 81);
  weights[54 + 13] = 2.5;
  const found = await quantizeWeights(weights, [4, 3, 9], axis);
  expect([...found.scales]).toEqual(scales.map(Math.fround));
  expect([...found.values]).toEqual(values);
});

it('compareTensors', async () => {
  const make = (seed: number): Tensor => new Tensor('float32', Float32Array.from(noise(300, seed)), [2, 5, 30]);
  const groups = [
    [0, 2],
    [2, 5],
  ] as const;
  const found = await compareTensors(make(3), make(4), { axis: 1, groups });
  answers.difference.forEach((wanted, i) => {
    for (const [key, value] of Object.entries(wanted)) {
      expect((found[i] as unknown as Record<string, number>)[key], key).toBeCloseTo(value, 9);
    }
  });
});
