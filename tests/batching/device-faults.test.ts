/** Devices that fail under batchers, breakers and pools: on a driver and a TensorRT that stand in for the real ones. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, expect, it } from 'vitest';

import { builtLibrary } from '../package/node-child.js';
import { on, root } from '../session/standin-machine.js';

let folder: string;
let tasks: string;
beforeAll(async () => {
  tasks = mkdtempSync(join(root, 'tasks-'));
  await on({ cache: tasks }, `await (await loadTask(detector, { device: 'tensorrt', build: 'on-load' })).dispose(); return 0`);
  folder = mkdtempSync(join(root, 'engines-'));
  await on(
    {},
    `await buildEngine(detector, { device: 'tensorrt', bake: false, output: ${JSON.stringify(join(folder, 'engine'))}, batch: { min: 1, opt: 4, max: 8 } }); return 0;`,
  );
}, 600_000);

/** Begins a program: an engine for up to eight samples, inputs by a seed, and whether a result is that of the CPU for them. */
const tools = (): string => `
  const { CircuitBreaker, DynamicBatcher, ModelPool } = await import(${JSON.stringify(builtLibrary)});
  const engine = ${JSON.stringify(join(folder, 'engine'))};
  const tensor = (seed) =>
    new Tensor('float32', Float32Array.from({ length: 3 * 256 * 256 }, (_, i) => ((i * 7 + seed * 31) % 251) / 250), [1, 3, 256, 256]);
  const reference = await createSession(detector, { device: 'cpu' });
  const [output] = reference.outputs.map(({ name }) => name);
  const isRight = async (seed, { outputs }) => {
    const expected = await reference.run({ images: tensor(seed) });
    const [one, other] = [outputs[output], expected.outputs[output]];
    const isSame = one.dims.join() === other.dims.join() && one.data.every((value, i) => Math.abs(value - other.data[i]) < 1e-4);
    expected.dispose();
    return isSame;
  };
  const seeds = [...Array(8).keys()];`;

it('a batch that there is no memory for is halved, and later ones are smaller', async () => {
  const found = await on(
    // A run that finds no memory is tried once more before it fails.
    { tensorrt: 'oom-enqueue=1,oom-enqueue=2' },
    `${tools()}
    const session = await createSession(engine, { device: 'tensorrt', trust: true });
    const batcher = new DynamicBatcher(session, { maxBatch: 8, preferredSizes: [8], maxDelayMs: 10_000 });
    const round = async () => {
      const results = await Promise.all(seeds.map((seed) => batcher.run({ images: tensor(seed) })));
      const told = { sizes: results.map(({ batch }) => batch.size), right: 0 };
      for (const [seed, result] of results.entries()) if (await isRight(seed, result)) told.right++;
      for (const result of results) result.dispose();
      return told;
    };
    const first = await round();
    const calls = seeds.map((seed) => batcher.run({ images: tensor(seed) }));
    await batcher.flush();
    const later = (await Promise.all(calls)).map(({ batch }) => batch.size);
    return { first, later, failed: batcher.statistics().failed };`,
  );
  expect(found.first).toEqual({ sizes: Array(8).fill(4), right: 8 });
  expect(Math.max(...found.later)).toBeLessThan(8);
  expect(Object.values(found.failed)).toEqual(Array(Object.keys(found.failed).length).fill(0));
});

it('pictures that are prepared again for the CPU fail by themselves, and the others are answered', async () => {
  const found = await on(
    // Each run takes so long that the second batch is prepared when the first is done, and loses the GPU.
    { cache: tasks, tensorrt: 'latency-us=400000,lose-enqueue=2' },
    `const { DynamicBatcher } = await import(${JSON.stringify(builtLibrary)});
    const { copyFileSync, mkdtempSync, rmSync } = await import('node:fs');
    const { setTimeout: delay } = await import('node:timers/promises');
    const folder = mkdtempSync(${JSON.stringify(join(root, 'pictures-'))});
    const doomed = folder + '/doomed.jpg';
    copyFileSync(picture, doomed);
    const boxes = ({ results }) => results.map(({ classIds }) => [...classIds].join()).join('; ');
    const task = await loadTask(detector);
    const batcher = new DynamicBatcher(task, { maxBatch: 4, preferredSizes: [4], maxDelayMs: 10_000 });
    const first = Array.from({ length: 4 }, () => batcher.run({ images: picture }));
    await delay(100);
    const second = [picture, doomed, picture, picture].map((images) => batcher.run({ images }));
    await delay(200);
    rmSync(doomed);
    const expected = boxes((await Promise.all(first))[0]);
    const outcomes = await Promise.all(second.map((call) => call.then((result) => boxes(result) === expected, ({ code }) => code)));
    const { device } = task.session;
    await batcher.dispose();
    await task.dispose();
    return { expected, outcomes, device };`,
  );
  expect(found.expected.length).toBeGreaterThan(3);
  expect(found).toMatchObject({ outcomes: [true, 'MEDIA_NOT_FOUND', true, true], device: 'cpu' });
});

it('a breaker leaves a lost device alone, and closes when a new session has it back', async () => {
  const found = await on(
    { tensorrt: 'lose-enqueue=3' },
    `${tools()}
    let session = await createSession(engine, { device: 'tensorrt', trust: true });
    const run = async (seed) => {
      const result = await session.run({ images: tensor(seed) });
      const told = await isRight(seed, result);
      result.dispose();
      return told;
    };
    let called = 0;
    const breaker = new CircuitBreaker((seed) => (called++, run(seed)), { minCalls: 4, failureRate: 0.5, pauseMs: 300, probes: 2 });
    const outcomes = [];
    for (const seed of [...seeds, 8, 9]) outcomes.push(await breaker.run(seed, {}).catch(({ code }) => code));
    const asked = called;
    const opened = breaker.state;
    await session.dispose();
    session = await createSession(engine, { device: 'tensorrt', trust: true });
    await new Promise((resolve) => setTimeout(resolve, 400));
    const probes = [await breaker.run(10, {}), await breaker.run(11, {})];
    return { outcomes, asked, opened, probes, closed: breaker.state };`,
  );
  expect(found.outcomes).toEqual([true, true, 'DEVICE_LOST', 'DEVICE_LOST', ...Array(6).fill('CIRCUIT_OPEN')]);
  expect(found).toMatchObject({ asked: 4, opened: 'open', probes: [true, true], closed: 'closed' });
});

it('a pool answers all that it can while a GPU is lost, and serves on it again after reset()', async () => {
  const found = await on(
    { tensorrt: 'lose-enqueue=20' },
    `${tools()}
    const pool = new ModelPool({ memoryBytes: 1e9, deviceMemoryBytes: 1e9 });
    const named = { load: (signal) => createSession(engine, { device: 'tensorrt', trust: true, signal }), memoryBytes: 1e6, deviceMemoryBytes: 1e6, warmUp: false };
    pool.register('detector', { ...named });
    const one = async (seed) => {
      const result = await pool.run('detector', { images: tensor(seed) });
      const told = await isRight(seed, result);
      result.dispose();
      return told;
    };
    const outcomes = [];
    for (let call = 0; call < 30; call++) outcomes.push(await one(call).catch(({ code }) => code));
    await pool.reset();
    const after = [await one(100), await one(101)];
    await pool.dispose();
    return { outcomes, after };`,
  );
  const firstLost = found.outcomes.indexOf('DEVICE_LOST');
  expect(firstLost).toBeGreaterThan(0);
  expect(found.outcomes.slice(0, firstLost)).toEqual(Array(firstLost).fill(true));
  expect(found.outcomes.slice(firstLost)).toEqual(Array(30 - firstLost).fill('DEVICE_LOST'));
  expect(found.after).toEqual([true, true]);
});
