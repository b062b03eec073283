import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PoolLoadEvent } from '../../lib/index.js';
import { settle } from '../batching/fakes.js';
import { stateOf } from '../batching/batcher.js';
import { modelFault, World, type FakeModel } from './fakes.js';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.end());

describe('a model that is not loaded', () => {
  it('is loaded once, however many ask, and all are answered', async () => {
    world.register('a', { loadMs: 10 });
    const runs = Array.from({ length: 50 }, () => world.run('a'));
    await world.pass(5);
    const late = world.run('a');
    expect(world.pool.statistics().models['a']).toMatchObject({ state: 'loading', waiting: 51 });
    await world.pass(100);
    const results = await Promise.all([...runs, late]);
    expect(new Set(results.flatMap(({ ids }) => ids)).size).toBe(51);
    expect(world.models).toHaveLength(1);
    expect(world.pool.statistics().models['a']).toMatchObject({ state: 'loaded', uses: 51, loads: 1, loadMs: 10, inUse: 0 });
  });

  it('is loaded to the end when nobody waits any more, for the next who asks', async () => {
    world.register('a', { loadMs: 10 });
    const [first, second] = [new AbortController(), new AbortController()];
    const runs = [world.run('a', 1, { signal: first.signal }), world.run('a', 1, { signal: second.signal })];
    await world.pass(2);
    first.abort();
    expect(await stateOf(runs[0] as Promise<unknown>)).toBe('ABORTED');
    second.abort();
    expect(await stateOf(runs[1] as Promise<unknown>)).toBe('ABORTED');
    expect(world.pool.statistics().models['a']).toMatchObject({ state: 'loading', waiting: 0 });
    const joins = world.run('a');
    await world.pass(100);
    expect((await joins).ids).toHaveLength(1);
    expect(world.models).toHaveLength(1);
    expect(world.pool.statistics()).toMatchObject({ loads: 1, failedLoads: 0 });
  });

  it('serves the requests after one whose deadline was shorter than its load', async () => {
    world.register('a', { loadMs: 10 });
    const late = world.run('a', 1, { deadlineMs: 5 });
    await world.pass(20);
    await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', details: { stage: 'load' } });
    const next = world.run('a', 1, { deadlineMs: 5 });
    await world.pass(5);
    expect((await next).ids).toHaveLength(1);
    expect(world.models).toHaveLength(1);
  });

  it('is tried again after a pause where it failed when nobody waited', async () => {
    world.register('a', { loadMs: 10, fault: () => modelFault() });
    world.run('a', 1, { deadlineMs: 5 });
    await world.pass(20);
    await expect(world.run('a')).rejects.toMatchObject({ code: 'POOL_LOAD_FAILED', details: { attempts: 1 } });
  });

  it('is not loaded where all have left before its load began', async () => {
    world.register('a', { loadMs: 10 });
    world.register('b', { loadMs: 10 });
    const runs = [world.run('a'), world.run('b', 1, { deadlineMs: 5 })];
    await world.pass(100);
    await expect(runs[1]).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await runs[0];
    expect(world.models).toHaveLength(1);
    expect(world.pool.statistics().models['b']).toMatchObject({ state: 'unloaded', loads: 0 });
  });

  it.each(['unload', 'reset'] as const)('is given up by %s where nobody waits, and not where somebody does', async (method) => {
    let signal: AbortSignal | undefined;
    world.pool.register('a', {
      load: async (given) => {
        signal = given;
        return await world.loader({ loadMs: 10 })(given);
      },
    });
    const end = (): Promise<void> => (method === 'unload' ? world.pool.unload('a') : world.pool.reset());
    world.run('a', 1, { deadlineMs: 2 });
    await world.pass(5);
    const ended = end();
    expect(signal?.aborted).toBe(true);
    // Who asks while that load ends is given one of its own.
    const run = world.run('a');
    await world.until(ended);
    await end();
    expect(signal?.aborted).toBe(false);
    await world.pass(100);
    expect((await run).ids).toHaveLength(1);
    expect(world.models).toHaveLength(1);
    expect(world.pool.statistics()).toMatchObject({ loads: 1, failedLoads: 0 });
  });

  it('is not loaded for a request that no time is left for', async () => {
    world.register('a', { loadMs: 10 });
    const late = world.run('a', 1, { deadlineMs: 0 });
    await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', details: { deadlineMs: 0, stage: 'call' } });
    expect(world.models).toHaveLength(0);
  });

  it('counts loading as part of the deadline', async () => {
    world.register('a', { loadMs: 10 });
    const [late, later] = [world.run('a', 1, { deadlineMs: 5 }), world.run('a', 5, { deadlineMs: 12 })];
    const inTime = world.run('a', 1, { deadlineMs: 50 });
    await world.pass(100);
    await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', details: { stage: 'load' } });
    await expect(later).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', details: { stage: 'run' } });
    await expect(inTime).resolves.toMatchObject({ ids: [2] });
  });

  it('is not begun for a call that is aborted before, or for a name that nobody knows', async () => {
    world.register('faces');
    await expect(world.run('faces', 1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(world.run('facse')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', hint: 'Did you mean "faces"?' });
    expect(world.models).toHaveLength(0);
  });
});

describe('a load that fails', () => {
  it('is told to all who wait, and tried again after a pause that grows', async () => {
    let faults = 2;
    world.register('a', { loadMs: 1, fault: () => (faults-- > 0 ? modelFault() : undefined) }, { version: '7' });
    const runs = [world.run('a'), world.run('a')];
    await world.pass(2);
    for (const run of runs) {
      await expect(run).rejects.toMatchObject({
        code: 'POOL_LOAD_FAILED',
        message: 'The model "a" (version 7) could not be loaded: the model is broken',
        hint: 'Mend it. The next request tries again, after a pause of 1.0 s.',
        details: { attempts: 1, retryAfterMs: 1000 },
        cause: { code: 'MODEL_INVALID' },
      });
    }
    await world.pass(500);
    await expect(world.run('a')).rejects.toMatchObject({
      message: expect.stringContaining('once, and is not tried again for 0.5 s: the model is broken') as string,
      details: { attempts: 1, retryAfterMs: 499 },
    });
    expect(world.pool.statistics().failedLoads).toBe(1);
    await world.pass(500);
    const again = world.run('a');
    await world.pass(2);
    await expect(again).rejects.toMatchObject({ details: { attempts: 2, retryAfterMs: 2000 } });
    await world.pass(2000);
    const run = world.run('a');
    await world.pass(10);
    await expect(run).resolves.toMatchObject({ ids: [4] });
  });

  it('leaves nothing behind where the model was opened, but does not run', async () => {
    world.register('a', {}, { warmUp: () => Promise.reject(new Error('no kernel')) });
    const run = world.run('a');
    await world.pass(1);
    await expect(run).rejects.toMatchObject({ code: 'POOL_LOAD_FAILED', cause: { message: 'no kernel' } });
    expect(world.models.map(({ isDisposed }) => isDisposed)).toEqual([true]);
    expect(world.pool.statistics().memoryBytes).toBe(0);
  });

  it('tells of what is no model', async () => {
    world.pool.register('a', { load: () => ({}) as FakeModel });
    await expect(world.run('a')).rejects.toMatchObject({ cause: { code: 'INVALID_ARGUMENT' } });
  });

  it('is told to observers', async () => {
    const events: PoolLoadEvent[] = [];
    const listen = (event: unknown): void => void events.push(event as PoolLoadEvent);
    subscribe('foveate:pool.load', listen);
    world.register('a', { loadMs: 3, bytes: 7 }, { version: '1' });
    world.register('b', { fault: modelFault });
    const runs = [world.run('a'), world.run('b')];
    await world.pass(10);
    await Promise.allSettled(runs);
    unsubscribe('foveate:pool.load', listen);
    expect(events).toEqual([
      { model: 'a', version: '1', loadMs: 3, warmUpMs: 0, memoryBytes: 7, deviceMemoryBytes: 0, failure: undefined },
      expect.objectContaining({ model: 'b', failure: 'The model "b" could not be loaded: the model is broken' }),
    ]);
  });
});

describe('warming up', () => {
  /** Warms up with runs of these times, the last for ever. */
  async function warmUp(times: readonly number[]) {
    let runs = 0;
    let disposed = 0;
    world.register(
      'a',
      {},
      {
        warmUp: async () => {
          await world.after(times[Math.min(runs++, times.length - 1)] as number);
          return { [Symbol.dispose]: () => disposed++ };
        },
      },
    );
    const loading = world.pool.load('a');
    await world.pass(1e5);
    await loading;
    expect(disposed).toBe(runs);
    return world.pool.statistics().models['a']?.warmUp;
  }

  it('goes on until three runs take as long as one another', async () => {
    expect(await warmUp([100, 20, 11, 10, 10])).toEqual({ runs: 5, ms: 151, settled: true });
  });
  it('ends where they never do', async () => {
    const times = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? 1 : 2));
    expect(await warmUp(times)).toEqual({ runs: 30, ms: 45, settled: false });
  });
  it('ends where it takes too long', async () => {
    expect(await warmUp([1000, 3000, 1000, 3000])).toEqual({ runs: 3, ms: 5000, settled: false });
  });
  it('is nothing for a model that says nothing of it', async () => {
    world.register('b');
    await world.pool.load('b');
    expect(world.pool.statistics().models['b']?.warmUp).toBeUndefined();
  });
});

describe('what is refused', () => {
  it.each([
    ['a name that is taken', () => world.register('a')],
    ['an empty name', () => world.register('')],
    ['no load', () => world.pool.register('b', {} as never)],
    ['a load that is none', () => world.pool.register('b', { load: 'faces.onnx' as never })],
    ['batches of nothing', () => world.register('b', {}, { batching: { maxBatch: 0 } })],
    ['memory that is no number', () => world.register('b', {}, { memoryBytes: NaN })],
    ['a pool without memory', () => new World({ memoryBytes: 0 })],
    ['a version that is a number', () => world.register('b', {}, { version: 4 as never })],
    ['a file that is none', () => world.register('b', {}, { files: [''] })],
  ])('%s', (_, call) => {
    world.register('a');
    expect(call).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
  it('an unknown option', () => {
    expect(() => world.register('b', {}, { memory: 1 } as never)).toThrow(expect.objectContaining({ code: 'UNKNOWN_OPTION' }));
    expect(() => new World({ memory: 1 } as never)).toThrow(expect.objectContaining({ code: 'UNKNOWN_OPTION' }));
  });
});

describe('a pool that is disposed of', () => {
  it('ends what runs, and tells those who wait', async () => {
    world.register('a');
    world.register('b', { loadMs: 10 });
    world.register('c');
    const running = world.run('a', 50);
    await settle();
    const waiting = [world.run('b'), world.run('c')];
    await settle();
    const closing = world.pool.dispose();
    expect(world.pool.dispose()).toBe(closing);
    for (const run of waiting) await expect(run).rejects.toMatchObject({ code: 'DISPOSED' });
    await expect(world.run('a')).rejects.toMatchObject({ code: 'DISPOSED' });
    expect(() => world.pool.register('d', { load: world.loader() })).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
    expect(await stateOf(closing)).toBe('pending');
    await world.pass(100);
    await expect(running).resolves.toMatchObject({ ids: [0] });
    await closing;
    expect(world.models).toHaveLength(1);
  });

  it('keeps no model whose load ends meanwhile, whichever step of it that is', async () => {
    for (let steps = 0; steps < 30; steps++) {
      const other = new World();
      other.register('a');
      const run = other.run('a');
      for (let i = 0; i < steps; i++) await undefined;
      await other.end(); // which checks that all models are disposed of
      await Promise.allSettled([run]);
    }
  });

  it('tells of a model that could not be disposed of, after all others are', async () => {
    const other = new World();
    other.register('a', { disposeFault: new Error('it hangs on') });
    other.register('b', { disposeMs: 10 });
    await Promise.all([other.pool.load('a'), other.pool.load('b')]);
    const closing = other.pool.dispose();
    closing.catch(() => undefined);
    await other.pass(20);
    await expect(closing).rejects.toThrow('it hangs on');
    expect(other.memory.host).toBe(0);
  });
});
