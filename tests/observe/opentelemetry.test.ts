/** Spans in the real SDK of OpenTelemetry, of the real events of sessions, tasks and batchers. */
import { context, SpanStatusCode, trace, type Context, type Tracer } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DynamicBatcher } from '../../lib/batching/index.js';
import { traceRequests } from '../../lib/observe/opentelemetry.js';
import { createSession } from '../../lib/session/index.js';
import { Detector } from '../../lib/tasks/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { FakeBatchable, FakeClock, fakeItem, type FakeItem } from '../batching/fakes.js';
import { thrownBy } from '../errors/failure.js';
import { example, fixture } from '../session/fixtures.js';

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = provider.getTracer('test');
let stop: () => void;

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(async () => {
  context.disable();
  trace.disable();
  await provider.shutdown();
});
beforeEach(() => {
  stop = traceRequests({ tracer });
});
afterEach(() => {
  stop();
  exporter.reset();
});

const spans = (name?: string): ReadableSpan[] =>
  exporter.getFinishedSpans().filter((span) => name === undefined || span.name === name);
const childrenOf = (parent: ReadableSpan): ReadableSpan[] =>
  spans().filter((span) => span.parentSpanContext?.spanId === parent.spanContext().spanId);
const msOf = ([seconds, nanoseconds]: [number, number]): number => seconds * 1000 + nanoseconds / 1e6;
const lengthOf = (span: ReadableSpan): number => msOf(span.duration);

/** Calls within a span of the caller's. */
async function inSpan<T>(name: string, call: () => Promise<T>): Promise<T> {
  return await tracer.startActiveSpan(name, async (span) => {
    try {
      return await call();
    } finally {
      span.end();
    }
  });
}

describe('requests of a batcher', () => {
  const clock = new FakeClock();
  const batchable = new FakeBatchable(clock);
  const batcher = new DynamicBatcher(batchable, { name: 'faces', maxBatch: 4, preferredSizes: [4], maxQueueSamples: 8 }, clock);
  afterAll(() => batcher.dispose());
  let id = 0;
  const send = (item: Partial<FakeItem> = {}, options = {}) =>
    batcher.run(fakeItem({ id: id++, ...item }), options).catch((error: unknown) => error);

  it('have the span of their caller as parent, though they share a batch', async () => {
    const calls = Array.from({ length: 8 }, (_, i) =>
      inSpan(`caller ${i}`, () => send({ runMs: i === 2 ? 3 : 1, fault: i === 5 ? 'run' : undefined }, { requestId: `r ${i}` })),
    );
    await clock.advanceTo(clock.now() + 1000);
    await Promise.all(calls);
    expect(spans('foveate.request')).toHaveLength(8);
    for (let i = 0; i < 8; i++) {
      const [caller] = spans(`caller ${i}`) as [ReadableSpan];
      const children = childrenOf(caller);
      expect(children.map(({ name, attributes }) => [name, attributes['foveate.request.id']])).toEqual([
        ['foveate.request', `r ${i}`],
      ]);
      expect(children[0]?.spanContext().traceId).toBe(caller.spanContext().traceId);
    }
  });

  it('without a span of their caller begin a trace', async () => {
    const call = send();
    await clock.advanceTo(clock.now() + 1000);
    await call;
    expect(spans('foveate.request')[0]?.parentSpanContext).toBeUndefined();
  });

  it('tell the batch, and their stages one after the other', async () => {
    const calls = [1, 1, 1].map(() => send({ runMs: 5 }));
    calls.push(send({ prepareMs: 20, runMs: 15 }, { caller: 'camera', priority: 3 }));
    await clock.advanceTo(clock.now() + 1000);
    await Promise.all(calls);
    const span = spans('foveate.request').find(({ attributes }) => attributes['foveate.caller'] === 'camera') as ReadableSpan;
    expect(span.attributes).toEqual({
      ...{ 'foveate.model': 'faces', 'foveate.caller': 'camera', 'foveate.priority': 3, 'foveate.samples': 1 },
      ...{ 'foveate.batch.count': 1, 'foveate.batch.size': 4, 'foveate.batch.target': 4, 'foveate.batch.reason': 'full' },
    });
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(lengthOf(span)).toBeCloseTo(50, 2);
    const stages = childrenOf(span).map((stage) => [
      stage.name,
      Math.round(msOf(stage.startTime) - msOf(span.startTime)),
      Math.round(lengthOf(stage)),
    ]);
    expect(stages).toEqual([
      ['foveate.preprocess', 0, 20],
      ['foveate.compute', 20, 30],
    ]);
    // One that was ready at once waited for it.
    const other = spans('foveate.request').find((one) => one !== span) as ReadableSpan;
    expect(childrenOf(other).map((stage) => [stage.name, Math.round(lengthOf(stage))])).toEqual([
      ['foveate.queue', 20],
      ['foveate.compute', 30],
    ]);
  });

  it('that are larger than a batch have no stages, which ran at the same time', async () => {
    const call = send({ samples: 6 });
    await clock.advanceTo(clock.now() + 1000);
    await call;
    const [span] = spans() as [ReadableSpan];
    expect(spans()).toHaveLength(1);
    expect(span.attributes).toMatchObject({ 'foveate.batch.count': 2, 'foveate.samples': 6 });
  });

  it('that fail have the code of their error', async () => {
    const calls = [send({ fault: 'run' }), send({ samples: 9 })];
    await clock.advanceTo(clock.now() + 1000);
    await Promise.all(calls);
    const told = spans().map(({ name, status, attributes }) => [
      name,
      status,
      attributes['error.type'],
      attributes['foveate.reject'],
    ]);
    const failed = (code: string): object => ({ code: SpanStatusCode.ERROR, message: code });
    expect(told).toEqual([
      ['foveate.request', failed('QUEUE_FULL'), 'QUEUE_FULL', 'full'],
      ['foveate.request', failed('ENGINE_FAILED'), 'ENGINE_FAILED', undefined],
    ]);
  });
});

it('a run of a session has a span, with its stages, and one that fails its code', async () => {
  const model = fixture('dynamic.onnx');
  await using session = await createSession(model);
  await inSpan('caller', async () => {
    const inputs = { images: new Tensor('float32', new Float32Array(8), [1, 2, 4]) };
    (await session.run(inputs, { requestId: 'r' })).dispose();
    await session.run({}).catch(() => undefined);
  });
  const [run, failed] = childrenOf(spans('caller')[0] as ReadableSpan) as [ReadableSpan, ReadableSpan];
  expect(run).toMatchObject({ name: 'foveate.run', attributes: { 'foveate.model': model, 'foveate.request.id': 'r' } });
  const stages = childrenOf(run).map(({ name }) => name);
  expect(stages).toContain('foveate.compute');
  expect(['foveate.queue', 'foveate.compute']).toEqual(expect.arrayContaining(stages));
  expect(failed).toMatchObject({ name: 'foveate.run', attributes: { 'error.type': 'TENSOR_NAME' } });
  expect(failed.status.code).toBe(SpanStatusCode.ERROR);
  expect(childrenOf(failed)).toEqual([]);
});

it('a call of a task has one span, whatever it runs, with the stages of a single picture', async () => {
  await using detector = await Detector.load(example('models/shapes-detector.onnx'));
  const picture = example('pictures/shapes-640x480.jpg');
  const [one] = await inSpan('caller', async () => [
    await detector.detect(picture, { requestId: 'r' }),
    await detector.detect([picture, picture]),
    await detector.detect('missing.jpg').catch(() => undefined),
  ]);
  const calls = childrenOf(spans('caller')[0] as ReadableSpan);
  expect(calls.map(({ name }) => name)).toEqual(Array(3).fill('foveate.task'));
  expect(spans('foveate.run')).toEqual([]);
  const [single, several, failed] = calls as [ReadableSpan, ReadableSpan, ReadableSpan];
  expect(single.attributes).toMatchObject({ 'foveate.pictures': 1, 'foveate.device': 'cpu', 'foveate.request.id': 'r' });
  const stages = Object.fromEntries(childrenOf(single).map((stage) => [stage.name.slice('foveate.'.length), stage]));
  expect(Object.keys(stages)).toEqual(expect.arrayContaining(['decode', 'preprocess', 'compute', 'postprocess']));
  const { timing } = one as unknown as { timing: Record<string, number> };
  for (const [name, stage] of Object.entries(stages)) {
    expect(lengthOf(stage)).toBeCloseTo(timing[`${name}Ms`] as number, 1);
    expect(msOf(stage.startTime)).toBeGreaterThanOrEqual(msOf(single.startTime));
    expect(msOf(stage.endTime)).toBeLessThanOrEqual(msOf(single.endTime));
  }
  expect(several.attributes['foveate.pictures']).toBe(2);
  expect(childrenOf(several)).toEqual([]);
  expect(failed.attributes['error.type']).toBe('MEDIA_NOT_FOUND');
});

it('what is not sampled costs one span that is none', async () => {
  stop();
  const started: Context[] = [];
  const off = new BasicTracerProvider({ sampler: new AlwaysOffSampler() }).getTracer('off');
  const counting: Tracer = {
    startSpan: (name, options, within) => {
      started.push(within as Context);
      return off.startSpan(name, options, within);
    },
    startActiveSpan: off.startActiveSpan.bind(off) as Tracer['startActiveSpan'],
  };
  stop = traceRequests({ tracer: counting });
  const clock = new FakeClock();
  const batcher = new DynamicBatcher(new FakeBatchable(clock), { maxBatch: 1 }, clock);
  const call = batcher.run(fakeItem({ id: 0 }));
  await clock.advanceTo(100);
  await call;
  await batcher.dispose();
  expect(started).toHaveLength(1);
});

it("without a tracer, spans go to the global provider's, whenever that is registered, and end with stop", async () => {
  stop();
  stop = traceRequests();
  trace.setGlobalTracerProvider(provider);
  const clock = new FakeClock();
  const batcher = new DynamicBatcher(new FakeBatchable(clock), { maxBatch: 1 }, clock);
  for (let i = 0; i < 2; i++) {
    const call = batcher.run(fakeItem({ id: i }));
    await clock.advanceTo(clock.now() + 100);
    await call;
    expect(spans('foveate.request')).toHaveLength(1);
    expect(spans()[0]?.instrumentationScope).toMatchObject({ name: 'foveate', version: expect.stringMatching(/^\d/) as string });
    stop();
    stop();
  }
  await batcher.dispose();
});

it.each([
  [{ tracer: {} as never }, /a Tracer of OpenTelemetry for tracer/],
  [{ tracer: null as never }, /tracer/],
  [{ trace: tracer } as never, /Unknown option "trace"/],
])('%j is refused', (options, message) => {
  expect(thrownBy(() => traceRequests(options)).message).toMatch(message);
});
