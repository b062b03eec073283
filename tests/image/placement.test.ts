import { describe, expect, it } from 'vitest';
import { Placement, Preprocess, type PreprocessOptions } from '../../lib/image/index.js';
import { asFrame, gradient } from './made-pictures.js';

async function placementOf(options: Partial<PreprocessOptions>, width: number, height: number): Promise<Placement> {
  const { tensor, placement } = await new Preprocess(options).run(asFrame(gradient(width, height)));
  tensor.dispose();
  return placement;
}

const fits: readonly (readonly [string, Partial<PreprocessOptions>])[] = [
  ['letterbox', { fit: 'letterbox', width: 64, height: 48 }],
  ['letterbox at the top left', { fit: 'letterbox', anchor: 'top-left', rounding: 'floor', width: 64, height: 64 }],
  ['stretch', { fit: 'stretch', width: 31, height: 77 }],
  ['crop', { fit: 'crop', resizeEdge: 40, width: 32, height: 32 }],
  ['none', { fit: 'none' }],
];
const sizes = [
  [100, 50],
  [33, 101],
  [20, 20],
  [7, 5],
] as const;

describe.each(fits)('%s', (_, options) => {
  it.each(sizes)('of %i x %i maps points there and back', async (width, height) => {
    const placement = await placementOf(options, width, height);
    expect(placement).toMatchObject({ sourceWidth: width, sourceHeight: height });
    const points = [0, 0, width, height, width / 3, height / 7, -5, 1000];
    const back = placement.toSource(placement.toInput(points));
    points.forEach((value, i) => expect(back[i]).toBeCloseTo(value, 3));
  });

  it.each(sizes)('of %i x %i maps a mask back so that each pixel finds its own', async (width, height) => {
    const placement = await placementOf(options, width, height);
    const { inputWidth, inputHeight } = placement;
    // In the input, mark what lies left of the middle of the picture.
    const middle = placement.toInput([width / 2, height / 2])[0] as number;
    const mask = Uint8Array.from({ length: inputWidth * inputHeight }, (__, i) => ((i % inputWidth) + 0.5 < middle ? 1 : 0));
    const result = placement.maskToSource(mask);
    expect(result.length).toBe(width * height);
    const slack = Math.ceil(1 / placement.scaleX);
    for (let x = 0; x < width; x++) {
      if (Math.abs(x + 0.5 - width / 2) <= slack) continue;
      expect(result[x + width * Math.floor(height / 2)], `column ${x}`).toBe(x < width / 2 ? 1 : 0);
    }
  });
});

describe('the corners of the picture', () => {
  it('lie where the letterbox puts them', async () => {
    const placement = await placementOf({ fit: 'letterbox', width: 64, height: 64 }, 100, 50);
    expect([...placement.toInput([0, 0, 100, 50])]).toEqual([0, 16, 64, 48]);
    expect([...placement.toSource([0, 16, 64, 48])]).toEqual([0, 0, 100, 50]);
  });

  it('agree with the pixels of the input', async () => {
    const white = { data: new Uint8Array(37 * 90 * 3).fill(255), width: 37, height: 90, format: 'rgb' as const };
    const preprocess = Preprocess.preset('yolo', { width: 64, height: 64, scale: 1 });
    const { tensor, placement } = await preprocess.run(white);
    const inside = [...(tensor.data as Float32Array).subarray(0, 64)].map((value) => value === 255);
    const [left, , right] = placement.toInput([0, 0, 37, 90]);
    expect(inside.indexOf(true)).toBe(left);
    expect(inside.lastIndexOf(true) + 1).toBe(right);
    tensor.dispose();
  });

  it('of a crop lie outside the input', async () => {
    const placement = await placementOf({ fit: 'crop', resizeEdge: 40, width: 32, height: 32 }, 80, 40);
    const [left, top, right, bottom] = placement.toInput([0, 0, 80, 40]) as unknown as [number, number, number, number];
    expect([left, top, right, bottom]).toEqual([-24, -4, 56, 36]);
    // What was cut off takes the nearest value there is.
    const columns = Uint8Array.from({ length: 32 * 32 }, (_, i) => i % 32);
    const row = placement.maskToSource(columns).subarray(0, 80);
    expect([row[0], row[23], row[24], row[55], row[79]]).toEqual([0, 0, 0, 31, 31]);
  });
});

it('is plain data', () => {
  const init = { sourceWidth: 4, sourceHeight: 2, inputWidth: 8, inputHeight: 8, scaleX: 2, scaleY: 2, offsetX: 0, offsetY: 2 };
  const placement = new Placement(JSON.parse(JSON.stringify(new Placement(init))) as Placement);
  expect({ ...placement }).toEqual(init);
  expect([...placement.toSource([8, 6])]).toEqual([4, 2]);
});
