import sharp from 'sharp';
import { describe, expect, it } from 'vitest';

import { Picture, thumbnail } from '../../lib/image/index.js';

/** Left half red, right half blue. */
async function halves(width: number, height: number): Promise<Picture> {
  const data = Buffer.alloc(width * height * 3);
  for (let i = 0; i < width * height; i++) data[i * 3 + (i % width < width / 2 ? 0 : 2)] = 200;
  return Picture.read({ data, width, height, format: 'rgb' });
}

describe('thumbnail', () => {
  it('is the part that was asked for, made smaller', async () => {
    using picture = await halves(800, 600);
    const { bytes, width, height } = await thumbnail(picture, { x: 400, y: 100, width: 400, height: 200 }, 100, 30_000);
    expect([width, height]).toEqual([100, 50]);
    const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([100, 50]);
    expect(data[2]).toBeGreaterThan(180); // all blue
    expect(data[0]).toBeLessThan(20);
  });

  it('is never larger than the part', async () => {
    using picture = await halves(40, 30);
    expect(await thumbnail(picture, { x: 0, y: 0, width: 40, height: 30 }, 320, 30_000)).toMatchObject({ width: 40, height: 30 });
  });

  it('gives up quality for size', async () => {
    const data = Buffer.from(Array.from({ length: 300 * 300 * 3 }, (_, i) => (i * 2654435761) >>> 24));
    using picture = await Picture.read({ data, width: 300, height: 300, format: 'rgb' });
    const whole = { x: 0, y: 0, width: 300, height: 300 };
    const free = await thumbnail(picture, whole, 300, Infinity);
    const bound = await thumbnail(picture, whole, 300, free.bytes.length / 2);
    expect(bound.bytes.length).toBeLessThanOrEqual(free.bytes.length / 2);
    // What no quality can do is done as well as it can be.
    expect((await thumbnail(picture, whole, 300, 1)).bytes.length).toBeLessThanOrEqual(bound.bytes.length);
  });
});
