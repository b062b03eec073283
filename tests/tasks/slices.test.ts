/** Large pictures in overlapping slices. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionRunEvent } from '../../lib/events/index.js';
import type { RawFrame } from '../../lib/image/index.js';
import type { Detections } from '../../lib/results/index.js';
import { Detector, type SliceOptions } from '../../lib/tasks/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { example } from '../session/fixtures.js';
import { iou, labelled } from './labelled-pictures.js';
import { constantModel } from './made-models.js';

const pictures = labelled('detect');
const [width, height] = [1800, 1500];
/** Where each picture lies in the large one; the rest is grey. */
const places = [
  [20, 10],
  [560, 40],
  [1240, 60],
  [300, 770],
] as const;
const truth = pictures.flatMap(({ objects = [] }, i) =>
  objects.map(({ label, box: [x1, y1, x2, y2] }) => {
    const [x, y] = places[i]!;
    return { label, box: [x1 + x, y1 + y, x2 + x, y2 + y] as const };
  }),
);

let detector: Detector;
let large: RawFrame;
beforeAll(async () => {
  detector = await Detector.load(example('models/shapes-detector.onnx'));
  const { data } = await sharp({ create: { width, height, channels: 3, background: { r: 114, g: 114, b: 114 } } })
    .composite(pictures.map(({ path }, i) => ({ input: path, left: places[i]![0], top: places[i]![1] })))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  large = { data, width, height, format: 'rgb' };
});
afterAll(() => detector.dispose());

/** How many detections there are of each object. */
const sightings = (detections: Detections): number[] =>
  truth.map(({ label, box }) => [...detections].filter((one) => one.label === label && iou(one.box, box) >= 0.5).length);

describe('a large picture in slices', () => {
  const slices: SliceOptions = { width: 480, height: 480, overlap: 0.25 };

  it('shows more than at a glance, and each object once', async () => {
    expect(truth.length).toBeGreaterThan(20);
    const glance = sightings(await detector.detect(large));
    const detections = await detector.detect(large, { slices });
    const seen = sightings(detections);
    const share = (counts: readonly number[]): number => counts.filter((count) => count > 0).length / counts.length;
    expect(share(seen)).toBeGreaterThanOrEqual(0.6);
    expect(share(seen)).toBeGreaterThan(share(glance));
    expect(Math.max(...seen)).toBe(1);
    expect([detections.width, detections.height]).toEqual([width, height]);
    const scores = [...detections.scores];
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    for (const { box } of detections) {
      expect(box[0]).toBeGreaterThanOrEqual(0);
      expect(box[3]).toBeLessThanOrEqual(height);
    }
  });

  it('can be a default that a call does without', async () => {
    await using sliced = await Detector.load(example('models/shapes-detector.onnx'), { slices });
    const whole = await sliced.detect(large, { slices: false });
    expect(whole.toJSON()).toEqual((await detector.detect(large)).toJSON());
    expect((await sliced.detect(large)).length).toBeGreaterThan(whole.length);
  });

  it('finds nothing where there is nothing', async () => {
    const blank = { data: new Uint8Array(900 * 700).fill(114), width: 900, height: 700, format: 'grey' } as const;
    const detections = await detector.detect(blank, { slices });
    expect(detections.length).toBe(0);
    expect(detections.boxes).toHaveLength(0);
    const corner = detections.toJSON();
    expect(corner).toEqual({ width: 900, height: 700, detections: [] });
  });

  it('that is no larger than one is looked at once, as without', async () => {
    const path = pictures[0]!.path;
    const plain = await detector.detect(path);
    for (const size of [
      { width: pictures[0]!.width, height: pictures[0]!.height },
      { width: 5000, height: 5000 },
    ]) {
      const sliced = await detector.detect(path, { slices: { ...size, merge: 'nms', threshold: 1 } });
      expect(sliced.toJSON()).toEqual(plain.toJSON());
    }
  });

  it('is given as it was loaded, several at once, each in its order', async () => {
    await using sliced = await Detector.load(example('models/shapes-detector.onnx'), { slices, batchSize: 3 });
    const [first, second] = await sliced.detect([pictures[1]!.path, large]);
    expect([first!.width, second!.width]).toEqual([pictures[1]!.width, width]);
    const expected = await detector.detect(large, { slices });
    expect([...second!.classIds]).toEqual([...expected.classIds]);
    expect(await sliced.detect([])).toEqual([]);
  });

  it('keeps to maxDetections and classes', async () => {
    const all = await detector.detect(large, { slices });
    const three = await detector.detect(large, { slices, maxDetections: 3 });
    expect([...three]).toEqual([...all].slice(0, 3));
    const stars = await detector.detect(large, { slices, classes: ['star'] });
    expect(new Set([...stars].map(({ label }) => label))).toEqual(new Set(['star']));
  });

  it('tells its times, and that the picture was copied once', async () => {
    const { timing } = await detector.detect(large, { slices });
    for (const time of Object.values(timing)) expect(time).toBeGreaterThanOrEqual(0);
    expect(timing.computeMs).toBeGreaterThan(0);
    expect(timing.copiedBytes).toBe(width * height * 3);
    // The core decodes a JPEG where it lies.
    const jpeg = example('pictures/shapes-640x480.jpg');
    expect((await detector.detect(jpeg, { slices })).timing.copiedBytes).toBe(0);
  });
});

it('tells the times of each run once, however many slices share it', async () => {
  await using batched = await Detector.load(example('models/shapes-detector.onnx'), { batchSize: 3 });
  const runs: SessionRunEvent[] = [];
  const keep = (event: unknown): number => runs.push(event as SessionRunEvent);
  subscribe('foveate:session.run', keep);
  try {
    // Four slices and the whole: a run of three and one of two.
    const { timing } = await batched.detect(large, { slices: { width: 1000, height: 1000 } });
    expect(runs).toHaveLength(2);
    const total = (name: 'computeMs' | 'queueMs'): number => runs.reduce((sum, run) => sum + run[name], 0);
    expect(timing.computeMs).toBeCloseTo(total('computeMs'), 6);
    expect(timing.queueMs).toBeCloseTo(total('queueMs'), 6);
    expect(timing.copiedBytes).toBe(width * height * 3);
  } finally {
    unsubscribe('foveate:session.run', keep);
  }
});

describe('the options of slices', () => {
  it.each([
    [{ width: 0 }, 'INVALID_ARGUMENT', /1 to 65535 for slices\.width/],
    [{ height: 1.5 }, 'INVALID_ARGUMENT', /for slices\.height/],
    [{ overlap: 1 }, 'INVALID_ARGUMENT', /0 to 0\.95 for slices\.overlap/],
    [{ wholePicture: 1 }, 'INVALID_ARGUMENT', /true or false for slices\.wholePicture/],
    [{ merge: 'wbf' }, 'INVALID_ARGUMENT', /one of nmm, nms for slices\.merge/],
    [{ metric: 'giou' }, 'INVALID_ARGUMENT', /one of ios, iou for slices\.metric/],
    [{ threshold: -1 }, 'INVALID_ARGUMENT', /for slices\.threshold/],
    [{ threshold: 0 }, 'INVALID_ARGUMENT', /a number above 0 for slices\.threshold but received 0/],
    [{ size: 640 }, 'UNKNOWN_OPTION', /"size" in slices/],
    [true, 'INVALID_ARGUMENT', /an object of options for slices but received true/],
  ])('are refused: %o', async (slices, code, message) => {
    const model = example('models/shapes-detector.onnx');
    expectFailure(await rejectionOf(detector.detect([], { slices: slices as never })), code as 'INVALID_ARGUMENT', message);
    expectFailure(await rejectionOf(Detector.load(model, { slices: slices as never })), code as 'INVALID_ARGUMENT', message);
  });
});

it('more slices than anybody wants are refused, whatever the picture', async () => {
  const tiny = { width: 8, height: 8, overlap: 0.9 };
  const error = await rejectionOf(detector.detect([large], { slices: tiny }));
  expectFailure(error, 'INVALID_ARGUMENT', /at most 10000 slices .* make 1793 x 1493 of 1800 x 1500/, /slices\.overlap smaller/);
  const strip = { data: new Uint8Array(60_000), width: 60_000, height: 1, format: 'grey' } as const;
  const one = { width: 1, height: 1, wholePicture: false };
  expectFailure(await rejectionOf(detector.detect(strip, { slices: one })), 'INVALID_ARGUMENT', /make 60000 x 1 of/);
});

describe('of a crowd', () => {
  // In each of two slices that share a half: two of an object that the other slice sees the rest of, and one beside.
  const ends = [
    [0, 16, 40, 48, 0.95],
    [24, 16, 64, 48, 0.7],
    [0, 0, 8, 8, 0.8],
  ] as const;
  const rows = ends.map(([x1, y1, x2, y2, score]) => [x1, y1, x2, y2, score, 0]);
  const bytes = constantModel({
    input: [1, 3, 64, 64],
    outputs: [{ name: 'y', shape: [1, 3, 6], values: Float32Array.from(rows.flat()) }],
    metadata: { names: "{0: 'person'}" },
  });
  const frame: RawFrame = { data: new Uint8Array(96 * 64), width: 96, height: 64, format: 'grey' };

  it.each(['nmm', 'nms'] as const)('maxDetections counts in the picture, not in each slice: %s', async (merge) => {
    await using crowd = await Detector.load(bytes, { head: 'end-to-end', slices: { overlap: 0.5, wholePicture: false, merge } });
    const all = [...(await crowd.detect(frame))];
    expect(all.map(({ box }) => box)).toEqual([
      [0, 16, 40, 48],
      // The less sure of the first slice is a part of the surest of the second.
      [merge === 'nmm' ? 24 : 32, 16, 72, 48],
      [0, 0, 8, 8],
      [32, 0, 40, 8],
      [56, 16, 96, 48],
    ]);
    for (let most = 1; most <= all.length; most++) {
      expect([...(await crowd.detect(frame, { maxDetections: most }))]).toEqual(all.slice(0, most));
    }
  });
});

describe('slices of a model that gives more than boxes', () => {
  // In every slice of 64 x 64 one object from (16, 16) to (48, 48), which all of its mask covers.
  const row = [16, 16, 48, 48, 0.75, 0];
  const metadata = { names: "{0: 'cat'}" };
  const model = (values: readonly number[], more: Readonly<Record<string, string>> = {}): Uint8Array =>
    constantModel({
      input: [1, 3, 64, 64],
      outputs: [{ name: 'y', shape: [1, 1, values.length], values: Float32Array.from(values) }],
      metadata: { ...metadata, ...more },
    });
  const frame: RawFrame = { data: new Uint8Array(128 * 64), width: 128, height: 64, format: 'grey' };
  const slices: SliceOptions = { overlap: 0, wholePicture: false };

  it('moves keypoints', async () => {
    await using pose = await Detector.load(model([...row, 20, 30, 0.5], { task: 'pose', kpt_shape: '[1, 3]' }), { slices });
    expect([...(await pose.detect(frame))]).toEqual([
      { label: 'cat', classId: 0, score: 0.75, box: [16, 16, 48, 48], keypoints: [{ x: 20, y: 30, score: 0.5 }] },
      { label: 'cat', classId: 0, score: 0.75, box: [80, 16, 112, 48], keypoints: [{ x: 84, y: 30, score: 0.5 }] },
    ]);
  });

  it('moves oriented boxes', async () => {
    await using oriented = await Detector.load(model([32, 32, 32, 16, 0.75, 0, 0], { task: 'obb' }), { slices });
    const [, second] = await oriented.detect(frame);
    expect(second!.rotatedBox).toEqual({ centerX: 96, centerY: 32, width: 32, height: 16, angle: 0 });
    expect(second!.box).toEqual([80, 24, 112, 40]);
  });

  it('moves masks', async () => {
    const outputs = [
      { name: 'y', shape: [1, 1, 7], values: Float32Array.from([...row, 1]) },
      { name: 'protos', shape: [1, 1, 16, 16], values: new Float32Array(256).fill(1) },
    ];
    await using segments = await Detector.load(constantModel({ input: [1, 3, 64, 64], outputs, metadata }), { slices });
    const detections = await segments.detect(frame);
    expect(detections.masks).toMatchObject([
      { x: 16, y: 16, width: 32, height: 32 },
      { x: 80, y: 16, width: 32, height: 32 },
    ]);
    expect(detections.masks![1]!.data).toEqual(new Uint8Array(1024).fill(1));
  });

  it('merges by nms alone', async () => {
    await using pose = await Detector.load(model([...row, 20, 30, 0.5], { task: 'pose', kpt_shape: '[1, 3]' }));
    const error = await rejectionOf(pose.detect(frame, { slices: { merge: 'nmm' } }));
    expectFailure(error, 'INVALID_ARGUMENT', /one of nms for slices\.merge but received "nmm"/);
    // The same object in three slices that overlap by all but a pixel.
    const again = { overlap: 0, wholePicture: false, width: 64, height: 64 };
    const near: RawFrame = { data: new Uint8Array(66 * 64), width: 66, height: 64, format: 'grey' };
    expect(await pose.detect(near, { slices: again })).toHaveLength(1);
  });

  it('names the picture that fails, and the slice of none', async () => {
    await using broken = await Detector.load(model([NaN, NaN, NaN, NaN, NaN, 0]), { slices });
    const error = await rejectionOf(broken.detect([frame, frame]));
    expectFailure(error, 'ENGINE_FAILED', /^Picture 0: Output "y" cannot be used/);
    expect(error.details).toEqual({ output: 'y', index: 0 });
    const single = await rejectionOf(broken.detect(frame));
    expectFailure(single, 'ENGINE_FAILED', /^Output "y" cannot be used/);
    expect(single.details).toEqual({ output: 'y' });
    const missing = await rejectionOf(broken.detect(['missing.jpg', frame]));
    expectFailure(missing, 'MEDIA_NOT_FOUND', /^Picture 0: .*missing\.jpg/);
    expect(missing.details).toMatchObject({ index: 0 });
  });
});

it('ends when it is aborted, also between slices, and the detector goes on', async () => {
  const slices = { width: 96, height: 96, overlap: 0.5 };
  expectFailure(await rejectionOf(detector.detect(large, { slices, signal: AbortSignal.abort() })), 'ABORTED', /aborted/);
  const controller = new AbortController();
  const running = rejectionOf(detector.detect([large, large], { slices, signal: controller.signal }));
  setTimeout(() => controller.abort(), 20);
  const error = await running;
  expectFailure(error, 'ABORTED', /aborted/);
  expect(error.message).not.toMatch(/Picture|Slice/);
  expect((await detector.detect(pictures[0]!.path)).length).toBeGreaterThan(0);
});
