/** Real models in a pool. */
import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createSession, ModelPool, type Session, Tensor } from '../../lib/index.js';
import { example, fixture } from '../session/fixtures.js';

const names = ['shapes-classifier', 'shapes-detector', 'shapes-segmenter'] as const;

function path(name: string): string {
  return example(`models/${name}.onnx`);
}

/** One sample, filled with a value. */
function inputOf(session: Session, value: number): Record<string, Tensor> {
  const [{ name, dtype, shape }] = session.inputs as [(typeof session.inputs)[number]];
  const dims = shape.map((dim) => (typeof dim === 'number' ? dim : 1));
  const size = dims.reduce((product, dim) => product * dim, 1);
  expect(dtype).toBe('float32');
  return { [name]: new Tensor('float32', new Float32Array(size).fill(value), dims) };
}

function valuesOf(outputs: Readonly<Record<string, Tensor>>): number[] {
  return Object.values(outputs).flatMap(({ data }) => [...(data as Float32Array).subarray(0, 50)]);
}

it('answers as the sessions do, while they take turns in room for one or two', async () => {
  await using pool = new ModelPool<Record<string, Session>>({ memoryBytes: 2 });
  const expected = new Map<string, number[]>();
  const inputs = new Map<string, Record<string, Tensor>>();
  for (const name of names) {
    await using session = await createSession(path(name));
    inputs.set(name, inputOf(session, 0.25));
    using result = await session.run(inputs.get(name) as Record<string, Tensor>);
    expected.set(name, valuesOf(result.outputs));
    pool.register(name, { load: (signal) => createSession(path(name), { signal }), memoryBytes: 1 });
  }
  await Promise.all(
    Array.from({ length: 9 }, async (_, caller) => {
      for (let i = 0; i < 6; i++) {
        const name = names[(caller + i) % names.length] as string;
        using result = await pool.run(name, inputs.get(name) as Record<string, Tensor>, { caller: `caller ${caller}` });
        const values = valuesOf(result.outputs);
        expect(values).toHaveLength((expected.get(name) as number[]).length);
        for (const [at, value] of values.entries()) expect(value).toBeCloseTo((expected.get(name) as number[])[at] as number, 3);
      }
    }),
  );
  const statistics = pool.statistics();
  expect(statistics).toMatchObject({ uses: 54, failedLoads: 0, mostMemoryBytes: 2 });
  expect(statistics.evictions).toBeGreaterThan(0);
  // Warmed up with a run of zeros, as each of them has a free batch alone.
  for (const { warmUp } of Object.values(statistics.models).filter(({ state }) => state === 'loaded'))
    expect(warmUp?.runs).toBeGreaterThan(2);
});

it('measures what a model takes, which is no less than its file', async () => {
  await using pool = new ModelPool<{ segmenter: Session }>();
  pool.register('segmenter', {
    load: (signal) => createSession(path('shapes-segmenter'), { signal }),
    files: path('shapes-segmenter'),
  });
  await pool.load('segmenter');
  const { memoryBytes, deviceMemoryBytes } = pool.statistics();
  expect(memoryBytes).toBeGreaterThanOrEqual(statSync(path('shapes-segmenter')).size);
  expect(memoryBytes).toBeLessThan(1e9);
  expect(deviceMemoryBytes).toBe(0);
});

it('does not warm up a session whose inputs have no size, and tells what is wrong with a model', async () => {
  await using pool = new ModelPool<{ free: Session; broken: Session; missing: Session }>();
  pool.register('free', { load: () => createSession(fixture('dynamic.onnx')) });
  pool.register('missing', { load: (signal) => createSession('missing.onnx', { signal }) });
  await pool.load('free');
  expect(pool.statistics().models['free']?.warmUp).toBeUndefined();
  await expect(pool.load('missing')).rejects.toMatchObject({ code: 'POOL_LOAD_FAILED', cause: { code: 'MODEL_NOT_FOUND' } });
});

it('swaps a model under load, and no request fails', async () => {
  await using pool = new ModelPool<{ model: Session }>();
  const load = (signal: AbortSignal): Promise<Session> => createSession(path('shapes-classifier'), { signal });
  pool.register('model', { load, version: '1' });
  await pool.load('model');
  const inputs = await pool.use('model', (session) => inputOf(session, 0.5));
  const answers: number[][] = [];
  let isOver = false;
  const callers = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      using result = await pool.run('model', inputs);
      answers.push(valuesOf(result.outputs));
    }
  });
  for (const version of ['2', '3']) await pool.swap('model', { load, version });
  isOver = true;
  await Promise.all(callers);
  expect(answers.length).toBeGreaterThan(0);
  for (const answer of answers)
    for (const [at, value] of answer.entries()) expect(value).toBeCloseTo((answers[0] as number[])[at] as number, 4);
  expect(pool.statistics().models['model']).toMatchObject({ version: '3', swaps: 2, loads: 3, uses: answers.length + 2 });
});
