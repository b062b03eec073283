/** Detectors that give more than boxes, by models that hold their outputs as constants. */
import { describe, expect, it } from 'vitest';
import type { RawFrame } from '../../lib/image/index.js';
import type { Detections } from '../../lib/results/index.js';
import { Detector, loadTask, type DetectorOptions } from '../../lib/tasks/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { constantModel, type ConstantOutput } from './made-models.js';

/** Twice as wide as the input of 64 x 64: it lies there in rows 16 to 47, halved. */
const frame: RawFrame = { data: new Uint8Array(128 * 64).fill(90), width: 128, height: 64, format: 'grey' };
const names = "{0: 'cat', 1: 'dog'}";

const output = (name: string, shape: readonly number[], values: readonly number[]): ConstantOutput => ({
  name,
  shape,
  values: Float32Array.from(values),
});
/** Rows of an output `[1, A, V]`. */
const rows = (...candidates: readonly (readonly number[])[]): ConstantOutput =>
  output('y', [1, candidates.length, candidates[0]!.length], candidates.flat());
const load = (outputs: readonly ConstantOutput[], options: DetectorOptions = {}, metadata = {}, batch = 1): Promise<Detector> =>
  Detector.load(constantModel({ input: [batch, 3, 64, 64], outputs, metadata: { names, ...metadata } }), {
    threads: 1,
    ...options,
  });
async function detect(outputs: readonly ConstantOutput[], options: DetectorOptions = {}, metadata = {}): Promise<Detections> {
  await using detector = await load(outputs, options, metadata);
  return detector.detect(frame);
}

/** From (16, 16) to (48, 32) in the input: in the picture (32, 0) to (96, 32). */
const box = [16, 16, 48, 32, 0.75, 1];
const found = { label: 'dog', classId: 1, score: 0.75, box: [32, 0, 96, 32] };
const nothing = [0, 0, 0, 0, 0, 0];

describe('keypoints', () => {
  const pose = [rows([...box, 20, 20, 0.5, 10, 0, 0.25], [...nothing, 0, 0, 0, 0, 0, 0])];
  const keypoints = [
    { x: 40, y: 8, score: 0.5 },
    { x: 20, y: -32, score: 0.25 },
  ];

  it.each([
    ['the metadata', {}, { task: 'pose', kpt_shape: '[2, 3]' }],
    ['the user', { keypoints: [2, 3] }, {}],
    ['the user against the metadata', { keypoints: [2, 3] }, { task: 'pose', kpt_shape: '[3, 2]' }],
  ] as const)('are told by %s', async (_, options, metadata) => {
    const detections = await detect(pose, options, metadata);
    expect([...detections]).toEqual([{ ...found, keypoints }]);
    expect(detections.keypointCount).toBe(2);
    expect(detections.keypoints).toEqual(Float32Array.of(40, 8, 0.5, 20, -32, 0.25));
    expect(detections.toJSON().detections).toEqual([{ ...found, keypoints }]);
  });

  it('of two values are all visible', async () => {
    const detections = await detect([rows([...box, 20, 20, 10, 0], [...nothing, 0, 0, 0, 0])], { keypoints: [2, 2] });
    expect(detections.at(0).keypoints).toEqual(keypoints.map((point) => ({ ...point, score: 1 })));
  });
});

describe('RF-DETR', () => {
  const boxes = output('dets', [1, 2, 4], [0.5, 0.375, 0.5, 0.25, 0.5, 0.5, 0.5, 0.5]);

  it('has a class more than labels, which is named by its number, and values as in ImageNet', async () => {
    const logits = output('labels', [1, 2, 3], [-9, 2, -9, -9, -9, 3]);
    await using detector = await load([boxes, logits]);
    expect(detector.labels).toEqual(['cat', 'dog', '2']);
    expect(detector.preprocess.options).toMatchObject({ fit: 'stretch', width: 64, mean: [0.485, 0.456, 0.406] });
    expect(detector.preprocessSource).toBe('preset rfdetr');
    const detections = await detector.detect(frame);
    expect([...detections].map(({ label }) => label)).toEqual(['2', 'dog']);
    expect(detections.at(1)).toMatchObject({ box: [32, 16, 96, 32], score: expect.closeTo(1 / (1 + Math.exp(-2)), 5) as number });
  });
});

describe('oriented boxes', () => {
  // A centre and sides of 32 x 8, a quarter of pi on.
  const oriented = [rows([32, 32, 32, 8, 0.75, 1, Math.PI / 4], [...nothing, 0])];

  it.each([
    ['the metadata', {}, { task: 'obb' }],
    ['the user', { rotated: true }, {}],
  ] as const)('are told by %s', async (_, options, metadata) => {
    const detections = await detect(oriented, options, metadata);
    const { rotatedBox, box: around } = detections.at(0);
    expect(rotatedBox).toEqual({
      centerX: 64,
      centerY: 32,
      width: 64,
      height: 16,
      angle: expect.closeTo(Math.PI / 4, 5) as number,
    });
    const half = (64 + 16) / 2 / Math.SQRT2;
    [64 - half, 32 - half, 64 + half, 32 + half].forEach((side, i) => expect(around[i]).toBeCloseTo(side, 3));
    expect(detections.toJSON().detections[0]?.rotatedBox).toEqual(rotatedBox);
  });
});

describe('masks', () => {
  // Two prototypes of 16 x 16: the left half of the input, and all of it.
  const left = Array.from({ length: 256 }, (_, i) => (i % 16 < 8 ? 1 : -1));
  const prototypes = output('protos', [1, 2, 16, 16], [...left, ...Array<number>(256).fill(1)]);

  it('are told by the prototypes, and lie in their boxes', async () => {
    const candidates = rows([...box, 1, 0], [16, 40, 48, 48, 0.5, 0, 0, 1], [...nothing, 0, 0]);
    const detections = await detect([candidates, prototypes]);
    const [half, whole] = [...detections];
    expect(half).toMatchObject(found);
    expect(half!.mask).toMatchObject({ x: 32, y: 0, width: 64, height: 32 });
    half!.mask!.data.forEach((value, i) => expect(value).toBe(i % 64 < 32 ? 1 : 0));
    // Down to the lower edge of the picture.
    expect(whole!.mask).toMatchObject({ x: 32, y: 48, width: 64, height: 16 });
    expect(whole!.mask!.data).toEqual(new Uint8Array(64 * 16).fill(1));
    expect(detections.masks).toHaveLength(2);
  });

  it('are none where nothing is found', async () => {
    const detections = await detect([rows([...nothing, 0, 0], [...nothing, 0, 0]), prototypes]);
    expect(detections.masks).toEqual([]);
    expect(detections.toJSON().detections).toEqual([]);
  });

  it('come picture by picture from a batch', async () => {
    const candidates = output('y', [2, 1, 8], [...box, 1, 0, 16, 40, 48, 48, 0.5, 0, 0, 1]);
    const all = Array<number>(256).fill(1);
    // In the second picture the first prototype, which is not asked for, is negative everywhere.
    const maps = output('protos', [2, 2, 16, 16], [...left, ...all, ...all.map((value) => -value), ...all]);
    await using detector = await load([candidates, maps], {}, {}, 2);
    const [first, second, third] = await detector.detect([frame, frame, frame]);
    expect([...first!]).toMatchObject([{ ...found, mask: { width: 64, height: 32 } }]);
    expect(first!.at(0).mask!.data.reduce((sum, value) => sum + value, 0)).toBe(32 * 32);
    expect(second!.at(0).mask!.data.reduce((sum, value) => sum + value, 0)).toBe(64 * 16);
    expect(third!.toJSON()).toEqual(first!.toJSON());
  });
});

it('an RT-DETR is one however its metadata spells it, by head and preprocessing alike', async () => {
  const metadata = { author: 'Ultralytics', task: 'detect' };
  for (const description of ['Ultralytics rtdetr-l model', 'Ultralytics RT-DETR-l model']) {
    await using detector = await load([rows(box, nothing)], {}, { ...metadata, description });
    expect(detector.head).toBe('rt-detr-concatenated');
    expect(detector.preprocess.options.fit).toBe('stretch');
  }
});

it('YOLOX counts cells of which the input holds a part', async () => {
  const candidates = Array.from({ length: 13 * 13 + 7 * 7 + 4 * 4 }, (_, i) =>
    i === 14 ? [0.5, 0.5, 0, 0, 1, 0, 0.75] : Array<number>(7).fill(0),
  );
  await using detector = await Detector.load(
    constantModel({ input: [1, 3, 100, 100], outputs: [rows(...candidates)], metadata: { names } }),
    { head: 'yolox' },
  );
  // The second cell of the second row of 13, 8 pixels wide.
  const [object] = await detector.detect({ data: new Uint8Array(10_000), width: 100, height: 100, format: 'grey' });
  expect(object).toEqual({ label: 'dog', classId: 1, score: 0.75, box: [8, 8, 16, 16] });
});

it('a class without a label is noticed where it is found', async () => {
  const options = { head: 'end-to-end', labels: ['cat'] } as const;
  await using detector = await load([rows(box, nothing)], options);
  expectFailure(
    await rejectionOf(detector.detect(frame)),
    'LABELS_INVALID',
    /^The model found class 1, but there are 1 labels$/,
    /a label for each class of the model/,
  );
  expect(await detector.detect(frame, { scoreThreshold: 0.9 })).toHaveLength(0);
});

describe('two outputs', () => {
  const logits = output('logits', [1, 2, 2], [-9, 2, -9, -9]);
  const boxes = output('pred_boxes', [1, 2, 4], [0.5, 0.5, 0.5, 0.25, 0, 0, 0, 0]);

  it('are read together, also where boxes come first', async () => {
    for (const outputs of [
      [logits, boxes],
      [boxes, logits],
    ]) {
      const detections = await detect(outputs);
      // Stretched to the input, not letterboxed.
      expect([...detections]).toMatchObject([{ label: 'dog', box: [32, 24, 96, 40] }]);
    }
  });

  it('that hold no number are both named', async () => {
    await using detector = await load([logits, output('pred_boxes', [1, 2, 4], Array<number>(8).fill(NaN))]);
    const error = await rejectionOf(detector.detect([frame, frame]));
    expectFailure(error, 'ENGINE_FAILED', /^Picture 0: The outputs "logits", "pred_boxes" cannot be used/, /float16/);
    expect(error.details).toEqual({ outputs: ['logits', 'pred_boxes'], index: 0 });
  });

  it('are a detector for loadTask', async () => {
    const model = constantModel({ input: [1, 3, 64, 64], outputs: [logits, boxes], metadata: { names } });
    await using detector = await loadTask(model, { scoreThreshold: 0.9 });
    expect(detector instanceof Detector && detector.head).toBe('rt-detr');
  });

  const ssd = { boxes: 'decoded', activation: 'none' } as const;
  const scores = output('scores', [1, 2, 3], [0.25, 0, 0.75, 1, 0, 0]);
  const corners = output('boxes', [1, 2, 4], [0.25, 0.25, 0.75, 0.5, 0, 0, 0, 0]);

  it('of an SSD are read as the user says', async () => {
    expect([...(await detect([scores, corners], { ssd }))]).toEqual([{ ...found, box: [32, 16, 96, 32] }]);
    // One prior over the whole input, and one of no size.
    const raw = output('boxes', [1, 2, 4], [0, 0, Math.log(0.5) / 0.2, Math.log(0.25) / 0.2, 0, 0, 0, 0]);
    for (const grid of [[1, 1], 1] as const) {
      const priors = [{ grid, sizes: [64, 0] }];
      const [object] = await detect([scores, raw], { ssd: { boxes: 'raw', priors, activation: 'none' } });
      [32, 24, 96, 40].forEach((side, i) => expect(object!.box[i]).toBeCloseTo(side, 4));
    }
  });

  it.each([
    [{ boxes: 'raw' }, /the levels of prior boxes, for raw boxes for ssd\.priors but received undefined/],
    [{ boxes: 'decoded', priors: [] }, /no prior boxes, for decoded boxes for ssd\.priors/],
    [{ boxes: 'raw', priors: [] }, /an array of levels, not empty for ssd\.priors/],
    [{ boxes: 'offsets' }, /one of raw, decoded for ssd\.boxes/],
    [{}, /one of raw, decoded for ssd\.boxes but received undefined/],
    [{ boxes: 'raw', priors: [{ sizes: [3] }] }, /a stride or a grid for ssd\.priors\[0\]\.stride/],
    [{ boxes: 'raw', priors: [{ stride: 0, sizes: [3] }] }, /1 to 65535 for ssd\.priors\[0\]\.stride/],
    [{ boxes: 'raw', priors: [{ stride: 8, sizes: [] }] }, /an array of sizes, not empty for ssd\.priors\[0\]\.sizes/],
    [{ boxes: 'raw', priors: [{ stride: 8, sizes: [[1]] }] }, /a number, or two for ssd\.priors\[0\]\.sizes\[0\]/],
    [{ boxes: 'raw', priors: [{ stride: 8, sizes: [[1, -1]] }] }, /for ssd\.priors\[0\]\.sizes\[0\]\[1\] but received -1/],
    [{ boxes: 'raw', priors: [{ grid: [1.5, 1], sizes: [3] }] }, /an integer .* for ssd\.priors\[0\]\.grid\[0\]/],
    [{ boxes: 'raw', priors: [{ grid: 'wide', sizes: [3] }] }, /a number, or two for ssd\.priors\[0\]\.grid but received "wide"/],
    [{ boxes: 'raw', priors: [{ grid: 0, sizes: [3] }] }, /an integer from 1 .* for ssd\.priors\[0\]\.grid but received 0/],
    [{ boxes: 'decoded', variances: [0.1] }, /two numbers for ssd\.variances/],
    [{ boxes: 'decoded', clip: 1 }, /true or false for ssd\.clip/],
    [{ boxes: 'decoded', activation: 'relu' }, /for ssd\.activation/],
  ])('of an SSD that is told wrongly are refused: %o', async (wrong, message) => {
    expectFailure(await rejectionOf(load([scores, corners], { ssd: wrong as never })), 'INVALID_ARGUMENT', message);
  });

  it('of an SSD whose priors are not as many as its boxes are refused, with both numbers', async () => {
    await using detector = await load([scores, corners], { ssd: { boxes: 'raw', priors: [{ stride: 32, sizes: [3] }] } });
    expectFailure(
      await rejectionOf(detector.detect(frame)),
      'INVALID_ARGUMENT',
      /make 4 prior boxes, but the output has 2/,
      /strides and sizes/,
    );
  });
});

describe('what the user says of a head that has no place for it is refused', () => {
  const plain = [rows(box, nothing)];
  const two = [output('logits', [1, 2, 2], [0, 0, 0, 0]), output('boxes', [1, 2, 4], Array<number>(8).fill(0))];

  it.each([
    ['ssd', plain, { head: 'end-to-end', ssd: { boxes: 'decoded' } }, /option ssd does not fit the model: its head 'end-to-end'/],
    ['ssd, the head being named otherwise', two, { head: 'rt-detr', ssd: { boxes: 'decoded' } }, /its head 'rt-detr'/],
    ['rotated', two, { rotated: true }, /option rotated does not fit the model: its head 'rt-detr' has no angles/],
    ['keypoints', two, { keypoints: [2, 3] }, /option keypoints does not fit the model: its head 'rt-detr' has none/],
  ] as const)('%s', async (_, outputs, options, message) => {
    const error = await rejectionOf(load(outputs, options));
    expectFailure(error, 'INVALID_ARGUMENT', message, /Leave it out, or name the head/);
    expect(error.details).toMatchObject({ head: /'([^']+)'/.exec(error.message)![1] });
  });

  it('keypoints of a model that has others', async () => {
    const points = [64, 16, 4];
    const levels = [1, 4, 10].flatMap((width) =>
      points.map((count, i) => output(`o${width}_${i}`, [count, width], Array<number>(count * width).fill(0))),
    );
    const labels = ['face'];
    expectFailure(
      await rejectionOf(load(levels, { labels, keypoints: [17, 3] })),
      'INVALID_ARGUMENT',
      /option keypoints .* 'scrfd' has 5 of 2 values/,
    );
    await using detector = await load(levels, { labels, keypoints: [5, 2] });
    expect(detector.head).toBe('scrfd');
  });

  it.each([
    [{ keypoints: 17 }, /an array \[count, values\] for keypoints but received 17/],
    [{ keypoints: [17] }, /an array \[count, values\] for keypoints/],
    [{ keypoints: [0, 3] }, /1 to 1000 for keypoints\[0\]/],
    [{ keypoints: [17, 4] }, /2 to 3 for keypoints\[1\]/],
    [{ rotated: 'yes' }, /true or false for rotated/],
  ])('%o', async (options, message) => {
    expectFailure(await rejectionOf(load(plain, options as never)), 'INVALID_ARGUMENT', message);
  });
});
