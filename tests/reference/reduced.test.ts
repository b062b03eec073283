/** JPEGs decoded smaller against Pillow's draft mode; the fixtures' form is described in reduced.py. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { Preprocess } from '../../lib/image/index.js';

interface Case {
  picture: string;
  width: number;
  height: number;
  factor: number;
  interpolation: 'none' | 'bilinear';
  pixels: string;
}

const fixtures = join(import.meta.dirname, 'fixtures/reduced');
const cases = JSON.parse(readFileSync(join(fixtures, 'reduced.json'), 'utf8')) as Case[];

test.each(cases)('$picture at $width x $height, decoded at 1/$factor', async (expected) => {
  const { width, height } = expected;
  const raw = { fit: 'stretch', width, height, scale: 1, layout: 'nhwc', dtype: 'uint8' } as const;
  const preprocess = new Preprocess({ ...raw, interpolation: 'bilinear-antialias', jpegDecode: 'reduced' });
  const { tensor } = await preprocess.run(join(fixtures, expected.picture));
  const pixels = Buffer.from(expected.pixels, 'base64');
  expect(tensor.data.length).toBe(pixels.length);
  let largest = 0;
  (tensor.data as Uint8Array).forEach((value, i) => (largest = Math.max(largest, Math.abs(value - (pixels[i] as number)))));
  tensor.dispose();
  expect(largest).toBeLessThanOrEqual(expected.interpolation === 'none' ? 0 : 1);
});

describe('placement', () => {
  const odd = cases.filter(({ picture }) => picture.startsWith('odd-'));

  test('every factor is among those compared', () => {
    expect(new Set(odd.map(({ factor }) => factor))).toEqual(new Set([1, 2, 4, 8]));
    expect(new Set(odd.map(({ picture }) => picture)).size).toBe(8);
  });

  test.each(odd)('of $picture at $width x $height is that of the whole picture', async ({ picture, width, height, factor }) => {
    const raw = { fit: 'stretch', width, height, scale: 1, layout: 'nhwc', dtype: 'float32' } as const;
    const exact = new Preprocess({ ...raw, interpolation: 'bilinear-antialias' });
    const path = join(fixtures, picture);
    const whole = await exact.run(path);
    const reduced = await exact.with({ jpegDecode: 'reduced' }).run(path);
    const { sourceWidth, sourceHeight } = whole.placement;
    expect(reduced.placement).toMatchObject({ sourceWidth, sourceHeight, inputWidth: width, inputHeight: height });
    // The picture in the input is up to a pixel of the reduced one smaller; a corner of it is where the placement says.
    const corners = [0, 0, sourceWidth, sourceHeight];
    const beyond = (side: number): number => Math.ceil(side / factor) * factor - side;
    const found = reduced.placement.toInput(corners);
    whole.placement.toInput(corners).forEach((value, i) => {
      const [side, input] = i % 2 === 0 ? [sourceWidth, width] : [sourceHeight, height];
      expect(Math.abs((found[i] as number) - value)).toBeLessThanOrEqual((beyond(side) * input) / side + 1e-5);
    });
    // In the stored picture, red grows by 255 from left to right and green from top to bottom: the colours tell where a pixel comes from.
    const values = reduced.tensor.data as Float32Array;
    const turned = Number(/odd-(\d)/.exec(picture)?.[1]);
    let error = 0;
    let count = 0;
    for (let y = 1; y < height - 1; y++) {
      for (let x = 1; x < width - 1; x++) {
        const [u, v] = reduced.placement.toSource([x + 0.5, y + 0.5]) as unknown as [number, number];
        const [storedX, storedY] = storedPoint(turned, u, v, sourceWidth, sourceHeight);
        if (storedX < 90 && storedY < 95) continue; // there is a mark of another colour
        const at = (y * width + x) * 3;
        error += Math.abs((values[at] as number) - (255 * (storedX - 0.5)) / 202);
        error += Math.abs((values[at + 1] as number) - (255 * (storedY - 0.5)) / 148);
        count += 2;
      }
    }
    whole.tensor.dispose();
    reduced.tensor.dispose();
    expect(count).toBeGreaterThan(100);
    expect(error / count).toBeLessThan(1);
  });
});

/** The point of the stored picture, 203 x 149, that lies at a point of the upright one. */
function storedPoint(orientation: number, x: number, y: number, width: number, height: number): readonly [number, number] {
  const stored: Record<number, readonly [number, number]> = {
    1: [x, y],
    2: [width - x, y],
    3: [width - x, height - y],
    4: [x, height - y],
    5: [y, x],
    6: [y, width - x],
    7: [height - y, width - x],
    8: [height - y, x],
  };
  return stored[orientation] as readonly [number, number];
}

describe('jpegDecode', () => {
  const raw = { width: 25, height: 18, scale: 1, layout: 'nhwc', dtype: 'uint8' } as const;

  test('is exact unless it is asked for', async () => {
    const path = join(fixtures, 'even.jpg');
    const results = await Promise.all(
      [{}, { jpegDecode: 'exact' }, { jpegDecode: 'reduced' }].map((o) => new Preprocess({ ...raw, ...o } as object).run(path)),
    );
    const [plain, exact, reduced] = results.map(({ tensor }) => [...(tensor.data as Uint8Array)]);
    expect(plain).toEqual(exact);
    expect(plain).not.toEqual(reduced);
    for (const { tensor } of results) tensor.dispose();
  });

  test('is stored with the rest', () => {
    const { options } = new Preprocess({ jpegDecode: 'reduced' });
    expect(new Preprocess(JSON.parse(JSON.stringify(options)) as object).options).toEqual(options);
  });

  test('leaves alone what is not shrunk, and what is no JPEG', async () => {
    const { tensor, placement } = await new Preprocess({ ...raw, fit: 'none', jpegDecode: 'reduced' }).run(
      join(fixtures, 'odd-6.jpg'),
    );
    expect(tensor.dims).toEqual([203, 149, 3]);
    expect(placement).toMatchObject({ sourceWidth: 149, sourceHeight: 203, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 });
    tensor.dispose();
    const frame = { data: new Uint8Array(400 * 300).fill(9), width: 400, height: 300, format: 'grey' } as const;
    const small = await new Preprocess({ ...raw, jpegDecode: 'reduced' }).run(frame);
    expect(small.placement).toMatchObject({ sourceWidth: 400, sourceHeight: 300, scaleX: 25 / 400, scaleY: 18 / 300 });
    small.tensor.dispose();
  });
});
