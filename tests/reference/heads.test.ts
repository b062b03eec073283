/**
 * Every head against the postprocessing of the package that it comes from: recorded raw outputs, given back by a model that holds them as
 * constants. The fixtures' form is described in heads/fixture.py.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';

import { Detector, type Detections, type DetectorOptions, type RotatedBox, type SsdOptions } from '../../lib/index.js';
import { constantModel } from '../tasks/made-models.js';

const folder = join(import.meta.dirname, 'fixtures/heads');

interface Expected {
  readonly boxes: readonly (readonly number[])[];
  readonly scores: readonly number[];
  readonly classIds: readonly number[];
  readonly keypoints?: readonly (readonly (readonly number[])[])[];
  readonly rotatedBoxes?: readonly (readonly number[])[];
  readonly masks?: readonly string[];
}

interface Fixture {
  readonly reference: string;
  readonly model: string;
  readonly input: { readonly name: string; readonly shape: readonly number[] };
  readonly outputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly options: {
    readonly scores?: 'logits' | 'probabilities';
    readonly priors?: { readonly levels: SsdOptions['priors']; readonly variances: readonly [number, number] };
  };
  readonly cases: readonly {
    readonly source: readonly [number, number];
    readonly options: Pick<DetectorOptions, 'scoreThreshold' | 'iouThreshold' | 'classAgnostic' | 'maxDetections'>;
    readonly raw: Readonly<Record<string, string>>;
    readonly expected: Expected;
  }[];
}

/** How each is opened, and the head that it is to be recognised as. */
const heads: Readonly<Record<string, { head: string; options?: DetectorOptions }>> = {
  yolov5: { head: 'yolov5' },
  yolov8: { head: 'yolov8' },
  yolov9: { head: 'yolov8' },
  yolo12: { head: 'yolov8' },
  yolov10n: { head: 'end-to-end' },
  yolo26n: { head: 'end-to-end' },
  detr: { head: 'detr', options: { labels: ['a', 'b', 'c', 'd', 'e'] } },
  rtdetr: { head: 'rt-detr', options: { labels: ['a', 'b', 'c', 'd', 'e'] } },
  rtdetr_ultralytics: { head: 'rt-detr-end-to-end' },
  rtdetr_ultralytics_8_3: { head: 'rt-detr-concatenated' },
  yolov8_seg: { head: 'yolov8' },
  yolo11_seg: { head: 'yolov8' },
  yolov8_pose: { head: 'yolov8' },
  yolov8_pose_2d: { head: 'yolov8' },
  yolov8_obb: { head: 'yolov8' },
  // A model of constants shows nothing of how boxes are decoded.
  yolox: { head: 'yolox', options: { head: 'yolox', labels: ['a', 'b', 'c', 'd'] } },
  yolox_decoded: { head: 'yolov5', options: { head: 'yolov5', preprocess: 'yolox', labels: ['a', 'b', 'c', 'd'] } },
  ssd: { head: 'ssd' },
  scrfd: { head: 'scrfd' },
  scrfd_boxes: { head: 'scrfd' },
};

const floats = (text: string): Float32Array => {
  const bytes = inflateSync(Buffer.from(text, 'base64'));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
};

/**
 * Letterboxes are resized to whole pixels. The packages map boxes back by one factor all the same; foveate by that of each axis, which is where the
 * pixels really lie. They agree where nothing was rounded; elsewhere within the pixel that was.
 */
function isRounded([width, height]: readonly [number, number], shape: readonly number[]): boolean {
  const gain = Math.min(shape[3]! / width, shape[2]! / height);
  return [width * gain, height * gain].some((side) => Math.abs(side - Math.round(side)) > 1e-9);
}

const stretched = ['detr', 'rt-detr', 'rt-detr-end-to-end', 'rt-detr-concatenated', 'ssd'];

/** The worst differences seen, for the table at the end. */
const table: string[] = [];
afterAll(() => console.log(table.join('\n')));

class Worst {
  box = 0;
  /** Where the letterbox was rounded. */
  roundedBox = 0;
  score = 0;
  point = 0;
  angle = 0;
  mask = 1;

  add(other: Worst, rounded: boolean): void {
    this.score = Math.max(this.score, other.score);
    this.mask = Math.min(this.mask, other.mask);
    if (rounded) {
      this.roundedBox = Math.max(this.roundedBox, other.box, other.point);
      return;
    }
    this.box = Math.max(this.box, other.box);
    this.point = Math.max(this.point, other.point);
    this.angle = Math.max(this.angle, other.angle);
  }

  toString(): string {
    const parts = [`box ${this.box.toExponential(1)} px`, `score ${this.score.toExponential(1)}`];
    if (this.roundedBox > 0) parts.push(`box in rounded letterboxes ${this.roundedBox.toFixed(2)} px`);
    if (this.point > 0) parts.push(`point ${this.point.toExponential(1)}`);
    if (this.angle > 0) parts.push(`angle ${this.angle.toExponential(1)}`);
    if (this.mask < 1) parts.push(`mask pixels ${(this.mask * 100).toFixed(3)} % equal`);
    return parts.join(', ');
  }
}

test('every recorded head is tested', () => {
  const recorded = readdirSync(folder)
    .map((file) => file.replace('.json', ''))
    .filter((name) => 'cases' in (JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as object));
  expect(recorded.filter((name) => !['depth', 'u2net'].includes(name)).sort()).toEqual(Object.keys(heads).sort());
});

describe.each(Object.keys(heads))('%s', (name) => {
  const fixture = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Fixture;
  const { head, options = {} } = heads[name]!;
  const worst = new Worst();
  let detections = 0;

  afterAll(() => {
    table.push(`${name.padEnd(24)} ${fixture.reference}: ${fixture.cases.length} cases, ${detections} detections; ${worst}`);
  });

  test.each(fixture.cases.map((given, i) => [i, given] as const))('case %i equals the reference', async (_, given) => {
    const outputs = fixture.outputs.map((output) => ({ ...output, values: floats(given.raw[output.name]!) }));
    const { shape, name: inputName } = fixture.input;
    const bytes = constantModel({ input: shape, inputName, outputs, metadata: fixture.metadata });
    const { priors } = fixture.options;
    const ssd: SsdOptions | undefined = priors && {
      boxes: 'raw',
      priors: priors.levels,
      variances: priors.variances,
      activation: fixture.options.scores === 'logits' ? 'softmax' : 'none',
    };
    await using detector = await Detector.load(bytes, { ...options, ssd, threads: 1 });
    expect(detector.head).toBe(head);
    const [width, height] = given.source;
    const frame = { data: new Uint8Array(width * height * 3), width, height, format: 'rgb' } as const;
    const found = await detector.detect(frame, given.options);
    const rounded = !stretched.includes(head) && isRounded(given.source, shape);
    detections += compare(found, given.expected, worst, rounded, head === 'ssd');
  });
});

/** The packages keep boxes that lie in the padding alone, without any area in the picture, and number an SSD's classes from the background on. */
function inPicture(expected: Expected, isSsd: boolean): number[] {
  return [...expected.boxes.keys()].filter((i) => {
    const [x1, y1, x2, y2] = expected.boxes[i]!;
    return x2! > x1! && y2! > y1! && (!isSsd || expected.classIds[i]! > 0);
  });
}

/** Asserts that both say the same; returns how many objects there were. */
function compare(found: Detections, expected: Expected, worst: Worst, rounded: boolean, isSsd: boolean): number {
  // Ultralytics drops objects whose mask is empty.
  const objects = [...found].filter(({ mask }) => mask === undefined || mask.data.some((value) => value === 1));
  const indices = inPicture(expected, isSsd);
  expect(objects.map(({ classId }) => classId)).toEqual(indices.map((i) => expected.classIds[i]! - (isSsd ? 1 : 0)));
  const here = new Worst();
  for (const [k, { score, box, keypoints, rotatedBox, mask }] of objects.entries()) {
    const i = indices[k]!;
    here.score = Math.max(here.score, Math.abs(score - expected.scores[i]!));
    box.forEach((value, side) => (here.box = Math.max(here.box, Math.abs(value - expected.boxes[i]![side]!))));
    expected.keypoints?.[i]?.forEach(([x, y, visible = 1], j) => {
      const point = keypoints![j]!;
      // Ultralytics clips points to the picture, InsightFace does not.
      const near = (value: number, other: number, limit: number): number =>
        Math.min(Math.abs(value - other), Math.abs(Math.min(Math.max(value, 0), limit) - other));
      here.point = Math.max(here.point, near(point.x, x!, found.width), near(point.y, y!, found.height));
      here.score = Math.max(here.score, Math.abs(point.score - visible));
    });
    if (expected.rotatedBoxes) compareRotated(rotatedBox!, expected.rotatedBoxes[i]!, here);
    if (expected.masks) here.mask = Math.min(here.mask, equalPixels(mask!, expected.masks[i]!, found));
  }
  expect(here.score).toBeLessThan(1e-5);
  expect(Math.max(here.box, here.point)).toBeLessThan(rounded ? 1.5 : 2e-3);
  expect(here.angle).toBeLessThan(rounded ? 0.01 : 1e-4);
  expect(here.mask).toBeGreaterThan(rounded ? 0.97 : 0.999);
  worst.add(here, rounded);
  return objects.length;
}

function compareRotated(found: RotatedBox, [x, y, width, height, angle]: readonly number[], worst: Worst): void {
  const differences = [found.centerX - x!, found.centerY - y!, found.width - width!, found.height - height!];
  worst.box = Math.max(worst.box, ...differences.map(Math.abs));
  worst.angle = Math.max(worst.angle, Math.abs(found.angle - angle!));
}

/** The share of the picture's pixels on which both masks agree. */
function equalPixels(
  mask: { x: number; y: number; width: number; height: number; data: Uint8Array },
  expected: string,
  picture: { width: number; height: number },
): number {
  const bits = inflateSync(Buffer.from(expected, 'base64'));
  let equal = 0;
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < picture.width; x++) {
      const i = y * picture.width + x;
      const bit = (bits[i >> 3]! >> (7 - (i & 7))) & 1;
      const inside = x >= mask.x && y >= mask.y && x < mask.x + mask.width && y < mask.y + mask.height;
      const value = inside ? mask.data[(y - mask.y) * mask.width + x - mask.x]! : 0;
      if (value === bit) equal++;
    }
  }
  return equal / (picture.width * picture.height);
}
