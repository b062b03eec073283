import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BatchRequestEvent, PoolSwapEvent } from '../../lib/index.js';
import { stateOf } from '../batching/batcher.js';
import { recorded, useRecording } from '../observe/recorded.js';
import { modelFault, World } from './fakes.js';

let world: World;
useRecording();
beforeEach(() => {
  world = new World({ memoryBytes: 4 });
});
afterEach(() => world.end());

/** A version of a model of so many bytes that takes 10 ms to load. */
function version(name: string, bytes = 1) {
  return { load: world.loader({ bytes, loadMs: 10 }), version: name, memoryBytes: bytes };
}

describe('swap', () => {
  it('loads beside what serves, then takes over; requests under way end on the old version', async () => {
    const events: PoolSwapEvent[] = [];
    const listen = (event: unknown): void => void events.push(event as PoolSwapEvent);
    subscribe('foveate:pool.swap', listen);
    world.pool.register('a', version('1'));
    await world.until(world.pool.load('a'));
    const before = [0, 1, 2].map(() => world.run('a', 30));
    const swapping = world.pool.swap('a', version('2'));
    await world.pass(5);
    const meanwhile = world.run('a', 30);
    await world.until(swapping);
    unsubscribe('foveate:pool.swap', listen);
    expect(events).toEqual([{ model: 'a', from: '1', to: '2', inUse: 4 }]);
    const [old, fresh] = world.models as [(typeof world.models)[0], (typeof world.models)[0]];
    const after = world.run('a');
    await world.until(after);
    expect(fresh.runs).toHaveLength(1);
    expect(old.isDisposed).toBe(false);
    expect(world.pool.statistics().models['a']).toMatchObject({ version: '2', swaps: 1, loads: 2, uses: 6 });
    for (const run of [...before, meanwhile]) await world.until(run);
    await world.pass(10);
    expect([old.isDisposed, old.runs.length]).toEqual([true, 4]);
    expect(world.pool.statistics().memoryBytes).toBe(1);
  });

  it('leaves all as it was where the new version cannot be loaded, or is aborted', async () => {
    world.pool.register('a', version('1'));
    await world.until(world.pool.load('a'));
    const broken = world.pool.swap('a', { load: world.loader({ fault: modelFault }), version: '2' });
    await expect(world.until(broken)).rejects.toMatchObject({
      code: 'POOL_LOAD_FAILED',
      message: 'The model "a" (version 2) could not be loaded: the model is broken',
      cause: { code: 'MODEL_INVALID' },
    });
    const stop = new AbortController();
    const aborted = world.pool.swap('a', version('3'), { signal: stop.signal });
    aborted.catch(() => undefined);
    await world.pass(5);
    stop.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(world.pool.swap('a', version('3'), { signal: stop.signal })).rejects.toMatchObject({ code: 'ABORTED' });
    await world.pass(20);
    await world.until(world.run('a'));
    expect(world.pool.statistics().models['a']).toMatchObject({ version: '1', swaps: 0, loads: 1 });
    expect(world.models).toHaveLength(1);
  });

  it('gives up others for the room that two versions take, and is refused where even that is too little', async () => {
    world.pool.register('a', version('1', 2));
    world.pool.register('b', version('1', 1));
    await world.until(world.pool.load('a'));
    await world.until(world.pool.load('b'));
    await world.until(world.pool.swap('a', version('2', 2)));
    expect(world.pool.statistics().models['b']).toMatchObject({ state: 'unloaded', evictions: 1 });
    await world.until(world.pool.load('b'));
    world.pool.pin('b');
    await expect(world.pool.swap('a', version('3', 2))).rejects.toMatchObject({
      code: 'POOL_TOO_SMALL',
      details: { roomBytes: 1, needBytes: 2 },
    });
    expect(world.memory.most).toBe(4);
    expect(world.pool.statistics().models['a']).toMatchObject({ version: '2', state: 'loaded' });
  });

  it('loads the new version where none was, and answers those who waited for the old', async () => {
    let faults = 1;
    world.pool.register('a', { load: world.loader({ fault: () => (faults-- > 0 ? modelFault() : undefined), loadMs: 5 }) });
    const refused = world.run('a');
    await expect(world.until(refused)).rejects.toMatchObject({ code: 'POOL_LOAD_FAILED' });
    const swapping = world.pool.swap('a', version('2'));
    await expect(world.run('a')).rejects.toMatchObject({ code: 'POOL_LOAD_FAILED' });
    await world.until(swapping);
    await world.until(world.run('a'));

    world.pool.register('b', version('1'));
    const swaps = [world.pool.swap('b', version('2')), world.pool.swap('b', version('3'))];
    const run = world.run('b');
    await world.until(Promise.all([...swaps, run]));
    expect(world.pool.statistics().models['b']).toMatchObject({ version: '3', loads: 2, swaps: 2 });
    await world.pass(10);
    expect(world.models.filter(({ isDisposed }) => !isDisposed)).toHaveLength(2);
  });

  it('keeps how requests are batched and what warms up, where it says nothing else', async () => {
    let warmed = 0;
    world.pool.register('a', {
      ...version('1'),
      warmUp: () => warmed++,
      batching: { maxBatch: 4, preferredSizes: [4], maxDelayMs: 5 },
    });
    await world.until(world.pool.load('a'));
    await world.until(world.pool.swap('a', version('2')));
    expect(warmed).toBe(6);
    const runs = [world.run('a'), world.run('a')];
    const [{ batch }] = (await world.until(Promise.all(runs))) as [Awaited<(typeof runs)[0]>];
    expect(batch).toMatchObject({ size: 2, reason: 'delay' });
    await world.until(world.pool.swap('a', { ...version('3'), warmUp: false, batching: { maxBatch: 1 } }));
    expect(warmed).toBe(6);
  });

  it('keeps what events call the batcher: the name in the pool, unless batching says otherwise', async () => {
    const events = recorded<BatchRequestEvent>('foveate:batch.request');
    world.pool.register('a', version('1'));
    world.pool.register('b', { ...version('1'), batching: { name: 'plates' } });
    await world.until(Promise.all([world.run('a'), world.run('b')]));
    await world.until(world.pool.swap('a', version('2')));
    await world.until(world.pool.swap('b', { ...version('2'), batching: { maxBatch: 2, name: undefined } }));
    await world.until(Promise.all([world.run('a'), world.run('b')]));
    expect(events.map(({ model }) => model).sort()).toEqual(['a', 'a', 'b', 'plates']);
  });

  it('is refused for a name that nobody knows, and without a load', async () => {
    await expect(world.pool.swap('a', version('1'))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    world.pool.register('a', version('1'));
    await expect(world.pool.swap('a', {} as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(world.pool.swap('a', { ...version('1'), pinned: true } as never)).rejects.toMatchObject({
      code: 'UNKNOWN_OPTION',
    });
  });
});

describe('use', () => {
  beforeEach(() => {
    for (const name of ['a', 'b', 'c', 'd', 'e'])
      world.register(name, { loadMs: 1, bytes: name === 'e' ? 4 : 1 }, { memoryBytes: name === 'e' ? 4 : 1 });
  });

  it('gives the model itself, which stays until the work is done, whatever becomes of it', async () => {
    const using = world.pool.use('a', async (model) => {
      await world.after(100);
      return model.isDisposed;
    });
    await world.pass(10);
    const large = world.run('e');
    await world.pass(20);
    expect(await stateOf(large)).toBe('pending');
    expect(await world.until(using)).toBe(false);
    await world.until(large);
    await expect(world.until(world.pool.use('a', () => Promise.reject(new Error('mine'))))).rejects.toThrow('mine');
    expect(world.pool.statistics().models['a']?.inUse).toBe(0);
  });

  it('lets its own calls have the model, though another one waits for its room', async () => {
    let ids: readonly number[] = [];
    const using = world.pool.use('a', async () => {
      await world.after(10);
      ({ ids } = await world.run('a'));
      await world.pool.use('a', () => undefined);
    });
    await world.pass(5);
    const large = world.run('e');
    await world.until(using);
    expect(ids).toHaveLength(1);
    await world.until(large);
    expect(world.pool.statistics().models['a']?.loads).toBe(1);
  });

  it('lets its own calls have a model that is unloaded meanwhile', async () => {
    const using = world.pool.use('a', async () => {
      await world.after(10);
      await world.run('a');
    });
    await world.pass(5);
    const unloading = world.pool.unload('a');
    await world.until(using);
    await world.until(unloading);
    expect(world.models).toHaveLength(1);
  });

  it('has a second model loaded before those that wait for the first to go', async () => {
    const using = world.pool.use('a', async () => {
      await world.after(10);
      return (await world.run('b')).ids;
    });
    await world.pass(5);
    const large = world.run('e');
    await world.pass(2);
    expect(await world.until(using)).toHaveLength(1);
    await world.until(large);
  });

  it('is aborted while it waits, and refuses what is no work', async () => {
    const stop = new AbortController();
    const using = world.pool.use('a', () => 1, { signal: stop.signal });
    stop.abort();
    await expect(using).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(world.pool.use('a', undefined as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(world.pool.use('a', () => 1, { signal: 1 } as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(world.pool.use('a', () => 1, { deadlineMs: 1 } as never)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' });
  });
});
