/** What observers keep of the outputs of models, held against the same outputs counted in JavaScript. */
import { describe, expect, it } from 'vitest';

import { findRange, maxBins, TensorObserver, type TensorStatistics } from '../../lib/precision/index.js';
import { createSession, type Session } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { fixture, shared } from '../session/fixtures.js';

const ultraface = shared('models/ultraface_rfb_320.onnx');
const identityFloat32 = fixture('identity_float32.onnx');
const identityFloat16 = fixture('identity_float16.onnx');

/** Reproducible, from -0.5 to 0.5 and beyond by `scale`. */
function noise(count: number, seed: number, scale = 1): Float32Array {
  let state = seed * 2654435761 + 1;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32 - 0.5) * scale;
  });
}

function plainBins(values: Float32Array, min: number, max: number): TensorStatistics['histogram'] {
  const fits = (e: number): boolean =>
    Math.floor(max / 2 ** e) - Math.floor(min / 2 ** e) < maxBins && Math.max(-min, max) < 2 ** (24 + e);
  let exponent = 120;
  while (exponent > -126 && fits(exponent - 1)) exponent--;
  const first = Math.floor(min / 2 ** exponent);
  const counts = new Float64Array(Math.floor(max / 2 ** exponent) - first + 1);
  for (const value of values) {
    const bin = Math.floor(value / 2 ** exponent) - first;
    counts[bin] = (counts[bin] as number) + 1;
  }
  return { exponent, first, counts };
}

/** `pictures`: the same output, [1, C, ...] each, of every picture. */
function plainStatistics(name: string, pictures: readonly Tensor<'float32'>[]): TensorStatistics {
  const least = (values: Float32Array): number => values.reduce((a, b) => Math.min(a, b), Infinity);
  const greatest = (values: Float32Array): number => values.reduce((a, b) => Math.max(a, b), -Infinity);
  const all = new Float32Array(pictures.reduce((sum, picture) => sum + picture.size, 0));
  let offset = 0;
  for (const picture of pictures) {
    all.set(picture.data, offset);
    offset += picture.size;
  }
  const [min, max] = [least(all), greatest(all)];
  const { dims } = pictures[0] as Tensor;
  const channels = dims[1] as number;
  const inner = dims.slice(2).reduce((a, b) => a * b, 1);
  const ofChannel = Array.from({ length: channels }, (_, c) =>
    Float32Array.from(pictures.flatMap(({ data }) => [...data.subarray(c * inner, (c + 1) * inner)])),
  );
  const mean = (values: Float32Array, of: (x: number) => number): number =>
    values.reduce((sum, x) => sum + of(x), 0) / values.length;
  return {
    ...{ name, count: all.length, nonFinite: 0, min, max },
    pictures: {
      min: Float32Array.from(pictures, (picture) => least(picture.data)),
      max: Float32Array.from(pictures, (picture) => greatest(picture.data)),
    },
    histogram: plainBins(all, min, max),
    channels: {
      min: Float32Array.from(ofChannel, least),
      max: Float32Array.from(ofChannel, greatest),
      mean: Float64Array.from(ofChannel, (values) => mean(values, (x) => x)),
      meanSquare: Float64Array.from(ofChannel, (values) => mean(values, (x) => x * x)),
    },
  };
}

function expectLike(found: TensorStatistics, wanted: TensorStatistics): void {
  const { channels, ...rest } = found;
  const { channels: wantedChannels, ...wantedRest } = wanted;
  expect(rest).toEqual(wantedRest);
  expect(channels?.min).toEqual(wantedChannels?.min);
  expect(channels?.max).toEqual(wantedChannels?.max);
  for (const key of ['mean', 'meanSquare'] as const) {
    channels?.[key].forEach((value, i) => expect(value).toBeCloseTo(wantedChannels?.[key][i] as number, 6));
  }
}

async function identity(values: Float32Array, observer: TensorObserver, picture: number): Promise<void> {
  const session = await createSession(identityFloat32);
  await session.observe({ x: new Tensor('float32', values, [values.length / 3, 3]) }, observer, { picture });
  await session.dispose();
}

describe('session.observe', () => {
  it.skipIf(ultraface === undefined)('counts what a real model puts out, in any order, on two lanes', async () => {
    const session = await createSession(ultraface as string, { lanes: 2, threads: 1 });
    const input = session.inputs[0]?.name as string;
    const pictures = [1, 2, 3].map((seed) => new Tensor('float32', noise(3 * 240 * 320, seed, seed), [1, 3, 240, 320]));
    const wanted: Record<string, Tensor<'float32'>[]> = {};
    for (const picture of pictures) {
      const { outputs } = await session.run({ [input]: picture });
      for (const [name, tensor] of Object.entries(outputs)) (wanted[name] ??= []).push(tensor as Tensor<'float32'>);
    }
    using observer = new TensorObserver(session.outputs.map(({ name }) => ({ name, channelAxis: 1 })));
    const observe = (number: number): ReturnType<Session['observe']> =>
      session.observe({ [input]: pictures[number] as Tensor }, observer, { picture: number });
    const results = await Promise.all([2, 0, 1].map(observe));
    expect(results.every(({ computeMs, observeMs, queueMs }) => computeMs > 0 && observeMs > 0 && queueMs >= 0)).toBe(true);
    const statistics = await observer.statistics();
    expect(statistics.map(({ name }) => name)).toEqual(session.outputs.map(({ name }) => name));
    for (const found of statistics) expectLike(found, plainStatistics(found.name, wanted[found.name] as Tensor<'float32'>[]));
    await session.dispose();
  });

  it('leaves outputs alone that are not observed', async () => {
    const session = await createSession(identityFloat32);
    using observer = new TensorObserver([{ name: 'another' }]);
    const input = { x: new Tensor('float32', new Float32Array(3), [1, 3]) };
    await expect(session.observe(input, observer, { picture: 0 })).rejects.toMatchObject({ code: 'TENSOR_NAME' });
    await session.dispose();
  });

  it('reads float16', async () => {
    const session = await createSession(identityFloat16);
    using observer = new TensorObserver([{ name: 'y' }]);
    await session.observe({ x: Tensor.fromFloat32([1, -2, NaN], [1, 3], 'float16') }, observer, { picture: 0 });
    const [found] = await observer.statistics();
    expect(found).toMatchObject({ count: 2, nonFinite: 1, min: -2, max: 1 });
    await session.dispose();
  });

  it('counts a picture in all tensors or in none', async () => {
    const session = await createSession(identityFloat32);
    using observer = new TensorObserver([{ name: 'y', channelAxis: 0 }]);
    const run = (height: number, signal?: AbortSignal): ReturnType<Session['observe']> =>
      session.observe({ x: new Tensor('float32', noise(3 * height, 1), [height, 3]) }, observer, { picture: 0, signal });
    await run(4);
    await expect(run(5)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('4 channels') });
    await expect(run(4, AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
    expect((await observer.statistics())[0]?.count).toBe(12);
    await session.dispose();
    await expect(run(4)).rejects.toMatchObject({ code: 'DISPOSED' });
  });
});

describe('TensorObserver', () => {
  it('goes on from statistics to what one observer would have', async () => {
    const pictures = [noise(999, 1), noise(999, 2, 50), noise(999, 3, 1e-3)];
    using whole = new TensorObserver([{ name: 'y' }]);
    for (const [i, picture] of pictures.entries()) await identity(picture, whole, i);
    using first = new TensorObserver([{ name: 'y' }]);
    await identity(pictures[0] as Float32Array, first, 0);
    using second = await TensorObserver.from(await first.statistics());
    await identity(pictures[1] as Float32Array, second, 1);
    using third = new TensorObserver([{ name: 'y' }]);
    await identity(pictures[2] as Float32Array, third, 0);
    await second.add(await third.statistics());
    expect(await second.statistics()).toEqual(await whole.statistics());
  });

  it('keeps channels when it goes on', async () => {
    using first = new TensorObserver([{ name: 'y', channelAxis: 1 }]);
    await identity(noise(9, 1), first, 0);
    const statistics = await first.statistics();
    await expect(TensorObserver.from(statistics)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    using second = await TensorObserver.from(statistics, { y: 1 });
    expect(await second.statistics()).toEqual(statistics);
  });

  it('refuses statistics of other tensors, and such that cannot be', async () => {
    using observer = new TensorObserver([{ name: 'y' }]);
    await identity(noise(99, 1), observer, 0);
    const [found] = (await observer.statistics()) as [TensorStatistics];
    await expect(observer.add([{ ...found, name: 'z' }])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(observer.add([found, found])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(observer.add([{ ...found, count: 98 }])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect((await observer.statistics())[0]?.count).toBe(99);
  });

  it('keeps a place for each picture, one without finite elements too', async () => {
    using observer = new TensorObserver([{ name: 'y' }]);
    await identity(Float32Array.of(1, -2, 0), observer, 0);
    await identity(new Float32Array(3).fill(NaN), observer, 1);
    await identity(Float32Array.of(5, 4, 6), observer, 2);
    const [found] = (await observer.statistics()) as [TensorStatistics];
    expect(found).toMatchObject({ count: 6, nonFinite: 3, min: -2, max: 6 });
    expect(found.pictures).toEqual({ min: Float32Array.of(-2, Infinity, 4), max: Float32Array.of(1, -Infinity, 6) });
    using second = await TensorObserver.from([found]);
    expect(await second.statistics()).toEqual([found]);
    expect(await findRange(found, { method: 'moving-average', symmetric: false })).toMatchObject({ min: 0, max: 3.5 });
  });

  it('goes on with a tensor whatever it is called', async () => {
    const empty = {
      ...{ name: 'constructor', count: 0, nonFinite: 0, min: 0, max: 0 },
      pictures: { min: new Float32Array(0), max: new Float32Array(0) },
      histogram: { exponent: 0, first: 0, counts: new Float64Array(0) },
    };
    using observer = await TensorObserver.from([empty]);
    expect(observer.tensors).toEqual([{ name: 'constructor' }]);
  });

  it('takes in statistics of all tensors or of none', async () => {
    using source = new TensorObserver([{ name: 'y' }]);
    await identity(noise(9, 1), source, 0);
    const [found] = (await source.statistics()) as [TensorStatistics];
    using observer = new TensorObserver([{ name: 'a' }, { name: 'b' }]);
    const [sound, odd] = [
      { ...found, name: 'a' },
      { ...found, name: 'b', nonFinite: -1 },
    ];
    await expect(observer.add([sound, odd])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect((await observer.statistics()).map(({ count }) => count)).toEqual([0, 0]);
  });

  it('tells what was given wrongly', () => {
    const make = (tensors: unknown) => () => new TensorObserver(tensors as []);
    expect(make([])).toThrow(/array of tensors/);
    expect(make([{ name: 'a' }, { name: 'a' }])).toThrow(/occurs once/);
    expect(make([{ name: '' }])).toThrow(/name of a tensor/);
    expect(make([{ name: 'a', channelAxis: -1 }])).toThrow(/channelAxis/);
    expect(make([{ name: 'a', axis: 1 }])).toThrow(/Unknown option/);
  });

  it('is used no more once it was disposed', async () => {
    const observer = new TensorObserver([{ name: 'y' }]);
    observer.dispose();
    observer.dispose();
    await expect(observer.statistics()).rejects.toMatchObject({ code: 'DISPOSED' });
  });
});
