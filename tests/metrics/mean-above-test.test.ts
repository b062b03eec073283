import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { MeanAboveTest } from '../../lib/metrics/mean-above-test.js';
import { Random } from '../../lib/metrics/random.js';

interface Reference {
  readonly evidence: readonly { limit: number; lowest: number; values: number[]; logs: number[] }[];
  readonly crossings: readonly { limit: number; up: number; down: number; steps: number; alpha: number; probability: number }[];
}

const path = join(import.meta.dirname, '../reference/fixtures/metrics/betting.json');
const { evidence, crossings } = JSON.parse(readFileSync(path, 'utf8')) as Reference;

describe('evidence', () => {
  it.each(evidence)('is that of exact fractions: limit $limit from $lowest', ({ limit, lowest, values, logs }) => {
    const test = new MeanAboveTest(limit, lowest);
    values.forEach((value, i) => {
      test.add(value);
      expect(test.logEvidence).toBeCloseTo(logs[i] as number, 10);
    });
    expect(test.pValue).toBe(Math.exp(-test.logEvidence));
  });

  it('is none before the first value, and never less than none', () => {
    const test = new MeanAboveTest(0.5, 0);
    expect(test.pValue).toBe(1);
    for (let i = 0; i < 100_000; i++) test.add(0);
    expect(test.pValue).toBe(1);
    for (let i = 0; i < 200_000; i++) test.add(1);
    // The best share for two ones to a zero is a third: 200,000 log(4/3) + 100,000 log(2/3), which no mixture exceeds.
    expect(test.logEvidence).toBeGreaterThan(16_000);
    expect(test.logEvidence).toBeLessThan(16_990);
    expect(test.pValue).toBe(0);
  });
});

describe('looked at after every value', () => {
  const runs = 3000;
  it.each(crossings)(
    'shows as often as it has to: $up up, $down down, limit $limit',
    ({ limit, up, down, steps, alpha, probability }) => {
      const random = new Random(1);
      let shown = 0;
      for (let run = 0; run < runs; run++) {
        const test = new MeanAboveTest(limit, -1);
        for (let step = 0; step < steps && test.pValue > alpha; step++) {
          const drawn = random.next() / 2 ** 32;
          test.add(drawn < up ? 1 : drawn < up + down ? -1 : 0);
        }
        if (test.pValue <= alpha) shown++;
      }
      expect(Math.abs(shown / runs - probability)).toBeLessThan(4 * Math.sqrt((probability * (1 - probability)) / runs));
      if (up - down < limit + 1e-9) expect(probability).toBeLessThanOrEqual(alpha);
      else expect(probability).toBeGreaterThan(4 * alpha);
    },
  );
});
