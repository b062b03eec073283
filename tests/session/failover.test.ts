/** Devices that fail in the middle of their work: on a driver and a TensorRT that stand in for the real ones. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { expectSameBoxes, right, tools } from './failover-tools.js';
import { detector, on, root } from './standin-machine.js';

let sessions: string;
let tasks: string;
beforeAll(async () => {
  sessions = mkdtempSync(join(root, 'sessions-'));
  tasks = mkdtempSync(join(root, 'tasks-'));
  await on(
    { cache: sessions },
    `await (await createSession(detector, { device: 'tensorrt', build: 'on-load' })).dispose(); return 0`,
  );
  await on({ cache: tasks }, `await (await loadTask(detector, { device: 'tensorrt', build: 'on-load' })).dispose(); return 0`);
}, 600_000);

describe("a session on 'auto' whose GPU is lost", () => {
  it('answers all runs from what they were given, though the arrays serve others meanwhile', async () => {
    const found = await on(
      { cache: sessions, tensorrt: 'lose-enqueue=4' },
      `${tools}
      const session = await createSession(detector, { lanes: 2 });
      const before = session.device;
      const array = pixels(0);
      const outcomes = await Promise.all(
        [0, 1, 2, 3, 4, 5, 6, 7].map((seed) => {
          array.set(pixels(seed));
          const running = session.run({ images: new Tensor('float32', array, [1, 3, 256, 256]) });
          array.fill(9);
          return outcome(seed, running);
        }),
      );
      const { device, deviceReason, degraded, runtime } = session;
      const after = await run(session, 8);
      await session.dispose();
      return { before, outcomes, device, deviceReason, degraded, runtime: runtime.name, after, events };`,
    );
    expect(found.before).toBe('tensorrt');
    expect(found.outcomes.map(({ isRight }: { isRight: boolean }) => isRight)).toEqual(Array(8).fill(true));
    expect(found.outcomes.filter(({ device }: { device: string }) => device === 'cpu').length).toBeGreaterThanOrEqual(5);
    expect(found).toMatchObject({ device: 'cpu', runtime: 'onnxruntime', degraded: { code: 'DEVICE_LOST' }, after: right.cpu });
    expect(found.deviceReason).toMatch(/GPU 0 .*was lost/);
    expect(found.events).toEqual([
      expect.objectContaining({ name: 'fallback', from: 'tensorrt', to: 'cpu', code: 'DEVICE_LOST' }),
    ]);
  });

  it('writes to the tensors that were given, counts its copies, and can be aborted', async () => {
    const found = await on(
      { cache: sessions, tensorrt: 'lose-enqueue=1' },
      `${tools}
      const session = await createSession(detector);
      const mine = Tensor.allocate('float32', reference.outputs[0].shape.map((dim) => (typeof dim === 'number' ? dim : 1)));
      const images = Tensor.allocate('float32', [1, 3, 256, 256]);
      images.data.set(pixels(1));
      const result = await session.run({ images }, { outputs: { [output]: mine } });
      const isMine = result.outputs[output] === mine;
      const { copiedBytes } = result;
      const first = await outcome(1, Promise.resolve(result));
      const own = await session.run({ images: tensor(2) });
      const stop = new AbortController();
      const running = session.run({ images: tensor(3) }, { signal: stop.signal });
      stop.abort();
      return { isMine, first, copied: [copiedBytes, own.copiedBytes], aborted: await failureOf(running) };`,
    );
    expect(found).toMatchObject({ isMine: true, first: right.cpu, aborted: { code: 'ABORTED' } });
    expect(found.copied).toEqual([0, 3 * 256 * 256 * 4]);
  });

  it('keeps to the error where the input was given back after the call', async () => {
    const found = await on(
      { cache: sessions, tensorrt: 'lose-enqueue=1' },
      `${tools}
      const session = await createSession(detector);
      const images = Tensor.allocate('float32', [1, 3, 256, 256]);
      images.data.set(pixels(1));
      const running = session.run({ images });
      images.dispose();
      return [await failureOf(running), await run(session, 2)];`,
    );
    expect(found).toEqual([expect.objectContaining({ code: 'DEVICE_LOST' }), right.cpu]);
  });

  it('comes back to it, at the second attempt where the first fails', async () => {
    const found = await on(
      { cache: sessions, tensorrt: 'lose-enqueue=2', cuda: 'fail=cuDevicePrimaryCtxReset_v2:1:46' },
      `${tools}
      const session = await createSession(detector);
      const outcomes = [await run(session, 0), await run(session, 1), await run(session, 2)];
      let served = 0;
      await until(() => session.device === 'tensorrt', async () => { served += (await run(session, 3)).isRight ? 1 : -1e6; });
      const { device, deviceReason, degraded } = session;
      const back = [await run(session, 4), await run(session, 5)];
      await session.dispose();
      return { outcomes, served, device, deviceReason, degraded, back, events };`,
    );
    expect(found.outcomes).toEqual([right.tensorrt, right.cpu, right.cpu]);
    expect(found.served).toBeGreaterThan(0);
    expect(found).toMatchObject({ device: 'tensorrt', back: [right.tensorrt, right.tensorrt] });
    expect(found.deviceReason).toMatch(/it is back/);
    expect(found.degraded).toBeUndefined();
    expect(found.events.map(({ name }: { name: string }) => name)).toEqual(['fallback', 'recover']);
    expect(found.events[1]).toMatchObject({ device: 'tensorrt', code: 'DEVICE_LOST' });
  });

  it('comes back though others live on it that nobody runs', async () => {
    const found = await on(
      { cache: sessions, tensorrt: 'lose-enqueue=1' },
      `${tools}
      const all = [await createSession(detector), await createSession(detector)];
      const first = [await run(all[0], 0), all[1].device];
      await until(() => all[0].device === 'tensorrt', () => run(all[0], 1));
      const waiting = all[1].device;
      await until(() => all[1].device === 'tensorrt', () => run(all[1], 2));
      const back = await Promise.all(all.map((session) => run(session, 3)));
      await Promise.all(all.map((session) => session.dispose()));
      return { first, waiting, back };`,
    );
    expect(found).toEqual({ first: [right.cpu, 'cpu'], waiting: 'cpu', back: [right.tensorrt, right.tensorrt] });
  });

  it('does not come back while a session lives that named the device, and does when that is disposed of', async () => {
    const found = await on(
      { cache: sessions, tensorrt: 'lose-enqueue=1' },
      `${tools}
      const said = [];
      subscribe('foveate:log', ({ runtime, message }) => runtime === 'foveate' && said.push(message));
      const named = await createSession(detector, { device: 'tensorrt' });
      const session = await createSession(detector);
      const first = await run(session, 0);
      await until(() => said.length > 0, () => run(session, 1));
      const waiting = [session.device, (await failureOf(run(named, 2))).code];
      await named.dispose();
      await until(() => session.device === 'tensorrt', () => run(session, 3));
      return { first, waiting, said, back: await run(session, 4) };`,
    );
    expect(found).toMatchObject({ first: right.cpu, waiting: ['cpu', 'DEVICE_LOST'], back: right.tensorrt });
    expect(found.said[0]).toMatch(/while something lives on it/);
  });

  it('lets the process end while it is lost, and while it is being opened again', async () => {
    const found = await on(
      { cache: sessions, tensorrt: 'lose-enqueue=1' },
      `${tools}
      const session = await createSession(detector);
      await run(session, 0);
      await new Promise((resolve) => setTimeout(resolve, 1100));
      return await run(session, 1);`,
    );
    expect(found).toEqual(right.cpu);
  });
});

describe('a device that is named', () => {
  it("is the only one: its errors are the caller's", async () => {
    const found = await on(
      { cache: sessions, tensorrt: 'lose-enqueue=1' },
      `${tools}
      const session = await createSession(detector, { device: 'tensorrt' });
      const failures = [await failureOf(run(session, 0)), await failureOf(run(session, 1))];
      return { failures, device: session.device, degraded: session.degraded, events };`,
    );
    expect(found.failures).toEqual(Array(2).fill(expect.objectContaining({ code: 'DEVICE_LOST' })));
    expect(found).toMatchObject({ device: 'tensorrt', events: [] });
    expect(found.degraded).toBeUndefined();
  });

  it('builds nothing in the background', async () => {
    const found = await on(
      {},
      `return Promise.all(['tensorrt', 'cpu'].map((device) => failureOf(createSession(detector, { device, build: 'background' }))))`,
    );
    expect(found).toEqual(
      Array(2).fill(expect.objectContaining({ code: 'INVALID_ARGUMENT', hint: expect.stringContaining("'auto'") })),
    );
  });
});

describe('a GPU without memory for a run', () => {
  it('is tried again by the next', async () => {
    const found = await on(
      // A run that finds no memory is tried once more before it fails.
      { cache: sessions, tensorrt: 'oom-enqueue=2,oom-enqueue=3' },
      `${tools}
      const session = await createSession(detector);
      const outcomes = [await run(session, 0), await run(session, 1)];
      const { device, degraded } = session;
      outcomes.push(await run(session, 2));
      return { outcomes, device, degraded, after: session.degraded, events };`,
    );
    expect(found.outcomes).toEqual([right.tensorrt, right.cpu, right.tensorrt]);
    expect(found).toMatchObject({ device: 'tensorrt', degraded: { code: 'CUDA_OUT_OF_MEMORY' } });
    expect(found.after).toBeUndefined();
    expect(found.events.map(({ name, code }: { name: string; code: string }) => [name, code])).toEqual([
      ['fallback', 'CUDA_OUT_OF_MEMORY'],
      ['recover', 'CUDA_OUT_OF_MEMORY'],
    ]);
  });
});

describe('an engine that refuses a run', () => {
  it('is an error on any device', async () => {
    const found = await on(
      { cache: sessions, tensorrt: 'fail-enqueue=1' },
      `${tools}
      const session = await createSession(detector);
      return [await failureOf(run(session, 0)), await run(session, 1), session.degraded ?? null, events];`,
    );
    expect(found).toEqual([expect.objectContaining({ code: 'ENGINE_FAILED' }), right.tensorrt, null, []]);
  });
});

describe("a task on 'auto' with its preprocessing in the engine", () => {
  it('prepares the pictures again for the CPU, those that can be read once too, and comes back', async () => {
    const found = await on(
      { cache: tasks, tensorrt: 'lose-enqueue=3' },
      `${tools}
      const { createReadStream, readFileSync } = await import('node:fs');
      const cpu = await loadTask(detector, { device: 'cpu' });
      const expected = boxesOf(await cpu.detect(picture));
      const task = await loadTask(detector);
      const pictures = [picture, createReadStream(picture), readFileSync(picture), createReadStream(picture), picture, createReadStream(picture)];
      const before = [task.session.device, task.session.inputs[0].dtype];
      const found = (await task.detect(pictures)).map(boxesOf);
      const lost = [task.session.device, task.degraded.code];
      await until(() => task.session.device === 'tensorrt', () => task.detect(picture));
      const back = [boxesOf(await task.detect(picture)), task.session.inputs[0].dtype, task.degraded ?? null];
      const failure = await failureOf(task.detect([picture, 'missing.jpg']));
      await task.dispose();
      return { expected, before, found, lost, back, failure, events };`,
    );
    expect(found.before).toEqual(['tensorrt', 'uint8']);
    expect(found.found).toHaveLength(6);
    for (const boxes of found.found) expectSameBoxes(boxes, found.expected);
    expect(found.lost).toEqual(['cpu', 'DEVICE_LOST']);
    expectSameBoxes(found.back[0], found.expected);
    expect(found.back.slice(1)).toEqual(['uint8', null]);
    expect(found.failure).toMatchObject({ code: 'MEDIA_NOT_FOUND' });
    expect(found.events.map(({ name, model }: { name: string; model: string }) => [name, model])).toEqual([
      ['fallback', detector],
      ['recover', detector],
    ]);
  });
});

describe("a session on 'auto' that needs its GPU", () => {
  it('tells that it was lost where tensors stay on it or layers are timed, and has it back', async () => {
    const found = await on(
      { cache: sessions, tensorrt: 'lose-enqueue=2' },
      `${tools}
      const session = await createSession(detector);
      const images = tensor(0);
      const first = await session.runOnDevice({ images });
      first.dispose();
      const lost = [await failureOf(session.run({ images }, { layerTimes: true })), await failureOf(session.runOnDevice({ images }))];
      const { degraded } = session;
      await until(() => session.device === 'tensorrt', () => failureOf(session.runOnDevice({ images })));
      const back = await failureOf(session.runOnDevice({ images }));
      await session.dispose();
      return { lost, degraded, back };`,
    );
    expect(found.lost).toMatchObject([
      { code: 'DEVICE_LOST' },
      { code: 'DEVICE_LOST', hint: expect.stringContaining('without tensors on the GPU') },
    ]);
    expect(found).toMatchObject({ degraded: { code: 'DEVICE_LOST' }, back: 'no failure' });
  });

  it('makes inputs in memory of its own where it was only told of the loss', async () => {
    const found = await on(
      { cache: sessions, tensorrt: 'lose-enqueue=1' },
      `${tools}
      const all = [await createSession(detector), await createSession(detector)];
      const first = await run(all[0], 0);
      const images = all[1].allocateInput('images', [1, 3, 256, 256]);
      images.data.set(pixels(1));
      const second = await outcome(1, all[1].run({ images }));
      const third = await run(all[1], 2);
      images.dispose();
      await Promise.all(all.map((session) => session.dispose()));
      return [first, second, third];`,
    );
    expect(found[0]).toEqual(right.cpu);
    // On which device depends on whether it is back by then.
    for (const { isRight } of found) expect(isRight).toBe(true);
  });

  it('keeps falling back after a change of weights that was refused', async () => {
    const found = await on(
      { cache: sessions, tensorrt: 'lose-enqueue=2' },
      `${tools}
      const session = await createSession(detector);
      const refused = await failureOf(session.refit({ nothing: tensor(0) }));
      const outcomes = [await run(session, 0), await run(session, 1)];
      await session.dispose();
      return { refused, outcomes };`,
    );
    expect(found).toMatchObject({ refused: { code: 'INVALID_ARGUMENT' }, outcomes: [right.tensorrt, right.cpu] });
  });
});
