import { describe, expect, it } from 'vitest';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { batchable, batcher, clock, make, send, stateOf, useFakes } from './batcher.js';
import { settle } from './fakes.js';

useFakes();

describe('why a batch closes', () => {
  it('full: it has the size that is aimed for', async () => {
    make();
    const all = [0, 1, 2, 3].map(() => send());
    await clock.advanceTo(4);
    for (const { batch, ids } of await Promise.all(all)) {
      expect(batch).toEqual({ size: 4, target: 4, reason: 'full' });
      expect(ids).toHaveLength(1);
    }
    expect(batchable.runs).toEqual([{ at: 0, ids: [0, 1, 2, 3] }]);
  });

  it('full: the next request does not fit', async () => {
    make();
    const first = send({ samples: 3 });
    void send({ samples: 2 });
    await clock.advanceTo(1);
    expect((await first).batch).toEqual({ size: 3, target: 4, reason: 'full' });
  });

  it('delay: a request has waited that long', async () => {
    make({ maxDelayMs: 20 });
    const first = send();
    await clock.advanceTo(15);
    const second = send();
    await clock.advanceTo(30);
    expect((await first).batch).toEqual({ size: 2, target: 4, reason: 'delay' });
    expect((await second).queueMs).toBe(5);
    expect((await first).queueMs).toBe(20);
    expect((await first).computeMs).toBe(2);
  });

  it('idle lane: it was due, and grew until a lane was there', async () => {
    make({ maxDelayMs: 5 });
    const long = [0, 1, 2, 3].map(() => send({ runMs: 25 }));
    await settle();
    const late = [send(), send(), send()];
    await clock.advanceTo(99);
    expect(await stateOf(long[0] as Promise<unknown>)).toBe('pending');
    await clock.advanceTo(103);
    for (const promise of late) expect((await promise).batch).toEqual({ size: 3, target: 4, reason: 'idle-lane' });
  });

  it('idle lane: as many are there as came in the last waits', async () => {
    make({ maxDelayMs: 10 });
    const reasons: string[] = [];
    for (let i = 0; i < 5; i++) {
      const pair = [send(), send()];
      await clock.advanceTo(clock.now() + 20);
      reasons.push((await (pair[0] as ReturnType<typeof send>)).batch.reason);
    }
    expect(reasons).toEqual(['delay', 'delay', 'delay', 'idle-lane', 'idle-lane']);
    const alone = send();
    await clock.advanceTo(clock.now() + 20);
    expect((await alone).batch.reason).toBe('delay');
  });

  it('deadline: waiting longer would miss it', async () => {
    make({ maxDelayMs: 1000 });
    const urgent = send({}, { deadlineMs: 100 });
    await clock.advanceTo(200);
    const { batch, queueMs } = await urgent;
    expect(batch.reason).toBe('deadline');
    expect(queueMs).toBeGreaterThan(90);
  });

  it('flush', async () => {
    make();
    const first = send();
    let isFlushed = false;
    const flushed = batcher.flush().then(() => (isFlushed = true));
    await settle();
    expect(isFlushed).toBe(false);
    await clock.advanceTo(1);
    expect((await first).batch.reason).toBe('flush');
    await flushed;
    const second = send();
    await clock.advanceTo(clock.now() + 60);
    expect((await second).batch.reason).toBe('delay');
  });

  it('counts the reasons and the sizes', async () => {
    make({ maxDelayMs: 20 });
    for (let i = 0; i < 5; i++) void send();
    await clock.advanceTo(100);
    const { reasons, sizes, batches, succeeded } = batcher.statistics();
    expect({ reasons, sizes, batches, succeeded }).toEqual({
      reasons: { full: 1, delay: 1, 'idle-lane': 0, deadline: 0, flush: 0 },
      sizes: { 1: 1, 4: 1 },
      ...{ batches: 2, succeeded: 5 },
    });
  });
});

describe('a batch', () => {
  it('has only items of one group', async () => {
    make({ maxDelayMs: 5 });
    const all = ['a', 'b', 'a', 'b'].map((group) => send({ group }));
    await clock.advanceTo(50);
    await Promise.all(all);
    expect(batchable.runs.map(({ ids }) => ids)).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });

  it('closes at the largest preferred size that what waits fills', async () => {
    make({ maxBatch: 8, preferredSizes: [4, 2], maxDelayMs: 100 });
    const all = [0, 1, 2, 3, 4, 5, 6].map(() => send());
    await clock.advanceTo(150);
    expect((await Promise.all(all)).map(({ batch }) => batch.size)).toEqual([4, 4, 4, 4, 2, 2, 1]);
  });

  it('is prepared while an earlier one runs', async () => {
    make();
    const first = [0, 1, 2, 3].map(() => send({ runMs: 10 }));
    const second = [0, 1, 2, 3].map(() => send({ prepareMs: 30 }));
    await clock.advanceTo(44);
    await Promise.all(first);
    for (const { queueMs, preprocessMs } of await Promise.all(second)) {
      expect(preprocessMs).toBe(30);
      expect(queueMs).toBe(10);
    }
    expect(batchable.runs.map(({ at }) => at)).toEqual([0, 40]);
  });

  it('splits a request that is larger, and joins its results', async () => {
    make({ maxDelayMs: 5 });
    const large = send({ samples: 10 });
    await clock.advanceTo(50);
    const { ids, batch, batches, computeMs } = await large;
    expect(ids).toHaveLength(10);
    expect(batches.map(({ size }) => size)).toEqual([4, 4, 2]);
    expect(batch).toEqual(batches[2]);
    expect(computeMs).toBe(3);
  });

  it('takes no more of a request that was given up in part', async () => {
    make({ maxDelayMs: 5 });
    const stop = new AbortController();
    const large = send({ samples: 12, runMs: 10 }, { signal: stop.signal });
    await clock.advanceTo(15);
    stop.abort();
    expectFailure(await rejectionOf(large), 'ABORTED', /./);
    await clock.advanceTo(100);
    expect(batchable.runs).toHaveLength(2);
    expect(batchable.discarded).toBe(1);
  });

  it('goes on with the others where one cannot be prepared', async () => {
    make();
    const all = [send(), send({ fault: 'prepare', prepareMs: 3 }), send(), send()];
    await clock.advanceTo(10);
    expectFailure(await rejectionOf(all[1] as Promise<unknown>), 'MEDIA_INVALID', /./);
    expect((await (all[0] as ReturnType<typeof send>)).batch.size).toBe(3);
    expect(batchable.runs).toEqual([{ at: 3, ids: [0, 2, 3] }]);
  });

  it('fills the place of a request that has left', async () => {
    make();
    const blocker = [0, 1, 2, 3].map(() => send({ runMs: 10 }));
    await settle();
    const stop = new AbortController();
    void send();
    void send({}, { signal: stop.signal });
    void send();
    await settle();
    stop.abort();
    const last = [send(), send()];
    await clock.advanceTo(60);
    await Promise.all([...blocker, ...last]);
    expect(batchable.runs[1]?.ids).toEqual([4, 7, 6, 8]);
  });
});

describe('the size of batches', () => {
  /** 24 callers, each of which sends its next request when it has the last result. */
  const callersOf = async (runMs: (samples: number) => number): Promise<void> => {
    make({ maxBatch: 16, maxDelayMs: 50, preferredSizes: undefined }, 1, (seats) => runMs(seats.length));
    const callers = Array.from({ length: 24 }, async () => {
      for (let i = 0; i < 40; i++) await send();
    });
    let isDone = false;
    void Promise.all(callers).then(() => (isDone = true));
    while (!isDone) await clock.advanceTo(clock.now() + 100);
  };
  const lastSizes = (): Set<number> => new Set(batchable.runs.slice(-60, -40).map(({ ids }) => ids.length));

  it('becomes one where larger batches do not pay', async () => {
    await callersOf((samples) => 10 * samples);
    expect(lastSizes()).toEqual(new Set([1]));
    expect(batcher.statistics().groups[0]).toEqual({
      group: 'a',
      target: 1,
      costs: [1, 2, 4, 8, 16].map((size) => ({ size, msPerSample: size <= 4 ? 10 : undefined })),
    });
  });

  it('becomes the largest where they do', async () => {
    await callersOf((samples) => 10 + samples / 10);
    expect(batcher.statistics().groups[0]?.target).toBe(16);
    expect(Math.max(...batchable.runs.slice(-10).map(({ ids }) => ids.length))).toBe(16);
  });
});

describe("maxDelayMs: 'auto'", () => {
  it('keeps the p95 within the target, and tells so', async () => {
    make({ maxBatch: 8, maxDelayMs: 'auto', targetP95Ms: 60 }, 1, () => 10);
    for (let i = 0; i < 2000; i++) {
      void send();
      await clock.advanceTo(clock.now() + 13);
    }
    const { maxDelayMs, delay } = batcher.statistics();
    expect(delay).toMatchObject({ targetP95Ms: 60, canHold: true });
    expect(delay?.p95Ms).toBeLessThanOrEqual(60);
    expect(maxDelayMs).toBeGreaterThan(10);
  });
});
