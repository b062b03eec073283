/** Decoding and resizing against Pillow and OpenCV on every picture; the fixtures' form is described in pictures.py. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { Picture, Preprocess } from '../../lib/image/index.js';
import { eachState, sharedFolder, sharedPresent } from './shared.js';

interface Summary {
  width: number;
  height: number;
  channels: number;
  sha256: string;
  samples: string;
}

const fixtures = join(import.meta.dirname, 'fixtures/pictures');
const raw = { scale: 1, mean: [0, 0, 0], std: [1, 1, 1], layout: 'nhwc', dtype: 'uint8', color: 'rgb' } as const;

const presets: Record<string, Preprocess> = {
  'yolo-640': Preprocess.preset('yolo', raw),
  'yolox-416': Preprocess.preset('yolox', { ...raw, width: 416, height: 416 }),
  'imagenet-224': Preprocess.preset('imagenet', raw),
  'imagenet-224-bicubic': Preprocess.preset('imagenet', { ...raw, interpolation: 'bicubic-antialias' }),
};

/** Largest and mean difference at the sampled pixels, in levels of 255; the picture itself is equal where its hash is. */
function difference(pixels: Uint8Array, expected: Summary): { largest: number; mean: number; equal: boolean } {
  const samples = Buffer.from(expected.samples, 'base64');
  const { width, height, channels } = expected;
  let largest = 0;
  let sum = 0;
  eachState(samples.length / channels, (state, i) => {
    const pixel = Math.floor((state / 2 ** 32) * (width * height));
    for (let c = 0; c < channels; c++) {
      const delta = Math.abs((pixels[pixel * channels + c] as number) - (samples[i * channels + c] as number));
      largest = Math.max(largest, delta);
      sum += delta;
    }
  });
  return { largest, mean: sum / samples.length, equal: createHash('sha256').update(pixels).digest('hex') === expected.sha256 };
}

function readFixture(preset: string): [string, Summary][] {
  const { pictures } = JSON.parse(readFileSync(join(fixtures, `${preset}.json`), 'utf8')) as {
    pictures: Record<string, Summary>;
  };
  return Object.entries(pictures).filter(([name]) => sharedPresent || name.startsWith('synthetic/'));
}

const pathOf = (name: string): string =>
  name.startsWith('synthetic/') ? join(fixtures, name) : join(sharedFolder, 'images', name);

describe.each(Object.entries(presets))('%s', (preset, preprocess) => {
  test('every picture is within 1/255 of the reference, and 0.1/255 on average', async () => {
    const pictures = readFixture(preset);
    expect(pictures.length).toBeGreaterThan(0);
    let equal = 0;
    for (const [name, expected] of pictures) {
      const { tensor } = await preprocess.run(pathOf(name));
      const found = difference(tensor.data as Uint8Array, expected);
      tensor.dispose();
      expect(found.largest, name).toBeLessThanOrEqual(1);
      expect(found.mean, name).toBeLessThan(0.1);
      if (found.equal) equal++;
    }
    console.log(`${preset}: ${equal} of ${pictures.length} pictures are equal to the reference to the bit`);
  });
});

test('decoding gives the very pixels of Pillow', async () => {
  const pictures = readFixture('decode').filter(([, expected]) => expected.channels === 3);
  expect(pictures.length).toBeGreaterThan(0);
  for (const [name, expected] of pictures) {
    using picture = await Picture.read(pathOf(name));
    expect([picture.width, picture.height], name).toEqual([expected.width, expected.height]);
    expect(createHash('sha256').update(picture.data).digest('hex'), name).toBe(expected.sha256);
  }
});

test.skipIf(!sharedPresent)('the shared pictures are among those compared', () => {
  expect(readFixture('decode').filter(([name]) => !name.startsWith('synthetic/')).length).toBeGreaterThan(200);
});
