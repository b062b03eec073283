/** What observers are told of runs and calls of tasks, and the id of a request on its way through both. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DynamicBatcher } from '../../lib/batching/index.js';
import type { BatchRequestEvent, BatchRunEvent, SessionFailEvent, SessionRunEvent, TaskCallEvent } from '../../lib/index.js';
import { createSession, type Session } from '../../lib/session/index.js';
import { Detector } from '../../lib/tasks/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { recorded, useRecording } from '../observe/recorded.js';
import { example, fixture } from './fixtures.js';

useRecording();
const images = (): Tensor => new Tensor('float32', new Float32Array(8), [1, 2, 4]);

describe('a session', () => {
  let session: Session;
  beforeAll(async () => {
    session = await createSession(fixture('dynamic.onnx'));
  });
  afterAll(() => session.dispose());

  it('tells of a run who made it, its id and its times', async () => {
    const runs = recorded<SessionRunEvent>('foveate:session.run');
    const result = await session.run({ images: images() }, { requestId: 'r-1' });
    expect(runs).toHaveLength(1);
    const [run] = runs as [SessionRunEvent];
    const { queueMs, computeMs, copiedBytes } = result;
    expect(run).toMatchObject({ device: 'cpu', by: 'program', requestId: 'r-1', queueMs, computeMs, copiedBytes });
    expect(run.model).toMatch(/dynamic\.onnx$/);
    expect(run.totalMs).toBeGreaterThanOrEqual(queueMs + computeMs);
    result.dispose();
  });

  it('tells of a run that fails, its code and id, which its error has too', async () => {
    const [runs, failures] = [recorded('foveate:session.run'), recorded<SessionFailEvent>('foveate:session.fail')];
    const wrong = { imagse: images() };
    const error = await rejectionOf(session.run(wrong as never, { requestId: 'r-2' }));
    expectFailure(error, 'TENSOR_NAME', /imagse/);
    expect(error.details).toMatchObject({ requestId: 'r-2' });
    expect((await rejectionOf(session.run(wrong as never))).details).not.toHaveProperty('requestId');
    const aborted = await rejectionOf(session.run({ images: images() }, { requestId: 'r-3', signal: AbortSignal.abort() }));
    expect(aborted).toMatchObject({ name: 'AbortError', code: 'ABORTED', details: { requestId: 'r-3' } });
    const codes = failures.map(({ code, requestId }) => [code, requestId]);
    expect(codes).toEqual([
      ['TENSOR_NAME', 'r-2'],
      ['TENSOR_NAME', undefined],
      ['ABORTED', 'r-3'],
    ]);
    expect(runs).toEqual([]);
  });

  it('refuses what is no id', async () => {
    const error = await rejectionOf(session.run({ images: images() }, { requestId: 7 as never }));
    expectFailure(error, 'INVALID_ARGUMENT', /a string of 1 to 200 characters for requestId/);
  });

  it('leads from the error of a run to the line that called it, with an id and without', async () => {
    for (const options of [{}, { requestId: 'r' }]) {
      const error = await rejectionOf(session.run({}, options));
      expect(error.stack).toMatch(/run-events\.test\.ts/);
    }
  });

  it('in batches, tells that a batcher ran it, and batches tell where', async () => {
    const [runs, batches] = [recorded<SessionRunEvent>('foveate:session.run'), recorded<BatchRunEvent>('foveate:batch.run')];
    const batcher = new DynamicBatcher(session, { preferredSizes: [2] });
    const results = await Promise.all([batcher.run({ images: images() }), batcher.run({ images: images() })]);
    for (const result of results) result.dispose();
    expect(runs).toMatchObject([{ by: 'batcher', requestId: undefined }]);
    expect(batches).toMatchObject([{ device: 'cpu', size: 2, reason: 'full', requests: 2, computeMs: runs[0]?.computeMs }]);
    expect([batches[0]?.model, batcher.name]).toEqual([runs[0]?.model, runs[0]?.model]);
    await batcher.dispose();
  });
});

describe('a task', () => {
  const picture = example('pictures/shapes-640x480.jpg');
  let detector: Detector;
  beforeAll(async () => {
    detector = await Detector.load(example('models/shapes-detector.onnx'), { batchSize: 2 });
  });
  afterAll(() => detector.dispose());

  it('tells of a call the times of its pictures, in their order, in the context of the caller', async () => {
    const context = new AsyncLocalStorage<string>();
    const calls = recorded<TaskCallEvent & { in: string }>('foveate:task.call', () => ({ in: context.getStore() }));
    const runs = recorded<SessionRunEvent>('foveate:session.run');
    const found = await context.run('caller', () => detector.detect([picture, picture, picture], { requestId: 'r-4' }));
    expect(calls).toHaveLength(1);
    const [call] = calls as [(typeof calls)[number]];
    expect(call).toMatchObject({ device: 'cpu', requestId: 'r-4', pictures: 3, outcome: 'ok', in: 'caller' });
    expect(call.model).toMatch(/shapes-detector\.onnx$/);
    expect(call.timings).toEqual(found.map(({ timing }) => timing));
    const longest = Math.max(...call.timings.map(({ decodeMs, computeMs }) => decodeMs + computeMs));
    expect(call.totalMs).toBeGreaterThan(longest);
    expect(runs.map(({ by, requestId }) => [by, requestId])).toEqual(Array(2).fill(['task', 'r-4']));
  });

  it('tells of a call that fails, and its error has the id', async () => {
    const calls = recorded<TaskCallEvent>('foveate:task.call');
    const error = await rejectionOf(detector.detect([picture, 'missing.jpg'], { requestId: 'r-5' }));
    expect(error).toMatchObject({ code: 'MEDIA_NOT_FOUND', details: { index: 1, requestId: 'r-5' } });
    expect(calls).toMatchObject([{ requestId: 'r-5', outcome: 'MEDIA_NOT_FOUND', pictures: 2, timings: [] }]);
    const refused = await rejectionOf(detector.detect(picture, { requestId: '' }));
    expectFailure(refused, 'INVALID_ARGUMENT', /requestId/);
  });

  it('in batches, tells that a batcher ran it, and batches tell where', async () => {
    const [runs, calls] = [recorded<SessionRunEvent>('foveate:session.run'), recorded<TaskCallEvent>('foveate:task.call')];
    const [batches, requests] = [
      recorded<BatchRunEvent>('foveate:batch.run'),
      recorded<BatchRequestEvent>('foveate:batch.request'),
    ];
    await using batcher = new DynamicBatcher(detector, { preferredSizes: [3] });
    const given = [{ images: picture }, { images: [picture, picture] }];
    const results = await Promise.all(given.map((request, i) => batcher.run(request, { requestId: `r-${i}` })));
    expect(runs).toMatchObject([{ by: 'batcher', requestId: undefined, device: 'cpu' }]);
    expect(batches).toMatchObject([{ device: 'cpu', size: 3, reason: 'full', requests: 2, computeMs: runs[0]?.computeMs }]);
    expect(batches[0]?.model).toMatch(/shapes-detector\.onnx$/);
    expect(batcher.name).toBe(batches[0]?.model);
    expect(requests.map(({ model, requestId, batched }) => [model, requestId, batched?.samples])).toEqual([
      [batcher.name, 'r-0', 1],
      [batcher.name, 'r-1', 2],
    ]);
    expect(requests.map(({ batched }) => batched?.preprocessMs)).toEqual(results.map(({ preprocessMs }) => preprocessMs));
    // The call is the batcher's: the task's own would count it twice.
    expect(calls).toEqual([]);
  });

  it('in batches, has the id in the error of a request', async () => {
    const requests = recorded<BatchRequestEvent>('foveate:batch.request');
    await using batcher = new DynamicBatcher(detector);
    const error = await rejectionOf(batcher.run({ images: [picture, 'missing.jpg'] }, { requestId: 'r-7' }));
    expect(error).toMatchObject({ code: 'MEDIA_NOT_FOUND', details: { index: 1, requestId: 'r-7' } });
    expect(requests).toMatchObject([{ requestId: 'r-7', outcome: 'MEDIA_NOT_FOUND', batched: undefined }]);
  });

  it('tells of slices as pictures', async () => {
    const calls = recorded<TaskCallEvent>('foveate:task.call');
    await detector.detect(picture, { slices: { width: 320, height: 480, overlap: 0 }, requestId: 'r-6' });
    // Two halves, and the whole.
    expect(calls).toMatchObject([{ requestId: 'r-6', outcome: 'ok', pictures: 3 }]);
    expect(calls[0]?.timings).toHaveLength(3);
  });
});
