import { describe, expect, it } from 'vitest';
import type { DynamicBatcherOptions } from '../../lib/batching/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { batchable, batcher, clock, make, send, stateOf, useFakes } from './batcher.js';
import { settle } from './fakes.js';

useFakes();

describe('the order', () => {
  it('is by priority, then by arrival', async () => {
    make({ maxBatch: 2 });
    const blocker = [send(), send()];
    await settle();
    const forming = [send(), send()];
    await settle();
    for (const priority of [0, 5, 1, 5]) void send({}, { priority });
    await clock.advanceTo(50);
    await Promise.all([...blocker, ...forming]);
    expect(batchable.runs.map(({ ids }) => ids)).toEqual([[0, 1], [2, 3], [5, 7], [4, 6].reverse()].map((ids) => [...ids]));
  });

  it('gives callers their share, whatever they have waiting', async () => {
    make({ maxBatch: 2 });
    for (let i = 0; i < 10; i++) void send({}, { caller: 'greedy' });
    await settle();
    void send({}, { caller: 'modest' });
    void send({}, { caller: 'modest' });
    await clock.advanceTo(100);
    // Two batches were full before the modest one came.
    expect(batchable.runs.slice(2, 4).map(({ ids }) => ids)).toEqual(
      [
        [10, 4],
        [11, 5],
      ].map((ids) => expect.arrayContaining(ids)),
    );
  });

  it('of the answers is that of the calls of one caller', async () => {
    make({ maxBatch: 1 }, 2);
    const answered: string[] = [];
    const note = (name: string) => () => answered.push(name);
    void send({ runMs: 30 }, { caller: 'a' }).then(note('slow'));
    void send({ runMs: 10 }, { caller: 'a' }).then(note('quick'));
    void send({ runMs: 5 }).then(note('other'));
    await clock.advanceTo(20);
    expect(answered).toEqual(['other']);
    await clock.advanceTo(30);
    expect(answered).toEqual(['other', 'slow', 'quick']);
  });

  it('lets nobody starve', async () => {
    make({ maxBatch: 1 });
    const low = send({}, { priority: -1 });
    let served = false;
    void low.then(() => (served = true));
    for (let i = 0; i < 100 && !served; i++) {
      void send({}, { priority: 1 });
      void send({}, { priority: 1 });
      await clock.advanceTo(clock.now() + 1);
    }
    expect(served).toBe(true);
  });
});

describe('a full queue', () => {
  const fill = async (options: DynamicBatcherOptions) => {
    make({ maxBatch: 2, maxQueueSamples: 3, ...options });
    const running = [send({ runMs: 10 }), send({ runMs: 10 })];
    await settle();
    return { running, waiting: [send({ runMs: 10 }), send({ runMs: 10 }), send({ runMs: 10 })] };
  };

  it('rejects', async () => {
    await fill({});
    expectFailure(await rejectionOf(send()), 'QUEUE_FULL', /Expected room for 1 more samples, but 3 of at most 3 wait already/);
    expect(batcher.statistics().failed.queueFull).toBe(1);
  });

  it('tells when there may be room', async () => {
    make({ maxBatch: 2, maxQueueSamples: 3 });
    for (let i = 0; i < 3; i++) {
      await Promise.all([send({ runMs: 10 }), send({ runMs: 10 }), clock.advanceTo(clock.now() + 20)]);
    }
    for (let i = 0; i < 2; i++) void send();
    await settle();
    for (let i = 0; i < 3; i++) void send();
    expect(await rejectionOf(send())).toMatchObject({ details: { waiting: 3, retryAfterMs: 40 } });
  });

  it('sheds those that have waited longest, of no higher priority', async () => {
    const { waiting } = await fill({ whenFull: 'shed-oldest' });
    const high = send({}, { priority: 1 });
    expect(await Promise.all([...waiting, high].map(stateOf))).toEqual(['QUEUE_FULL', 'pending', 'pending', 'pending']);
    const low = send({}, { priority: -1 });
    expect(await Promise.all([...waiting, high, low].map(stateOf))).toEqual([
      'QUEUE_FULL',
      'pending',
      'pending',
      'pending',
      'QUEUE_FULL',
    ]);
    const large = send({ samples: 2 });
    expect(await Promise.all([...waiting, high, large].map(stateOf))).toEqual([
      'QUEUE_FULL',
      'QUEUE_FULL',
      'QUEUE_FULL',
      'pending',
      'pending',
    ]);
  });

  it('lets those behind wait outside, in their order', async () => {
    await fill({ whenFull: 'block' });
    const outside = [send({ samples: 2 }), send()];
    await settle();
    expect(batcher.statistics()).toMatchObject({ waitingSamples: 3, blockedCalls: 2 });
    await clock.advanceTo(100);
    await Promise.all(outside);
    expect(batchable.runs.flatMap(({ ids }) => ids)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(batcher.statistics().mostWaitingSamples).toBe(3);
  });

  it('has no room for what is larger than all of it', async () => {
    await fill({ whenFull: 'block' });
    expectFailure(await rejectionOf(send({ samples: 4 })), 'QUEUE_FULL', /./);
  });
});
