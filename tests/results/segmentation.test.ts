import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { native } from '../../lib/binding/index.js';
import { classColor, Segmentation, type Timing } from '../../lib/results/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';

const timing: Timing = {
  decodeMs: 1,
  preprocessMs: 2,
  queueMs: 3,
  computeMs: 4,
  transferMs: 0,
  postprocessMs: 5,
  copiedBytes: 6,
};
const width = 40;
const height = 20;
/** Upper half background; below, class 1 on the left, class 200 in a strip on the right. */
const mask = Uint8Array.from({ length: width * height }, (_, i) => (i < (width * height) / 2 ? 0 : i % width < 30 ? 1 : 200));
const labels = ['nothing', 'road'];
const counts = Uint32Array.from({ length: 256 }, (_, id) => mask.filter((value) => value === id).length);
const result = new Segmentation({ mask, counts, width, height, labels, background: 0, timing });
const frame = { data: new Uint8Array(width * height * 3).fill(100), width, height, format: 'rgb' } as const;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-segmentation-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Red, green, blue at a place. */
function pixel(data: Uint8Array, x: number, y: number): number[] {
  return [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}

describe('the regions', () => {
  it('are the classes that occur, largest first, and cover the picture', () => {
    expect(result.regions).toEqual([
      { label: 'nothing', classId: 0, pixels: 400, fraction: 0.5 },
      { label: 'road', classId: 1, pixels: 300, fraction: 0.375 },
      { label: '200', classId: 200, pixels: 100, fraction: 0.125 },
    ]);
    expect(result.regions.reduce((sum, { fraction }) => sum + fraction, 0)).toBe(1);
    expect(result.regions).toBe(result.regions);
    expect([...result]).toEqual(result.regions);
  });

  it('are what JSON tells, without the mask', () => {
    expect(JSON.parse(JSON.stringify(result))).toEqual({ width, height, regions: result.regions });
  });
});

describe('the class map', () => {
  it('is a grey PNG whose pixels are the classes, byte for byte', async () => {
    const png = await result.toClassMap();
    const { format, channels, depth } = await sharp(png).metadata();
    expect([format, channels, depth]).toEqual(['png', 1, 'uchar']);
    const { data, info } = await sharp(png).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([width, height, 1]);
    expect(Uint8Array.from(data)).toEqual(mask);
  });

  it('holds all 256 classes, as does the colour map', async () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const ones = new Uint32Array(256).fill(1);
    const whole = new Segmentation({ mask: all, counts: ones, width: 16, height: 16, labels, background: 0, timing });
    const ids = sharp(await whole.toClassMap()).toColourspace('b-w');
    expect(Uint8Array.from(await ids.raw().toBuffer())).toEqual(all);
    const colors = await sharp(await whole.toColorMap())
      .raw()
      .toBuffer();
    expect([...colors]).toEqual([0, 0, 0, ...Array.from({ length: 255 }, (_, i) => classColor(i + 1)).flat()]);
  });
});

describe('the colour map', () => {
  it('has a colour for each class, black for the background', async () => {
    const { data, info } = await sharp(await result.toColorMap())
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([width, height, 3]);
    expect(pixel(data, 5, 5)).toEqual([0, 0, 0]);
    expect(pixel(data, 5, 15)).toEqual([...classColor(1)]);
    expect(pixel(data, 35, 15)).toEqual([...classColor(200)]);
  });

  it('has a colour for class 0 where that is no background', async () => {
    const whole = new Segmentation({ mask, counts, width, height, labels, background: undefined, timing });
    const data = await sharp(await whole.toColorMap())
      .raw()
      .toBuffer();
    expect(pixel(data, 5, 5)).toEqual([...classColor(0)]);
    using drawn = await whole.draw(frame, { opacity: 1 });
    expect(pixel(drawn.data, 5, 3)).toEqual([...classColor(0)]);
    expect(whole.background).toBeUndefined();
  });

  it('gives the memory of its pixels back', async () => {
    const before = native().memoryStatistics().liveBytes;
    await result.toColorMap();
    expect(native().memoryStatistics().liveBytes).toBeLessThanOrEqual(before);
  });
});

describe('toFile', () => {
  it('writes either map', async () => {
    const path = join(folder, 'map.png');
    await result.toFile(path);
    expect(readFileSync(path)).toEqual(await result.toClassMap());
    await result.toFile(path, 'color');
    expect(readFileSync(path)).toEqual(await result.toColorMap());
    await result.toFile(pathToFileURL(path));
    expect(readFileSync(path)).toEqual(await result.toClassMap());
  });

  it('refuses formats that would alter the classes', async () => {
    expectFailure(
      await rejectionOf(result.toFile(join(folder, 'map.jpg'))),
      'INVALID_ARGUMENT',
      /\.png for path/,
      /alter the class ids/,
    );
    expectFailure(
      await rejectionOf(result.toFile(join(folder, 'none/map.png'))),
      'OUTPUT_NOT_WRITABLE',
      /none\/map\.png/,
      /folder/,
    );
    expectFailure(
      await rejectionOf(result.toFile(join(folder, 'map.png'), 'colour' as never)),
      'INVALID_ARGUMENT',
      /class, color for kind/,
      /"color"/,
    );
  });
});

describe('draw', () => {
  it('blends the classes over the picture, and leaves the background', async () => {
    using picture = await result.draw(frame);
    expect([picture.width, picture.height]).toEqual([width, height]);
    expect(pixel(picture.data, 5, 3)).toEqual([100, 100, 100]);
    // In the middle of a region, away from its outline.
    pixel(picture.data, 10, 15).forEach((value, c) =>
      expect(Math.abs(value - (100 + (classColor(1)[c] as number)) / 2)).toBeLessThanOrEqual(1),
    );
  });

  it('blends as much as it is told', async () => {
    using all = await result.draw(frame, { opacity: 1 });
    expect(pixel(all.data, 10, 15)).toEqual([...classColor(1)]);
    using none = await result.draw(frame, { opacity: 0 });
    expect(pixel(none.data, 10, 15)).toEqual([100, 100, 100]);
  });

  it('needs the picture that was segmented', async () => {
    const other = { ...frame, width: 20, height: 40 };
    expectFailure(await rejectionOf(result.draw(other)), 'INVALID_ARGUMENT', /40 x 20.*20 x 40/, /that the result is of/);
  });

  it('refuses wrong options', async () => {
    expectFailure(await rejectionOf(result.draw(frame, { opacity: 2 })), 'INVALID_ARGUMENT', /0 to 1 for opacity/);
    expectFailure(await rejectionOf(result.draw(frame, { alpha: 1 } as never)), 'UNKNOWN_OPTION', /"alpha" in draw options/);
    expectFailure(await rejectionOf(result.draw(frame, { signal: AbortSignal.abort() })), 'ABORTED', /aborted/);
  });
});
