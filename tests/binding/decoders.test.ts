/** The addon's decoders, called past the tasks that check what they are given. */
import { describe, expect, it } from 'vitest';
import { native, settle, type NativeDetectionSpec, type NativeLeased, type NativePlacement } from '../../lib/binding/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';

const placement: NativePlacement = {
  sourceWidth: 64,
  sourceHeight: 64,
  inputWidth: 64,
  inputHeight: 64,
  scaleX: 1,
  scaleY: 1,
  offsetX: 0,
  offsetY: 0,
};

/** Numbers in native memory, as the engine's outputs are. */
function leased(...values: number[]): NativeLeased {
  const lease = native().leaseAllocate(values.length * 4);
  const data = new Float32Array(lease.buffer);
  data.set(values);
  return { data, lease: lease.handle };
}

const spec: NativeDetectionSpec = {
  head: 'end-to-end',
  classes: 2,
  anchors: 1,
  strides: [],
  priors: undefined,
  activation: 'none',
  pointsPerCell: 1,
  keypoints: 0,
  keypointValues: 3,
  maskCoefficients: 0,
  rotated: false,
  scoreThreshold: 0.25,
  iouThreshold: 0.45,
  maxDetections: 300,
  classAgnostic: false,
  classFilter: [],
};
const row = [8, 8, 24, 16, 0.5, 1];

const decode = (
  outputs: readonly NativeLeased[],
  change: Partial<NativeDetectionSpec> = {},
  prototypes?: readonly number[],
  where: Partial<NativePlacement> = {},
) =>
  settle(
    (operation) => native().detectionsDecode(outputs, { ...spec, ...change }, prototypes, { ...placement, ...where }, operation),
    undefined,
  );

describe('detectionsDecode', () => {
  it('gives what the spec asks for, and no more', async () => {
    const { boxes, scores, classIds, ...rest } = await decode([leased(...row)]);
    expect([[...boxes], [...scores], [...classIds]]).toEqual([[8, 8, 24, 16], [0.5], [1]]);
    expect(Object.keys(rest)).toEqual(['elapsedMs']);
    const keypoints = await decode([leased(...row, 3, 4)], { keypoints: 1, keypointValues: 2 });
    expect([...(keypoints.keypoints ?? [])]).toEqual([3, 4, 1]);
    const rotated = await decode([leased(...row, 0)], { rotated: true });
    expect([...(rotated.rotatedBoxes ?? [])]).toEqual([8, 8, 24, 16, 0]);
  });

  it('gives masks in one piece of memory, and none where no mask has a pixel', async () => {
    const prototypes = leased(1, 1, 1, 1);
    const { masks } = await decode([leased(...row, 1), prototypes], { maskCoefficients: 1 }, [1, 2, 2]);
    expect([...(masks?.areas ?? [])]).toEqual([8, 8, 16, 8]);
    expect(new Uint8Array(masks!.lease!.buffer)).toEqual(new Uint8Array(128).fill(1));
    const none = await decode([leased(8.25, 8.25, 8.5, 8.5, 0.5, 1, 1), prototypes], { maskCoefficients: 1 }, [1, 2, 2]);
    expect([...(none.masks?.areas ?? [])]).toEqual([9, 9, 0, 0]);
    expect(none.masks?.lease).toBeUndefined();
  });

  it.each([
    ['no output', [], {}, undefined, {}, 'INTERNAL'],
    ['an output that is too short', [row.slice(1)], {}, undefined, {}, 'INTERNAL'],
    ['an output that is too long', [[...row, 0]], {}, undefined, {}, 'INTERNAL'],
    ['prototypes that are missing', [[...row, 1]], { maskCoefficients: 1 }, [1, 2, 2], {}, 'INTERNAL'],
    [
      'prototypes of another size',
      [
        [...row, 1],
        [1, 1, 1],
      ],
      { maskCoefficients: 1 },
      [1, 2, 2],
      {},
      'INTERNAL',
    ],
    ['prototypes of no size', [[...row, 1], [1]], { maskCoefficients: 1 }, [1, -1, -1], {}, 'INVALID_ARGUMENT'],
    ['more prototypes than coefficients', [row, [1, 1]], {}, [2, 1, 1], {}, 'INTERNAL'],
    ['a count below zero', [row], { anchors: -1 }, undefined, {}, 'INVALID_ARGUMENT'],
    ['extras of a head that has none', [row], { head: 'rt-detr-end-to-end', rotated: true }, undefined, {}, 'INVALID_ARGUMENT'],
    ['a placement without size', [row], {}, undefined, { inputWidth: 0 }, 'INVALID_ARGUMENT'],
    ['a placement that is no number', [row], {}, undefined, { offsetX: NaN }, 'INVALID_ARGUMENT'],
  ] as const)('refuses %s', async (_, outputs, change, prototypes, where, code) => {
    const tensors = outputs.map((values) => leased(...values));
    expectFailure(await rejectionOf(decode(tensors, change, prototypes, where)), code, /./);
  });

  it('refuses a head it does not know, and arrays that lie in no lease', () => {
    expect(() => native().detectionsDecode([leased(...row)], { ...spec, head: 'yolov4' }, undefined, placement)).toThrow();
    const stray = { data: Float32Array.from(row), lease: leased(...row).lease };
    expect(() => native().detectionsDecode([stray], spec, undefined, placement)).toThrow();
  });
});

describe('detectionsMerge', () => {
  const options = { metric: 'ios', threshold: 0.5, grow: true, classAgnostic: false, maxDetections: 10 };

  it('reads no further than the shortest array', async () => {
    const boxes = Float32Array.of(0, 0, 4, 4, 0, 0, 8, 4, 9);
    const { kept, boxes: merged } = await native().detectionsMerge(
      boxes,
      Float32Array.of(1, 0.5, 0.1),
      Int32Array.of(0, 0, 0),
      options,
    );
    expect([[...kept], [...merged]]).toEqual([[0], [0, 0, 8, 4]]);
    const none = await native().detectionsMerge(boxes, new Float32Array(), Int32Array.of(0), options);
    expect([none.kept.length, none.boxes.length]).toEqual([0, 0]);
  });

  it('has read its arrays when it returns', async () => {
    const boxes = Float32Array.of(0, 0, 4, 4);
    const merging = native().detectionsMerge(boxes, Float32Array.of(1), Int32Array.of(0), options);
    boxes.fill(99);
    expect([...(await merging).boxes]).toEqual([0, 0, 4, 4]);
  });
});

describe('denseMapDecode', () => {
  const map = { height: 1, width: 2, scaling: 'none', interpolation: 'bilinear' };
  const decodeMap = (output: NativeLeased, change = {}, where = {}) =>
    settle(
      (operation) => native().denseMapDecode(output, { ...map, ...change }, { ...placement, ...where }, operation),
      undefined,
    );

  it('gives a number for each pixel, which stay when the output is gone', async () => {
    const output = leased(1, 3);
    const { values, min, max } = await decodeMap(output, {}, { sourceWidth: 4, sourceHeight: 1, scaleX: 16, scaleY: 64 });
    native().leaseRelease(output.lease, output.data.buffer as ArrayBuffer);
    expect([...new Float32Array(values.buffer)]).toEqual([1, 1.5, 2.5, 3]);
    expect([min, max]).toEqual([1, 3]);
  });

  it.each([
    ['another number of points', { width: 3 }, {}, 'INTERNAL'],
    ['no points', { width: 0, height: 0 }, {}, 'INVALID_ARGUMENT'],
    ['sizes below zero', { width: -1, height: -2 }, {}, 'INVALID_ARGUMENT'],
    ['a placement without size', {}, { sourceWidth: -1, sourceHeight: -1 }, 'INVALID_ARGUMENT'],
  ] as const)('refuses %s', async (_, change, where, code) => {
    expectFailure(await rejectionOf(decodeMap(leased(1, 3), change, where)), code, /./);
  });
});
