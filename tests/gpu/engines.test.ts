/** How engines are built: profiles, a batch that is free, layers, the timing cache. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import { buildEngine, createSession, EngineBundle, Tensor } from '../../lib/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { gpu, removeWork, where, work } from './machine.js';
import { classifier } from './models.js';

afterAll(removeWork);

const buildMs = 600_000;
const { path: model } = classifier;

/** Of as many pictures, no two alike. */
function pictures(count: number, dims: readonly number[]): Tensor<'float32'> {
  const size = dims.reduce((product, dim) => product * dim, 1);
  return new Tensor(
    'float32',
    Float32Array.from({ length: count * size }, (_, i) => ((i * 7919) % 251) / 250),
    [count, ...dims],
  );
}

async function pictureDims(): Promise<number[]> {
  await using session = await createSession(model, { device: 'cpu' });
  return session.inputs[0]!.shape.slice(1) as number[];
}

describe.skipIf(gpu === undefined)(`an engine ${where}`, () => {
  const { device } = gpu ?? { device: 'tensorrt' };

  it('takes each batch of its range, and computes of each picture what it does alone', { timeout: buildMs }, async () => {
    const { bundle } = await buildEngine(model, { device, bake: false, batch: { min: 1, opt: 4, max: 8 } });
    await using session = await createSession(bundle.path);
    const [{ name }] = session.inputs as [(typeof session.inputs)[number]];
    const output = session.outputs[0]!.name;
    const dims = await pictureDims();
    const all = pictures(8, dims);
    const size = all.size / 8;
    const alone: number[][] = [];
    for (let i = 0; i < 8; i++) {
      using one = await session.run({ [name]: new Tensor('float32', all.data.slice(i * size, (i + 1) * size), [1, ...dims]) });
      alone.push([...one.outputs[output]!.toFloat32()]);
    }
    for (const batch of [1, 3, 4, 8, 2]) {
      using result = await session.run({ [name]: new Tensor('float32', all.data.slice(0, batch * size), [batch, ...dims]) });
      const values = result.outputs[output]!.toFloat32();
      const expected = alone.slice(0, batch).flat();
      expect(values.length).toBe(expected.length);
      // Other batches may have other kernels, and FP32 may be TF32.
      expected.forEach((value, i) => expect(values[i]).toBeCloseTo(value, 1));
    }
    expectFailure(await rejectionOf(session.run({ [name]: pictures(9, dims) })), 'TENSOR_SHAPE', /1 to 8.*received 9/);
  });

  it('picks the profile that fits', { timeout: buildMs }, async () => {
    const dims = await pictureDims();
    const profile = (min: number, max: number) => ({ images: { min: [min, ...dims], opt: [max, ...dims], max: [max, ...dims] } });
    const { bundle } = await buildEngine(model, { device, bake: false, profiles: [profile(1, 2), profile(6, 8)] });
    expect(bundle.manifest.profiles).toHaveLength(2);
    await using session = await createSession(bundle.path, { lanes: 2 });
    const output = session.outputs[0]!.name;
    for (const batch of [1, 8, 2, 6, 1]) {
      using result = await session.run({ images: pictures(batch, dims) });
      expect(result.outputs[output]!.dims[0]).toBe(batch);
    }
    expectFailure(await rejectionOf(session.run({ images: pictures(4, dims) })), 'TENSOR_SHAPE', /1 to 2, or 6 to 8.*received 4/);
  });

  it('tells its layers, and the GPU that it is for', { timeout: buildMs }, async () => {
    const { bundle } = await buildEngine(model, { device, bake: false });
    const opened = await EngineBundle.open(bundle.path);
    // The builder of the stand-in has none.
    if (!gpu!.onStandins) expect((await opened.layers()).length).toBeGreaterThan(0);
    expect(opened.manifest.engine.gpu?.name).toBeTruthy();
    expect(where).toContain(gpu!.onStandins ? 'stand-ins' : opened.manifest.engine.gpu!.name);
  });

  it.skipIf(gpu?.onStandins)('leaves times of kernels to the next build', { timeout: buildMs }, async () => {
    const times = (): [string, number][] => {
      const folder = join(work, 'cache/timing');
      return readdirSync(folder).map((name) => [name, statSync(join(folder, name)).size]);
    };
    await buildEngine(model, { device, cache: false });
    const [first] = times() as [[string, number]];
    expect(first[1]).toBeGreaterThan(0);
    await buildEngine(model, { device, cache: false, batch: 2 });
    expect(times()).toEqual([[first[0], expect.any(Number)]]);
    expect(times()[0]![1]).toBeGreaterThanOrEqual(first[1]);
  });
});
