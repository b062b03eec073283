import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { native } from '../../lib/binding/index.js';
import { createSession, type Session } from '../../lib/session/index.js';
import { dtypes, Tensor, typedArrays, type DType, type TypedArrayOf } from '../../lib/tensor/index.js';
import { fixture } from './fixtures.js';

const floats = (values: readonly number[], dims: readonly number[]): Tensor<'float32'> =>
  new Tensor('float32', Float32Array.from(values), dims);
const values = (tensor: Tensor | undefined): unknown[] => [...(tensor as Tensor).data];

describe('a model of fixed shapes', () => {
  let session: Session;
  const a = floats([1, 2, 3, 4, 5, 6], [2, 3]);
  const b = floats([6, 5, 4, 3, 2, 1], [2, 3]);

  beforeAll(async () => {
    session = await createSession(fixture('fixed.onnx'));
  });
  afterAll(() => session.dispose());

  it('tells its inputs and outputs', () => {
    expect(session.inputs).toEqual([
      { name: 'a', dtype: 'float32', shape: [2, 3] },
      { name: 'b', dtype: 'float32', shape: [2, 3] },
    ]);
    expect(session.outputs.map(({ name }) => name)).toEqual(['sum', 'difference']);
    expect(session.device).toBe('cpu');
    expect(session.deviceReason).toMatch(/CUDA/);
    expect(session.runtime.name).toBe('onnxruntime');
    expect(session.runtime.version).toMatch(/^1\.\d+\.\d+/);
    expect(session.lanes).toBe(1);
  });

  it('runs by name, whatever the order', async () => {
    const { outputs } = await session.run({ b, a });
    expect(values(outputs['sum'])).toEqual([7, 7, 7, 7, 7, 7]);
    expect(values(outputs['difference'])).toEqual([-5, -3, -1, 1, 3, 5]);
    expect(outputs['sum']?.dims).toEqual([2, 3]);
    expect(outputs['sum']?.dtype).toBe('float32');
    expect(outputs['sum']?.native).toBe(true);
  });

  it('computes only what is asked for', async () => {
    const { outputs } = await session.run({ a, b }, { outputs: ['difference', 'difference'] });
    expect(Object.keys(outputs)).toEqual(['difference']);
    expect(values(outputs['difference'])).toEqual([-5, -3, -1, 1, 3, 5]);
  });

  it('writes into tensors that are given, in place', async () => {
    const sum = Tensor.allocate('float32', [2, 3]);
    const kept = sum.data;
    const { outputs, copiedBytes } = await session.run({ a, b }, { outputs: { sum } });
    expect(outputs['sum']).toBe(sum);
    expect([...kept]).toEqual([7, 7, 7, 7, 7, 7]);
    expect(copiedBytes).toBe(48);
    sum.dispose();
  });

  it('writes into a part of a larger tensor', async () => {
    const batch = Tensor.allocate('float32', [2, 2, 3]);
    batch.data.fill(-1);
    await session.run({ a, b }, { outputs: { sum: batch.subtensor(1).reshape([2, 3]) } });
    expect(values(batch)).toEqual([-1, -1, -1, -1, -1, -1, 7, 7, 7, 7, 7, 7]);
    batch.dispose();
  });

  it('counts every byte that it copies', async () => {
    const nativeA = Tensor.allocate('float32', [2, 3]);
    const nativeB = Tensor.allocate('float32', [2, 3]);
    nativeA.data.set(a.data);
    nativeB.data.set(b.data);
    const copied = async (first: Tensor, second: Tensor): Promise<number> => {
      using result = await session.run({ a: first, b: second });
      expect(values(result.outputs['sum'])).toEqual([7, 7, 7, 7, 7, 7]);
      return result.copiedBytes;
    };
    expect(await copied(a, b)).toBe(48);
    expect(await copied(nativeA, b)).toBe(24);
    expect(await copied(nativeA, nativeB)).toBe(0);
    nativeA.dispose();
    nativeB.dispose();
  });

  it('has copied what it needs before it returns', async () => {
    const data = Float32Array.from(a.data);
    const running = session.run({ a: new Tensor('float32', data, [2, 3]), b });
    data.fill(NaN);
    using result = await running;
    expect(values(result.outputs['sum'])).toEqual([7, 7, 7, 7, 7, 7]);
  });

  it('may be given tensors that are disposed of while it runs', async () => {
    const input = Tensor.allocate('float32', [2, 3]);
    input.data.set(a.data);
    const running = session.run({ a: input, b });
    input.dispose();
    // Whoever comes next must not get the memory while the run reads it.
    const others = Array.from({ length: 20 }, () => Tensor.allocate('float32', [2, 3]));
    for (const other of others) other.data.fill(NaN);
    using result = await running;
    expect(values(result.outputs['sum'])).toEqual([7, 7, 7, 7, 7, 7]);
    for (const other of others) other.dispose();
  });

  it('gives outputs whose memory is reused after dispose, and only then', async () => {
    const first = await session.run({ a, b });
    const kept = values(first.outputs['sum']);
    using second = await session.run({ a: b, b: b });
    expect(values(first.outputs['sum'])).toEqual(kept);
    first.dispose();
    const before = native().memoryStatistics();
    for (let i = 0; i < 50; i++) (await session.run({ a, b })).dispose();
    const after = native().memoryStatistics();
    expect(after.allocations).toBe(before.allocations);
    expect(after.reuses - before.reuses).toBe(50 * 4);
    expect(values(second.outputs['sum'])).toEqual([12, 10, 8, 6, 4, 2]);
  });

  it('tells how long it waited and computed', async () => {
    using result = await session.run({ a, b });
    expect(result.queueMs).toBeGreaterThanOrEqual(0);
    expect(result.computeMs).toBeGreaterThan(0);
  });

  it('queues any number of runs', async () => {
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, i) => session.run({ a: floats(new Array(6).fill(i), [2, 3]), b })),
    );
    results.forEach((result, i) => expect(result.outputs['sum']?.data[0]).toBe(i + 6));
    for (const result of results) result.dispose();
  });
});

describe('elements of every type', () => {
  const samples: Partial<Record<DType, readonly (number | bigint)[]>> = {
    float32: [0.1, -0, Infinity],
    float64: [0.1, Number.MIN_VALUE, -1e300],
    float16: [0x3c00, 0x0001, 0xfbff],
    bfloat16: [0x3f80, 0x0001, 0xff7f],
    int8: [-128, 0, 127],
    uint16: [0, 1, 65535],
    int64: [-(2n ** 63n), 0n, 2n ** 63n - 1n],
    uint64: [0n, 1n, 2n ** 64n - 1n],
    bool: [0, 1, 1],
  };

  it.each(dtypes)('%s goes through unchanged', async (dtype) => {
    await using session = await createSession(fixture(`identity_${dtype}.onnx`), { threads: 1 });
    expect(session.inputs[0]).toEqual({ name: 'x', dtype, shape: ['n', 3] });
    const sample = samples[dtype] ?? [0, 1, 2];
    const data = new typedArrays[dtype](3) as TypedArrayOf<typeof dtype>;
    sample.forEach((value, i) => ((data as (number | bigint)[] & typeof data)[i] = value));
    for (const native of [false, true]) {
      const x = native ? Tensor.allocate(dtype, [1, 3]) : new Tensor(dtype, data, [1, 3]);
      if (native) x.data.set(data as never);
      using result = await session.run({ x });
      expect(result.outputs['y']?.dtype).toBe(dtype);
      expect(values(result.outputs['y'])).toEqual([...data]);
      expect(result.copiedBytes).toBe(native ? 0 : data.byteLength);
      x.dispose();
    }
  });
});

describe('shapes that only a run tells', () => {
  it('takes any batch, and any size of a nameless dimension', async () => {
    await using session = await createSession(fixture('dynamic.onnx'));
    expect(session.inputs[0]?.shape).toEqual(['batch', null, 4]);
    expect(session.outputs[0]?.shape).toEqual(['batch', null, 3]);
    for (const [batch, rows] of [
      [1, 1],
      [3, 5],
      [64, 2],
    ] as const) {
      const images = floats(new Array(batch * rows * 4).fill(2), [batch, rows, 4]);
      using result = await session.run({ images });
      const scores = result.outputs['scores'] as Tensor;
      expect(scores.dims).toEqual([batch, rows, 3]);
      // 2 * (0 + 3 + 6 + 9) / 8 + 1, and so on for the other columns.
      expect([...scores.data.subarray(-3)]).toEqual([5.5, 7.5, 9.5]);
    }
  });

  it('gives outputs whose size depends on the values', async () => {
    await using session = await createSession(fixture('nonzero.onnx'));
    expect(session.outputs[0]).toEqual({ name: 'indices', dtype: 'int64', shape: [2, 'count'] });
    using some = await session.run({ x: floats([0, 5, 0, 7], [2, 2]) });
    expect(some.outputs['indices']?.dims).toEqual([2, 2]);
    expect(values(some.outputs['indices'])).toEqual([0n, 1n, 1n, 1n]);
    using none = await session.run({ x: floats([0, 0], [1, 2]) });
    expect(none.outputs['indices']?.dims).toEqual([2, 0]);
    expect(values(none.outputs['indices'])).toEqual([]);
  });

  it('keeps such outputs after the session is gone', async () => {
    const session = await createSession(fixture('nonzero.onnx'));
    const result = await session.run({ x: floats([1, 0, 1], [1, 3]) });
    await session.dispose();
    expect(values(result.outputs['indices'])).toEqual([0n, 0n, 0n, 2n]);
    result.dispose();
  });

  it('gives scalars', async () => {
    await using session = await createSession(fixture('scalar.onnx'));
    using result = await session.run({ x: floats([1, 2, 3.5], [3]) });
    expect(result.outputs['total']?.dims).toEqual([]);
    expect(values(result.outputs['total'])).toEqual([6.5]);
  });

  it('takes and gives any rank where the model declares none', async () => {
    await using session = await createSession(fixture('unranked.onnx'));
    for (const dims of [[], [4], [2, 1, 2]]) {
      const data = new Array<number>(dims.reduce((product, dim) => product * dim, 1)).fill(3);
      using result = await session.run({ x: floats(data, dims) });
      expect(result.outputs['y']?.dims).toEqual(dims);
      expect(values(result.outputs['y'])).toEqual(data.map((value) => -value));
    }
  });

  it('does not ask for inputs that have a default', async () => {
    await using session = await createSession(fixture('default_input.onnx'));
    expect(session.inputs.map(({ name }) => name)).toEqual(['x']);
    using result = await session.run({ x: floats([1, 2], [2]) });
    expect(values(result.outputs['y'])).toEqual([11, 22]);
  });
});

describe('several lanes', () => {
  it('give what one gives', async () => {
    const inputs = Array.from({ length: 60 }, (_, i) => floats([i, i + 1, i + 2, i * i], [1, 1, 4]));
    const run = async (lanes: number): Promise<unknown[]> => {
      await using session = await createSession(fixture('dynamic.onnx'), { lanes });
      expect(session.lanes).toBe(lanes);
      const results = await Promise.all(inputs.map((images) => session.run({ images })));
      const all = results.map((result) => values(result.outputs['scores']));
      for (const result of results) result.dispose();
      return all;
    };
    expect(await run(4)).toEqual(await run(1));
  });

  it('run at the same time', async () => {
    await using session = await createSession(fixture('loop.onnx'), { lanes: 2, threads: 1 });
    const stop = new AbortController();
    const endless = session.run(
      { count: new Tensor('int64', BigInt64Array.of(2n ** 40n), []), x: floats(new Array(64).fill(0.5), [64]) },
      { signal: stop.signal },
    );
    const ended = endless.catch((error: { code: string }) => error.code);
    // With one lane, this would wait for the endless run.
    using quick = await session.run({
      count: new Tensor('int64', BigInt64Array.of(1n), []),
      x: floats(new Array(64).fill(0), [64]),
    });
    expect(values(quick.outputs['y'])).toEqual(new Array(64).fill(0));
    stop.abort();
    expect(await ended).toBe('ABORTED');
  });
});
