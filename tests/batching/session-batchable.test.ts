import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DynamicBatcher, type DynamicBatcherOptions } from '../../lib/batching/index.js';
import { createSession, type Session } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { example, fixture } from '../session/fixtures.js';
import { madeModel, node } from '../tasks/made-models.js';

/** A session, and batchers over it that are disposed of after each test. */
function over(model: string | Uint8Array): {
  session: Session;
  make: (options: DynamicBatcherOptions) => DynamicBatcher<Session>;
} {
  const made: DynamicBatcher<Session>[] = [];
  const of = {
    session: undefined as unknown as Session,
    make: (options: DynamicBatcherOptions) => {
      made.push(new DynamicBatcher(of.session, options));
      return made.at(-1) as DynamicBatcher<Session>;
    },
  };
  beforeAll(async () => {
    of.session = await createSession(model);
  });
  afterEach(async () => {
    for (const batcher of made.splice(0)) await batcher.dispose();
  });
  afterAll(() => of.session.dispose());
  return of;
}

/** `rows` x `columns` x 4, no two of different seeds alike. */
function images(rows: number, seed: number, columns = 2): Tensor<'float32'> {
  return new Tensor(
    'float32',
    Float32Array.from({ length: rows * columns * 4 }, (_, i) => i * 0.25 + seed * 100),
    [rows, columns, 4],
  );
}

/** What `dynamic.onnx` gives. */
function scores(input: Tensor<'float32'>): number[] {
  const values: number[] = [];
  for (let at = 0; at < input.size; at += 4) {
    for (let column = 0; column < 3; column++) {
      let score = column + 1;
      for (let k = 0; k < 4; k++) score += (input.data[at + k] as number) * ((3 * k + column) / 8);
      values.push(Math.fround(score));
    }
  }
  return values;
}

describe('a session in batches', () => {
  const of = over(fixture('dynamic.onnx'));

  it('gives each request its own rows of the batch', async () => {
    const batcher = of.make({ preferredSizes: [8], maxDelayMs: 1000 });
    const inputs = [images(1, 0), images(3, 1), images(1, 2), images(3, 3)];
    const results = await Promise.all(inputs.map((input) => batcher.run({ images: input })));
    results.forEach(({ outputs, batch, computeMs, queueMs }, i) => {
      const input = inputs[i] as Tensor<'float32'>;
      expect(batch).toEqual({ size: 8, target: 8, reason: 'full' });
      expect(outputs['scores']?.dims).toEqual([input.dims[0], 2, 3]);
      expect([...(outputs['scores'] as Tensor).data]).toEqual(scores(input));
      expect(Math.min(computeMs, queueMs)).toBeGreaterThanOrEqual(0);
    });
  });

  it('gives memory back with the last result of the batch', async () => {
    const batcher = of.make({ preferredSizes: [2], maxDelayMs: 1000 });
    const inputs = [images(1, 0), images(1, 1)];
    const [first, second] = await Promise.all(inputs.map((input) => batcher.run({ images: input })));
    first?.dispose();
    first?.dispose();
    expect([...(second?.outputs['scores'] as Tensor).data]).toEqual(scores(inputs[1] as Tensor<'float32'>));
    second?.[Symbol.dispose]();
    await new Promise((resolve) => setImmediate(resolve)); // the batch itself lets go of them a moment after the results are out
    expect(() => second?.outputs['scores']?.data).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
    expect(() => first?.outputs['scores']?.data).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
  });

  it('passes a request that is alone as it is', async () => {
    const batcher = of.make({ preferredSizes: [8], maxDelayMs: 0 });
    const input = Tensor.allocate('float32', [2, 2, 4]);
    input.data.set(images(2, 5).data);
    const copied: number[] = [];
    const note = (event: unknown): void => void copied.push((event as { copiedBytes: number }).copiedBytes);
    subscribe('foveate:session.run', note);
    const { outputs, batch } = await batcher.run({ images: input });
    unsubscribe('foveate:session.run', note);
    expect(copied).toEqual([0]);
    expect(batch).toEqual({ size: 2, target: 8, reason: 'delay' });
    expect([...(outputs['scores'] as Tensor).data]).toEqual(scores(images(2, 5)));
  });

  it('splits a request that is larger than a batch', async () => {
    const batcher = of.make({ maxBatch: 4 });
    const { outputs, batches, dispose } = await batcher.run({ images: images(10, 1) });
    expect(batches.reduce((sum, { size }) => sum + size, 0)).toBe(10);
    expect(outputs['scores']?.dims).toEqual([10, 2, 3]);
    expect([...(outputs['scores'] as Tensor).data]).toEqual(scores(images(10, 1)));
    dispose();
    expect(outputs['scores']?.disposed).toBe(true);
  });

  it('puts only equal shapes together', async () => {
    const batcher = of.make({ preferredSizes: [2], maxDelayMs: 1000 });
    const results = await Promise.all([2, 3, 2, 3].map((columns) => batcher.run({ images: images(1, columns, columns) })));
    expect(results.map(({ outputs }) => outputs['scores']?.dims)).toEqual([2, 3, 2, 3].map((columns) => [1, columns, 3]));
    expect(results.every(({ batch }) => batch.size === 2)).toBe(true);
  });

  it('leaves rows blank where a request has left', async () => {
    const batcher = of.make({ preferredSizes: [4], maxDelayMs: 20 });
    const stop = new AbortController();
    const first = batcher.run({ images: images(1, 1) });
    const left = batcher.run({ images: images(1, 2) }, { signal: stop.signal });
    const last = batcher.run({ images: images(1, 3) });
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    expectFailure(await rejectionOf(left), 'ABORTED', /aborted/);
    const results = await Promise.all([first, last]);
    expect(results.map(({ outputs }) => [...(outputs['scores'] as Tensor).data])).toEqual(
      [1, 3].map((seed) => scores(images(1, seed))),
    );
    expect(results[0]?.batch).toEqual({ size: 2, target: 4, reason: 'delay' });
  });

  it('answers the others where tensors were given back too soon', async () => {
    const batcher = of.make({ preferredSizes: [4], maxDelayMs: 10_000 });
    const hasty = Tensor.allocate('float32', [1, 2, 4]);
    const calls = [batcher.run({ images: hasty })];
    await new Promise((resolve) => setImmediate(resolve)); // it has its seat, and is copied when others come
    hasty.dispose();
    calls.push(...[1, 2, 3].map((seed) => batcher.run({ images: images(1, seed) })));
    expect((await rejectionOf(calls[0] as Promise<unknown>)).code).toBe('DISPOSED');
    const results = await Promise.all(calls.slice(1));
    expect(results.map(({ outputs }) => [...(outputs['scores'] as Tensor).data])).toEqual(
      [1, 2, 3].map((seed) => scores(images(1, seed))),
    );
  });

  it('refuses what the model does not take before it is in a batch', async () => {
    const batcher = of.make({});
    expectFailure(await rejectionOf(batcher.run({})), 'TENSOR_NAME', /"images" is missing/);
    const wrong = new Tensor('float32', new Float32Array(6), [1, 2, 3]);
    expectFailure(await rejectionOf(batcher.run({ images: wrong })), 'TENSOR_SHAPE', /dimension 2 differs/);
    expect(batcher.statistics().waitingRequests).toBe(0);
  });
});

describe('a model of a fixed batch', () => {
  const of = over(fixture('fixed.onnx'));

  it('runs each request for itself', async () => {
    const batcher = of.make({ maxBatch: 32, maxDelayMs: 10_000 });
    const tensor = (value: number): Tensor => new Tensor('float32', new Float32Array(6).fill(value), [2, 3]);
    const results = await Promise.all([1, 2, 3].map((value) => batcher.run({ a: tensor(value), b: tensor(10) })));
    expect(results.map(({ outputs }) => outputs['sum']?.data[0])).toEqual([11, 12, 13]);
    expect(results.every(({ batch }) => batch.size === 1)).toBe(true);
  });
});

describe('a model whose output has no row for each sample', () => {
  // Twice as many rows, which its declaration does not tell.
  const nodes = [node('Concat', ['x', 'x'], 'y', { axis: 0 })];
  const of = over(madeModel({ input: ['n', 2], output: ['m', 2], nodes }));

  it('runs each request for itself, once that has shown', async () => {
    const batcher = of.make({ preferredSizes: [4], maxDelayMs: 5 });
    const run = (value: number) => batcher.run({ x: new Tensor('float32', new Float32Array(2).fill(value), [1, 2]) });
    for (let round = 0; round < 2; round++) {
      const results = await Promise.all([1, 2, 3, 4].map(run));
      expect(results.map(({ outputs }) => [...(outputs['y'] as Tensor).data])).toEqual(
        [1, 2, 3, 4].map((value) => [value, value, value, value]),
      );
      expect(results.every(({ batch }) => batch.size === 1)).toBe(true);
    }
    const { sizes } = batcher.statistics();
    expect(sizes).toEqual({ 4: 1, 1: 4 });
  });
});

describe('a real model', () => {
  const of = over(example('models/shapes-classifier.onnx'));

  it('gives in batches what it gives alone', async () => {
    const batcher = of.make({ maxBatch: 8 });
    const size = 3 * 96 * 96;
    const input = (seed: number): Tensor<'float32'> =>
      new Tensor(
        'float32',
        Float32Array.from({ length: size }, (_, i) => Math.sin(i * 0.37 + seed * 1.7)),
        [1, 3, 96, 96],
      );
    const name = of.session.outputs[0]?.name as string;
    const alone: Tensor[] = [];
    for (let seed = 0; seed < 24; seed++) alone.push((await of.session.run({ images: input(seed) })).outputs[name] as Tensor);
    const results = await Promise.all(alone.map((_, seed) => batcher.run({ images: input(seed) })));
    results.forEach(({ outputs }, seed) => {
      const values = (alone[seed] as Tensor).toFloat32();
      (outputs[name] as Tensor).toFloat32().forEach((value, i) => expect(value).toBeCloseTo(values[i] as number, 3));
    });
    const { succeeded, groups } = batcher.statistics();
    expect(succeeded).toBe(24);
    expect(groups[0]?.costs[0]?.msPerSample).toBeGreaterThan(0);
  });
});
