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

/** As small as HEIC gets: one item of HEVC, all of whose boxes are right, and four bytes of data. */
function heic(): Buffer {
  const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
  const u32 = (value: number): Buffer => Buffer.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]);
  const box = (type: string, ...parts: readonly (Buffer | string)[]): Buffer => {
    const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
    return Buffer.concat([u32(body.length + 8), Buffer.from(type, 'latin1'), body]);
  };
  const configuration = [1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 90, 0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 15, 0];
  const meta = (offset: number): Buffer =>
    box(
      'meta',
      u32(0),
      box('hdlr', u32(0), u32(0), 'pict', u32(0), u32(0), u32(0), '\0'),
      box('pitm', u32(0), u16(1)),
      box('iloc', u32(0), Buffer.from([0x44, 0]), u16(1), u16(1), u16(0), u16(1), u32(offset), u32(8)),
      box('iinf', u32(0), u16(1), box('infe', u32(0x02000000), u16(1), u16(0), 'hvc1', '\0')),
      box(
        'iprp',
        box('ipco', box('ispe', u32(0), u32(64), u32(64)), box('hvcC', Buffer.from(configuration))),
        box('ipma', u32(0), u32(1), u16(1), Buffer.from([2, 1, 0x82])),
      ),
    );
  const type = box('ftyp', 'heic', u32(0), 'mif1heic');
  const data = box('mdat', Buffer.from([0, 0, 0, 4, 0x26, 1, 0xaf, 0]));
  return Buffer.concat([type, meta(type.length + meta(0).length + 8), data]);
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

describe('what sharp reads, cut short', () => {
  const source = asSharp(gradient(64, 48));
  const files = {
    webp: () => source.clone().webp({ lossless: true }).toBuffer(),
    gif: () => source.clone().gif().toBuffer(),
    tiff: () => source.clone().tiff({ compression: 'lzw' }).toBuffer(),
    avif: () => source.clone().avif({ effort: 0 }).toBuffer(),
  };

  it.each(Object.entries(files))('%s is damaged, wherever it ends', async (name, write) => {
    const whole = await write();
    for (const part of [0.1, 0.5, 0.9]) {
      const half = whole.subarray(0, Math.floor(whole.length * part));
      const error = await refused(half);
      expectFailure(error, 'MEDIA_INVALID', /in the buffer (is damaged: |starts as \w+)/, /whole/);
      expect(error.message).not.toMatch(/bad seek|: $/);
      const path = file(`half.${name}`, half);
      expectFailure(await refused(path), 'MEDIA_INVALID', new RegExp(`half\\.${name} (is damaged|starts as)`), /whole/);
    }
  });

  it('a GIF without a frame', async () => {
    const empty = Buffer.from([0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 4, 0, 4, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255, 0x3b]);
    expectFailure(await refused(empty), 'MEDIA_INVALID', /damaged: .*no frames/, /whole/);
  });

  it('a PNG of no pixels, or of absurdly many', async () => {
    expectFailure(await refused(pngBomb(0, 10)), 'MEDIA_INVALID', /damaged/, /whole/);
    expect((await refused(pngBomb(2 ** 31 - 1, 2 ** 31 - 1))).code).toMatch(/MEDIA_(INVALID|TOO_LARGE)/);
    expect((await refused(pngBomb(1, 2 ** 31 - 1))).code).toMatch(/MEDIA_(INVALID|TOO_LARGE)/);
  });
});

describe('HEIC', () => {
  it('is refused with what to do, where there is no decoder for it', async () => {
    const error = await refused(file('phone.heic', heic()));
    expectFailure(error, 'MEDIA_UNSUPPORTED', /phone\.heic is HEIC, for which there is no decoder/, /JPEG or AVIF.*libde265/);
    expectFailure(await refused(heic()), 'MEDIA_UNSUPPORTED', /in the buffer is HEIC/, /JPEG or AVIF/);
  });
});

describe('SVG', () => {
  const svg = (attributes: string, content = '<rect width="8" height="8" fill="#ff0000"/>', before = ''): Buffer =>
    Buffer.from(
      `${before}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${attributes}>${content}</svg>`,
    );
  const small = 'width="8" height="8"';

  it('of too many pixels is refused before it is drawn', async () => {
    expectFailure(await refused(svg('width="9000" height="9000"')), 'MEDIA_TOO_LARGE', /64000000/, /pixelLimit/);
    expectFailure(await refused(svg('width="1e6" height="1e6"')), 'MEDIA_TOO_LARGE', /64000000/, /pixelLimit/);
    expectFailure(
      await refused(svg('width="40000" height="1"')),
      'MEDIA_TOO_LARGE',
      /SVG with more than 32767 pixels a side/,
      /width and height/,
    );
    expectFailure(await refused(svg('width="0" height="0"')), 'MEDIA_INVALID', /damaged/);
  });

  it('whose entities multiply, or name a file, is refused', async () => {
    const entities = [...'bcdefghi'].map((name, i) => `<!ENTITY ${name} "${`&${'abcdefgh'[i]};`.repeat(10)}">`);
    const bomb = `<!DOCTYPE s [<!ENTITY a "aaaaaaaaaaaaaaaaaaaa">${entities.join('')}]>`;
    expectFailure(await refused(svg(small, '<text>&i;</text>', bomb)), 'MEDIA_INVALID', /damaged/);
    const outside = '<!DOCTYPE s [<!ENTITY a SYSTEM "file:///etc/hostname">]>';
    expectFailure(await refused(svg(small, '<text>&a;</text>', outside)), 'MEDIA_INVALID', /damaged/);
  });

  it('draws in no other file, not even of its own folder', async () => {
    file('beside.png', await asSharp(gradient(8, 8)).png().toBuffer());
    for (const name of ['beside.png', `file://${folder}/beside.png`]) {
      const content = `<image xlink:href="${name}" width="8" height="8"/>`;
      const { data } = await pixelsOf(file('draws.svg', svg(small, content)));
      expect(new Set(data)).toEqual(new Set([0]));
    }
    const { data } = await pixelsOf(file('plain.svg', svg(small)));
    expect([...data.subarray(0, 3)]).toEqual([255, 0, 0]);
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

describe('a picture with a side that no decoder maps', () => {
  it.each([
    [1, 70_000],
    [70_000, 1],
  ])('%i x %i is refused, however few its pixels', async (width, height) => {
    // A kilobyte of file; of the rows between, a preprocessing would make gigabytes.
    const bytes = await asSharp({ data: new Uint8Array(width * height), width, height, channels: 1 })
      .png()
      .toBuffer();
    for (const read of [() => Preprocess.preset('siglip').run(bytes), () => Picture.read(bytes)]) {
      expectFailure(await rejectionOf(read()), 'MEDIA_TOO_LARGE', /70000.*at most 65535 pixels a side/, /into parts/);
    }
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
