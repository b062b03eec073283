import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import sharp from 'sharp';
import { recognizedLine } from '../../lib/cli/recognized.js';
import type { RawFrame } from '../../lib/image/index.js';
import type { Segmentation } from '../../lib/results/index.js';
import { DensePredictor, loadTask, Segmenter } from '../../lib/tasks/index.js';
import { recognizeScoreMap } from '../../lib/tasks/segmenter.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';
import { example } from '../session/fixtures.js';
import { classes, labelled } from './labelled-pictures.js';
import { brightness, colorMap, constantModel, node } from './made-models.js';

const pictures = labelled('segment');
const paths = pictures.map(({ path }) => path);
/** The colours themselves, as scores. */
const plain = { preprocess: { fit: 'stretch', mean: [0, 0, 0], std: [1, 1, 1], scale: 1 / 255 } } as const;

/** A frame that is red on the left, green at the top right, blue at the bottom right. */
function threeColors(width: number, height: number): RawFrame {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data[(y * width + x) * 3 + (x < width / 2 ? 0 : y < height / 2 ? 1 : 2)] = 255;
  }
  return { data, width, height, format: 'rgb' };
}

/** What its classes are, away from the edges between them by more than `slack` pixels. */
function expectThreeColors(result: Segmentation, slack: number): void {
  const { mask, width, height } = result;
  expect(mask.length).toBe(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (Math.abs(x + 0.5 - width / 2) <= slack || (x > width / 2 && Math.abs(y + 0.5 - height / 2) <= slack)) continue;
      expect(mask[y * width + x], `at ${x}, ${y}`).toBe(x < width / 2 ? 0 : y < height / 2 ? 1 : 2);
    }
  }
}

describe('the example segmenter', () => {
  let segmenter: Segmenter;
  beforeAll(async () => {
    segmenter = await Segmenter.load(example('models/shapes-segmenter.onnx'));
  });
  afterAll(() => segmenter.dispose());

  it('is recognised from the model', () => {
    expect(segmenter.labels).toEqual(['background', ...classes]);
    expect(segmenter.labelSource).toBe('metadata');
    expect(segmenter.preprocess.options).toMatchObject({ width: 128, height: 128, fit: 'stretch', mean: [0.485, 0.456, 0.406] });
  });

  it('tells the shapes from the background, where they are', async () => {
    for (const { path, width, height, mask } of pictures) {
      const result = await segmenter.segment(path);
      expect([result.width, result.height, result.mask.length]).toEqual([width, height, width * height]);
      const truth = await sharp(example(`pictures/${mask}`))
        .toColourspace('b-w')
        .raw()
        .toBuffer();
      /** Share of the pixels on which both agree about shape or background, the truth mirrored or not. */
      const agreement = (mirrored: boolean): number => {
        let same = 0;
        for (let i = 0; i < truth.length; i++) {
          const column = i % width;
          const from = mirrored ? i - column + (width - 1 - column) : i;
          if ((truth[from] as number) > 0 === (result.mask[i] as number) > 0) same++;
        }
        return same / truth.length;
      };
      expect(agreement(false), path).toBeGreaterThan(0.8);
      expect(agreement(false), path).toBeGreaterThan(agreement(true));
    }
  });

  it('gives the same for one, for several, and in batches', async () => {
    const several = await segmenter.segment(paths);
    const single = await Promise.all(paths.map((path) => segmenter.segment(path)));
    several.forEach((result, i) => expect(result.mask).toEqual((single[i] as Segmentation).mask));
    await using batched = await Segmenter.load(example('models/shapes-segmenter.onnx'), { batchSize: 2 });
    (await batched.segment(paths)).forEach((result, i) => {
      const other = (several[i] as Segmentation).mask;
      const differing = result.mask.filter((value, at) => value !== other[at]).length;
      expect(differing / other.length).toBeLessThan(0.001);
    });
  });

  it('gives masks that are free to keep', async () => {
    const { mask } = await segmenter.segment(paths[0] as string);
    const copy = Uint8Array.from(mask);
    for (let i = 0; i < 20; i++) await segmenter.segment(paths[1] as string);
    expect(mask).toEqual(copy);
  });

  it.each([
    [{ treshold: 0.5 }, 'UNKNOWN_OPTION', /"treshold"/, /"threshold"/],
    [{ threshold: 0.5 }, 'INVALID_ARGUMENT', /threshold is for a map of one channel, but that of the model has 7/, /layout/],
  ] as const)('refuses %o', async (options, code, message, hint) => {
    expectFailure(await rejectionOf(segmenter.segment(paths[0] as string, options as never)), code, message, hint);
    expectFailure(
      await rejectionOf(Segmenter.load(example('models/shapes-segmenter.onnx'), options as never)),
      code,
      message,
      hint,
    );
  });
});

describe('a semantic model made for it', () => {
  it.each([
    [64, 64],
    [50, 31],
    [201, 97],
  ])('maps classes back to a picture of %i x %i', async (width, height) => {
    await using segmenter = await Segmenter.load(colorMap({ input: ['n', 3, 32, 32], output: ['n', 3, 32, 32] }), plain);
    expectThreeColors(await segmenter.segment(threeColors(width, height)), Math.max(width, height) / 32);
  });

  it('maps them back through a letterbox and a crop', async () => {
    for (const preprocess of [
      { ...plain.preprocess, fit: 'letterbox' },
      { ...plain.preprocess, fit: 'letterbox', anchor: 'top-left' },
    ] as const) {
      await using segmenter = await Segmenter.load(colorMap({ input: ['n', 3, 64, 64], output: ['n', 3, 64, 64] }), {
        preprocess,
      });
      expectThreeColors(await segmenter.segment(threeColors(100, 60)), 3);
      expectThreeColors(await segmenter.segment(threeColors(60, 100)), 3);
    }
  });

  it('gives a map that is smaller than the input', async () => {
    const quarter = colorMap({
      input: ['n', 3, 64, 64],
      output: ['n', 3, 16, 16],
      nodes: [node('AveragePool', 'x', 'y', { kernel_shape: [4, 4], strides: [4, 4] })],
    });
    await using segmenter = await Segmenter.load(quarter, plain);
    expectThreeColors(await segmenter.segment(threeColors(128, 128)), 8);
  });

  it('with its classes last', async () => {
    const last = colorMap({
      input: ['n', 32, 32, 3],
      output: ['n', 32, 32, 3],
    });
    await using segmenter = await Segmenter.load(last, plain);
    expect(segmenter.preprocess.options.layout).toBe('nhwc');
    expectThreeColors(await segmenter.segment(threeColors(64, 64)), 2);
  });

  it('of any picture size', async () => {
    await using own = await Segmenter.load(colorMap(), { preprocess: { ...plain.preprocess, fit: 'none' }, batchSize: 2 });
    const frames = [threeColors(40, 30), threeColors(17, 52), threeColors(8, 8)];
    (await own.segment(frames)).forEach((result, i) => {
      expect([result.width, result.height]).toEqual([frames[i]?.width, frames[i]?.height]);
      expectThreeColors(result, 1);
    });
  });
});

describe('the axis of the classes', () => {
  const square = { width: 512, height: 512 };

  it('may be longer than the map, as that of SegFormer for ADE20K', () => {
    const map = { channels: 150, height: 128, width: 128, layout: 'nchw' };
    expect(recognizeScoreMap([1, 150, 128, 128], square, undefined, 150)).toEqual(map);
    expect(recognizeScoreMap([1, 150, 128, 128], square, undefined)).toEqual(map);
    expect(recognizeScoreMap([1, 128, 128, 150], square, undefined)).toEqual({ ...map, layout: 'nhwc' });
  });

  it('is the one with as many classes as labels where both fit, else the shorter one', () => {
    expect(recognizeScoreMap([1, 19, 20, 20], square, undefined, 19)).toMatchObject({ channels: 19, layout: 'nchw' });
    expect(recognizeScoreMap([1, 19, 20, 20], square, undefined, 20)).toMatchObject({ channels: 20, layout: 'nhwc' });
    expect(recognizeScoreMap([1, 8, 8, 9], square, undefined)).toMatchObject({ channels: 8, layout: 'nchw' });
    for (const shape of [
      [1, 20, 20, 20],
      [1, 4, 7, 12],
    ]) {
      expectFailure(
        thrownBy(() => recognizeScoreMap(shape, square, undefined)),
        'MODEL_AMBIGUOUS',
        /can be read as nchw .* or nhwc/,
      );
    }
  });
});

describe('the background', () => {
  const open = (names: string, background?: number | null): Promise<Segmenter> =>
    Segmenter.load(colorMap({ metadata: { names } }), { ...plain, background });

  it.each([
    ["{0: 'background', 1: 'cat', 2: 'dog'}", 0],
    ["{0: '__background__', 1: 'cat', 2: 'dog'}", 0],
    ["{0: 'Unlabeled', 1: 'cat', 2: 'dog'}", 0],
    ["{0: 'wall', 1: 'building', 2: 'sky'}", undefined],
    ["{0: 'road', 1: 'sidewalk', 2: 'background'}", undefined],
  ])('of %s is %s', async (names, background) => {
    await using segmenter = await open(names);
    expect(segmenter.background).toBe(background);
    expect((await segmenter.segment(threeColors(8, 8))).background).toBe(background);
  });

  it('is class 0 where nothing names it, and in a model of one channel', async () => {
    await using numbers = await Segmenter.load(colorMap({ metadata: {} }), plain);
    expect([numbers.labelSource, numbers.background]).toEqual(['numbers', 0]);
    await using one = await Segmenter.load(brightness(), { ...plain, labels: ['out', 'in'] });
    expect(one.background).toBe(0);
  });

  it('is what it is said to be', async () => {
    await using road = await open("{0: 'road', 1: 'sidewalk', 2: 'void'}", 2);
    expect(road.background).toBe(2);
    await using none = await open("{0: 'background', 1: 'cat', 2: 'dog'}", null);
    expect(none.background).toBeUndefined();
    expectFailure(await rejectionOf(open("['a', 'b', 'c']", 3)), 'INVALID_ARGUMENT', /0 to 2 for background/);
  });
});

describe('what is for one channel', () => {
  it.each([
    [{ threshold: 0.7 }, /option threshold is for a map of one channel, but that of the model has 3/],
    [{ activation: 'sigmoid' }, /option activation is for a map of one channel/],
    [{ activation: 'softmax' }, /one of none, sigmoid for activation but received "softmax"/],
    [{ activation: 'nonsense' }, /one of none, sigmoid for activation but received "nonsense"/],
  ])('is refused for several: %o', async (options, message) => {
    expectFailure(
      await rejectionOf(Segmenter.load(colorMap(), { ...plain, ...(options as object) })),
      'INVALID_ARGUMENT',
      message,
    );
  });

  it('is refused in a call too; that there is no activation may be said', async () => {
    await using segmenter = await Segmenter.load(colorMap(), { ...plain, activation: 'none' });
    expect(segmenter.activation).toBe('none');
    expectFailure(
      await rejectionOf(segmenter.segment([], { threshold: 0.5 })),
      'INVALID_ARGUMENT',
      /option threshold is for a map of one channel/,
      /Leave it out/,
    );
  });
});

describe('a model of one channel', () => {
  /** A frame that goes from black to white, left to right. */
  const ramp: RawFrame = {
    data: Uint8Array.from({ length: 160 * 20 }, (_, i) => Math.round(((i % 160) / 159) * 255)),
    width: 160,
    height: 20,
    format: 'grey',
  };
  /** The share that is foreground. */
  const share = async (segmenter: Segmenter, options = {}): Promise<number> => {
    const { mask } = await segmenter.segment(ramp, options);
    expect(new Set(mask)).toEqual(new Set([0, 1]));
    return mask.reduce((sum, value) => sum + value, 0) / mask.length;
  };

  it('is told by a threshold, from 0.5 on', async () => {
    await using segmenter = await Segmenter.load(brightness(), { ...plain, activation: 'none' });
    expect(segmenter.labels).toEqual(['background', 'foreground']);
    expect(await share(segmenter)).toBeCloseTo(0.5, 1);
    expect(await share(segmenter, { threshold: 0.25 })).toBeCloseTo(0.75, 1);
    expect(await share(segmenter, { threshold: 0.75 })).toBeCloseTo(0.25, 1);
    await using strict = await Segmenter.load(brightness(), { ...plain, activation: 'none', threshold: 0.75 });
    expect(await share(strict)).toBeCloseTo(0.25, 1);
    expect(await share(strict, { threshold: undefined })).toBeCloseTo(0.25, 1);
    expectFailure(await rejectionOf(segmenter.segment([], { threshold: 2 })), 'INVALID_ARGUMENT', /0 to 1 for threshold/);
    expectFailure(await rejectionOf(Segmenter.load(brightness(), { threshold: -1 })), 'INVALID_ARGUMENT', /0 to 1 for threshold/);
  });

  it('is given a sigmoid where it has none, and left its own', async () => {
    const mean = node('ReduceMean', 'x', 'mean', { axes: [1], keepdims: 1 });
    const own = brightness({ nodes: [mean, node('Sigmoid', 'mean', 'y')] });
    // Scores from -1 to 1: from sigmoid(0) = 0.5 on, the brighter half is foreground.
    const preprocess = { ...plain.preprocess, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
    await using raw = await Segmenter.load(brightness(), { preprocess });
    await using finished = await Segmenter.load(own, { preprocess });
    expect([raw.activation, finished.activation]).toEqual(['sigmoid', 'none']);
    for (const segmenter of [raw, finished]) {
      expect(await share(segmenter)).toBeCloseTo(0.5, 1);
      expect(await share(segmenter, { threshold: 0.62246 })).toBeCloseTo(0.25, 1); // sigmoid(0.5)
    }
  });

  it('takes names of its own', async () => {
    await using segmenter = await Segmenter.load(brightness({ metadata: { names: "{0: 'sky', 1: 'person'}" } }), plain);
    expect(segmenter.labels).toEqual(['sky', 'person']);
    await using named = await Segmenter.load(brightness(), { ...plain, labels: ['out', 'in'] });
    expect(named.labels).toEqual(['out', 'in']);
    expectFailure(await rejectionOf(Segmenter.load(brightness(), { labels: ['a', 'b', 'c'] })), 'LABELS_INVALID', /2 classes/);
  });
});

describe('a model of several stages', () => {
  const frame: RawFrame = { data: new Uint8Array(12), width: 2, height: 2, format: 'rgb' };
  const stage = (name: string, shape: readonly number[], ...values: number[]) => ({
    name,
    shape,
    values: Float32Array.from(values),
  });

  it('is read by the first of seven maps of one shape, the finished one', async () => {
    const outputs = Array.from({ length: 7 }, (_, i) => stage(`d${i}`, [1, 1, 2, 2], i === 0 ? 0.9 : 0.1, 0.1, 0.1, 0.9));
    const model = constantModel({ input: [1, 3, 8, 8], outputs });
    await using segmenter = await Segmenter.load(model, { activation: 'none', layout: 'nchw' });
    expect([...(await segmenter.segment(frame)).mask]).toEqual([1, 0, 0, 1]);
    await using same = await loadTask(model, { activation: 'none', layout: 'nchw' });
    expect(same).toBeInstanceOf(Segmenter);
  });

  it("takes ImageNet's values, as the dense predictor does, and a single map 0 to 1", async () => {
    const maps = [1, 2].map((count) =>
      Array.from({ length: count }, (_, i) => stage(`d${i}`, [1, 1, 8, 8], ...Array<number>(64).fill(0))),
    );
    const [one, several] = maps.map((outputs) => constantModel({ input: [1, 3, 8, 8], outputs })) as [Uint8Array, Uint8Array];
    await using single = await Segmenter.load(one);
    await using stages = await Segmenter.load(several);
    await using dense = await DensePredictor.load(several);
    expect(stages.preprocess).toEqual(dense.preprocess);
    expect([stages.preprocess.options.mean, stages.preprocessSource]).toEqual([[0.485, 0.456, 0.406], 'preset imagenet']);
    expect([single.preprocess.options.mean, single.preprocessSource]).toEqual([[0, 0, 0], 'task']);
    expect(recognizedLine(single)).toMatch(/, as usual for the task\.$/);
    await using asked = await Segmenter.load(one, { preprocess: 'imagenet' });
    expect([asked.preprocess.options.mean, asked.preprocessSource]).toEqual([[0.485, 0.456, 0.406], 'option']);
  });

  it('is read picture by picture in a batch', async () => {
    const outputs = Array.from({ length: 7 }, (_, i) => stage(`d${i}`, [2, 1, 1, 2], ...(i === 0 ? [1, 0, 0, 1] : [0, 0, 0, 0])));
    await using segmenter = await Segmenter.load(constantModel({ input: [2, 3, 8, 8], outputs }), {
      activation: 'none',
      layout: 'nchw',
    });
    const masks = await segmenter.segment([frame, frame, frame]);
    expect(masks.map(({ mask }) => [...mask])).toEqual([
      [1, 0, 1, 0],
      [0, 1, 0, 1],
      [1, 0, 1, 0],
    ]);
  });

  it('is refused where their shapes differ', async () => {
    const outputs = [stage('a', [1, 1, 2, 2], 0, 0, 0, 0), stage('b', [1, 1, 1, 2], 0, 0)];
    expectFailure(
      await rejectionOf(Segmenter.load(constantModel({ input: [1, 3, 8, 8], outputs }))),
      'MODEL_UNSUPPORTED',
      /a: float32 \[1, 1, 2, 2\]; b: float32 \[1, 1, 1, 2\]/,
    );
  });
});

it('refuses models that are no segmenters', async () => {
  expectFailure(
    await rejectionOf(Segmenter.load(example('models/shapes-detector.onnx'))),
    'MODEL_UNSUPPORTED',
    /one segmentation output.*\[1, 10, 1344\]/,
    /createSession/,
  );
});
