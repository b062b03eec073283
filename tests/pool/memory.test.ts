import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PoolEvictEvent } from '../../lib/index.js';
import { stateOf } from '../batching/batcher.js';
import { fixture } from '../session/fixtures.js';
import { World } from './fakes.js';

let world: World;
let evicted: PoolEvictEvent[];
const listen = (event: unknown): void => void evicted.push(event as PoolEvictEvent);
beforeEach(() => {
  evicted = [];
  subscribe('foveate:pool.evict', listen);
});
afterEach(async () => {
  await world.end();
  unsubscribe('foveate:pool.evict', listen);
});

/** 102 bytes. */
const smallFile = fixture('identity_int8.onnx');

/** A pool of `memoryBytes`, and models of these sizes: one letter each. */
function make(memoryBytes: number, sizes: Record<string, number>, isDeclared = true): void {
  world = new World({ memoryBytes });
  for (const [name, bytes] of Object.entries(sizes))
    world.register(name, { bytes, loadMs: 1, disposeMs: 1 }, isDeclared ? { memoryBytes: bytes } : {});
}

/** Asks for models one after the other, each once the one before is answered. */
async function ask(names: string): Promise<void> {
  for (const name of names) {
    await world.until(world.run(name));
  }
}

function loaded(): string {
  const { models } = world.pool.statistics();
  return Object.keys(models)
    .filter((name) => models[name]?.state === 'loaded')
    .join('');
}

function pause(): Promise<void> {
  return world.pass(20);
}

describe('where there is no room', () => {
  it('gives up what was not asked for the longest', async () => {
    make(3, { a: 1, b: 1, c: 1, d: 1 });
    await ask('abca');
    expect(loaded()).toBe('abc');
    await ask('d');
    expect(loaded()).toBe('acd');
    expect(evicted).toEqual([{ model: 'b', version: undefined, reason: 'memory', memoryBytes: 1, deviceMemoryBytes: 0 }]);
    expect(world.pool.statistics()).toMatchObject({ evictions: 1, memoryBytes: 3, mostMemoryBytes: 3, loads: 4 });
    expect(world.pool.statistics().models['b']).toMatchObject({ evictions: 1, state: 'unloaded', memoryBytes: 0 });
    expect(world.memory.most).toBe(3);
  });

  it('gives up as many as it takes, before it loads', async () => {
    make(4, { a: 1, b: 1, c: 2, d: 3 });
    await ask('abcd');
    expect(loaded()).toBe('d');
    await ask('a');
    expect(loaded()).toBe('ad');
    expect(world.memory.most).toBe(4);
  });

  it('keeps what is pinned, and gives it up when it is no more', async () => {
    make(2, { a: 1, b: 1, c: 1 });
    world.pool.pin('a');
    await ask('abcbc');
    expect(loaded()).toBe('ac');
    world.pool.unpin('a');
    await ask('b');
    expect(loaded()).toBe('bc');
  });

  it('waits, without an error, until somebody is done; who has waited longest comes first', async () => {
    make(2, { a: 1, b: 1, c: 1, d: 1 });
    const busy = [world.run('a', 100), world.run('b', 200)];
    await pause();
    const order: string[] = [];
    const waiting = ['c', 'd'].map((name) => world.run(name).then(() => order.push(name)));
    await world.pass(50);
    expect(order).toEqual([]);
    expect(world.pool.statistics().models['c']?.state).toBe('waiting');
    expect(world.pool.statistics().models['a']?.state).toBe('draining');
    await world.pass(500);
    await Promise.all([...busy, ...waiting]);
    expect(order).toEqual(['c', 'd']);
    expect(world.memory.most).toBe(2);
  });

  it('lets a model that is always in use keep none out', async () => {
    make(1, { a: 1, b: 1 });
    let isOver = false;
    const callers = Array.from({ length: 4 }, async (_, i) => {
      await world.after(i * 3 + 1);
      while (!isOver) await world.run('a', 10);
    });
    await world.pass(40);
    const other = world.run('b');
    other.finally(() => (isOver = true)).catch(() => undefined);
    await world.pass(200);
    expect(await stateOf(other)).toBe('resolved');
    await world.pass(200);
    await Promise.all(callers);
  });

  it('lets a model serve again that is no longer in the way', async () => {
    make(1, { a: 1, b: 1 });
    const long = world.run('a', 100);
    await pause();
    const stop = new AbortController();
    const other = world.run('b', 1, { signal: stop.signal });
    const next = world.run('a', 100);
    await world.pass(10);
    expect(world.pool.statistics().models['a']).toMatchObject({ state: 'draining', waiting: 1, inUse: 1 });
    stop.abort();
    await expect(other).rejects.toMatchObject({ code: 'ABORTED' });
    expect(world.pool.statistics().models['a']).toMatchObject({ state: 'loaded', waiting: 0, inUse: 2, loads: 1 });
    await world.pass(300);
    await Promise.all([long, next]);
  });

  it('takes what becomes idle first', async () => {
    make(2, { a: 1, b: 1, c: 1 });
    const [long, short] = [world.run('a', 500), world.run('b', 50)];
    await pause();
    const other = world.run('c');
    await world.pass(100);
    await Promise.all([short, other]);
    expect(loaded()).toBe('ac');
    await world.pass(500);
    await long;
  });

  it('minds the memory of GPUs', async () => {
    world = new World({ deviceMemoryBytes: 10 });
    for (const name of ['a', 'b', 'c']) world.register(name, { bytes: 1000, deviceBytes: 5 }, { deviceMemoryBytes: 5 });
    world.register('d', { bytes: 1000 }, { deviceMemoryBytes: 0 });
    await ask('abd');
    expect(world.pool.statistics()).toMatchObject({ deviceMemoryBytes: 10, memoryBytes: 3000 });
    await ask('c');
    // d has nothing on the GPU, so that it is not in the way.
    expect(loaded()).toBe('bcd');
  });
});

describe('what does not fit at all', () => {
  it('is an error with numbers', async () => {
    make(2e6, { a: 1e6, b: 3e6, c: 1.5e6 });
    await expect(world.run('b')).rejects.toMatchObject({
      code: 'POOL_TOO_SMALL',
      message: expect.stringContaining('a model of at most 2.0 MB of memory but "b" takes 3.0 MB: the pool has 2.0 MB') as string,
      details: { memory: 'host', needBytes: 3e6, roomBytes: 2e6, budgetBytes: 2e6 },
    });
    await ask('a');
    world.pool.pin('a');
    await expect(world.run('c')).rejects.toMatchObject({ code: 'POOL_TOO_SMALL', details: { roomBytes: 1e6 } });
    expect(loaded()).toBe('a');
    world.pool.unpin('a');
    await pause();
    await expect(world.run('c')).rejects.toMatchObject({
      code: 'POOL_TOO_SMALL',
      message: expect.stringContaining('not tried again') as string,
    });
    await world.pass(1000);
    await ask('c');
    expect(loaded()).toBe('c');
  });

  it('is found out by loading it, where nobody said', async () => {
    make(2, { a: 1, b: 3 }, false);
    await ask('a');
    const run = world.run('b');
    await pause();
    await expect(run).rejects.toMatchObject({ code: 'POOL_TOO_SMALL', details: { needBytes: 3 } });
    expect(world.models.map(({ isDisposed }) => isDisposed)).toEqual([true, true]);
    expect(world.pool.statistics()).toMatchObject({ memoryBytes: 0, mostMemoryBytes: 3 });
  });
});

describe('what nobody said', () => {
  it('is measured with all the room there is, and known from then on', async () => {
    make(5, { a: 2, b: 3, c: 2 }, false);
    await ask('ab');
    expect(world.pool.statistics()).toMatchObject({ memoryBytes: 3, evictions: 1 });
    await ask('cab');
    expect(loaded()).toBe('ab');
    expect(world.pool.statistics()).toMatchObject({ memoryBytes: 5, loads: 5, evictions: 3 });
    expect(world.memory.most).toBe(5);
  });

  it('is guessed from its files, rather too high', async () => {
    world = new World({ memoryBytes: 1500 });
    for (const name of ['a', 'b', 'c']) world.register(name, { bytes: 400 }, { files: smallFile }); // guessed: 1020
    await ask('ab');
    expect(loaded()).toBe('ab');
    await ask('c');
    expect(loaded()).toBe('bc');
    expect(world.memory.most).toBe(1200 - 400);
  });

  it('is guessed higher where others took more for their files', async () => {
    world = new World({ memoryBytes: 4900 });
    world.register('a', { bytes: 2500 }, { files: [smallFile] });
    world.register('b', { bytes: 2501 }, { files: [smallFile] });
    await ask('ab');
    expect(loaded()).toBe('b');
    expect(world.memory.most).toBe(2501); // ten times its file would have fitted beside a
  });

  it('is no less than its files, and those that are missing count for nothing', async () => {
    world = new World();
    const file = new URL('../../examples/models/shapes-classifier.onnx', import.meta.url);
    world.register('a', { bytes: 1 }, { files: file });
    world.register('b', { bytes: 1 }, { files: ['missing.onnx'] });
    await ask('ab');
    const { models } = world.pool.statistics();
    expect([models['a']?.memoryBytes, models['b']?.memoryBytes]).toEqual([statSync(file).size, 1]);
  });

  it('has others give way where it takes more than was guessed', async () => {
    make(4000, { a: 1000, b: 1000 });
    world.register('c', { bytes: 3000 }, { files: smallFile });
    await ask('abc');
    expect(loaded()).toBe('bc');
    expect(world.models).toHaveLength(3);
    expect(world.pool.statistics()).toMatchObject({ memoryBytes: 4000, mostMemoryBytes: 5000, evictions: 1 });
  });

  it('waits unloaded for others that are in use, where it takes more than was guessed', async () => {
    make(4100, { a: 1500, b: 1500 });
    world.register('c', { bytes: 3000, loadMs: 1 }, { files: smallFile });
    await ask('ab');
    const busy = [world.run('a', 3000), world.run('b', 4000)];
    const run = world.run('c');
    while (!world.models[2]?.isDisposed) await world.pass(0.01);
    expect(world.models.map(({ isDisposed }) => isDisposed)).toEqual([false, false, true]);
    expect(world.pool.statistics()).toMatchObject({ memoryBytes: 3000, waitingLoads: 1, failedLoads: 0 });
    await world.until(Promise.all([...busy, run]));
    expect(loaded()).toBe('c');
    expect(world.pool.statistics().models['c']).toMatchObject({ loads: 1, memoryBytes: 3000 });
  });

  it('waits for no others that are in use, where nobody waits for it', async () => {
    make(4100, { a: 1500, b: 1500 });
    world.register('c', { bytes: 3000, loadMs: 5 }, { files: smallFile });
    await ask('ab');
    const busy = [world.run('a', 3000), world.run('b', 4000)];
    const stop = new AbortController();
    const run = world.run('c', 1, { signal: stop.signal });
    while (world.loading === 0) await world.pass(0.01);
    stop.abort();
    await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
    while (!world.models[2]?.isDisposed) await world.pass(0.01);
    expect(world.pool.statistics()).toMatchObject({ memoryBytes: 3000, waitingLoads: 0, failedLoads: 0 });
    await world.until(Promise.all([...busy, world.run('c')]));
    expect(world.pool.statistics().models['c']).toMatchObject({ loads: 1, memoryBytes: 3000 });
  });

  it('is forgotten by reset, with all that was counted', async () => {
    make(5, { a: 2, b: 3 }, false);
    world.pool.pin('a');
    await ask('ab');
    const running = world.run('b', 50);
    const gone = world.pool.reset();
    await world.pass(100);
    await gone;
    await expect(running).resolves.toMatchObject({ ids: [2] });
    expect(loaded()).toBe('');
    expect(world.pool.statistics()).toMatchObject({ uses: 0, loads: 0, memoryBytes: 0, evictions: 0 });
    expect(world.pool.statistics().models['a']?.pinned).toBe(true);
    expect(evicted.map(({ reason }) => reason)).toEqual(['reset', 'reset']);
    await ask('ba');
    expect(loaded()).toBe('a'); // which had all the room
  });
});

it('tells in the log of an evicted model that could not be disposed of, and goes on', async () => {
  world = new World({ memoryBytes: 1 });
  world.register('a', { disposeFault: new Error('stuck') });
  world.register('b');
  const lines: unknown[] = [];
  const hear = (line: unknown): void => void lines.push(line);
  subscribe('foveate:log', hear);
  await ask('ab');
  unsubscribe('foveate:log', hear);
  expect(lines).toEqual([
    expect.objectContaining({ level: 'error', origin: 'a', message: expect.stringContaining('stuck') as string }),
  ]);
});

describe('unload', () => {
  it('waits for those who have the model, be it pinned; the next call loads it again', async () => {
    make(3, { a: 1 });
    world.pool.pin('a');
    const running = world.run('a', 50);
    await pause();
    const unloading = world.pool.unload('a');
    const next = world.run('a');
    await world.pass(10);
    await next;
    expect(await stateOf(unloading)).toBe('pending');
    await world.pass(100);
    await Promise.all([running, unloading]);
    expect(world.pool.statistics().models['a']).toMatchObject({ loads: 2, evictions: 0 });
    expect(evicted.map(({ reason }) => reason)).toEqual(['unload']);
  });
  it('does nothing where it is not loaded', async () => {
    make(3, { a: 1 });
    await world.pool.unload('a');
    await expect(world.pool.unload('z')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(evicted).toEqual([]);
  });
});
