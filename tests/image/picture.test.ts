import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Picture } from '../../lib/image/index.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';
import { asJpeg, asSharp, gradient, largestDifference } from './made-pictures.js';

const source = gradient(60, 40);
let folder: string;
let png: Buffer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-picture-'));
  png = await asSharp(source).png().toBuffer();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('Picture.read', () => {
  it('gives RGB, row by row', async () => {
    using picture = await Picture.read(png);
    expect([picture.width, picture.height]).toEqual([60, 40]);
    expect(Uint8Array.from(picture.data)).toEqual(source.data);
    using fromJpeg = await Picture.read(await asJpeg(source));
    expect(largestDifference(fromJpeg.data, source.data)).toBeLessThanOrEqual(4);
  });

  it('spreads grey and drops alpha of raw frames', async () => {
    using grey = await Picture.read({ data: Uint8Array.of(1, 2), width: 2, height: 1, format: 'grey' });
    expect([...grey.data]).toEqual([1, 1, 1, 2, 2, 2]);
    using rgba = await Picture.read({ data: Uint8Array.of(1, 2, 3, 4), width: 1, height: 1, format: 'rgba' });
    expect([...rgba.data]).toEqual([1, 2, 3]);
    using bgr = await Picture.read({ data: Uint8Array.of(1, 2, 3), width: 1, height: 1, format: 'bgr' });
    expect([...bgr.data]).toEqual([3, 2, 1]);
  });

  it('checks its options, and can be aborted', async () => {
    expectFailure(
      await rejectionOf(Picture.read(png, { pixelLimits: 5 } as never)),
      'UNKNOWN_OPTION',
      /"pixelLimits"/,
      /"pixelLimit"/,
    );
    expectFailure(
      await rejectionOf(Picture.read(png, { iccProfile: 'srgb' } as never)),
      'INVALID_ARGUMENT',
      /ignore, convert for iccProfile but received "srgb"/,
    );
    expectFailure(await rejectionOf(Picture.read(png, { signal: AbortSignal.abort() })), 'ABORTED', /aborted/);
  });
});

describe('a picture', () => {
  it('is gone after dispose', async () => {
    const picture = await Picture.read(png);
    const kept = picture.data;
    picture.dispose();
    picture.dispose();
    expect(kept.length).toBe(0);
    expectFailure(
      thrownBy(() => picture.data),
      'DISPOSED',
      /The picture was disposed/,
    );
    expectFailure(await rejectionOf(Promise.resolve().then(() => picture.toBuffer())), 'DISPOSED', /disposed/);
  });

  it.each([
    ['png', 'png', 0],
    ['jpeg', 'jpeg', 40],
    ['webp', 'webp', 60],
  ] as const)('becomes %s', async (format, name, slack) => {
    using picture = await Picture.read(png);
    const { data, info } = await sharp(await picture.toBuffer(format))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect((await sharp(await picture.toBuffer(format)).metadata()).format).toBe(name);
    expect([info.width, info.height, info.channels]).toEqual([60, 40, 3]);
    expect(largestDifference(data, source.data)).toBeLessThanOrEqual(slack);
  });

  it.each([
    ['a.png', 'png'],
    ['b.jpg', 'jpeg'],
    ['c.JPEG', 'jpeg'],
    ['d.webp', 'webp'],
  ])('is written to %s', async (name, format) => {
    using picture = await Picture.read(png);
    await picture.toFile(join(folder, name));
    expect((await sharp(readFileSync(join(folder, name))).metadata()).format).toBe(format);
  });

  it('is written to a file: URL', async () => {
    using picture = await Picture.read(png);
    const url = pathToFileURL(join(folder, 'with space.png'));
    for (const path of [url, url.href]) {
      await picture.toFile(path);
      const written = join(folder, 'with space.png');
      expect((await sharp(readFileSync(written)).metadata()).format).toBe('png');
      rmSync(written);
    }
    const elsewhere = new URL('https://example.org/a.png');
    expectFailure(await rejectionOf(picture.toFile(elsewhere)), 'INVALID_ARGUMENT', /a file: URL for path/);
  });

  it('is not written where that cannot be', async () => {
    using picture = await Picture.read(png);
    expectFailure(await rejectionOf(picture.toFile(join(folder, 'none/a.png'))), 'OUTPUT_NOT_WRITABLE', /none\/a\.png/, /folder/);
    expectFailure(
      await rejectionOf(picture.toFile(join(folder, 'a.bmp'))),
      'INVALID_ARGUMENT',
      /\.jpg, \.jpeg, \.png, \.webp for path/,
    );
    expectFailure(await rejectionOf(picture.toFile(join(folder, 'a'))), 'INVALID_ARGUMENT', /for path/);
    expectFailure(await rejectionOf(picture.toFile(undefined as never)), 'INVALID_ARGUMENT', /for path but received undefined/);
    expectFailure(
      await rejectionOf(Promise.resolve().then(() => picture.toBuffer('gif' as never))),
      'INVALID_ARGUMENT',
      /jpeg, png, webp for format/,
    );
  });
});
