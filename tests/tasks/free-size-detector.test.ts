/** Detectors of models that take inputs of any size. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { RawFrame } from '../../lib/image/index.js';
import { Detector, loadTask } from '../../lib/tasks/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { constantModel } from './made-models.js';

const names = "{0: 'cat', 1: 'dog'}";
const output = (name: string, shape: readonly number[], values: readonly number[] = []) => ({
  name,
  shape,
  values: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => values[i] ?? 0),
});
const freeModel = (...outputs: readonly ReturnType<typeof output>[]): Uint8Array =>
  constantModel({ input: [1, 3, 'h', 'w'], outputs, metadata: { names } });

const frame = (width: number, height: number): RawFrame => ({
  data: new Uint8Array(width * height),
  width,
  height,
  format: 'grey',
});

describe('a DETR of any input size', () => {
  const root = mkdtempSync(join(tmpdir(), 'foveate-detr-'));
  afterAll(() => rmSync(root, { recursive: true }));
  const logits = output('logits', [1, 2, 3], [-9, 9, -9, -9, -9, 9]);
  const model = freeModel(logits, output('pred_boxes', [1, 2, 4], [0.5, 0.5, 0.5, 0.25]));

  async function expectDetr(detector: Awaited<ReturnType<typeof loadTask>>, edge: number): Promise<void> {
    await using opened = detector as Detector;
    expect(opened).toBeInstanceOf(Detector);
    expect(opened.head).toBe('detr');
    expect(opened.preprocess.options).toMatchObject({ fit: 'shortest-edge', resizeEdge: edge });
    const [wide, tall] = await opened.detect([frame(96, 48), frame(40, 80)]);
    expect([...wide!]).toMatchObject([{ label: 'dog', box: [24, 18, 72, 30] }]);
    expect([...tall!]).toMatchObject([{ label: 'dog', box: [10, 30, 30, 50] }]);
  }

  it.each([{}, { preprocess: 'detr' }, { preprocess: { interpolation: 'bilinear' } }] as const)('with %o', async (options) => {
    await expectDetr(await Detector.load(model, options), 800);
    await expectDetr(await loadTask(model, options), 800);
  });

  it('with the processor beside it', async () => {
    const path = join(root, 'model.onnx');
    writeFileSync(path, model);
    const processor = { image_processor_type: 'DetrImageProcessor', size: { shortest_edge: 32, longest_edge: 64 } };
    writeFileSync(join(root, 'preprocessor_config.json'), JSON.stringify(processor));
    await expectDetr(await Detector.load(path), 32);
    await expectDetr(await loadTask(path), 32);
  });

  it('takes pictures of their own size', async () => {
    await using detector = await Detector.load(model, { preprocess: { fit: 'none' } });
    expect([...(await detector.detect(frame(96, 48)))]).toMatchObject([{ label: 'dog', box: [24, 18, 72, 30] }]);
  });
});

describe('slices of a DETR of any input size', () => {
  const model = freeModel(output('logits', [1, 1, 3], [-9, 9, -9]), output('boxes', [1, 1, 4], [0.5, 0.5, 0.5, 0.5]));

  it('need a size, there being none of the input', async () => {
    await using detector = await Detector.load(model);
    for (const slices of [{}, { height: 40 }]) {
      const error = await rejectionOf(detector.detect([], { slices }));
      expectFailure(
        error,
        'INVALID_ARGUMENT',
        /a number of pixels for slices\.width but received undefined/,
        /no size of its own/,
      );
      expectFailure(await rejectionOf(Detector.load(model, { slices })), 'INVALID_ARGUMENT', /slices\.width/);
    }
    const partly = await rejectionOf(detector.detect([], { slices: { width: 40 } }));
    expectFailure(partly, 'INVALID_ARGUMENT', /for slices\.height but received undefined/);
  });

  it('are of the size that is given', async () => {
    await using detector = await Detector.load(model, { slices: { width: 40, height: 40, overlap: 0, wholePicture: false } });
    const found = await detector.detect(frame(80, 40));
    expect([...found].map(({ box }) => box)).toEqual([
      [10, 10, 30, 30],
      [50, 10, 70, 30],
    ]);
  });
});

describe('heads whose outputs belong to one input size', () => {
  const twoClasses = { head: 'end-to-end', labels: ['cat', 'dog'] } as const;
  it.each([
    ['yolov8', [output('y', [1, 6, 8400])], {}],
    ['yolov5', [output('y', [1, 25200, 7])], {}],
    ['yolox', [output('y', [1, 8400, 7])], { head: 'yolox' }],
    ['ssd', [output('scores', [1, 9, 3]), output('boxes', [1, 9, 4])], { ssd: { boxes: 'decoded' } }],
    ['end-to-end', [output('y', [1, 9, 10]), output('protos', [1, 4, 160, 160])], twoClasses],
  ] as const)('refuse a fit without one: %s', async (head, outputs, options) => {
    const model = freeModel(...outputs);
    expectFailure(
      await rejectionOf(Detector.load(model, { ...options, preprocess: 'detr' })),
      'INVALID_ARGUMENT',
      /another fit to one size for preprocess\.fit but received "shortest-edge"/,
      new RegExp(`head '${head}' belong to one input size: .*letterbox`),
    );
    await using detector = await Detector.load(model, options);
    expect(detector.head).toBe(head);
  });
});
