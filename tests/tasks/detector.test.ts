import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Preprocess } from '../../lib/image/index.js';
import type { Detections } from '../../lib/results/index.js';
import { Classifier, Detector } from '../../lib/tasks/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { example, fixture } from '../session/fixtures.js';
import { classes, iou, labelled } from './labelled-pictures.js';

const model = example('models/shapes-detector.onnx');
const pictures = labelled('detect');
const paths = pictures.map(({ path }) => path);
let detector: Detector;

beforeAll(async () => {
  detector = await Detector.load(model);
});
afterAll(() => detector.dispose());

/** Everything but the times. */
const plain = (results: readonly Detections[]): unknown => results.map((result) => result.toJSON());

/** Scores of another batch differ in their last digits. */
function expectAlike(received: readonly Detections[], expected: readonly Detections[]): void {
  expect(received.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  received.forEach((result, i) => {
    const other = expected[i] as Detections;
    expect([...result.classIds]).toEqual([...other.classIds]);
    result.scores.forEach((score, j) => expect(score).toBeCloseTo(other.scores[j] as number, 4));
    result.boxes.forEach((value, j) => expect(value).toBeCloseTo(other.boxes[j] as number, 1));
  });
}

describe('a detector', () => {
  it('is recognised from the model', () => {
    expect(detector.head).toBe('yolov8');
    expect(detector.labels).toEqual(classes);
    expect(detector.labelSource).toBe('metadata');
    expect(detector.preprocess.options).toMatchObject({
      fit: 'letterbox',
      width: 256,
      height: 256,
      color: 'rgb',
      scale: 1 / 255,
    });
  });

  it('finds most of what is to be seen, and little else', async () => {
    let objects = 0;
    let found = 0;
    let reported = 0;
    let right = 0;
    for (const { path, width, height, objects: truth = [] } of pictures) {
      const result = await detector.detect(path);
      expect([result.width, result.height]).toEqual([width, height]);
      const matches = (box: readonly number[], label: string, object: { label: string; box: readonly number[] }): boolean =>
        label === object.label && iou(box, object.box) >= 0.5;
      const detections = [...result];
      objects += truth.length;
      reported += detections.length;
      found += truth.filter((object) => detections.some(({ box, label }) => matches(box, label, object))).length;
      right += detections.filter(({ box, label }) => truth.some((object) => matches(box, label, object))).length;
    }
    expect(objects).toBeGreaterThan(25);
    expect(found / objects).toBeGreaterThanOrEqual(0.75);
    expect(right / reported).toBeGreaterThanOrEqual(0.7);
  });

  it('gives boxes inside the picture, highest score first', async () => {
    for (const result of await detector.detect(paths)) {
      const scores = [...result.scores];
      expect(scores).toEqual([...scores].sort((a, b) => b - a));
      for (const { box, score } of result) {
        const [x1, y1, x2, y2] = box;
        expect(x1).toBeGreaterThanOrEqual(0);
        expect(y1).toBeGreaterThanOrEqual(0);
        expect(x2).toBeLessThanOrEqual(result.width);
        expect(y2).toBeLessThanOrEqual(result.height);
        expect(x2).toBeGreaterThan(x1);
        expect(y2).toBeGreaterThan(y1);
        expect(score).toBeGreaterThanOrEqual(0.25);
      }
    }
  });

  it('gives the same for one, several, and any way that the picture comes', async () => {
    const several = await detector.detect(paths);
    const single = await Promise.all(paths.map((path) => detector.detect(path)));
    expect(plain(several)).toEqual(plain(single));
    const mixed = await detector.detect([readFileSync(paths[0] as string), pathToFileURL(paths[1] as string), ...paths.slice(2)]);
    expect(plain(mixed)).toEqual(plain(several));
    expect(await detector.detect([])).toEqual([]);
  });

  it('gives the same in batches', async () => {
    await using batched = await Detector.load(model, { batchSize: 3 });
    const many = [...paths, ...paths, paths[0] as string];
    expectAlike(await batched.detect(many), await detector.detect(many));
    expectAlike([await batched.detect(paths[1] as string)], [await detector.detect(paths[1] as string)]);
  });

  it('gives the same on several lanes', async () => {
    await using laned = await Detector.load(model, { lanes: 3, threads: 1 });
    const many = [...paths, ...paths, ...paths];
    expectAlike(await laned.detect(many), await detector.detect(many));
  });

  it('tells where the time went', async () => {
    const { timing } = await detector.detect(readFileSync(paths[0] as string));
    expect(timing.decodeMs).toBeGreaterThan(0);
    expect(timing.preprocessMs).toBeGreaterThan(0);
    expect(timing.computeMs).toBeGreaterThan(0);
    expect(timing.postprocessMs).toBeGreaterThan(0);
    expect(timing.queueMs).toBeGreaterThanOrEqual(0);
    expect(timing.copiedBytes).toBe(readFileSync(paths[0] as string).length);
    expect((await detector.detect(paths[0] as string)).timing.copiedBytes).toBe(0);
  });
});

describe('the options of detect', () => {
  const path = paths[0] as string;

  it('scoreThreshold keeps what is at least as sure', async () => {
    const all = await detector.detect(path, { scoreThreshold: 0.05 });
    const sure = await detector.detect(path, { scoreThreshold: 0.6 });
    expect(all.length).toBeGreaterThan(sure.length);
    expect(plain([sure])).toEqual([{ ...all.toJSON(), detections: [...all].filter(({ score }) => score >= Math.fround(0.6)) }]);
    expect(await detector.detect(path, { scoreThreshold: 1 })).toHaveLength(0);
  });

  it('iouThreshold and classAgnostic decide which boxes suppress one another', async () => {
    const options = { scoreThreshold: 0.001 };
    /** IoU of all pairs that could suppress one another. */
    const overlaps = (results: readonly Detections[], agnostic: boolean): number[] =>
      results.flatMap((result) =>
        [...result].flatMap((a, i) =>
          [...result].slice(i + 1).flatMap((b) => (agnostic || a.classId === b.classId ? [iou(a.box, b.box)] : [])),
        ),
      );
    const count = (results: readonly Detections[]): number => results.reduce((sum, { length }) => sum + length, 0);
    const usual = await detector.detect(paths, options);
    const strict = await detector.detect(paths, { ...options, iouThreshold: 0.1 });
    const lax = await detector.detect(paths, { ...options, iouThreshold: 0.9 });
    const agnostic = await detector.detect(paths, { ...options, classAgnostic: true });
    expect(count(strict)).toBeLessThan(count(usual));
    expect(count(lax)).toBeGreaterThan(count(usual));
    expect(count(agnostic)).toBeLessThan(count(usual));
    // The slack is for boxes that are clipped to the picture after they were compared.
    expect(Math.max(...overlaps(strict, false))).toBeLessThan(0.2);
    expect(Math.max(...overlaps(agnostic, true))).toBeLessThan(0.6);
    expect(Math.max(...overlaps(usual, true))).toBeGreaterThan(0.6);
  });

  it('maxDetections keeps the surest', async () => {
    const all = await detector.detect(path);
    const two = await detector.detect(path, { maxDetections: 2 });
    expect(two.toJSON().detections).toEqual([...all].slice(0, 2));
  });

  it('classes keeps only these, by name or id', async () => {
    const all = await detector.detect(path);
    const label = all.at(0).label;
    const expected = [...all].filter((detection) => detection.label === label);
    expect([...(await detector.detect(path, { classes: [label] }))]).toEqual(expected);
    expect([...(await detector.detect(path, { classes: [classes.indexOf(label)] }))]).toEqual(expected);
    expect([...(await detector.detect(path, { classes: [] }))]).toEqual([...all]);
  });

  it('of load are the defaults, also where they are undefined', async () => {
    await using strict = await Detector.load(model, { scoreThreshold: 0.6, maxDetections: 3 });
    const expected = await detector.detect(path, { scoreThreshold: 0.6, maxDetections: 3 });
    expect(plain([await strict.detect(path)])).toEqual(plain([expected]));
    expect(plain([await strict.detect(path, { scoreThreshold: undefined } as never)])).toEqual(plain([expected]));
    expect((await strict.detect(path, { scoreThreshold: 0.05, maxDetections: 300 })).length).toBeGreaterThan(expected.length);
  });

  it.each([
    [{ threshold: 0.5 }, 'UNKNOWN_OPTION', /"threshold" in detect options/, /^/],
    [{ scoreTreshold: 0.5 }, 'UNKNOWN_OPTION', /"scoreTreshold"/, /"scoreThreshold"/],
    [{ scoreThreshold: 50 }, 'INVALID_ARGUMENT', /0 to 1 for scoreThreshold but received 50/],
    [{ iouThreshold: -1 }, 'INVALID_ARGUMENT', /for iouThreshold/],
    [{ maxDetections: 0 }, 'INVALID_ARGUMENT', /for maxDetections/],
    [{ classAgnostic: 'yes' }, 'INVALID_ARGUMENT', /for classAgnostic/],
    [{ classes: 'circle' }, 'INVALID_ARGUMENT', /an array of class ids or names for classes/],
    [{ classes: ['sqare'] }, 'INVALID_ARGUMENT', /no class "sqare"/, /"square"/],
    [{ classes: ['person'] }, 'INVALID_ARGUMENT', /no class "person"/, /It has: circle/],
    [{ classes: [6] }, 'INVALID_ARGUMENT', /0 to 5 for classes\[0\] but received 6/],
    [{ pixelLimit: 0 }, 'INVALID_ARGUMENT', /for pixelLimit/],
    [{ signal: true }, 'INVALID_ARGUMENT', /for signal/],
    [null, 'INVALID_ARGUMENT', /detect options/],
  ] as const)('%o are refused', async (options, code, message, hint?: RegExp) => {
    expectFailure(await rejectionOf(detector.detect(path, options as never)), code, message, hint);
    expect((await detector.detect(path)).length).toBeGreaterThan(0);
  });
});

describe('loading', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'foveate-labels-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ['a file: URL', () => pathToFileURL(model)],
    ['the text of a file: URL', () => pathToFileURL(model).href],
    ['bytes', () => readFileSync(model)],
  ])('takes %s', async (_, source) => {
    await using other = await Detector.load(source());
    expect(plain([await other.detect(paths[0] as string)])).toEqual(plain([await detector.detect(paths[0] as string)]));
  });

  it('takes labels from an option or a file, which decide over the model', async () => {
    const labels = ['a', 'b', 'c', 'd', 'e', 'f'];
    await using named = await Detector.load(model, { labels });
    expect(named.labels).toEqual(labels);
    expect(named.labelSource).toBe('option');
    const file = join(folder, 'labels.txt');
    writeFileSync(file, labels.join('\n'));
    await using fromFile = await Detector.load(model, { labels: file });
    expect(fromFile.labels).toEqual(labels);
    expect(fromFile.labelSource).toBe('file');
    expect((await fromFile.detect(paths[0] as string)).at(0).label).toMatch(/^[a-f]$/);
    expectFailure(await rejectionOf(Detector.load(model, { labels: ['a', 'b'] })), 'LABELS_INVALID', /6 classes.*2 labels/);
    expectFailure(await rejectionOf(Detector.load(model, { labels: join(folder, 'none.txt') })), 'LABELS_INVALID', /none\.txt/);
  });

  it('takes preprocessing as a preset, as changes, and whole', async () => {
    await using preset = await Detector.load(model, { preprocess: 'yolox' });
    expect(preset.preprocess.options).toMatchObject({ color: 'bgr', anchor: 'top-left', width: 256 });
    await using changed = await Detector.load(model, { preprocess: { pad: [0, 0, 0] } });
    expect(changed.preprocess.options).toEqual({ ...detector.preprocess.options, pad: [0, 0, 0] });
    const own = Preprocess.preset('yolo', { width: 256, height: 256, fit: 'stretch' });
    await using whole = await Detector.load(model, { preprocess: own });
    expect(whole.preprocess).toBe(own);
    const wrongSize = Preprocess.preset('yolo');
    expectFailure(
      await rejectionOf(Detector.load(model, { preprocess: wrongSize })),
      'INVALID_ARGUMENT',
      /float32 nchw \[3, 256, 256\].*received float32 nchw \[3, 640, 640\]/,
    );
    expectFailure(await rejectionOf(Detector.load(model, { preprocess: { layout: 'nhwc' } })), 'INVALID_ARGUMENT', /nchw/);
    expectFailure(
      await rejectionOf(Detector.load(model, { preprocess: { widht: 3 } as never })),
      'UNKNOWN_OPTION',
      /"widht"/,
      /"width"/,
    );
    expectFailure(
      await rejectionOf(Detector.load(model, { preprocess: 'yolov8' as never })),
      'INVALID_ARGUMENT',
      /yolo.*for preprocess/,
    );
  });

  it.each([
    [{ treshold: 1 }, 'UNKNOWN_OPTION', /"treshold"/],
    [{ preprocess: 5 }, 'INVALID_ARGUMENT', /a preset, an object of options or a Preprocess for preprocess but received 5/],
    [{ preprocess: null }, 'INVALID_ARGUMENT', /for preprocess but received null/],
    [{ preprocess: ['yolo'] }, 'INVALID_ARGUMENT', /for preprocess but received an array/],
    [{ head: 'yolov4' }, 'INVALID_ARGUMENT', /for head but received "yolov4"/],
    [{ head: 'yolox' }, 'MODEL_UNSUPPORTED', /does not fit the head 'yolox'/, /'yolov8'/],
    [{ batchSize: 0 }, 'INVALID_ARGUMENT', /for batchSize/],
    [{ classes: ['person'] }, 'INVALID_ARGUMENT', /no class "person"/],
    [{ scoreThreshold: 2 }, 'INVALID_ARGUMENT', /for scoreThreshold/],
    [{ lanes: 0 }, 'INVALID_ARGUMENT', /for lanes/],
  ] as const)('refuses %o', async (options, code, message, hint?: RegExp) => {
    expectFailure(await rejectionOf(Detector.load(model, options as never)), code, message, hint);
  });

  it('refuses preprocessing without a size, and a wrong pixel limit, before any picture', async () => {
    const model = example('models/shapes-detector.onnx');
    expectFailure(
      await rejectionOf(Detector.load(model, { pixelLimit: 0 })),
      'INVALID_ARGUMENT',
      /for pixelLimit but received 0/,
    );
    const own = Detector.load(model, { preprocess: { fit: 'none' } });
    expectFailure(
      await rejectionOf(own),
      'INVALID_ARGUMENT',
      /for preprocess\.fit but received "none"/,
      /head 'yolov8' belong to one input size/,
    );
    await using detector = await Detector.load(model);
    expectFailure(await rejectionOf(detector.detect([], { pixelLimit: 1.5 })), 'INVALID_ARGUMENT', /for pixelLimit/);
  });

  it('refuses models that are no detectors', async () => {
    expectFailure(
      await rejectionOf(Detector.load(fixture('fixed.onnx'))),
      'MODEL_UNSUPPORTED',
      /one picture input.*a: float32 \[2, 3\]/,
      /createSession/,
    );
    expectFailure(
      await rejectionOf(Detector.load(example('models/shapes-classifier.onnx'))),
      'MODEL_UNSUPPORTED',
      /the outputs of a detection head.* \[1, 6\]/,
      /looks like a classifier: Classifier\.load\(\) opens it.*createSession/,
    );
    expectFailure(
      await rejectionOf(Detector.load(example('models/shapes-segmenter.onnx'))),
      'MODEL_UNSUPPORTED',
      /the outputs of a detection head/,
      /looks like a segmenter: Segmenter\.load\(\)/,
    );
    expectFailure(
      await rejectionOf(Classifier.load(model)),
      'MODEL_UNSUPPORTED',
      /one classification output/,
      /looks like a detector: Detector\.load\(\)/,
    );
    expectFailure(await rejectionOf(Detector.load('none.onnx')), 'MODEL_NOT_FOUND', /none\.onnx/);
  });
});
