/** Every kind of picture file becomes upright RGB of eight bits. */
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { Picture, Preprocess } from '../../lib/image/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { asJpeg, asSharp, gradient, largestDifference, pixelsOf, type Pixels } from './made-pictures.js';

/**
 * What a camera stores so that the picture is upright under this orientation: EXIF 2.3, 4.6.4.A tells where the stored first row and
 * column lie in the upright picture.
 */
function storedFor(upright: Pixels, orientation: number): Pixels {
  const { width: w, height: h, channels } = upright;
  const turned = orientation >= 5;
  const [width, height] = turned ? [h, w] : [w, h];
  const from: Record<number, (x: number, y: number) => readonly [number, number]> = {
    1: (x, y) => [x, y],
    2: (x, y) => [w - 1 - x, y],
    3: (x, y) => [w - 1 - x, h - 1 - y],
    4: (x, y) => [x, h - 1 - y],
    5: (x, y) => [y, x],
    6: (x, y) => [w - 1 - y, x],
    7: (x, y) => [w - 1 - y, h - 1 - x],
    8: (x, y) => [y, h - 1 - x],
  };
  const data = new Uint8Array(upright.data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [u, v] = (from[orientation] as (x: number, y: number) => readonly [number, number])(x, y);
      for (let c = 0; c < channels; c++) {
        data[(y * width + x) * channels + c] = upright.data[(v * w + u) * channels + c] as number;
      }
    }
  }
  return { data, width, height, channels };
}

const upright = gradient(40, 24);
const orientations = [1, 2, 3, 4, 5, 6, 7, 8];

describe('EXIF orientation', () => {
  it.each(orientations)('%i of a JPEG is applied in the core', async (orientation) => {
    const file = await asSharp(storedFor(upright, orientation))
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .withMetadata({ orientation })
      .toBuffer();
    const picture = await pixelsOf(file);
    expect([picture.width, picture.height]).toEqual([40, 24]);
    expect(largestDifference(picture.data, upright.data)).toBeLessThanOrEqual(4);
  });

  it.each(orientations)('%i of a grey JPEG', async (orientation) => {
    const grey = gradient(40, 24, 1);
    const file = await asSharp(storedFor(grey, orientation))
      .toColourspace('b-w')
      .jpeg({ quality: 100 })
      .withMetadata({ orientation })
      .toBuffer();
    const picture = await pixelsOf(file);
    expect([picture.width, picture.height]).toEqual([40, 24]);
    const spread = Uint8Array.from({ length: 40 * 24 * 3 }, (_, i) => grey.data[Math.floor(i / 3)] as number);
    expect(largestDifference(picture.data, spread)).toBeLessThanOrEqual(3);
  });

  it.each(orientations)('%i of a WebP and a PNG', async (orientation) => {
    const stored = asSharp(storedFor(upright, orientation)).withMetadata({ orientation });
    for (const file of [await stored.clone().webp({ lossless: true }).toBuffer(), await stored.clone().png().toBuffer()]) {
      const picture = await pixelsOf(file);
      expect([picture.width, picture.height]).toEqual([40, 24]);
      expect(picture.data).toEqual(upright.data);
    }
  });

  it('is part of the size that boxes are told in', async () => {
    const file = await asSharp(storedFor(upright, 6)).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    const { tensor, placement } = await Preprocess.preset('yolo', { width: 32, height: 32 }).run(file);
    expect(placement).toMatchObject({ sourceWidth: 40, sourceHeight: 24 });
    tensor.dispose();
  });
});

describe('JPEG', () => {
  it.each([
    ['4:2:0', { chromaSubsampling: '4:2:0' }],
    ['4:4:4', { chromaSubsampling: '4:4:4' }],
    ['progressive', { progressive: true }],
    ['with restart markers and optimal tables', { optimizeCoding: true, mozjpeg: true }],
  ] as const)('%s has the pixels that libvips sees', async (_, options) => {
    const file = await asSharp(gradient(123, 77))
      .jpeg({ quality: 90, ...options })
      .toBuffer();
    const { data } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
    expect(largestDifference((await pixelsOf(file)).data, data)).toBeLessThanOrEqual(2);
  });

  it('in grey is spread over the channels', async () => {
    const file = await asSharp(gradient(30, 20, 1))
      .toColourspace('b-w')
      .jpeg({ quality: 100 })
      .toBuffer();
    expect((await sharp(file).metadata()).channels).toBe(1);
    const { data } = await pixelsOf(file);
    for (let i = 0; i < data.length; i += 3) expect([data[i + 1], data[i + 2]]).toEqual([data[i], data[i]]);
  });

  // Against Pillow: tests/reference/formats.test.ts.
  it('in CMYK is taken as inks, and by its colours when those are asked for', async () => {
    const file = await asSharp(upright).toColourspace('cmyk').jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer();
    expect((await sharp(file).metadata()).space).toBe('cmyk');
    const inks = await sharp(file).pipelineColourspace('cmyk').toColourspace('cmyk').raw().toBuffer();
    const light = Uint8Array.from({ length: 40 * 24 * 3 }, (_, i) => {
      const [ink, black] = [inks[Math.floor(i / 3) * 4 + (i % 3)] as number, inks[Math.floor(i / 3) * 4 + 3] as number];
      return Math.round(((255 - ink) * (255 - black)) / 255);
    });
    const picture = await pixelsOf(file);
    expect([picture.width, picture.height]).toEqual([40, 24]);
    expect(largestDifference(picture.data, light)).toBeLessThanOrEqual(2);
    const converted = await pixelsOf(file, { iccProfile: 'convert' });
    const { data } = await sharp(file).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
    expect(converted.data).toEqual(Uint8Array.from(data));
  });

  it('of one pixel, and of a size that no block divides', async () => {
    for (const [width, height] of [
      [1, 1],
      [1, 50],
      [17, 3],
    ] as const) {
      const pixels = gradient(width, height);
      const picture = await pixelsOf(await asJpeg(pixels));
      expect([picture.width, picture.height]).toEqual([width, height]);
      expect(largestDifference(picture.data, pixels.data)).toBeLessThanOrEqual(4);
    }
  });
});

describe('other formats', () => {
  it('lose nothing', async () => {
    for (const file of [
      await asSharp(upright).png().toBuffer(),
      await asSharp(upright).webp({ lossless: true }).toBuffer(),
      await asSharp(upright).tiff({ compression: 'lzw' }).toBuffer(),
    ]) {
      expect((await pixelsOf(file)).data).toEqual(upright.data);
    }
  });

  it('GIF and AVIF, as near as they keep it', async () => {
    const gif = await pixelsOf(await asSharp(upright).gif().toBuffer());
    expect([gif.width, gif.height]).toEqual([40, 24]);
    expect(largestDifference(gif.data, upright.data)).toBeLessThan(90);
    const avif = await pixelsOf(await asSharp(upright).avif({ quality: 90, chromaSubsampling: '4:4:4', effort: 0 }).toBuffer());
    expect([avif.width, avif.height]).toEqual([40, 24]);
    expect(largestDifference(avif.data, upright.data)).toBeLessThan(25);
  });

  it('of an animation, the first frame', async () => {
    const frames = [gradient(16, 16), { ...gradient(16, 16), data: new Uint8Array(768) }];
    const stack = Uint8Array.from(frames.flatMap(({ data }) => [...data]));
    const file = await sharp(stack, { raw: { width: 16, height: 32, channels: 3, pageHeight: 16 } as never })
      .webp({ lossless: true })
      .toBuffer();
    const picture = await pixelsOf(file);
    expect([picture.width, picture.height]).toEqual([16, 16]);
    expect(picture.data).toEqual(frames[0]?.data);
  });

  it('in grey, with and without alpha', async () => {
    const grey = gradient(20, 10, 1);
    const spread = Uint8Array.from({ length: 600 }, (_, i) => grey.data[Math.floor(i / 3)] as number);
    const plain = asSharp(grey).toColourspace('b-w');
    expect((await pixelsOf(await plain.clone().png().toBuffer())).data).toEqual(spread);
    expect((await pixelsOf(await plain.clone().ensureAlpha(0.5).png().toBuffer())).data).toEqual(spread);
  });

  it('with alpha keep their colours', async () => {
    const withAlpha = gradient(20, 10, 4);
    const colors = Uint8Array.from({ length: 600 }, (_, i) => withAlpha.data[Math.floor(i / 3) * 4 + (i % 3)] as number);
    expect((await pixelsOf(await asSharp(withAlpha).png().toBuffer())).data).toEqual(colors);
  });

  it('with a palette', async () => {
    const file = await asSharp(upright).png({ palette: true, colours: 16 }).toBuffer();
    const { data } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
    expect((await pixelsOf(file)).data).toEqual(Uint8Array.from(data));
  });

  it('of 16 bits keep the upper eight', async () => {
    const deep = Uint16Array.from({ length: 16 * 8 * 3 }, (_, i) => (i * 499) & 0xffff);
    const file = await sharp(deep, { raw: { width: 16, height: 8, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    expect((await sharp(file).metadata()).depth).toBe('ushort');
    const expected = Uint8Array.from(deep, (value) => value >> 8);
    expect(largestDifference((await pixelsOf(file)).data, expected)).toBeLessThanOrEqual(1);
  });

  it('of 16 bits in grey', async () => {
    const deep = Uint16Array.from({ length: 16 * 8 }, (_, i) => i * 511);
    const file = await sharp(deep, { raw: { width: 16, height: 8, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    expect((await sharp(file).metadata()).depth).toBe('ushort');
    const expected = Uint8Array.from({ length: 16 * 8 * 3 }, (_, i) => (deep[Math.floor(i / 3)] as number) >> 8);
    expect(largestDifference((await pixelsOf(file)).data, expected)).toBeLessThanOrEqual(1);
  });

  it('SVG', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="4"><rect width="8" height="4" fill="#0080ff"/></svg>';
    const picture = await pixelsOf(Buffer.from(svg));
    expect([picture.width, picture.height]).toEqual([8, 4]);
    expect([...picture.data.subarray(0, 3)]).toEqual([0, 128, 255]);
  });
});

describe('an ICC profile', () => {
  const profiled = (): Sharp => asSharp(upright).withIccProfile('p3');

  it('changes no pixel, in whatever format', async () => {
    const formats = {
      png: profiled().png(),
      webp: profiled().webp({ lossless: true }),
      tiff: profiled().tiff({ compression: 'lzw' }),
      jpeg: profiled().jpeg({ quality: 100, chromaSubsampling: '4:4:4' }),
    };
    // What is stored differs from what was given, because sharp converts to the profile.
    const { data: stored } = await sharp(await formats.png.clone().toBuffer(), { ignoreIcc: true })
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(largestDifference(stored, upright.data)).toBeGreaterThan(20);
    for (const [format, image] of Object.entries(formats)) {
      const file = await image.toBuffer();
      expect((await sharp(file).metadata()).icc, format).toBeDefined();
      expect(largestDifference((await pixelsOf(file)).data, stored), format).toBeLessThanOrEqual(format === 'jpeg' ? 4 : 0);
    }
  });

  it('of a JPEG with a gain map is converted, and the map left alone', async () => {
    const file = await (asSharp(upright).toColourspace('scrgb') as Sharp & { withGainMap(): Sharp })
      .withGainMap()
      .jpeg()
      .toBuffer();
    const metadata = await sharp(file).metadata();
    expect([metadata.gainMap !== undefined, metadata.icc !== undefined]).toEqual([true, true]);
    const converted = await pixelsOf(file, { iccProfile: 'convert' });
    expect([converted.width, converted.height]).toEqual([40, 24]);
    const expected = await sharp(file).toColourspace('srgb').raw().toBuffer();
    expect(converted.data).toEqual(Uint8Array.from(expected));
  });

  it('does not keep EXIF from turning a picture that is converted, nor a limit from refusing it', async () => {
    const file = await asSharp(storedFor(upright, 6))
      .withIccProfile('p3')
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .withMetadata({ orientation: 6, icc: 'p3' })
      .toBuffer();
    const picture = await pixelsOf(file, { iccProfile: 'convert' });
    expect([picture.width, picture.height]).toEqual([40, 24]);
    // Through the profile and back, dark values lose a few levels.
    const difference = picture.data.reduce((sum, value, i) => sum + Math.abs(value - (upright.data[i] as number)), 0);
    expect(difference / picture.data.length).toBeLessThan(1.5);
    const limited = rejectionOf(Picture.read(file, { iccProfile: 'convert', pixelLimit: 900 }));
    expectFailure(await limited, 'MEDIA_TOO_LARGE', /900/);
    const half = file.subarray(0, file.length - 200);
    expectFailure(await rejectionOf(Picture.read(half, { iccProfile: 'convert' })), 'MEDIA_INVALID', /premature end/, /whole/);
  });

  it('of a CMYK JPEG gives it the colours that were meant', async () => {
    const file = await asSharp(upright).withIccProfile('cmyk').jpeg({ quality: 100 }).toBuffer();
    const metadata = await sharp(file).metadata();
    expect([metadata.space, metadata.icc !== undefined]).toEqual(['cmyk', true]);
    const { data } = await pixelsOf(file, { iccProfile: 'convert' });
    const converted = await sharp(file).toColourspace('srgb').raw().toBuffer();
    expect(data).toEqual(Uint8Array.from(converted));
    const difference = data.reduce((sum, value, i) => sum + Math.abs(value - (upright.data[i] as number)), 0);
    expect(difference / data.length).toBeLessThan(30);
  });
});

it('leaves the global settings of sharp alone', async () => {
  const before = JSON.stringify([sharp.cache(), sharp.concurrency(), sharp.simd()]);
  await pixelsOf(await asSharp(upright).png().toBuffer());
  const settings = (text: string): unknown => {
    const [cache, concurrency, simd] = JSON.parse(text) as [
      { memory: { max: number }; files: { max: number }; items: { max: number } },
      number,
      boolean,
    ];
    return [cache.memory.max, cache.files.max, cache.items.max, concurrency, simd];
  };
  expect(settings(JSON.stringify([sharp.cache(), sharp.concurrency(), sharp.simd()]))).toEqual(settings(before));
});
