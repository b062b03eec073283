/** What observers are told of batches and requests. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import { expect, it } from 'vitest';
import { DynamicBatcher } from '../../lib/batching/index.js';
import { liveBatchers } from '../../lib/batching/live-batchers.js';
import { createError } from '../../lib/errors/index.js';
import type { BatchRequestEvent, BatchRunEvent } from '../../lib/index.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';
import { recorded, useRecording } from '../observe/recorded.js';
import { batchable, batcher, clock, make, send, useFakes } from './batcher.js';
import { FakeBatchable, fakeItem, settle } from './fakes.js';

useFakes();
useRecording();

const requests = (): BatchRequestEvent[] => recorded('foveate:batch.request');
const runs = (): BatchRunEvent[] => recorded('foveate:batch.run');

it('of a batch: its size, why it closed, and what it took', async () => {
  const told = runs();
  make({ name: 'faces', maxDelayMs: 50 });
  for (let i = 0; i < 6; i++) void send({ runMs: 5 });
  await clock.advanceTo(200);
  const common = { model: 'faces', device: undefined, target: 4, runs: 1, runQueueMs: 0 };
  expect(told).toEqual([
    { ...common, size: 4, reason: 'full', requests: 4, computeMs: 20, waitingSamples: 2 },
    { ...common, size: 2, reason: 'delay', requests: 2, computeMs: 10, waitingSamples: 0 },
  ]);
});

it('of a request: who asked, and where its time went', async () => {
  const told = requests();
  make();
  for (let i = 0; i < 4; i++) void send({ runMs: 10 });
  await clock.advanceTo(10);
  // A lane is busy for 30 ms more; this batch is prepared meanwhile.
  const options = { caller: 'camera', priority: 7, requestId: 'r-1' };
  for (let i = 0; i < 3; i++) void send({ runMs: 2 });
  void send({ prepareMs: 8, runMs: 2 }, options);
  await clock.advanceTo(100);
  expect(told.slice(0, 4).map(({ totalMs }) => totalMs)).toEqual([40, 40, 40, 40]);
  const last = told.find(({ caller }) => caller === 'camera');
  expect(last).toEqual({
    ...{ model: undefined, caller: 'camera', priority: 7, requestId: 'r-1', outcome: 'ok', reject: undefined, totalMs: 38 },
    batched: {
      ...{ samples: 1, batches: 1, size: 4, target: 4, reason: 'full' },
      ...{ queueMs: 22, preprocessMs: 8, computeMs: 8, postprocessMs: 0, preprocessAfterMs: 0, computeAfterMs: 30 },
    },
  });
});

it('of a request that is larger than a batch, once', async () => {
  const [told, ran] = [requests(), runs()];
  make();
  void send({ samples: 10, runMs: 3 });
  await clock.advanceTo(200);
  expect(ran.map(({ size }) => size)).toEqual([4, 4, 2]);
  expect(told).toHaveLength(1);
  expect(told[0]?.batched).toMatchObject({ samples: 10, batches: 3, computeMs: 9 });
});

it('of a batch that was run in parts: how many runs, and the code of who was to blame', async () => {
  const [told, ran] = [requests(), runs()];
  make();
  for (let i = 0; i < 4; i++) void send({ fault: i === 2 ? 'run' : undefined });
  await clock.advanceTo(100);
  // All four, two and two, and of the latter one and one.
  expect(ran).toMatchObject([{ size: 4, requests: 4, runs: 5, computeMs: 3 }]);
  expect(told.map(({ outcome }) => outcome).sort()).toEqual(['ENGINE_FAILED', 'ok', 'ok', 'ok']);
  expect(told.find(({ outcome }) => outcome !== 'ok')).toMatchObject({ reject: undefined, batched: undefined });
});

it('of no batch that all have left before it ran', async () => {
  const [told, ran] = [requests(), runs()];
  make();
  const stop = new AbortController();
  for (let i = 0; i < 4; i++) void send({ prepareMs: 5 }, { signal: stop.signal });
  await clock.advanceTo(1);
  stop.abort();
  await clock.advanceTo(100);
  expect(told.map(({ outcome, reject }) => [outcome, reject])).toEqual(Array(4).fill(['ABORTED', undefined]));
  expect(ran).toEqual([]);
});

it('of batches that were prepared before there was a lane for them: each once, and of none that all have left', async () => {
  const told = runs();
  const early = new DynamicBatcher(new FakeBatchable(clock, 1, undefined, 2), { maxBatch: 2, preferredSizes: [2] }, clock);
  const stop = new AbortController();
  const sent = Array.from({ length: 6 }, (_, id) =>
    early.run(fakeItem({ id, runMs: 10 }), { signal: id === 2 || id === 3 ? stop.signal : undefined }).catch(() => undefined),
  );
  await clock.advanceTo(5);
  stop.abort();
  await clock.advanceTo(100);
  await Promise.all(sent);
  expect(told).toMatchObject([
    { size: 2, requests: 2, runs: 1, computeMs: 20 },
    { size: 2, requests: 2, runs: 1, computeMs: 20 },
  ]);
  await early.dispose();
});

it('of a request that is turned away: why', async () => {
  const told = requests();
  make({ maxQueueSamples: 2, whenFull: 'shed-oldest', maxDelayMs: 1000 });
  for (let i = 0; i < 3; i++) void send({}, { requestId: `shed-${i}` });
  void send({ samples: 3 });
  await clock.advanceTo(1);
  void send({}, { requestId: 'late', deadlineMs: 10, priority: 5 });
  await settle();
  await batcher.dispose({ drain: false });
  void send();
  await settle();
  const reasons = told.map(({ requestId, outcome, reject }) => [requestId, outcome, reject]);
  expect(reasons).toContainEqual(['shed-0', 'QUEUE_FULL', 'shed']);
  expect(reasons).toContainEqual([undefined, 'QUEUE_FULL', 'full']);
  expect(reasons).toContainEqual(['late', 'DISPOSED', 'disposed']);
  expect(told.at(-1)).toMatchObject({ outcome: 'DISPOSED', reject: 'disposed', totalMs: 0 });
});

it('of a request whose deadline has passed: after how long', async () => {
  const told = requests();
  make();
  void send({ samples: 4, runMs: 100 });
  await clock.advanceTo(1);
  void send({}, { deadlineMs: 20 });
  await clock.advanceTo(50);
  expect(told).toMatchObject([{ outcome: 'DEADLINE_EXCEEDED', reject: 'deadline', totalMs: 20, batched: undefined }]);
});

it('of a request that no time was left for at its call', async () => {
  const told = requests();
  make();
  void send({}, { deadlineMs: -1 });
  await settle();
  expect(told).toMatchObject([{ outcome: 'DEADLINE_EXCEEDED', reject: 'deadline', totalMs: 0, batched: undefined }]);
});

it("an error without a code is told as 'error'", async () => {
  const told = requests();
  make();
  batchable.failWith = () => new TypeError('of somebody else');
  void send();
  await clock.advanceTo(100);
  expect(told).toMatchObject([{ outcome: 'error', reject: undefined }]);
});

it('requests are told in the asynchronous context of their caller', async () => {
  const context = new AsyncLocalStorage<string>();
  const told = recorded<BatchRequestEvent & { in: string }>('foveate:batch.request', () => ({ in: context.getStore() }));
  make();
  for (let i = 0; i < 8; i++) {
    const fault = i === 5 ? 'run' : undefined;
    context.run(`request ${i}`, () => void send({ fault }, { requestId: `request ${i}` }));
  }
  await clock.advanceTo(100);
  expect(told).toHaveLength(8);
  for (const event of told) expect(event.in).toBe(event.requestId);
});

it('a call is answered, whatever an observer throws', async () => {
  const observer = (): never => {
    throw new Error('of the observer');
  };
  const uncaught: unknown[] = [];
  // Node throws what observers throw in a later turn; the test runner would take that for a failure.
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => uncaught.push(error));
  channel('foveate:batch.request').subscribe(observer);
  try {
    make();
    const answer = send();
    await clock.advanceTo(100);
    expect(await answer).toMatchObject({ ids: [0] });
    expect(uncaught).toMatchObject([{ message: 'of the observer' }]);
  } finally {
    channel('foveate:batch.request').unsubscribe(observer);
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
});

it('the id of a request is in the details of its error, and of its error alone', async () => {
  make();
  batchable.failWith = () => createError('DEVICE_LOST', { message: 'gone', details: { gpu: 0 } });
  const answers = [send({}, { requestId: 'a' }), send({}, { requestId: 'b' }), send()];
  await clock.advanceTo(100);
  const errors = await Promise.all(answers.map((answer) => rejectionOf(answer)));
  expect(errors.map(({ details }) => details)).toEqual([{ gpu: 0, requestId: 'a' }, { gpu: 0, requestId: 'b' }, { gpu: 0 }]);
  expect(errors.map(({ name }) => name)).toEqual(['CudaError', 'CudaError', 'CudaError']);
});

it.each(['', 5, 'x'.repeat(201), null])('the id %j is refused', async (requestId) => {
  make();
  expectFailure(await rejectionOf(send({}, { requestId: requestId as string })), 'INVALID_ARGUMENT', /requestId/);
});

it('a batcher has the name that it is given, and counts until it is disposed of', async () => {
  make();
  expectFailure(
    thrownBy(() => new DynamicBatcher(batchable, { name: '' })),
    'INVALID_ARGUMENT',
    /name/,
  );
  const named = new DynamicBatcher(Object.assign(new FakeBatchable(clock), { name: 'from its source' }), {}, clock);
  expect([batcher.name, named.name]).toEqual([undefined, 'from its source']);
  expect(liveBatchers()).toEqual([batcher, named]);
  await named.dispose();
  expect(liveBatchers()).toEqual([batcher]);
});
