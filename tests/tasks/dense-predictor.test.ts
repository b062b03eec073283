import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawFrame } from '../../lib/image/index.js';
import { DenseMap } from '../../lib/results/index.js';
import { DensePredictor, loadTask } from '../../lib/tasks/index.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';
import { brightness, constantModel, DataType, node, type ConstantOutput } from './made-models.js';

/** The brightness itself, 0 to 1. */
const plain = { preprocess: { fit: 'stretch', mean: [0, 0, 0], std: [1, 1, 1], scale: 1 / 255 } } as const;
/** From black on the left to white on the right. */
const ramp: RawFrame = {
  data: Uint8Array.from({ length: 48 * 20 }, (_, i) => Math.round(((i % 48) / 47) * 255)),
  width: 48,
  height: 20,
  format: 'grey',
};
const constant = (name: string, shape: readonly number[], ...values: number[]): ConstantOutput => ({
  name,
  shape,
  values: Float32Array.from(values),
});
const load = (outputs: readonly ConstantOutput[], options = {}, batch = 1): Promise<DensePredictor> =>
  DensePredictor.load(constantModel({ input: [batch, 3, 8, 8], outputs }), { threads: 1, ...options });
const frame: RawFrame = { data: new Uint8Array(18), width: 3, height: 2, format: 'rgb' };
const values = [0, 1, 2, 3, 4, 5];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-dense-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a dense predictor', () => {
  it.each([
    ['[N, H, W]', [1, 2, 3]],
    ['[N, 1, H, W]', [1, 1, 2, 3]],
    ['[N, H, W, 1]', [1, 2, 3, 1]],
  ])('reads an output %s', async (_, shape) => {
    await using predictor = await load([constant('y', shape, ...values)]);
    const map = await predictor.predict(frame);
    expect(map).toBeInstanceOf(DenseMap);
    expect([...map.values]).toEqual(values);
    expect([map.width, map.height, map.min, map.max]).toEqual([3, 2, 0, 5]);
  });

  it('reads float16', async () => {
    await using predictor = await load([{ ...constant('y', [1, 2, 3], ...values), type: DataType.FLOAT16 }]);
    expect([...(await predictor.predict(frame)).values]).toEqual(values);
  });

  it.each(['bilinear', 'bicubic', 'lanczos'] as const)('brings the map to the size of the picture: %s', async (interpolation) => {
    await using predictor = await DensePredictor.load(brightness(), { ...plain, interpolation });
    const map = await predictor.predict(ramp);
    expect([map.width, map.height, map.values.length]).toEqual([48, 20, 960]);
    // Not at the sides, where the filters differ.
    for (let x = 8; x < 40; x++) expect(map.at(x, 10), `at ${x}`).toBeCloseTo(x / 47, 1.5);
    expect(predictor.interpolation).toBe(interpolation);
  });

  it('scales as it is told', async () => {
    const outputs = [constant('y', [1, 2, 3], -3, -2, -1, 0, 1, 7)];
    await using stretched = await load(outputs, { scaling: 'min-max' });
    expect([...(await stretched.predict(frame)).values]).toEqual([-3, -2, -1, 0, 1, 7].map((y) => Math.fround((y + 3) / 10)));
    await using sigmoid = await load(outputs, { scaling: 'sigmoid' });
    const map = await sigmoid.predict(frame);
    expect(map.at(0, 1)).toBe(0.5);
    expect(map.max).toBeCloseTo(1 / (1 + Math.exp(-7)), 5);
  });

  it('takes the first of several outputs of one shape, or the one that is named', async () => {
    const outputs = [constant('a', [1, 2, 3], 1, 1, 1, 1, 1, 1), constant('b', [1, 2, 3], ...values)];
    await using first = await load(outputs);
    expect((await first.predict(frame)).max).toBe(1);
    await using named = await load(outputs, { output: 'b' });
    expect((await named.predict(frame)).max).toBe(5);
  });

  it('passes over what has not the aspect ratio of the input', async () => {
    const tokens = constant('tokens', [1, 5, 9], ...Array<number>(45).fill(9));
    await using predictor = await load([tokens, constant('y', [1, 2, 3], ...values)]);
    expect((await predictor.predict(frame)).max).toBe(5);
  });

  it('gives each picture of a batch its own map, whatever other outputs there are', async () => {
    const outputs = [constant('features', [2, 1], 8, 9), constant('y', [2, 1, 1, 2], 1, 2, 3, 4)];
    await using predictor = await load(outputs, {}, 2);
    const pictures = Array<RawFrame>(3).fill({ data: new Uint8Array(6), width: 2, height: 1, format: 'rgb' });
    const maps = await predictor.predict(pictures);
    expect(maps.map((map) => [...map.values])).toEqual([
      [1, 2],
      [3, 4],
      [1, 2],
    ]);
  });

  it.each([
    ['no map', [constant('y', [1, 6], ...values)], {}, 'MODEL_UNSUPPORTED', /Expected an output of one map/, /createSession/],
    [
      'a map of several channels',
      [constant('y', [1, 2, 3, 2], ...values, ...values)],
      {},
      'MODEL_UNSUPPORTED',
      /y \[1, 2, 3, 2\]/,
      /createSession/,
    ],
    [
      'maps of several shapes',
      [constant('a', [1, 2, 3], ...values), constant('b', [1, 3, 2], ...values)],
      {},
      'MODEL_AMBIGUOUS',
      /a \[1, 2, 3\]; b \[1, 3, 2\]/,
      /output: "a"/,
    ],
    [
      'boxes',
      [constant('output0', [1, 84, 21], ...Array<number>(84 * 21).fill(0))],
      {},
      'MODEL_UNSUPPORTED',
      /of the aspect ratio of its input, 8 x 8, but .*output0 \[1, 84, 21\]/,
      /createSession/,
    ],
    [
      'tokens, though they are named',
      [constant('last_hidden_state', [1, 17, 24], ...Array<number>(17 * 24).fill(0))],
      { output: 'last_hidden_state' },
      'MODEL_UNSUPPORTED',
      /of the aspect ratio of its input/,
      /createSession/,
    ],
    [
      'another map than the one named',
      [constant('a', [1, 2, 3], ...values)],
      { output: 'b' },
      'MODEL_UNSUPPORTED',
      /the output "b" of one map/,
      /output: "a"/,
    ],
  ] as const)('refuses a model with %s', async (_, outputs, options, code, message, hint) => {
    expectFailure(await rejectionOf(load(outputs, options)), code, message, hint);
  });

  it.each([
    [{ scaling: 'minmax' }, 'INVALID_ARGUMENT', /one of none, min-max, sigmoid for scaling/],
    [{ interpolation: 'cubic' }, 'INVALID_ARGUMENT', /one of bilinear, bicubic, lanczos for interpolation/],
    [{ threshold: 0.5 }, 'UNKNOWN_OPTION', /"threshold"/],
  ])('refuses the options %o', async (options, code, message) => {
    const error = await rejectionOf(load([constant('y', [1, 2, 3], ...values)], options));
    expectFailure(error, code as 'INVALID_ARGUMENT', message);
  });

  it('fails where no number is finite, and says of which output', async () => {
    await using predictor = await load([constant('depth', [1, 1, 2], NaN, Infinity)]);
    const error = await rejectionOf(predictor.predict([frame, frame]));
    expectFailure(error, 'ENGINE_FAILED', /^Picture 0: Output "depth" cannot be used: it holds no finite number/, /float16/);
    expect(error.details).toEqual({ output: 'depth', index: 0 });
  });

  it('is what loadTask opens by a name, or where it is told', async () => {
    const outputs = [constant('predicted_depth', [1, 2, 3], ...values)];
    await using named = await loadTask(constantModel({ input: [1, 3, 8, 8], outputs }));
    expect(named).toBeInstanceOf(DensePredictor);
    await using told = await loadTask(brightness(), { task: 'dense', scaling: 'min-max' });
    expect(told instanceof DensePredictor && told.scaling).toBe('min-max');
  });

  it('of any picture size gives a map of any size', async () => {
    const own = brightness({
      input: ['n', 3, 'h', 'w'],
      output: ['n', 1, 'h', 'w'],
      nodes: [node('ReduceMean', 'x', 'y', { axes: [1], keepdims: 1 })],
    });
    await using predictor = await DensePredictor.load(own, { preprocess: { ...plain.preprocess, fit: 'none' } });
    const map = await predictor.predict(ramp);
    map.values.forEach((value, i) => expect(value).toBeCloseTo((ramp.data as Uint8Array)[i]! / 255, 5));
  });
});

/** The levels of a grey PNG. */
async function levelsOf(png: Buffer): Promise<number[]> {
  return [...(await sharp(png).toColourspace('b-w').raw().toBuffer())];
}

describe('a dense map', () => {
  let map: DenseMap;
  beforeAll(async () => {
    await using predictor = await load([constant('y', [1, 2, 3], -1, 0, 1, 2, NaN, 3)]);
    map = await predictor.predict(frame);
  });

  it('tells the value of a pixel, and refuses others', () => {
    expect([map.at(0, 0), map.at(2, 0), map.at(0, 1), map.at(2, 1)]).toEqual([-1, 1, 2, 3]);
    expect(map.at(1, 1)).toBeNaN();
    for (const [x, y, name] of [
      [3, 0, 'x'],
      [-1, 0, 'x'],
      [0, 2, 'y'],
      [0.5, 0, 'x'],
      [0, undefined, 'y'],
    ] as const) {
      const failure = thrownBy(() => map.at(x, y as number));
      expectFailure(failure, 'INVALID_ARGUMENT', new RegExp(`from 0 to \\d for ${name} but`));
    }
  });

  it('is its range in JSON', () => {
    expect(JSON.parse(JSON.stringify(map))).toEqual({ width: 3, height: 2, min: -1, max: 3 });
  });

  it('is a grey PNG from black to white, in memory and in a file', async () => {
    const png = await map.toGreyMap();
    expect(await sharp(png).metadata()).toMatchObject({ format: 'png', width: 3, height: 2, channels: 1 });
    expect(await levelsOf(png)).toEqual([0, 64, 128, 191, 0, 255]);
    const path = join(folder, 'map.png');
    await map.toFile(path);
    expect(readFileSync(path)).toEqual(await map.toGreyMap());
    expectFailure(await rejectionOf(map.toFile(join(folder, 'map.jpg'))), 'INVALID_ARGUMENT', /ends in \.png/, /levels/);
    expectFailure(await rejectionOf(map.toFile(join(folder, 'no/map.png'))), 'OUTPUT_NOT_WRITABLE', /map\.png/);
  });

  it('is black where it is flat', async () => {
    await using predictor = await load([constant('y', [1, 1, 1], 7)]);
    const flat = await predictor.predict(frame);
    expect([flat.min, flat.max]).toEqual([7, 7]);
    expect(await levelsOf(await flat.toGreyMap())).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('is drawn over the picture in colours, dark to bright', async () => {
    using hidden = await map.draw(frame, { opacity: 0 });
    expect(Uint8Array.from(hidden.data)).toEqual(frame.data);
    using colors = await map.draw(frame, { opacity: 1 });
    const light = Array.from({ length: 6 }, (_, i) =>
      colors.data.subarray(i * 3, i * 3 + 3).reduce((sum, value) => sum + value, 0),
    );
    expect(light[0]).toBeLessThan(light[1]!);
    expect(light[1]).toBeLessThan(light[2]!);
    expect(light[2]).toBeLessThan(light[5]!);
    using half = await map.draw(frame);
    expect(half.data[15]).toBeCloseTo(colors.data[15]! * 0.75, -1);
    expectFailure(await rejectionOf(map.draw(frame, { opacity: 2 })), 'INVALID_ARGUMENT', /for opacity/);
    expectFailure(await rejectionOf(map.draw(frame, { alpha: 1 } as never)), 'UNKNOWN_OPTION', /"alpha" in draw options/);
    expectFailure(await rejectionOf(map.draw(ramp)), 'INVALID_ARGUMENT', /a picture of 3 x 2/, /that the result is of/);
    expectFailure(await rejectionOf(map.draw(frame, { signal: AbortSignal.abort() })), 'ABORTED', /aborted/);
  });
});
