import { describe, expect, it } from 'vitest';

import { DifferenceSum, type ValueDifference } from '../../lib/optimize/compare/value-difference.js';
import { Tensor } from '../../lib/tensor/index.js';

async function differenceOf(
  dims: readonly number[],
  ...pictures: readonly (readonly [a: readonly number[], b: readonly number[]])[]
): Promise<ValueDifference | undefined> {
  const sum = new DifferenceSum();
  for (const [a, b] of pictures) {
    await sum.add(new Tensor('float32', Float32Array.from(a), dims), new Tensor('float32', Float32Array.from(b), dims));
  }
  return sum.difference;
}

describe('a difference', () => {
  it('adds up over pictures, by channel', async () => {
    const found = await differenceOf(
      [1, 2, 2],
      [
        [3, 4, 0, 0],
        [3, 4, 1, 0],
      ],
      [
        [0, 5, 2, 2],
        [0, 4.5, 2, 0],
      ],
    );
    expect(found).toMatchObject({ elements: 8, equal: false, largestDifference: 2, largestRelative: 2 / 5 });
    // 9 + 16 + 25 + 4 + 4 = 58 over 1 + 0.25 + 4 = 5.25.
    expect(found?.snrDb).toBeCloseTo(10 * Math.log10(58 / 5.25), 6);
    // The second channel: 8 over 5.
    expect(found?.worstChannel).toMatchObject({ axis: 1, channel: 1 });
    expect(found?.worstChannel?.snrDb).toBeCloseTo(10 * Math.log10(8 / 5), 6);
    // 9 + 16 + 22.5 + 4 over the lengths sqrt(58) and sqrt(9 + 16 + 1 + 20.25 + 4).
    expect(found?.cosine).toBeCloseTo(51.5 / Math.sqrt(58 * 50.25), 6);
  });

  it('of three axes has its channels on the shorter one besides the batch', async () => {
    const found = await differenceOf(
      [1, 3, 2],
      [
        [1, 1, 1, 1, 1, 1],
        [1, 1.5, 1, 1.5, 1, 1.5],
      ],
    );
    expect(found?.worstChannel).toMatchObject({ axis: 2, channel: 1 });
  });

  it('counts what is not finite, and leaves it out of all else', async () => {
    const found = await differenceOf(
      [1, 4],
      [
        [NaN, 1, 2, Infinity],
        [NaN, NaN, 1, 5],
      ],
    );
    expect(found?.nonFinite).toEqual({ a: 2, b: 2, onlyB: 1 });
    expect(found).toMatchObject({ equal: false, largestDifference: 1, largestRelative: 1 / 2 });
  });

  it.each([
    ['nothing', [1, -2], [1, -2], { equal: true, snrDb: Infinity, largestRelative: 0, cosine: 1 }],
    ['NaN in the same place', [NaN, 1], [NaN, 1], { equal: true, snrDb: Infinity }],
    ['all that is 0', [0, 0], [0, 0], { equal: true, snrDb: Infinity, largestRelative: NaN, cosine: NaN }],
    [
      'what is 0 in A alone',
      [0, 0],
      [0, 1],
      { equal: false, snrDb: -Infinity, largestRelative: Infinity, worstChannel: undefined },
    ],
    ['what has turned round', [1, 2], [-1, -2], { cosine: -1 }],
  ] as const)('of %s', async (_, a, b, expected) => {
    expect(await differenceOf([1, 2], [a, b])).toMatchObject(expected);
  });

  it('is taken of other element types as well', async () => {
    const sum = new DifferenceSum();
    await sum.add(Tensor.fromFloat32([1, 2], [2], 'float16'), Tensor.fromFloat32([1, 2.5], [2], 'float16'));
    expect(sum.difference).toMatchObject({ largestDifference: 0.5, largestRelative: 0.25 });
    const integers = new DifferenceSum();
    await integers.add(new Tensor('int64', BigInt64Array.of(7n, 8n)), new Tensor('int64', BigInt64Array.of(7n, 10n)));
    expect(integers.difference).toMatchObject({ largestDifference: 2, equal: false });
  });

  it('of nothing is none', async () => {
    expect(new DifferenceSum().difference).toBeUndefined();
    expect(await differenceOf([1, 0], [[], []])).toBeUndefined();
  });
});
