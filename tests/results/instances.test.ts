/** Masks, keypoints and oriented boxes of single objects: as data, and drawn. */
import { describe, expect, it } from 'vitest';
import type { Picture } from '../../lib/image/index.js';
import {
  classColor,
  cornersOf,
  Detections,
  type DetectionsInit,
  InstanceMask,
  type RunLengthMask,
  type Timing,
} from '../../lib/results/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';

const timing: Timing = {
  decodeMs: 1,
  preprocessMs: 2,
  queueMs: 3,
  computeMs: 4,
  transferMs: 0,
  postprocessMs: 5,
  copiedBytes: 6,
};
const [width, height] = [200, 120];
const grey = { data: new Uint8Array(width * height * 3).fill(90), width, height, format: 'rgb' } as const;

/** Objects with these boxes, all of class 0. */
const objects = (boxes: readonly number[], more: Partial<DetectionsInit> = {}): Detections =>
  new Detections({
    boxes: Float32Array.from(boxes),
    scores: Float32Array.from({ length: boxes.length / 4 }, () => 0.75),
    classIds: new Int32Array(boxes.length / 4),
    labels: [''],
    width,
    height,
    timing,
    ...more,
  });

const whole = [0, 0, width, height];
const color = [...classColor(0)];
const pixel = ({ data, width: columns }: Picture, x: number, y: number): number[] => {
  const at = (y * columns + x) * 3;
  return [...data.subarray(at, at + 3)];
};
/** Pixels that are not the plain grey, as 'x,y'. */
function changed(picture: Picture): Set<string> {
  const found = new Set<string>();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) if (pixel(picture, x, y).some((value) => value !== 90)) found.add(`${x},${y}`);
  }
  return found;
}

/** What COCO's encoding says, pixel by pixel of the whole picture, row by row. */
function decoded({ size: [rows, columns], counts }: RunLengthMask): Uint8Array {
  const pixels = new Uint8Array(rows * columns);
  let place = 0;
  counts.forEach((count, run) => {
    for (let i = 0; i < count; i++, place++) pixels[(place % rows) * columns + Math.floor(place / rows)] = run % 2;
  });
  expect(place).toBe(rows * columns);
  return pixels;
}

/** A mask in its place in the whole picture. */
function spread({ x, y, width: columns, data }: InstanceMask): Uint8Array {
  const pixels = new Uint8Array(width * height);
  data.forEach((value, i) => (pixels[(y + Math.floor(i / columns)) * width + x + (i % columns)] = value));
  return pixels;
}

describe('a mask in JSON', () => {
  const filled = (x: number, y: number, columns: number, rows: number, of: (i: number) => number): InstanceMask => {
    const data = Uint8Array.from({ length: columns * rows }, (_, i) => of(i));
    return new InstanceMask({ x, y, width: columns, height: rows }, data, undefined);
  };

  it.each([
    ['inside the picture', filled(30, 20, 11, 7, (i) => Number(i % 3 === 0))],
    ['at the lower edge', filled(30, height - 7, 11, 7, () => 1)],
    ['at the upper edge', filled(30, 0, 11, 7, () => 1)],
    ['from edge to edge', filled(30, 0, 5, height, () => 1)],
    ['in the first pixel', filled(0, 0, 1, 1, () => 1)],
    ['in the last pixel', filled(width - 1, height - 1, 1, 1, () => 1)],
    ['over all of the picture', filled(0, 0, width, height, () => 1)],
    ['over all of the picture, in a pattern', filled(0, 0, width, height, (i) => (i * 7919) % 2)],
    ['empty', filled(30, 20, 11, 7, () => 0)],
    ['without pixels', filled(30, 20, 0, 0, () => 0)],
    ['without columns', filled(width, 20, 0, 5, () => 0)],
  ])('is run-length encoded: %s', (_, mask) => {
    const encoded = objects(whole, { masks: [mask] }).toJSON().detections[0]!.mask!;
    expect(encoded.size).toEqual([height, width]);
    expect(decoded(encoded)).toEqual(spread(mask));
    // No run but the first is empty.
    expect(encoded.counts.slice(1).every((count) => count > 0)).toBe(true);
  });
});

describe('drawn objects', () => {
  it('with masks are blended over where they are, and outlined', async () => {
    const data = Uint8Array.from({ length: 40 * 30 }, (_, i) => Number(i % 40 >= 10));
    using picture = await objects([60, 50, 100, 80], {
      masks: [new InstanceMask({ x: 60, y: 50, width: 40, height: 30 }, data, undefined)],
    }).draw(grey);
    expect(pixel(picture, 85, 65)).toEqual(color.map((value) => (value * 128 + 90 * 128 + 128) >> 8));
    expect(pixel(picture, 70, 65)).toEqual(color);
    expect(pixel(picture, 65, 65)).toEqual([90, 90, 90]);
  });

  it('with oriented boxes show these alone', async () => {
    const rotatedBoxes = Float32Array.of(100, 60, 80, 20, Math.PI / 6);
    using picture = await objects([55, 30, 145, 90], { rotatedBoxes }).draw(grey, { scores: false });
    const corners = cornersOf({ centerX: 100, centerY: 60, width: 80, height: 20, angle: Math.PI / 6 });
    const near = changed(picture);
    corners.forEach(([x, y], i) => {
      const [nextX, nextY] = corners[(i + 1) % 4]!;
      expect(near.has(`${Math.round((x + nextX) / 2)},${Math.round((y + nextY) / 2)}`), `side ${i}`).toBe(true);
    });
    expect(near.has('55,60') || near.has('100,30')).toBe(false);
  });

  it('with keypoints show those that are seen, with bones only for a person of COCO', async () => {
    const five = Float32Array.of(20, 20, 0.9, 60, 20, 0.5, 100, 20, 0.4, NaN, NaN, 0.9, 900, -900, 1);
    using points = await objects([0, 0, 1, 1], { keypoints: five, keypointCount: 5 }).draw(grey);
    expect([pixel(points, 20, 20), pixel(points, 60, 20), pixel(points, 100, 20)]).toEqual([color, color, [90, 90, 90]]);
    expect(changed(points).has('40,20')).toBe(false);
    // Shoulders (5, 6) are joined; a wrist (9) that is not seen hangs on nothing.
    const person = new Float32Array(17 * 3);
    person.set([40, 50, 0.9, 120, 50, 0.9], 5 * 3);
    person.set([40, 80, 0.9], 7 * 3);
    person.set([40, 110, 0.1], 9 * 3);
    using bones = await objects([0, 0, 1, 1], { keypoints: person, keypointCount: 17 }).draw(grey);
    expect(pixel(bones, 80, 50)).toEqual(color);
    expect(pixel(bones, 40, 65)).toEqual(color);
    expect(pixel(bones, 40, 100)).toEqual([90, 90, 90]);
  });

  it('end when they are aborted', async () => {
    const drawing = objects(whole).draw(grey, { signal: AbortSignal.abort() });
    expectFailure(await rejectionOf(drawing), 'ABORTED', /aborted/);
  });
});

it('the corners of an oriented box go clockwise from its upper left', () => {
  const flat = { centerX: 50, centerY: 40, width: 20, height: 10, angle: 0 };
  expect(cornersOf(flat)).toEqual([
    [40, 35],
    [60, 35],
    [60, 45],
    [40, 45],
  ]);
  const [first] = cornersOf({ ...flat, angle: Math.PI / 2 });
  expect(first![0]).toBeCloseTo(55);
  expect(first![1]).toBeCloseTo(30);
});
