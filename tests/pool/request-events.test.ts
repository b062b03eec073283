/** What observers are told of calls of a pool: one event of each, whether it comes to a batcher or not. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BatchRequestEvent } from '../../lib/index.js';
import { fakeItem } from '../batching/fakes.js';
import { recorded, useRecording } from '../observe/recorded.js';
import { modelFault, World } from './fakes.js';

useRecording();
let world: World;
let events: BatchRequestEvent[];
beforeEach(() => {
  world = new World({ memoryBytes: 4 });
  events = recorded('foveate:batch.request');
});
afterEach(() => world.end());

const failed = { requestId: undefined, caller: undefined, priority: 0, reject: undefined, batched: undefined };

it('of an answered call, and of one that is too late in the batcher, what the batcher tells', async () => {
  world.register('a', { loadMs: 10 });
  await Promise.allSettled([world.until(world.run('a')), world.until(world.run('a', 50, { deadlineMs: 20 }))]);
  expect(events.map(({ model, outcome, reject }) => [model, outcome, reject])).toEqual([
    ['a', 'ok', undefined],
    ['a', 'DEADLINE_EXCEEDED', 'deadline'],
  ]);
});

it('of a deadline that passes while the model is loaded, with all that is known of the request', async () => {
  world.register('a', { loadMs: 10 });
  const run = world.pool.run('a', fakeItem({ id: 0, runMs: 1 }), {
    deadlineMs: 5,
    requestId: 'r',
    caller: 'camera',
    priority: 2,
  });
  await expect(world.until(run)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', details: { requestId: 'r', stage: 'load' } });
  expect(events).toEqual([
    {
      ...{ model: 'a', requestId: 'r', caller: 'camera', priority: 2, totalMs: 5 },
      ...{ outcome: 'DEADLINE_EXCEEDED', reject: 'deadline', batched: undefined },
    },
  ]);
});

it('of aborts, before the call and while the model is loaded', async () => {
  world.register('a', { loadMs: 10 });
  const stop = new AbortController();
  const run = world.run('a', 1, { signal: stop.signal });
  await world.pass(3);
  stop.abort();
  await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
  await expect(world.run('a', 1, { signal: stop.signal })).rejects.toMatchObject({ code: 'ABORTED' });
  expect(events).toEqual([3, 0].map((totalMs) => ({ ...failed, model: 'a', outcome: 'ABORTED', totalMs })));
});

it('of loads that fail, to each who waits and in the pause after it, by the name of the batcher', async () => {
  world.register('a', { loadMs: 2, fault: () => modelFault() }, { batching: { name: 'faces' } });
  await Promise.allSettled([world.until(world.run('a')), world.run('a')]);
  await Promise.allSettled([world.run('a')]);
  expect(events).toEqual([2, 2, 0].map((totalMs) => ({ ...failed, model: 'faces', outcome: 'POOL_LOAD_FAILED', totalMs })));
});

it('of a model that does not fit', async () => {
  world.register('a', {}, { memoryBytes: 5 });
  await Promise.allSettled([world.run('a')]);
  expect(events).toEqual([{ ...failed, model: 'a', outcome: 'POOL_TOO_SMALL', totalMs: 0 }]);
});

it('of a pool that is disposed of, before the call and while it waits', async () => {
  world.register('a', { loadMs: 10 });
  const run = world.run('a');
  await world.pass(4);
  const closing = world.pool.dispose();
  await Promise.allSettled([run, world.run('a')]);
  await world.until(closing);
  const disposed = { ...failed, model: 'a', outcome: 'DISPOSED', reject: 'disposed' };
  expect(events.sort((a, b) => a.totalMs - b.totalMs)).toEqual([0, 4].map((totalMs) => ({ ...disposed, totalMs })));
});

it('not of a name that nobody knows, which would be a label of its own', async () => {
  await expect(world.run('b')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(events).toEqual([]);
});
