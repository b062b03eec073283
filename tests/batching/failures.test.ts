import { beforeEach, describe, expect, it } from 'vitest';
import { DynamicBatcher, type BatchRequestOptions, type DynamicBatcherOptions } from '../../lib/batching/index.js';
import { createError } from '../../lib/errors/index.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';
import { batchable, batcher, clock, make, send, stateOf, useFakes } from './batcher.js';
import { settle } from './fakes.js';

useFakes();

describe('a poisoned item', () => {
  it('is found by halves, and fails alone', async () => {
    make({ maxBatch: 8 });
    const all = [0, 1, 2, 3, 4, 5, 6, 7].map((id) => send({ fault: id === 5 ? 'run' : undefined }));
    await clock.advanceTo(100);
    const settled = await Promise.allSettled(all);
    expect(settled.map(({ status }) => status === 'fulfilled')).toEqual([true, true, true, true, true, false, true, true]);
    expect((settled[5] as PromiseRejectedResult).reason).toMatchObject({ code: 'ENGINE_FAILED', message: 'item 5' });
    expect(batchable.runs.map(({ ids }) => ids)).toEqual([
      [0, 1, 2, 3, 4, 5, 6, 7],
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [4, 5],
      [4],
      [5],
      [6, 7],
    ]);
    expect((await (all[6] as ReturnType<typeof send>)).batch).toEqual({ size: 2, target: 8, reason: 'full' });
  });

  it.each(['DEVICE_LOST', 'DISPOSED', 'ABORTED'] as const)('is not looked for after %s', async (code) => {
    make();
    batchable.failWith = () => createError(code, { message: 'no more' });
    const all = [0, 1, 2, 3].map(() => send());
    await clock.advanceTo(100);
    const errors = await Promise.all(all.map(rejectionOf));
    for (const error of errors) expectFailure(error, code, /./);
    expect(new Set(errors).size).toBe(4);
    expect(batchable.runs).toHaveLength(1);
  });

  it('is nobody where memory runs out: smaller batches are run, from then on', async () => {
    make({ maxBatch: 8, preferredSizes: [2, 8] });
    batchable.failWith = (seats) => (seats.length > 4 ? createError('CUDA_OUT_OF_MEMORY', { message: 'too large' }) : undefined);
    await Promise.all([...[0, 1, 2, 3, 4, 5, 6, 7].map(() => send()), clock.advanceTo(100)]);
    await Promise.all([...[0, 1, 2, 3, 4, 5, 6, 7].map(() => send()), clock.advanceTo(200)]);
    expect(batchable.runs.map(({ ids }) => ids.length)).toEqual([8, 4, 4, 2, 2, 2, 2]);
  });

  it('may be one whose result cannot be read', async () => {
    make();
    const all = [send(), send({ fault: 'finish' }), send(), send()];
    await clock.advanceTo(100);
    expect((await Promise.allSettled(all)).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    expect(batchable.runs).toHaveLength(1);
  });
});

describe('a deadline', () => {
  it('is kept while the request waits outside, in the queue, and in a run', async () => {
    make({ maxBatch: 1, maxQueueSamples: 1, whenFull: 'block' });
    const runs = send({ runMs: 100 }, { deadlineMs: 40 });
    await settle();
    const waits = send({}, { deadlineMs: 50 });
    const outside = send({}, { deadlineMs: 60 });
    await clock.advanceTo(39);
    expect(await Promise.all([runs, waits, outside].map(stateOf))).toEqual(['pending', 'pending', 'pending']);
    await clock.advanceTo(60);
    const errors = await Promise.all([runs, waits, outside].map(rejectionOf));
    expect(errors.map((error) => (error as { details: object }).details)).toEqual([
      { deadlineMs: 40, stage: 'run' },
      { deadlineMs: 50, stage: 'queue' },
      { deadlineMs: 60, stage: 'queue' },
    ]);
    await clock.advanceTo(200);
    expect(batchable.runs).toHaveLength(1);
  });

  it.each([0, -3])('of %d ms has passed at the call: nobody makes room for it', async (deadlineMs) => {
    make({ maxBatch: 1, maxQueueSamples: 1, whenFull: 'shed-oldest' });
    const runs = send();
    await settle();
    const waits = send();
    const late = await rejectionOf(send({}, { deadlineMs, requestId: 'late' }));
    expect(late).toMatchObject({ code: 'DEADLINE_EXCEEDED', details: { deadlineMs, stage: 'call', requestId: 'late' } });
    expect(batcher.statistics().failed).toMatchObject({ deadline: 1, queueFull: 0, error: 0 });
    await clock.advanceTo(100);
    expect(await Promise.all([runs, waits].map(stateOf))).toEqual(['resolved', 'resolved']);
    expect(batchable.runs).toHaveLength(2);
  });
});

describe('an abort', () => {
  it('is heard before the call, outside, in the queue, in preparation, and in a run', async () => {
    make({ maxBatch: 1, maxQueueSamples: 1, whenFull: 'block' });
    const stop = new AbortController();
    const { signal } = stop;
    const runs = send({ runMs: 100, prepareMs: 10 }, { signal });
    await clock.advanceTo(20);
    const prepares = send({ prepareMs: 100 }, { signal });
    await settle();
    const outside = send({}, { signal });
    await settle();
    stop.abort();
    const late = send({}, { signal });
    for (const promise of [runs, prepares, outside, late]) expectFailure(await rejectionOf(promise), 'ABORTED', /./);
    const next = send();
    await clock.advanceTo(300);
    await next;
    expect(batchable.runs.map(({ ids }) => ids)).toEqual([[0], [4]]);
    expect(batcher.statistics().failed.aborted).toBe(3);
  });

  it('leaves a run that others wait for alone', async () => {
    make({ maxBatch: 2 });
    const stop = new AbortController();
    const [one, other] = [send({ runMs: 10 }, { signal: stop.signal }), send({ runMs: 10 })];
    await clock.advanceTo(5);
    stop.abort();
    expectFailure(await rejectionOf(one), 'ABORTED', /./);
    await clock.advanceTo(30);
    expect((await other).ids).toEqual([1]);
  });
});

describe('dispose', () => {
  it('runs what waits, and takes no more', async () => {
    make();
    const waits = send();
    const closing = batcher.dispose();
    expectFailure(await rejectionOf(send()), 'DISPOSED', /./);
    await clock.advanceTo(10);
    await closing;
    expect((await waits).batch.reason).toBe('flush');
  });

  it('rejects what waits where it is told to', async () => {
    make({ maxBatch: 1 });
    const runs = send({ runMs: 10 });
    await settle();
    const waits = send();
    const closing = batcher.dispose({ drain: false });
    expectFailure(await rejectionOf(waits), 'DISPOSED', /./);
    await clock.advanceTo(20);
    await closing;
    expect((await runs).ids).toEqual([0]);
  });
});

describe('options', () => {
  beforeEach(() => make());
  it.each<[DynamicBatcherOptions, RegExp]>([
    [{ maxBatch: 0 }, /Expected an integer from 1 to 4096 for maxBatch but received 0/],
    [{ maxDelayMs: -1 }, /Expected a number from 0 to 3600000 for maxDelayMs but received -1/],
    [{ maxDelayMs: 'soon' as never }, /Expected a number or 'auto' for maxDelayMs but received "soon"/],
    [{ maxDelayMs: 'auto' }, /Expected a number with maxDelayMs: 'auto' for targetP95Ms but received undefined/],
    [{ targetP95Ms: 10 }, /Expected none without maxDelayMs: 'auto' for targetP95Ms but received 10/],
    [{ preferredSizes: [] }, /Expected an array of at least one size for preferredSizes but received an array of 0/],
    [{ maxBatch: 4, preferredSizes: [8] }, /Expected an integer from 1 to 4 for preferredSizes\[0\] but received 8/],
    [{ maxQueueSamples: 0 }, /Expected an integer from 1 to 1000000 for maxQueueSamples but received 0/],
    [{ whenFull: 'drop' as never }, /Expected one of reject, shed-oldest, block for whenFull but received "drop"/],
  ])('refuses %o', (options, message) => {
    expectFailure(
      thrownBy(() => new DynamicBatcher(batchable, options)),
      'INVALID_ARGUMENT',
      message,
    );
  });

  it.each<[BatchRequestOptions, RegExp]>([
    [{ priority: 0.5 }, /Expected an integer from -100 to 100 for priority but received 0.5/],
    [{ caller: '' }, /Expected a string that is not empty for caller but received ""/],
    [{ deadlineMs: Number.NaN }, /Expected a number of at most 3600000 for deadlineMs but received NaN/],
    [{ deadlineMs: Infinity }, /Expected a number of at most 3600000 for deadlineMs but received Infinity/],
    [{ deadlineMs: '5' as never }, /Expected a number of at most 3600000 for deadlineMs but received "5"/],
    [{ signal: {} as never }, /Expected an AbortSignal for signal but received an object/],
  ])('refuses the request %o', async (options, message) => {
    expectFailure(await rejectionOf(send({}, options)), 'INVALID_ARGUMENT', message);
  });
});
