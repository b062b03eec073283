/** Which weights are left at eight bits. */
import { describe, expect, it } from 'vitest';
import { trialsAtEightBits } from '../../lib/precision/index.js';

const of = (...weights: number[]): { readonly weights: number }[] => weights.map((count) => ({ weights: count }));

describe('weights at eight bits', () => {
  it('are none where all together are good', () => {
    expect(trialsAtEightBits(of(1000, 1000), [[0.002], [0.003]])).toEqual([]);
    expect(trialsAtEightBits([], [])).toEqual([]);
  });

  it('are those that make most noise for each weight, until the rest is good', () => {
    expect(trialsAtEightBits(of(1000, 100, 1000), [[0.004], [0.004], [0.002]])).toEqual([1, 0]);
    expect(trialsAtEightBits(of(1000, 1000, 1000), [[0.001], [0.02], [0.002]])).toEqual([1]);
  });

  it('are looked for in each group of channels that is not good', () => {
    const noise = [
      [0.004, 0.01],
      [0.0005, 0.003],
      [0, 0.0001],
    ];
    expect(trialsAtEightBits(of(100, 100, 100), noise)).toEqual([0]);
    // Noise that no weights make is nobody's.
    expect(
      trialsAtEightBits(of(100, 100), [
        [0, 0.1],
        [0, 0.1],
      ]),
    ).toEqual([0, 1]);
  });
});
