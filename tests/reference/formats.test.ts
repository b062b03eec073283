/** Every format, depth and colour space against Pillow and littlecms; the fixtures' form is described in formats.py. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { Picture, Preprocess, type IccProfile } from '../../lib/image/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';

interface Reading {
  width: number;
  height: number;
  pixels: string;
}

const fixtures = join(import.meta.dirname, 'fixtures/formats');
const { pictures } = JSON.parse(readFileSync(join(fixtures, 'formats.json'), 'utf8')) as {
  pictures: Record<string, { ignored?: Reading; converted?: Reading }>;
};
const names = Object.keys(pictures);
const readable = names.filter((name) => pictures[name]?.ignored !== undefined);
const profiled = names.filter((name) => pictures[name]?.converted !== undefined);

async function difference(name: string, iccProfile: IccProfile, expected: Reading | undefined) {
  if (expected === undefined) throw new Error(`There is no reference for ${name}`);
  using picture = await Picture.read(join(fixtures, name), { iccProfile });
  expect([picture.width, picture.height]).toEqual([expected.width, expected.height]);
  const pixels = Buffer.from(expected.pixels, 'base64');
  expect(picture.data.length).toBe(pixels.length);
  let largest = 0;
  let sum = 0;
  picture.data.forEach((value, i) => {
    const delta = Math.abs(value - (pixels[i] as number));
    largest = Math.max(largest, delta);
    sum += delta;
  });
  return { largest, mean: sum / pixels.length };
}

test('every picture of the folder is compared or refused', () => {
  expect(readdirSync(fixtures).filter((name) => name !== 'formats.json' && name !== 'profiles')).toEqual(names);
  expect([readable.length, profiled.length, names.length]).toEqual([47, 15, 53]);
});

describe('profiles ignored, the pixels are those of Pillow', () => {
  // Two decoders of AV1 differ in how they round YCbCr.
  test.each(readable)('%s', async (name) => {
    const { largest } = await difference(name, 'ignore', pictures[name]?.ignored);
    expect(largest).toBeLessThanOrEqual(name.endsWith('.avif') ? 1 : 0);
  });
});

describe('profiles converted, the colours are those of littlecms', () => {
  // 16 bits of grey are converted before they are reduced to eight; a level of dark AVIF is several after conversion.
  test.each(profiled)('%s', async (name) => {
    const { largest, mean } = await difference(name, 'convert', pictures[name]?.converted);
    expect(largest).toBeLessThanOrEqual(name.endsWith('.avif') ? 8 : name.includes('16') ? 2 : 1);
    expect(mean).toBeLessThan(0.3);
  });

  test('which are not those of ignored profiles', async () => {
    const same = ['srgb.jpg', 'srgb-table.jpg'];
    for (const name of profiled) {
      const { mean } = await difference(name, 'ignore', pictures[name]?.converted);
      if (same.includes(name)) expect(mean, name).toBeLessThan(0.1);
      else expect(mean, name).toBeGreaterThan(1);
    }
  });

  test('and a picture without a profile, or with one that cannot be used, stays as it is', async () => {
    for (const name of ['rgb-8.png', 'rgb-16.png', 'grey-16.png', 'lossless.webp', 'broken-profile.jpg']) {
      expect((await difference(name, 'convert', pictures[name]?.ignored)).largest, name).toBe(0);
    }
  });

  test('as part of a Preprocess, which remembers it', async () => {
    const name = 'display-p3.jpg';
    const stored = JSON.stringify(
      new Preprocess({ fit: 'none', scale: 1, layout: 'nhwc', dtype: 'uint8', iccProfile: 'convert' }),
    );
    const { tensor } = await new Preprocess(JSON.parse(stored) as object).run(join(fixtures, name));
    using picture = await Picture.read(join(fixtures, name), { iccProfile: 'convert' });
    expect(tensor.data).toEqual(picture.data);
    tensor.dispose();
  });
});

describe('what has no one meaning as eight bits is refused', () => {
  test.each([
    ['grey-float.tiff', /grey-float\.tiff has values of 32-bit floats/, /8 or 16 unsigned bits/],
    ['rgb-float.tiff', /32-bit floats/, /raw frame/],
    ['grey-32.tiff', /32-bit integers/, /8 or 16/],
    ['grey-signed-16.tiff', /signed 16 bits/, /8 or 16/],
    ['cmyk-16.tiff', /CMYK values of 16 bits/, /8 or 16/],
    ['six-channels.tiff', /neither grey, RGB nor CMYK/, /as RGB/],
  ])('%s', async (name, message, hint) => {
    for (const iccProfile of ['ignore', 'convert'] as const) {
      expectFailure(await rejectionOf(Picture.read(join(fixtures, name), { iccProfile })), 'MEDIA_UNSUPPORTED', message, hint);
    }
  });
});
