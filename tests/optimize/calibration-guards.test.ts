import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { pictureDoubts, tensorDoubts } from '../../lib/optimize/calibration-guards.js';
import type { CalibratedPicture } from '../../lib/precision/index.js';
import { pictureOf, tableOf } from '../precision/made-statistics.js';

const none = { copies: 0, unreadable: 0 };
const pictures = (count: number, change: (picture: CalibratedPicture, i: number) => object = () => ({})): CalibratedPicture[] =>
  Array.from({ length: count }, (_, i) => ({ ...pictureOf(i), ...change(pictureOf(i), i) }));
const codes = (all: readonly CalibratedPicture[], counts = none): string[] => pictureDoubts(all, counts).map(({ code }) => code);
/** The look of a picture with some bits tipped. */
const tipped = (look: string, bits: number): string =>
  Array.from(look, (digit, i) => (i < bits ? (Number.parseInt(digit, 16) ^ 1).toString(16) : digit)).join('');

describe('pictureDoubts', () => {
  it('has none for pictures that differ, from 16 on', () => {
    expect(codes(pictures(16))).toEqual([]);
    expect(codes(pictures(16), { copies: 48, unreadable: 1 })).toEqual([]);
    expect(pictureDoubts(pictures(15), none)[0]).toEqual({
      code: 'TOO_FEW_PICTURES',
      message: '15 pictures are too few: ranges would fit them and no others. Give at least 16 that differ; 32 are better.',
    });
  });

  it('tells copies by their bytes, by their pixels and by their look', () => {
    expect(pictureDoubts(pictures(1), { copies: 63, unreadable: 0 })[0]?.message).toMatch(
      /^Only 1 picture of 64 is different: all the others are copies of it, byte for byte/,
    );
    const same = pictures(32, (_, i) => ({ input: pictureOf(i % 2).input, look: pictureOf(i % 2).look }));
    expect(codes(same)).toEqual(['DUPLICATE_PICTURES']);
    const near = (bits: number) => pictures(32, (_, i) => ({ look: tipped(pictureOf(0).look, (i * bits) % 64) }));
    expect(codes(near(1))).toEqual(['NEAR_DUPLICATES']);
    // Half of them may repeat others as long as enough differ.
    expect(codes(pictures(34, (_, i) => ({ look: pictureOf(i % 18).look })))).toEqual([]);
    expect(codes(pictures(40, (_, i) => ({ look: pictureOf(i % 18).look })))).toEqual(['NEAR_DUPLICATES']);
    // Hashes of other pictures are as far apart as chance has it.
    expect(createHash('sha256').digest('hex')).toHaveLength(pictureOf(0).look.length);
  });

  it('tells pictures without light, and all of them in a part of the range', () => {
    expect(codes(pictures(16, (_, i) => (i < 5 ? { darkest: 0, brightest: 0.05 } : {})))).toEqual(['DARK_PICTURES']);
    expect(codes(pictures(16, (_, i) => (i < 4 ? { darkest: 0, brightest: 0.05 } : {})))).toEqual([]);
    expect(codes(pictures(16, (_, i) => (i < 5 ? { darkest: 0.96, brightest: 1 } : {})))).toEqual(['BRIGHT_PICTURES']);
    const narrow = pictureDoubts(
      pictures(16, () => ({ darkest: 0.02, brightest: 0.2 })),
      none,
    );
    expect(narrow).toMatchObject([{ code: 'NARROW_RANGE', message: expect.stringMatching(/between 2 % and 20 %/) }]);
  });

  it('tells when more than a tenth cannot be read', () => {
    expect(codes(pictures(27), { copies: 0, unreadable: 3 })).toEqual([]);
    expect(pictureDoubts(pictures(27), { copies: 0, unreadable: 4 })).toMatchObject([
      { code: 'UNREADABLE_PICTURES', message: expect.stringMatching(/^4 of 31 pictures cannot be read/) },
    ]);
  });

  it('tells all at once', () => {
    const dark = pictures(3, () => ({ darkest: 0, brightest: 0.01, input: 'ab', look: '0'.repeat(64) }));
    expect(codes(dark, { copies: 0, unreadable: 1 })).toEqual(['UNREADABLE_PICTURES', 'TOO_FEW_PICTURES', 'DARK_PICTURES']);
  });
});

describe('tensorDoubts', () => {
  const [tensor] = tableOf([1, 2]).tensors as [ReturnType<typeof tableOf>['tensors'][number]];
  const channels = tensor.channels!;

  it('has none for tensors that live', () => {
    expect(tensorDoubts(tableOf([1, 2]).tensors)).toEqual([]);
    const halfDead = { ...channels, max: channels.max.map((max, i) => (i < 2 ? channels.min[i]! : max)) };
    expect(tensorDoubts([{ ...tensor, channels: halfDead }])).toEqual([]);
  });

  it('tells values that are no numbers, tensors that never change, dead channels, and where', () => {
    const mostlyDead = { ...channels, max: channels.max.map((max, i) => (i < 3 ? channels.min[i]! : max)) };
    const dead = Array.from({ length: 5 }, (_, i) => ({ ...tensor, name: `zero ${i}`, min: 0, max: 0, channels: undefined }));
    const doubts = tensorDoubts([{ ...tensor, nonFinite: 1 }, ...dead, { ...tensor, name: 'half', channels: mostlyDead }]);
    expect(doubts.map(({ code }) => code)).toEqual(['NON_FINITE_VALUES', 'CONSTANT_TENSOR', 'DEAD_CHANNELS']);
    expect(doubts[0]?.message).toMatch(/^1 tensor has values that are infinite or no numbers: "conv: 1"\./);
    expect(doubts[1]?.message).toMatch(/^5 tensors never change, .*: "zero 0", "zero 1", "zero 2" and 2 more\./);
    expect(doubts[2]?.message).toMatch(/in 1 tensor: "half"/);
  });
});
