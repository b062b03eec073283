import { describe, expect, it } from 'vitest';

import { checkBatch, resolveProfiles, type OptimizationProfile } from '../../lib/engine/build-profiles.js';

const fixed = { name: 'images', shape: [1, 3, 640, 640] };
const free = { name: 'images', shape: ['batch', 3, 224, 224] };
const anySize = { name: 'images', shape: ['batch', 3, null, 'width'] };

describe('the profiles of a model', () => {
  it('of fixed shapes are none', () => {
    expect(resolveProfiles([fixed], undefined, undefined)).toEqual([]);
  });

  it('whose batch is free are inferred', () => {
    const dims = (batch: number): number[] => [batch, 3, 224, 224];
    expect(resolveProfiles([free], undefined, undefined)).toEqual([
      [{ input: 'images', min: dims(1), opt: dims(1), max: dims(8) }],
    ]);
    expect(resolveProfiles([free], undefined, 4)).toEqual([[{ input: 'images', min: dims(1), opt: dims(4), max: dims(4) }]]);
    const range = { min: 2, opt: 4, max: 16 };
    expect(resolveProfiles([free], undefined, range)).toEqual([[{ input: 'images', min: dims(2), opt: dims(4), max: dims(16) }]]);
  });

  it('whose size is free are not guessed', () => {
    expect(() => resolveProfiles([anySize], undefined, undefined)).toThrow(
      /axis 2 of input "images" cannot be inferred: its shape is \[batch, 3, \?, width\]/,
    );
  });

  it('may be several, each a range or one shape', () => {
    const small = [1, 3, 320, 320];
    const large = { min: [1, 3, 640, 640], opt: [4, 3, 640, 640], max: [8, 3, 1280, 1280] };
    expect(resolveProfiles([anySize], [{ images: small }, { images: large }], undefined)).toEqual([
      [{ input: 'images', min: small, opt: small, max: small }],
      [{ input: 'images', ...large }],
    ]);
  });

  const refused: readonly (readonly [string, OptimizationProfile, RegExp])[] = [
    ['another input', { image: [1, 3, 224, 224] }, /no input "image", which the profile gives shapes for/],
    ['a range that is missing', {}, /Input "images" of shape \[batch, 3, 224, 224\] has no range in the profile/],
    [
      'another rank',
      { images: [1, 3, 224] },
      /Expected 4 dimensions for input "images" but the min of the profile is \[1, 3, 224\]/,
    ],
    [
      'a fixed axis',
      { images: [1, 3, 224, 256] },
      /Axis 3 of input "images" is fixed to 224 in the model, but the min of the profile has 256/,
    ],
    ['zero', { images: [0, 3, 224, 224] }, /a shape of positive integers/],
    [
      'a contradiction',
      { images: { min: [4, 3, 224, 224], opt: [2, 3, 224, 224], max: [8, 3, 224, 224] } },
      /Expected min <= opt <= max for axis 0 of input "images" in the profile but received 4, 2, 8/,
    ],
  ];
  it.each(refused)('is refused for %s', (_, profile, message) => {
    expect(() => resolveProfiles([free], [profile], undefined)).toThrow(message);
  });

  it('are asked for in the axes of the model, and told in those of the engine', () => {
    const pixels = { ...anySize, order: [0, 2, 3, 1] };
    const shapes = { min: [1, 3, 320, 480], opt: [2, 3, 640, 960], max: [4, 3, 960, 1440] };
    const ofEngine = { min: [1, 320, 480, 3], opt: [2, 640, 960, 3], max: [4, 960, 1440, 3] };
    expect(resolveProfiles([pixels], [{ images: shapes }], undefined)).toEqual([[{ input: 'images', ...ofEngine }]]);
    expect(resolveProfiles([{ ...free, order: [0, 2, 3, 1] }], undefined, 4)).toEqual([
      [{ input: 'images', min: [1, 224, 224, 3], opt: [4, 224, 224, 3], max: [4, 224, 224, 3] }],
    ]);
    const refusal = (profile: OptimizationProfile): Error => {
      try {
        resolveProfiles([pixels], [profile], undefined);
      } catch (error) {
        return error as Error;
      }
      throw new Error('it was taken');
    };
    expect(refusal({ images: [1, 640, 480, 3] })).toMatchObject({
      message: 'Axis 1 of input "images" is fixed to 3 in the model, but the min of the profile has 640',
      hint: 'The model declares [batch, 3, ?, width]: give its shapes in this order, or export it with the axis free.',
    });
    expect(refusal({ images: { ...shapes, opt: [2, 3, 640, 400] } }).message).toBe(
      'Expected min <= opt <= max for axis 3 of input "images" in the profile but received 480, 400, 1440',
    );
    expect(() => resolveProfiles([pixels], undefined, undefined)).toThrow(/axis 2 .* its shape is \[batch, 3, \?, width\]/);
  });

  it('and a batch contradict each other', () => {
    expect(() => resolveProfiles([free], [{ images: [1, 3, 224, 224] }], 4)).toThrow(
      'Expected profiles or batch but received both',
    );
  });

  it.each([0, -1, 1.5, NaN, { min: 2, opt: 1, max: 4 }, { min: 1, opt: 5, max: 4 }])('have no batch of %j', (batch) => {
    expect(() => checkBatch(batch, [], [])).toThrow(/Expected a number of pictures/);
  });

  it('say which numbers were received for a batch', () => {
    expect(() => checkBatch({ min: 8, opt: 4, max: 1 }, [], [])).toThrow(
      'Expected a number of pictures, or { min, opt, max } in this order, from 1 on for batch but received { min: 8, opt: 4, max: 1 }',
    );
  });
});
