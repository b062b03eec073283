import { describe, expect, it } from 'vitest';
import { Preprocess, presets, type PreprocessOptions, type RawFrame } from '../../lib/image/index.js';
import { float16BitsToFloat32, Tensor } from '../../lib/tensor/index.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';
import { gradient } from './made-pictures.js';

/** A frame of one colour. */
function plain(width: number, height: number, color: readonly [number, number, number]): RawFrame {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => color[i % 3] as number);
  return { data, width, height, format: 'rgb' };
}

async function run(options: Partial<PreprocessOptions>, frame: RawFrame) {
  const result = await new Preprocess(options).run(frame);
  const values = [...result.tensor.toFloat32()];
  result.tensor.dispose();
  return { ...result, values, dims: result.tensor.dims };
}

describe('the values', () => {
  const color = [10, 20, 30] as const;

  it('are scaled, shifted and divided, channel by channel', async () => {
    const { values, dims } = await run({ width: 2, height: 1, scale: 0.5, mean: [1, 2, 3], std: [2, 4, 8] }, plain(5, 5, color));
    expect(dims).toEqual([3, 1, 2]);
    expect(values).toEqual([2, 2, 2, 2, 1.5, 1.5]);
  });

  it('stand in the order of color and layout', async () => {
    const base = { width: 2, height: 1, scale: 1 } as const;
    expect((await run({ ...base, color: 'rgb' }, plain(5, 5, color))).values).toEqual([10, 10, 20, 20, 30, 30]);
    expect((await run({ ...base, color: 'bgr' }, plain(5, 5, color))).values).toEqual([30, 30, 20, 20, 10, 10]);
    expect((await run({ ...base, layout: 'nhwc' }, plain(5, 5, color))).values).toEqual([10, 20, 30, 10, 20, 30]);
    const bgr = await run({ ...base, layout: 'nhwc', color: 'bgr' }, plain(5, 5, color));
    expect(bgr.values).toEqual([30, 20, 10, 30, 20, 10]);
    expect(bgr.dims).toEqual([1, 2, 3]);
  });

  it('in grey weigh the channels as Rec. 601 does', async () => {
    const { values, dims } = await run({ width: 2, height: 2, scale: 1, color: 'grey' }, plain(4, 4, [100, 150, 200]));
    expect(dims).toEqual([1, 2, 2]);
    for (const value of values) expect(value).toBeCloseTo(0.299 * 100 + 0.587 * 150 + 0.114 * 200, 0);
  });

  it('come in every dtype, integers rounded and saturated', async () => {
    const base = { width: 1, height: 1 } as const;
    expect((await run({ ...base, scale: 1.06, dtype: 'uint8' }, plain(2, 2, [10, 100, 255]))).values).toEqual([11, 106, 255]);
    expect((await run({ ...base, scale: 1, mean: [128, 128, 300], dtype: 'int8' }, plain(2, 2, [0, 200, 10]))).values).toEqual([
      -128, 72, -128,
    ]);
    const half = await new Preprocess({ ...base, dtype: 'float16' }).run(plain(2, 2, [51, 102, 255]));
    expect(half.tensor.dtype).toBe('float16');
    expect([...(half.tensor.data as Uint16Array)].map(float16BitsToFloat32)).toEqual([...half.tensor.toFloat32()]);
    expect([...half.tensor.toFloat32()].map((value) => value.toFixed(3))).toEqual(['0.200', '0.400', '1.000']);
    half.tensor.dispose();
  });

  it("are the picture's own with fit none", async () => {
    const { data, width, height } = gradient(13, 7);
    const { values, dims, placement } = await run(
      { fit: 'none', scale: 1, layout: 'nhwc' },
      { data, width, height, format: 'rgb' },
    );
    expect(dims).toEqual([7, 13, 3]);
    expect(values).toEqual([...data]);
    expect(placement).toMatchObject({ scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0, inputWidth: 13, inputHeight: 7 });
  });
});

describe('the fit', () => {
  /** One channel as rows of text: where the picture lies, and where the border. */
  function rows(values: readonly number[], width: number, height: number): string[] {
    return Array.from({ length: height }, (_, y) =>
      values
        .slice(y * width, (y + 1) * width)
        .map((value) => (value === 7 ? '#' : '.'))
        .join(''),
    );
  }

  it('letterbox keeps the ratio and pads around the middle', async () => {
    const { values, placement } = await run(
      { fit: 'letterbox', width: 6, height: 6, scale: 1, pad: [1, 2, 3] },
      plain(12, 6, [7, 7, 7]),
    );
    expect(rows(values, 6, 6)).toEqual(['......', '######', '######', '######', '......', '......']);
    expect([values[0], values[36], values[72]]).toEqual([1, 2, 3]);
    expect(placement).toMatchObject({ scaleX: 0.5, scaleY: 0.5, offsetX: 0, offsetY: 1 });
  });

  it('letterbox at the top left pads after the picture', async () => {
    const { values, placement } = await run(
      { fit: 'letterbox', anchor: 'top-left', width: 6, height: 6, scale: 1 },
      plain(3, 6, [7, 7, 7]),
    );
    expect(rows(values, 6, 6)).toEqual(new Array(6).fill('###...'));
    expect(values[5]).toBe(114);
    expect(placement).toMatchObject({ scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 });
  });

  it('letterbox rounds the edge as it is told', async () => {
    // 10 x 7 into 8 x 8: the height becomes 5.6.
    const height = async (rounding: 'nearest' | 'floor'): Promise<number> => {
      const { placement } = await run({ fit: 'letterbox', rounding, width: 8, height: 8 }, plain(10, 7, [7, 7, 7]));
      return Math.round(placement.scaleY * 7);
    };
    expect(await height('nearest')).toBe(6);
    expect(await height('floor')).toBe(5);
  });

  it('stretch fills the input', async () => {
    const { values, placement } = await run({ fit: 'stretch', width: 4, height: 2, scale: 1 }, plain(100, 100, [7, 7, 7]));
    expect(rows(values, 4, 2)).toEqual(['####', '####']);
    expect(placement).toMatchObject({ scaleX: 0.04, scaleY: 0.02, offsetX: 0, offsetY: 0 });
  });

  it('shortest-edge keeps the ratio, and lets the size of the input follow', async () => {
    const options = { fit: 'shortest-edge', resizeEdge: 8, longestEdge: 20 } as const;
    const run1 = await run(options, plain(32, 16, [7, 7, 7]));
    expect(run1.dims).toEqual([3, 8, 16]);
    expect(run1.placement).toMatchObject({ scaleX: 0.5, scaleY: 0.5, offsetX: 0, offsetY: 0, inputWidth: 16, inputHeight: 8 });
    expect((await run(options, plain(16, 64, [7, 7, 7]))).dims).toEqual([3, 20, 5]);
    expect((await run({ ...options, longestEdge: 0 }, plain(16, 64, [7, 7, 7]))).dims).toEqual([3, 32, 8]);
    expect((await run({ ...options, multipleOf: 3, layout: 'nhwc' }, plain(32, 16, [7, 7, 7]))).dims).toEqual([6, 15, 3]);
  });

  it('least-scale changes the picture as little as it can', async () => {
    const options = { fit: 'least-scale', width: 10, height: 20 } as const;
    expect((await run(options, plain(40, 40, [7, 7, 7]))).dims).toEqual([3, 20, 20]);
    expect((await run(options, plain(5, 5, [7, 7, 7]))).dims).toEqual([3, 10, 10]);
    expect((await run({ ...options, multipleOf: 8 }, plain(5, 5, [7, 7, 7]))).dims).toEqual([3, 8, 8]);
    expect(new Preprocess(options).shape).toBeUndefined();
  });

  it('stretch-crop cuts the middle of what was stretched', async () => {
    const options = { fit: 'stretch-crop', resizeEdge: 8, width: 4, height: 5 } as const;
    const { placement, dims } = await run(options, plain(32, 16, [7, 7, 7]));
    expect(dims).toEqual([3, 5, 4]);
    expect(placement).toMatchObject({ scaleX: 0.25, scaleY: 0.5, offsetX: -2, offsetY: -2 }); // 1.5 to even
    expect((await run({ ...options, rounding: 'floor' }, plain(32, 16, [7, 7, 7]))).placement).toMatchObject({ offsetY: -1 });
  });

  it('crop pads what is smaller than the input, in any shade', async () => {
    const { values } = await run(
      { fit: 'crop', resizeEdge: 2, width: 4, height: 2, scale: 2, pad: [0, 0.25, 255] },
      plain(2, 2, [7, 7, 7]),
    );
    expect(rows(values, 4, 2)).toEqual(['....', '....']);
    expect([values[0], values[1], values[8], values[16]]).toEqual([0, 14, 0.5, 510]);
  });

  it('crop cuts the middle', async () => {
    const { placement, dims } = await run({ fit: 'crop', resizeEdge: 8, width: 4, height: 4 }, plain(32, 16, [7, 7, 7]));
    expect(dims).toEqual([3, 4, 4]);
    expect(placement).toMatchObject({ scaleX: 0.5, scaleY: 0.5, offsetX: -6, offsetY: -2 });
  });

  it.each(['nearest', 'bilinear', 'bilinear-antialias', 'bicubic-antialias', 'lanczos-antialias'] as const)(
    '%s keeps what is even',
    async (interpolation) => {
      for (const size of [3, 50]) {
        const { values } = await run({ interpolation, width: size, height: size, scale: 1 }, plain(17, 17, [7, 7, 7]));
        expect(new Set(values)).toEqual(new Set([7]));
      }
    },
  );

  it('of a picture too elongated for the input is refused', async () => {
    const preprocess = Preprocess.preset('yolo', { width: 32, height: 32 });
    const error = await rejectionOf(preprocess.run(plain(10_000, 1, [7, 7, 7])));
    expectFailure(error, 'MEDIA_INVALID', /too elongated/, /stretch/);
  });
});

describe('into', () => {
  const preprocess = new Preprocess({ width: 4, height: 2, scale: 1 });
  const frame = plain(4, 2, [7, 8, 9]);

  it('writes one part of a batch and nothing beside it', async () => {
    const batch = Tensor.allocate('float32', [3, 3, 2, 4]);
    batch.data.fill(-1);
    const into = batch.subtensor(1);
    const { tensor } = await preprocess.run(frame, { into });
    expect(tensor).toBe(into);
    expect([...batch.data].map((value) => (value === -1 ? '.' : value)).join('')).toBe(
      `${'.'.repeat(24)}${'7'.repeat(8)}${'8'.repeat(8)}${'9'.repeat(8)}${'.'.repeat(24)}`,
    );
    batch.dispose();
  });

  it('must be native memory of the right dtype and size', async () => {
    const own = new Tensor('float32', new Float32Array(24), [3, 2, 4]);
    expectFailure(
      await rejectionOf(preprocess.run(frame, { into: own })),
      'INVALID_ARGUMENT',
      /native memory for into/,
      /allocate/,
    );
    expectFailure(await rejectionOf(preprocess.run(frame, { into: 5 as never })), 'INVALID_ARGUMENT', /for into but received 5/);
    using half = Tensor.allocate('float16', [3, 2, 4]);
    expectFailure(await rejectionOf(preprocess.run(frame, { into: half })), 'TENSOR_DTYPE', /float32 for into.*float16/);
    using small = Tensor.allocate('float32', [3, 2, 3]);
    expectFailure(await rejectionOf(preprocess.run(frame, { into: small })), 'TENSOR_SHAPE', /72 bytes.*\[3, 2, 4\]/);
    const gone = Tensor.allocate('float32', [3, 2, 4]);
    gone.dispose();
    expectFailure(await rejectionOf(preprocess.run(frame, { into: gone })), 'DISPOSED', /disposed/);
  });
});

describe('options', () => {
  it.each([
    [{ fitt: 'crop' }, 'UNKNOWN_OPTION', /"fitt"/, /"fit"/],
    [{ fit: 'leterbox' }, 'INVALID_ARGUMENT', /for fit/, /"letterbox"/],
    [{ width: 0 }, 'INVALID_ARGUMENT', /1 to 32768 for width/],
    [{ height: 1.5 }, 'INVALID_ARGUMENT', /for height but received 1\.5/],
    [{ fit: 'crop' }, 'INVALID_ARGUMENT', /for resizeEdge/],
    [{ fit: 'stretch-crop' }, 'INVALID_ARGUMENT', /for resizeEdge/],
    [{ fit: 'shortest-edge' }, 'INVALID_ARGUMENT', /for resizeEdge/],
    [{ longestEdge: -1 }, 'INVALID_ARGUMENT', /0 to 65536 for longestEdge/],
    [{ longestEdge: 1.5 }, 'INVALID_ARGUMENT', /for longestEdge but received 1\.5/],
    [{ multipleOf: 0 }, 'INVALID_ARGUMENT', /1 to 32768 for multipleOf/],
    [{ interpolation: 'bicubic' }, 'INVALID_ARGUMENT', /lanczos-antialias for interpolation/],
    [{ anchor: 'left' }, 'INVALID_ARGUMENT', /center, top-left for anchor/],
    [{ rounding: 'ceil' }, 'INVALID_ARGUMENT', /for rounding/],
    [{ color: 'gray' }, 'INVALID_ARGUMENT', /for color/, /"grey"/],
    [{ layout: 'nhcw' }, 'INVALID_ARGUMENT', /for layout/],
    [{ jpegDecode: 'fast' }, 'INVALID_ARGUMENT', /exact, reduced for jpegDecode/],
    [{ iccProfile: true }, 'INVALID_ARGUMENT', /ignore, convert for iccProfile/],
    [{ dtype: 'float64' }, 'INVALID_ARGUMENT', /float32, float16, uint8, int8 for dtype/],
    [{ scale: NaN }, 'INVALID_ARGUMENT', /for scale but received NaN/],
    [{ scale: '1/255' }, 'INVALID_ARGUMENT', /for scale/],
    [{ pad: 114 }, 'INVALID_ARGUMENT', /array of three numbers for pad but received 114/],
    [{ pad: [0, 0, 256] }, 'INVALID_ARGUMENT', /for pad\[2\] but received 256/],
    [{ mean: [0, 0] }, 'INVALID_ARGUMENT', /three numbers for mean but received \[0, 0\]/],
    [{ std: [1, 0, 1] }, 'INVALID_ARGUMENT', /other than 0 for std\[1\]/],
    [null, 'INVALID_ARGUMENT', /preprocess options/],
    ['yolo', 'INVALID_ARGUMENT', /preprocess options/],
  ] as const)('%o are refused', (options, code, message, hint?: RegExp) => {
    expectFailure(
      thrownBy(() => new Preprocess(options as never)),
      code,
      message,
      hint,
    );
  });

  it('of a run are checked', async () => {
    const preprocess = new Preprocess();
    const frame = plain(2, 2, [1, 2, 3]);
    expectFailure(await rejectionOf(preprocess.run(frame, { int: 1 } as never)), 'UNKNOWN_OPTION', /"int"/, /"into"/);
    expectFailure(await rejectionOf(preprocess.run(frame, { signal: 1 } as never)), 'INVALID_ARGUMENT', /signal/);
    expectFailure(await rejectionOf(preprocess.run(frame, { signal: AbortSignal.abort() })), 'ABORTED', /aborted/);
  });

  it('that are left out, or undefined, are the defaults', () => {
    expect(new Preprocess({ width: undefined } as never).options).toEqual(new Preprocess().options);
    expect(new Preprocess().options).toMatchObject({ fit: 'stretch', width: 224, height: 224, color: 'rgb', layout: 'nchw' });
  });
});

describe('presets', () => {
  it('are those of the packages they are named after', () => {
    expect(Preprocess.preset('imagenet').options).toMatchObject({
      fit: 'crop',
      resizeEdge: 256,
      width: 224,
      height: 224,
      interpolation: 'bilinear-antialias',
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      color: 'rgb',
    });
    expect(Preprocess.preset('yolo').options).toMatchObject({
      fit: 'letterbox',
      width: 640,
      pad: [114, 114, 114],
      anchor: 'center',
      scale: 1 / 255,
    });
    expect(Preprocess.preset('yolox').options).toMatchObject({
      color: 'bgr',
      anchor: 'top-left',
      scale: 1,
      pad: [114, 114, 114],
    });
    // Those of Hugging Face are compared with its defaults in ../declared/processor-config.test.ts.
    expect(Preprocess.preset('detr').options).toMatchObject({ fit: 'shortest-edge', resizeEdge: 800, longestEdge: 1333 });
    expect(Preprocess.preset('clip').options).toMatchObject({
      resizeEdge: 224,
      rounding: 'floor',
      mean: [0.48145466, 0.4578275, 0.40821073],
    });
    expect(Preprocess.preset('siglip').options).toMatchObject({
      fit: 'stretch',
      interpolation: 'bicubic-antialias',
      std: [0.5, 0.5, 0.5],
    });
  });

  it('take overrides', () => {
    const { options } = Preprocess.preset('yolo', { width: 416, height: 256 });
    expect(options).toEqual({ ...presets.yolo, width: 416, height: 256 });
  });

  it('that do not exist are refused', () => {
    expectFailure(
      thrownBy(() => Preprocess.preset('yolov8' as never)),
      'INVALID_ARGUMENT',
      /imagenet, yolo, yolox, detr, clip, siglip, .* for preset/,
      /"yolo/,
    );
    expectFailure(
      thrownBy(() => Preprocess.preset('toString' as never)),
      'INVALID_ARGUMENT',
      /for preset/,
    );
  });
});

describe('a Preprocess', () => {
  it('is plain data: there and back', () => {
    const every = {
      longestEdge: 700,
      multipleOf: 32,
      rounding: 'floor',
      pad: [0.5, 1, 2],
      interpolation: 'lanczos-antialias',
    } as const;
    for (const name of Object.keys(presets) as (keyof typeof presets)[]) {
      for (const overrides of [{ dtype: 'float16' } as const, every]) {
        const preprocess = Preprocess.preset(name, overrides);
        const again = new Preprocess(JSON.parse(JSON.stringify(preprocess)) as PreprocessOptions);
        expect(again.options).toEqual(preprocess.options);
        expect(again.options).toMatchObject(overrides);
      }
    }
  });

  it('cannot be changed, neither through what it was made of nor what it gives', () => {
    const mean: [number, number, number] = [1, 2, 3];
    const preprocess = new Preprocess({ mean });
    mean[0] = 99;
    expect(preprocess.options.mean).toEqual([1, 2, 3]);
    expect(() => ((preprocess.options as { width: number }).width = 9)).toThrow(TypeError);
    expect(() => ((Preprocess.preset('yolo').options.pad as unknown as number[])[0] = 9)).toThrow(TypeError);
    expect(Preprocess.preset('yolo').options.pad).toEqual([114, 114, 114]);
  });

  it('makes others with some options changed', () => {
    const first = Preprocess.preset('yolo');
    const second = first.with({ width: 320 });
    expect([first.options.width, second.options.width]).toEqual([640, 320]);
    expectFailure(
      thrownBy(() => first.with({ widht: 3 } as never)),
      'UNKNOWN_OPTION',
      /"widht"/,
      /"width"/,
    );
  });

  it('knows the shape it gives', () => {
    expect(new Preprocess({ width: 4, height: 2 }).shape).toEqual([3, 2, 4]);
    expect(new Preprocess({ width: 4, height: 2, layout: 'nhwc', color: 'grey' }).shape).toEqual([2, 4, 1]);
    expect(new Preprocess({ fit: 'none' }).shape).toBeUndefined();
    expect(Preprocess.preset('detr').shape).toBeUndefined();
  });
});
