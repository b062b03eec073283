/** Models and tasks against onnxruntime with OpenCV and Pillow; the fixtures' form is described in models.py. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import { Classifier, createSession, Detector, Segmenter, Tensor, type Box, type Detections } from '../../lib/index.js';
import { eachState, sharedFolder, sharedPresent } from './shared.js';

const model = (name: string): string => join(sharedFolder, 'models', `${name}.onnx`);
const picture = (folder: string, name: string): string => join(sharedFolder, 'images', folder, name);

function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/models', `${name}.json`), 'utf8')) as T;
}

function intersectionOverUnion(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const overlap = Math.max(0, width) * Math.max(0, height);
  const area = (box: Box): number => (box[2] - box[0]) * (box[3] - box[1]);
  return overlap / (area(a) + area(b) - overlap);
}

const ranges: Record<string, number> = { yolox_nano_416: 255 };

describe.skipIf(!sharedPresent)('the same input gives the same raw outputs', () => {
  type Outputs = Record<string, { dims: number[]; largest: number; samples: string }>;
  const { models } = readFixture<{ models: Record<string, Outputs> }>('outputs');
  test.each(Object.entries(models))('%s: within 1e-5 of the largest magnitude', async (name, outputs) => {
    await using session = await createSession(model(name), { threads: 1 });
    const [info] = session.inputs;
    const dims = info!.shape.map((dim) => (typeof dim === 'number' ? dim : 1));
    using input = Tensor.allocate('float32', dims);
    const range = Math.fround(ranges[name] ?? 1);
    eachState(input.size, (state, i) => (input.data[i] = Math.fround(Math.fround((state >>> 8) / 2 ** 24) * range)));
    using result = await session.run({ [info!.name]: input });
    expect(result.copiedBytes).toBe(0);
    for (const [output, expected] of Object.entries(outputs)) {
      const tensor = result.outputs[output]!;
      expect(tensor.dims).toEqual(expected.dims);
      const bytes = Buffer.from(expected.samples, 'base64');
      let worst = 0;
      eachState(bytes.length / 4, (state, i) => {
        const value = tensor.data[Math.floor((state / 2 ** 32) * tensor.size)] as number;
        worst = Math.max(worst, Math.abs(value - bytes.readFloatLE(i * 4)));
      });
      console.log(`${name} ${output}: max |difference| / max |output| = ${(worst / expected.largest).toExponential(2)}`);
      expect(worst / expected.largest).toBeLessThanOrEqual(1e-5);
    }
  });
});

describe.skipIf(!sharedPresent)('from file to result', () => {
  test('mobilenetv2: the same top-1, unless the margin is under 0.02', async () => {
    const { pictures } = readFixture<{ pictures: Record<string, { top: number; margin: number }> }>('mobilenetv2');
    await using classifier = await Classifier.load(model('mobilenetv2_fp32'), { threads: 1 });
    expect(classifier.labelSource).toBe('imagenet-1000');
    const names = Object.keys(pictures);
    const results = await classifier.classify(names.map((name) => picture('imagenet', name)));
    const different = names.filter((name, i) => results[i]!.top.classId !== pictures[name]!.top);
    console.log(`mobilenetv2: ${names.length - different.length} of ${names.length} pictures have the same top-1`);
    expect(different.filter((name) => pictures[name]!.margin >= 0.02)).toEqual([]);
  });

  type Boxes = { boxes: Box[]; scores: number[]; classIds: number[] };
  test.each([
    ['yolov8n', 'yolov8n_fp32', 'yolov8'],
    ['yolox_nano', 'yolox_nano_416', 'yolox'],
  ])('%s: boxes matched at IoU >= 0.95, scores within 0.02', async (fixture, name, head) => {
    const { pictures } = readFixture<{ pictures: Record<string, Boxes> }>(fixture);
    await using detector = await Detector.load(model(name), { threads: 1 });
    expect(detector.head).toBe(head);
    let compared = 0;
    for (const [file, expected] of Object.entries(pictures)) {
      const found = await detector.detect(picture('scenes', file));
      compared += matchAll(file, expected, found) + matchAll(file, found, expected);
    }
    console.log(`${fixture}: ${compared} boxes of score >= 0.30 matched, both ways`);
    expect(compared).toBeGreaterThan(100);
  });

  /** Every box of `a` from 0.30 on has a partner in `b`; returns how many there were. */
  function matchAll(file: string, a: Boxes | Detections, b: Boxes | Detections): number {
    const box = (from: Boxes | Detections, i: number): Box =>
      Array.isArray(from.boxes) ? (from.boxes[i] as Box) : ([...from.boxes.subarray(i * 4, i * 4 + 4)] as unknown as Box);
    let count = 0;
    for (let i = 0; i < a.scores.length; i++) {
      const score = a.scores[i] as number;
      if (score < 0.3) continue;
      count++;
      const partner = [...b.scores.keys()].find(
        (j) =>
          b.classIds[j] === a.classIds[i] &&
          Math.abs((b.scores[j] as number) - score) <= 0.02 &&
          intersectionOverUnion(box(a, i), box(b, j)) >= 0.95,
      );
      expect(partner, `${file}: class ${a.classIds[i]}, score ${score}, box ${box(a, i).join(' ')}`).toBeDefined();
    }
    return count;
  }

  test('prisma portrait: masks equal on at least 99.9 % of the pixels', async () => {
    const { pictures } = readFixture<{ pictures: Record<string, { width: number; height: number; mask: string }> }>('prisma');
    await using segmenter = await Segmenter.load(model('prisma_portrait_seg_256'), { threads: 1 });
    let worst = 1;
    for (const [file, expected] of Object.entries(pictures)) {
      const { mask, width, height } = await segmenter.segment(picture('scenes', file));
      expect([width, height], file).toEqual([expected.width, expected.height]);
      const bits = inflateSync(Buffer.from(expected.mask, 'base64'));
      let equal = 0;
      for (let i = 0; i < mask.length; i++) {
        if (mask[i] === (((bits[i >> 3] as number) >> (7 - (i & 7))) & 1)) equal++;
      }
      worst = Math.min(worst, equal / mask.length);
      expect(equal / mask.length, file).toBeGreaterThanOrEqual(0.999);
    }
    console.log(
      `prisma: on the worst of ${Object.keys(pictures).length} pictures ${(worst * 100).toFixed(4)} % of the pixels are equal`,
    );
  });
});
