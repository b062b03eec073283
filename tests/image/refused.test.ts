/** Damaged, foreign and hostile pictures: an error with what to do, before memory is spent. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { native } from '../../lib/binding/index.js';
import type { FoveateError } from '../../lib/errors/index.js';
import { Picture, Preprocess, type PictureInput } from '../../lib/image/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { asJpeg, asSharp, gradient, pixelsOf } from './made-pictures.js';

const preprocess = Preprocess.preset('yolo', { width: 32, height: 32 });
let folder: string;
let jpeg: Buffer;
let png: Buffer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-refused-'));
  jpeg = await asJpeg(gradient(200, 150));
  png = await asSharp(gradient(200, 150)).png().toBuffer();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Refused by both ways in, and the next picture is read as ever. */
async function refused(image: PictureInput, pixelLimit?: number): Promise<FoveateError> {
  const error = await rejectionOf(preprocess.run(image, { pixelLimit }));
  const again = await rejectionOf(Picture.read(image, pixelLimit === undefined ? {} : { pixelLimit }));
  expect(again.toJSON()).toEqual(error.toJSON());
  if (typeof image === 'string') expect(error.details['path']).toBe(image);
  expect((await pixelsOf(jpeg)).width).toBe(200);
  return error;
}

/** A PNG that claims to be this large, with almost no data. */
function pngBomb(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([1, 0, 0, 0, 0], 8); // one bit, grey
  const rows = deflateSync(Buffer.alloc(1000));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))]);
}

/** A JPEG whose frame header claims another size. */
function jpegOfSize(width: number, height: number): Buffer {
  const bytes = Buffer.from(jpeg);
  const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
  bytes.writeUInt16BE(height, frame + 5);
  bytes.writeUInt16BE(width, frame + 7);
  return bytes;
}

describe('a path', () => {
  it('of nothing', async () => {
    expectFailure(await refused(join(folder, 'none.jpg')), 'MEDIA_NOT_FOUND', /none\.jpg.*[Nn]o such file/, /path/);
    expectFailure(await refused(join(folder, 'none.png')), 'MEDIA_NOT_FOUND', /none\.png/, /path/);
  });

  it('of a folder', async () => {
    mkdirSync(join(folder, 'folder.jpg'));
    expectFailure(await refused(join(folder, 'folder.jpg')), 'MEDIA_NOT_FOUND', /folder\.jpg.*directory/i, /path/);
  });

  it.each(['/dev/zero', '/dev/null', '/dev/ptmx'])('of a device: %s', async (device) => {
    expectFailure(await refused(device), 'MEDIA_NOT_FOUND', new RegExp(`${device}: .*pipe or a device`), /stream/);
  });

  it('of a pipe, whether somebody writes into it or not', async () => {
    const pipe = join(folder, 'pipe.jpg');
    execFileSync('mkfifo', [pipe]);
    expectFailure(await refused(pipe), 'MEDIA_NOT_FOUND', /pipe\.jpg: .*pipe or a device/, /stream/);
    const ends = openSync(pipe, 'r+');
    expectFailure(await refused(pipe), 'MEDIA_NOT_FOUND', /pipe\.jpg: .*pipe or a device/, /stream/);
    closeSync(ends);
  });

  it('is told once, and of a long one the end', async () => {
    const deep = join(folder, 'deep-'.repeat(40));
    mkdirSync(deep);
    const contents = { 'half.jpg': jpeg.subarray(0, 2000), 'half.png': png.subarray(0, png.length / 2), 'text.txt': 'text' };
    for (const [name, content] of Object.entries({ ...contents, 'none.gif': undefined })) {
      const path = join(deep, name);
      if (content !== undefined) writeFileSync(path, content);
      const { message } = await refused(path);
      expect(message.split(name).length).toBe(2);
      expect(message).toMatch(new RegExp(`picture \\.\\.\\.[-dep/]+${name}`));
      expect(message).not.toContain(folder);
    }
  });
});

describe('a file', () => {
  it('of zero bytes', async () => {
    expectFailure(await refused(file('empty.jpg', '')), 'MEDIA_INVALID', /empty\.jpg: The file is empty \(0 bytes\)/, /written/);
    expectFailure(await refused(Buffer.alloc(0)), 'MEDIA_INVALID', /in the buffer is empty \(0 bytes\)/, /read/);
  });

  it('of text', async () => {
    expectFailure(
      await refused(file('text.jpg', 'not a picture')),
      'MEDIA_UNSUPPORTED',
      /text\.jpg is in no format/,
      /content counts/,
    );
    expectFailure(
      await refused(Buffer.from('<html></html>')),
      'MEDIA_UNSUPPORTED',
      /in the buffer is in no format/,
      /content counts/,
    );
  });

  it('of an ONNX model', async () => {
    const model = new URL('../native/fixtures/fixed.onnx', import.meta.url);
    expectFailure(await refused(model), 'MEDIA_UNSUPPORTED', /fixed\.onnx is in no format/, /JPEG, PNG/);
  });

  it('with the wrong extension is read for what it is', async () => {
    expect((await pixelsOf(file('really-png.jpg', png))).data).toEqual((await pixelsOf(png)).data);
    expect((await pixelsOf(file('really-jpeg.png', jpeg))).data).toEqual((await pixelsOf(jpeg)).data);
    expect((await pixelsOf(file('no-extension', jpeg))).data).toEqual((await pixelsOf(jpeg)).data);
  });
});

describe('a truncated picture', () => {
  it('JPEG, wherever it ends', async () => {
    for (const part of [0.001, 0.01, 0.1, 0.3, 0.5, 0.8, 0.95]) {
      const error = await rejectionOf(preprocess.run(jpeg.subarray(0, Math.max(3, Math.floor(jpeg.length * part)))));
      expectFailure(error, 'MEDIA_INVALID', /^Cannot read the picture in the buffer: .*JPEG/, /fetch|export|again/);
    }
    expectFailure(
      await refused(file('half.jpg', jpeg.subarray(0, jpeg.length / 2))),
      'MEDIA_INVALID',
      /half\.jpg: The JPEG data ends early: expected 150 rows/,
    );
  });

  it('PNG, wherever it ends', async () => {
    for (const part of [0.01, 0.1, 0.5, 0.9]) {
      const error = await rejectionOf(preprocess.run(png.subarray(0, Math.floor(png.length * part))));
      expectFailure(error, 'MEDIA_INVALID', /the buffer is damaged/, /whole/);
    }
    expectFailure(await refused(file('half.png', png.subarray(0, png.length / 2))), 'MEDIA_INVALID', /half\.png is damaged/);
  });

  it('of two bytes', async () => {
    expectFailure(await refused(Buffer.from([0xff, 0xd8])), 'MEDIA_INVALID', /JPEG/);
    expect((await refused(Buffer.from([0x89, 0x50]))).code).toMatch(/MEDIA_(INVALID|UNSUPPORTED)/);
  });
});

describe('a damaged picture', () => {
  it('is read or refused, and never ends the process', async () => {
    let state = 99;
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state >> 8) % below;
    };
    let refusals = 0;
    for (let round = 0; round < 150; round++) {
      const bytes = Buffer.from(round % 2 === 0 ? jpeg : png);
      for (let flip = 0; flip < 8; flip++) bytes[random(bytes.length)] = random(256);
      const outcome = await preprocess.run(bytes).then(
        ({ tensor }) => tensor.dispose(),
        (error: FoveateError) => error.code,
      );
      if (outcome !== undefined) {
        refusals++;
        expect(outcome).toMatch(/^MEDIA_/);
      }
    }
    expect(refusals).toBeGreaterThan(20);
  });
});

describe('a picture of too many pixels', () => {
  const bombs: readonly (readonly [string, () => Buffer])[] = [
    ['PNG', () => pngBomb(10_000, 10_001)],
    ['JPEG', () => jpegOfSize(10_001, 10_000)],
  ];

  it.each(bombs)('%s is refused before it is decoded', async (_, bomb) => {
    const before = native().memoryStatistics();
    const error = await refused(bomb());
    expectFailure(error, 'MEDIA_TOO_LARGE', /64000000/, /option pixelLimit/);
    expectFailure(await refused(file('bomb', bomb())), 'MEDIA_TOO_LARGE', /64000000/, /option pixelLimit/);
    // Nothing of the picture's 100 million pixels: the files themselves, and the small picture that is read in between.
    const after = native().memoryStatistics();
    expect(after.liveBytes + after.pooledBytes - before.liveBytes - before.pooledBytes).toBeLessThan(2_000_000);
  });

  it('is refused by a limit of your own, and read at it', async () => {
    for (const image of [jpeg, png]) {
      expectFailure(await refused(image, 29_999), 'MEDIA_TOO_LARGE', /29999/, /option pixelLimit/);
      const { tensor } = await preprocess.run(image, { pixelLimit: 30_000 });
      tensor.dispose();
    }
  });

  it('may be read when the limit is raised', async () => {
    const large = await asSharp({ data: new Uint8Array(9000 * 8000), width: 9000, height: 8000, channels: 1 })
      .toColourspace('b-w')
      .jpeg()
      .toBuffer();
    expectFailure(await rejectionOf(preprocess.run(large)), 'MEDIA_TOO_LARGE', /72000000/);
    const { tensor, placement } = await preprocess.run(large, { pixelLimit: 80_000_000 });
    expect(placement.sourceWidth).toBe(9000);
    tensor.dispose();
  });

  it.each([0, -1, 1.5, '64', NaN, Infinity])('a limit of %o is no limit', async (pixelLimit) => {
    const options = { pixelLimit } as never;
    expectFailure(await rejectionOf(preprocess.run(jpeg, options)), 'INVALID_ARGUMENT', /at least 1 for pixelLimit/);
    expectFailure(await rejectionOf(Picture.read(jpeg, options)), 'INVALID_ARGUMENT', /at least 1 for pixelLimit/);
  });
});
