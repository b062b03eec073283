/** Whatever way a picture comes in, the model's input is the same. */
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { native } from '../../lib/binding/index.js';
import { Picture, Preprocess, startReading, type PictureInput, type RawFrame } from '../../lib/image/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { asJpeg, asSharp, gradient, pixelsOf } from './made-pictures.js';

const preprocess = Preprocess.preset('yolo', { width: 64, height: 64 });
const source = gradient(50, 30);
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-inputs-'));
  writeFileSync(join(folder, 'picture.jpg'), await asJpeg(source));
  writeFileSync(join(folder, 'picture.png'), await asSharp(source).png().toBuffer());
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function inputOf(image: PictureInput): Promise<{ values: Float32Array; copiedBytes: number }> {
  const { tensor, copiedBytes } = await preprocess.run(image);
  const values = Float32Array.from(tensor.data as Float32Array);
  tensor.dispose();
  return { values, copiedBytes };
}

describe.each(['picture.jpg', 'picture.png'])('%s', (name) => {
  const path = (): string => join(folder, name);
  const bytes = (): Buffer => readFileSync(path());
  const kinds: readonly (readonly [string, () => PictureInput])[] = [
    ['a file: URL', () => pathToFileURL(path())],
    ['the text of a file: URL', () => pathToFileURL(path()).href],
    ['a Buffer', bytes],
    ['an ArrayBuffer', () => Uint8Array.from(bytes()).buffer],
    [
      'a view with an offset',
      () => {
        const larger = new Uint8Array(bytes().length + 9).fill(0xee);
        larger.set(bytes(), 5);
        return larger.subarray(5, 5 + bytes().length);
      },
    ],
    [
      'shared memory',
      () => {
        const shared = new Uint8Array(new SharedArrayBuffer(bytes().length));
        shared.set(bytes());
        return shared;
      },
    ],
    ['a file stream', () => createReadStream(path(), { highWaterMark: 100 })],
    ['a stream of chunks', () => Readable.from([bytes().subarray(0, 1), bytes().subarray(1, 300), bytes().subarray(300)])],
    ['a web stream', () => new Blob([bytes()]).stream() as unknown as NodeJS.ReadableStream],
  ];

  it.each(kinds)('as %s', async (_, image) => {
    expect((await inputOf(image())).values).toEqual((await inputOf(path())).values);
  });

  it('is unlike another picture', async () => {
    const other = await asJpeg(gradient(30, 50));
    expect((await inputOf(other)).values).not.toEqual((await inputOf(path())).values);
  });
});

describe('a raw frame', () => {
  const order = { grey: [0], rgb: [0, 1, 2], bgr: [2, 1, 0], rgba: [0, 1, 2, -1] } as const;

  /** The picture's pixels in another order, rows `gap` bytes apart. */
  function frame(format: keyof typeof order, gap = 0, from = source): RawFrame {
    const channels: readonly number[] = order[format];
    const stride = from.width * channels.length + gap;
    const data = new Uint8Array(stride * from.height).fill(0x55);
    for (let y = 0; y < from.height; y++) {
      for (let x = 0; x < from.width; x++) {
        channels.forEach((channel, c) => {
          const value = channel < 0 ? 0x80 : from.data[(y * from.width + x) * from.channels + channel];
          data[y * stride + x * channels.length + c] = value as number;
        });
      }
    }
    return { data, width: from.width, height: from.height, format, ...(gap > 0 ? { stride } : {}) };
  }

  it.each(['rgb', 'bgr', 'rgba'] as const)('%s is the picture itself', async (format) => {
    expect((await pixelsOf(frame(format))).data).toEqual(source.data);
    expect((await pixelsOf(frame(format, 7))).data).toEqual(source.data);
    expect((await inputOf(frame(format, 13))).values).toEqual((await inputOf(join(folder, 'picture.png'))).values);
  });

  it('grey is spread over the channels', async () => {
    const grey = gradient(20, 10, 1);
    const { data } = await pixelsOf(frame('grey', 3, grey));
    expect(data).toEqual(Uint8Array.from({ length: 600 }, (_, i) => grey.data[Math.floor(i / 3)] as number));
  });

  it('may end without the gap of its last row', async () => {
    const { data, ...rest } = frame('rgb', 10);
    const short = { ...rest, data: (data as Uint8Array).subarray(0, data.byteLength - 10) };
    expect((await pixelsOf(short)).data).toEqual(source.data);
  });

  it('may be clamped bytes, or shared memory', async () => {
    const rgb = frame('rgb');
    const clamped = Uint8ClampedArray.from(rgb.data as Uint8Array);
    expect((await pixelsOf({ ...rgb, data: clamped })).data).toEqual(source.data);
    const shared = new Uint8Array(new SharedArrayBuffer(rgb.data.byteLength));
    shared.set(rgb.data as Uint8Array);
    expect((await pixelsOf({ ...rgb, data: shared })).data).toEqual(source.data);
  });

  it('in native memory is read in place', async () => {
    const rgb = frame('rgb');
    const tensor = Tensor.allocate('uint8', [source.height, source.width, 3]);
    tensor.data.set(rgb.data as Uint8Array);
    const inPlace = await inputOf({ ...rgb, data: tensor });
    expect(inPlace.copiedBytes).toBe(0);
    const copied = await inputOf(rgb);
    expect(copied.copiedBytes).toBe(source.data.length);
    expect(inPlace.values).toEqual(copied.values);
    // A view of one frame of several, and a tensor over an array.
    const batch = Tensor.allocate('uint8', [2, ...tensor.dims]);
    batch.subtensor(1).data.set(rgb.data as Uint8Array);
    expect((await inputOf({ ...rgb, data: batch.subtensor(1) })).values).toEqual(copied.values);
    const own = new Tensor('uint8', rgb.data as Uint8Array);
    expect(await inputOf({ ...rgb, data: own })).toEqual(copied);
    tensor.dispose();
    batch.dispose();
  });

  it.each([
    [{ width: 0 }, /integer from 1 to 65535 for frame\.width but received 0/],
    [{ height: 1.5 }, /for frame\.height but received 1\.5/],
    [{ width: '50' }, /for frame\.width but received "50"/],
    [{ format: 'rbg' }, /one of grey, rgb, bgr, rgba, nv12, i420, yuyv for frame\.format but received "rbg"/],
    [{ stride: 149 }, /at least 150 for frame\.stride/],
    [{ data: new Uint8Array(4499) }, /4500 bytes \(50 x 30 rgb\) for frame\.data but received 4499/, /stride/],
    [{ data: new Uint8Array(4501) }, /4500 bytes \(50 x 30 rgb\) for frame\.data but received 4501/, /stride/],
    [
      { data: new Uint8Array(4789), stride: 160 },
      /at least 4790 bytes \(50 x 30 rgb, stride 160\) for frame\.data but received 4789/,
    ],
    [{ format: undefined }, /for frame\.format but received undefined/, /'rgba' for ImageData of a canvas/],
    [{ data: new Float32Array(4500) }, /a Uint8Array or a uint8 tensor for frame\.data but received a Float32Array/],
    [{ data: undefined }, /a Uint8Array or a uint8 tensor for frame\.data but received undefined/],
    [{ data: new Tensor('int8', new Int8Array(4500)) }, /a tensor of uint8 for frame\.data/],
  ] as const)('is refused with %o', async (change, message, hint?: RegExp) => {
    const error = await rejectionOf(preprocess.run({ ...frame('rgb'), ...change } as never));
    expectFailure(error, 'INVALID_ARGUMENT', message, hint);
  });

  it.each([
    ['nv12', { data: new Uint8Array(19) }, /20 bytes \(4 x 3 nv12\) for frame\.data but received 19/, /stride/],
    ['i420', { data: new Uint8Array(19) }, /20 bytes \(4 x 3 i420\) for frame\.data but received 19/, /stride/],
    ['yuyv', { data: new Uint8Array(25) }, /24 bytes \(4 x 3 yuyv\)/, /stride/],
    ['nv12', { stride: 3 }, /at least 4 for frame\.stride/],
    ['yuyv', { stride: 7 }, /at least 8 for frame\.stride/],
    ['i420', { stride: 6, data: new Uint8Array(28) }, /at least 29 bytes \(4 x 3 i420, stride 6\)/],
    ['nv12', { colorMatrix: 'bt2020' }, /bt601, bt709 for frame\.colorMatrix but received "bt2020"/],
    ['nv12', { colorRange: 'tv' }, /limited, full for frame\.colorRange but received "tv"/],
  ] as const)('of video, %s, is refused with %o', async (format, change, message, hint?: RegExp) => {
    const data = new Uint8Array({ nv12: 20, i420: 20, yuyv: 24 }[format]);
    const video = { data, width: 4, height: 3, format };
    expectFailure(await rejectionOf(preprocess.run({ ...video, ...change } as never)), 'INVALID_ARGUMENT', message, hint);
  });

  it('of video in native memory is read in place', async () => {
    const bytes = Uint8Array.from({ length: 50 * 30 * 1.5 }, (_, i) => (i * 37) & 255);
    const frame = { data: bytes, width: 50, height: 30, format: 'nv12' } as const;
    using tensor = Tensor.allocate('uint8', [bytes.length]);
    tensor.data.set(bytes);
    const inPlace = await inputOf({ ...frame, data: tensor });
    const copied = await inputOf(frame);
    expect([inPlace.copiedBytes, copied.copiedBytes]).toEqual([0, bytes.length]);
    expect(inPlace.values).toEqual(copied.values);
  });

  it('has a matrix and a range only where it is video', async () => {
    const error = await rejectionOf(preprocess.run({ ...frame('rgb'), colorRange: 'full' }));
    expectFailure(error, 'UNKNOWN_OPTION', /"colorRange"/);
  });

  it.each([
    ['strid', /"strid"/, /"stride"/],
    ['bytesPerRow', /"bytesPerRow"/, /Known options: .*stride/],
  ])('is refused with an unknown %s', async (key, message, hint) => {
    const error = await rejectionOf(preprocess.run({ ...frame('rgb'), [key]: 150 }));
    expectFailure(error, 'UNKNOWN_OPTION', message, hint);
  });

  it('may go on after its last row where there is a stride', async () => {
    const { data, ...rest } = frame('rgb', 10);
    const long = Buffer.concat([data as Uint8Array, Buffer.alloc(500)]);
    expect((await pixelsOf({ ...rest, data: long })).data).toEqual(source.data);
  });

  it('is refused when its tensor was disposed of', async () => {
    const tensor = Tensor.allocate('uint8', [30, 50, 3]);
    tensor.dispose();
    expectFailure(await rejectionOf(preprocess.run({ ...frame('rgb'), data: tensor })), 'DISPOSED', /disposed/);
  });
});

describe('a decoded picture', () => {
  it('is read in place', async () => {
    using picture = await Picture.read(join(folder, 'picture.png'));
    const { values, copiedBytes } = await inputOf(picture);
    expect(values).toEqual((await inputOf(join(folder, 'picture.png'))).values);
    expect(copiedBytes).toBe(0);
  });

  it('is copied by Picture.read', async () => {
    using picture = await Picture.read(join(folder, 'picture.png'));
    using copy = await Picture.read(picture);
    copy.data.fill(0);
    expect(Uint8Array.from(picture.data)).toEqual(source.data);
  });

  it('is refused once it was disposed of', async () => {
    const picture = await Picture.read(join(folder, 'picture.png'));
    picture.dispose();
    expectFailure(await rejectionOf(preprocess.run(picture)), 'DISPOSED', /The picture was disposed/);
  });
});

describe('the bytes of a picture file', () => {
  it('are copied for the core, and not for what the core does not decode', async () => {
    const [jpeg, png] = ['picture.jpg', 'picture.png'].map((name) => readFileSync(join(folder, name)));
    expect((await inputOf(jpeg as Buffer)).copiedBytes).toBe(jpeg?.length);
    const before = native().memoryStatistics();
    expect((await inputOf(png as Buffer)).copiedBytes).toBe(source.data.length);
    const after = native().memoryStatistics();
    // The decoded pixels and the input: the file itself is in no memory of the core.
    const requests = after.allocations + after.reuses - before.allocations - before.reuses;
    expect(requests).toBe(2);
  });
});

describe('what is no picture', () => {
  it.each([undefined, null, 5, true, {}, [], '', 'cat\0.jpg', () => 1])('%o', async (image) => {
    expectFailure(await rejectionOf(preprocess.run(image as never)), 'INVALID_ARGUMENT', /for image but received/);
  });

  it('a web address comes with what to do', async () => {
    for (const address of ['https://example.org/cat.jpg', new URL('https://example.org/cat.jpg')]) {
      expectFailure(await rejectionOf(preprocess.run(address)), 'INVALID_ARGUMENT', /a local picture/, /fetch/);
    }
    expectFailure(await rejectionOf(preprocess.run(new URL('file://elsewhere/cat.jpg'))), 'INVALID_ARGUMENT', /a file: URL/);
  });
});

describe('what holds a picture in a way of its own', () => {
  it.each([
    ['a Response', () => new Response(source.data)],
    ['a Blob', () => new Blob([source.data])],
    ['a File', () => new File([source.data], 'cat.jpg')],
  ])('%s is refused with what to pass instead', async (_, image) => {
    const error = await rejectionOf(preprocess.run(image() as never));
    expectFailure(error, 'INVALID_ARGUMENT', /for image but received a/, /await image\.arrayBuffer\(\)/);
  });

  it('raw pixels of sharp', async () => {
    const pixels = await asSharp(source).raw().toBuffer({ resolveWithObject: true });
    const error = await rejectionOf(preprocess.run(pixels as never));
    expectFailure(error, 'INVALID_ARGUMENT', /for image but received an object/, /width: info\.width/);
  });

  it.each(['data: URL', 'URL object', 'base64'])('a %s, which is not told whole', async (kind) => {
    const base64 = Buffer.alloc(20_000, 'cat').toString('base64');
    const url = `data:image/jpeg;base64,${base64}`;
    const image = { 'data: URL': url, 'URL object': new URL(url), base64 }[kind] as string | URL;
    const error = await rejectionOf(preprocess.run(image));
    expectFailure(error, 'INVALID_ARGUMENT', /a path or file: URL for image/, /Buffer\.from\(base64, 'base64'\)/);
    expect(JSON.stringify(error).length).toBeLessThan(500);
  });
});

describe('a stream', () => {
  it('that fails is told as such', async () => {
    const error = await rejectionOf(preprocess.run(createReadStream(join(folder, 'none.jpg'))));
    expectFailure(error, 'MEDIA_NOT_FOUND', /stream.*ENOENT/s);
    expect((error.cause as NodeJS.ErrnoException).code).toBe('ENOENT');
    const broken = Readable.from(
      (function* () {
        yield Buffer.from([0xff, 0xd8]);
        throw new Error('the cable was cut');
      })(),
    );
    expectFailure(await rejectionOf(preprocess.run(broken)), 'MEDIA_NOT_FOUND', /the cable was cut/);
  });

  it('of text, or of nothing, is refused', async () => {
    const text = createReadStream(join(folder, 'picture.jpg'), { encoding: 'latin1' });
    expectFailure(await rejectionOf(preprocess.run(text)), 'INVALID_ARGUMENT', /a stream of bytes/, /encoding/);
    expectFailure(await rejectionOf(preprocess.run(Readable.from([]))), 'MEDIA_INVALID', /in the stream is empty/, /once/);
  });

  it('that was read before is refused', async () => {
    const file = createReadStream(join(folder, 'picture.jpg'));
    const web = new Blob([readFileSync(join(folder, 'picture.jpg'))]).stream() as unknown as NodeJS.ReadableStream;
    for (const stream of [file, web]) {
      await inputOf(stream);
      expectFailure(await rejectionOf(preprocess.run(stream)), 'MEDIA_INVALID', /in the stream is empty/, /into a Buffer first/);
    }
    const locked = new Blob(['cat']).stream();
    locked.getReader();
    expectFailure(await rejectionOf(preprocess.run(locked as never)), 'MEDIA_NOT_FOUND', /the stream: .*locked/, /only once/);
  });

  it('is one in messages, also where it is read before its turn', async () => {
    const half = (): Readable => Readable.from([readFileSync(join(folder, 'picture.jpg')).subarray(0, 1000)]);
    for (const image of [half(), startReading(half(), undefined)]) {
      expectFailure(await rejectionOf(preprocess.run(image)), 'MEDIA_INVALID', /^Cannot read the picture in the stream: /);
    }
    const empty = startReading(Readable.from([]), undefined);
    expectFailure(await rejectionOf(preprocess.run(empty)), 'MEDIA_INVALID', /in the stream is empty/);
    const path = join(folder, 'picture.jpg');
    expect((await inputOf(startReading(createReadStream(path), undefined))).values).toEqual((await inputOf(path)).values);
    expect(startReading(path, undefined)).toBe(path);
  });

  it('that never ends can be aborted', async () => {
    const stop = new AbortController();
    const endless = new Readable({ read: () => undefined });
    const running = rejectionOf(preprocess.run(endless, { signal: stop.signal }));
    setTimeout(() => stop.abort(), 20);
    expectFailure(await running, 'ABORTED', /aborted/);
    expect(endless.destroyed).toBe(true);
  });
});
