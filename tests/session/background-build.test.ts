/** Engines that are built in the background: with a driver and a TensorRT that stand in for the real ones. */
import { mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { expectSameBoxes, right, tools } from './failover-tools.js';
import { detector, on, root } from './standin-machine.js';

describe("build: 'background'", () => {
  it('serves on the CPU, then on the engine, and there is no gap', async () => {
    const cache = mkdtempSync(join(root, 'cache-'));
    const found = await on(
      { cache },
      `${tools}
      let phases = 0;
      const session = await createSession(detector, { build: 'background', onBuildProgress: () => phases++ });
      const first = [session.device, session.deviceReason, await run(session, 0)];
      let isBuilt = false;
      session.building.then(() => (isBuilt = true));
      const during = [];
      while (!isBuilt) during.push(...await Promise.all([run(session, 1), run(session, 2)]));
      const after = [session.device, session.deviceReason, session.inputs[0].shape, await run(session, 3)];
      await session.dispose();
      const again = await createSession(detector, { build: 'background' });
      return { first, during, after, phases, again: [again.device, again.building ?? null], events };`,
    );
    expect(found.first).toEqual(['cpu', expect.stringMatching(/No engine of/), right.cpu]);
    for (const { isRight } of found.during) expect(isRight).toBe(true);
    expect(found.after).toEqual(['tensorrt', 'its engine was built in the background', expect.any(Array), right.tensorrt]);
    expect(found.phases).toBeGreaterThan(1);
    expect(found.again).toEqual(['tensorrt', null]);
    expect(found.events).toEqual([expect.objectContaining({ name: 'build', model: detector, device: 'tensorrt' })]);
    expect(found.events[0].failure).toBeUndefined();
  });

  it('falls back from the engine, too, where that is lost', async () => {
    const found = await on(
      { tensorrt: 'lose-enqueue=2' },
      `${tools}
      const session = await createSession(detector, { build: 'background' });
      await session.building;
      return [await run(session, 0), await run(session, 1), await run(session, 2)];`,
    );
    expect(found).toEqual([right.tensorrt, right.cpu, right.cpu]);
  });

  it('is for tasks too, whose engine takes pixels', async () => {
    const found = await on(
      {},
      `${tools}
      const cpu = await loadTask(detector, { device: 'cpu' });
      const expected = boxesOf(await cpu.detect(picture));
      const task = await loadTask(detector, { build: 'background' });
      const first = [task.session.device, task.session.inputs[0].dtype, boxesOf(await task.detect(picture))];
      let isBuilt = false;
      task.building.then(() => (isBuilt = true));
      const during = [];
      while (!isBuilt) during.push(...(await task.detect([picture, picture])).map(boxesOf));
      const after = [task.session.device, task.session.inputs[0].dtype, boxesOf(await task.detect(picture))];
      await task.dispose();
      return { expected, first, during, after };`,
    );
    expect(found.first.slice(0, 2)).toEqual(['cpu', 'float32']);
    expect(found.after.slice(0, 2)).toEqual(['tensorrt', 'uint8']);
    for (const boxes of [found.first[2], ...found.during, found.after[2]]) expectSameBoxes(boxes, found.expected);
  });

  it('of a model in memory is of what the bytes were when it was opened', async () => {
    const found = await on(
      {},
      `${tools}
      const { readFileSync } = await import('node:fs');
      const bytes = new Uint8Array(readFileSync(detector));
      const session = await createSession(bytes, { build: 'background' });
      bytes.fill(0);
      await session.building;
      return [await run(session, 0), events.map(({ failure }) => failure ?? null)];`,
    );
    expect(found).toEqual([right.tensorrt, [null]]);
  });

  it('is aborted by dispose(), which leaves nothing half built', async () => {
    const cache = mkdtempSync(join(root, 'cache-'));
    const found = await on(
      { cache },
      `${tools}
      const session = await createSession(detector, { build: 'background' });
      await session.dispose();
      await session.building;
      const task = await loadTask(detector, { build: 'background' });
      await task.dispose();
      await task.building;
      return [events.map(({ name, failure }) => [name, failure]), await failureOf(run(session, 0))];`,
    );
    expect(found[0]).toEqual(Array(2).fill(['build', expect.stringMatching(/aborted/)]));
    expect(found[1]).toMatchObject({ code: 'DISPOSED' });
    // An engine that was there before the end is kept; parts of one, and locks, are not.
    const left = readdirSync(cache).includes('engines') ? readdirSync(join(cache, 'engines')) : [];
    expect(left.filter((name) => name.includes('.'))).toEqual([]);
  });

  it('that fails is told, and the session stays where it is', async () => {
    const found = await on(
      { cuda: 'memory-limit=1024' },
      `${tools}
      subscribe('foveate:log', ({ level, runtime, message }) => runtime === 'foveate' && events.push({ name: 'log', level, message }));
      const session = await createSession(detector, { build: 'background' });
      await session.building;
      const found = { device: session.device, degraded: session.degraded ?? null, run: await run(session, 0), events };
      await session.dispose();
      return found;`,
    );
    expect(found).toMatchObject({ device: 'cpu', degraded: null, run: right.cpu });
    expect(found.events).toEqual([
      { name: 'log', level: 'warning', message: expect.stringMatching(/OutOfMemory/) },
      expect.objectContaining({ name: 'build', device: 'cpu', failure: expect.stringMatching(/OutOfMemory/) }),
    ]);
  });

  it('builds nothing where there is no GPU, or options are for ONNX Runtime alone', async () => {
    const body = (options: string): string =>
      `const session = await createSession(detector, ${options}); return [session.device, session.building ?? null]`;
    expect(await on({ hasDriver: false }, body(`{ build: 'background' }`))).toEqual(['cpu', null]);
    expect(await on({}, body(`{ build: 'background', config: { 'session.set_denormal_as_zero': '1' } }`))).toEqual(['cpu', null]);
  });
});
