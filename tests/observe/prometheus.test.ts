/** Metrics in the real registry of prom-client, of the real events of sessions, tasks and batchers. */
import { readFileSync } from 'node:fs';
import { Counter, register as globalRegister, Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DynamicBatcher } from '../../lib/batching/index.js';
import { CircuitBreaker } from '../../lib/breaker/index.js';
import { publish } from '../../lib/events/index.js';
import { metricDefinitions } from '../../lib/observe/metric-definitions.js';
import { collectMetrics, type MetricsOptions } from '../../lib/observe/prometheus.js';
import { Rollout } from '../../lib/rollout/index.js';
import { createSession } from '../../lib/session/index.js';
import { Detector } from '../../lib/tasks/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { FakeBatchable, FakeClock, fakeItem, settle } from '../batching/fakes.js';
import { expectFailure, thrownBy } from '../errors/failure.js';
import { example, fixture } from '../session/fixtures.js';

let register: Registry;
let stop: () => void;
beforeEach(() => {
  register = new Registry();
  stop = collectMetrics({ register });
});
afterEach(() => stop());

type Labels = Readonly<Record<string, string | number>>;

/** The value of a series; undefined where there is none. */
async function valueOf(name: string, labels: Labels): Promise<number | undefined> {
  const all = await register.getMetricsAsJSON();
  const metric = all.find((one) => name.startsWith(one.name));
  const wanted = Object.entries(labels);
  const found = metric?.values.filter(
    (value) =>
      ((value as { metricName?: string }).metricName ?? metric.name) === name &&
      wanted.every(([label, expected]) => value.labels[label] === expected),
  );
  expect(found?.length ?? 0).toBeLessThan(2);
  return found?.[0]?.value;
}

describe('of real work', () => {
  it('runs of a session, good and bad, and what they copy', async () => {
    const model = fixture('dynamic.onnx');
    await using session = await createSession(model);
    for (let i = 0; i < 3; i++) (await session.run({ images: new Tensor('float32', new Float32Array(8), [1, 2, 4]) })).dispose();
    await session.run({}).catch(() => undefined);
    const labels = { layer: 'session', model };
    expect(await valueOf('foveate_requests_total', { ...labels, outcome: 'ok' })).toBe(3);
    expect(await valueOf('foveate_requests_total', { ...labels, outcome: 'TENSOR_NAME' })).toBe(1);
    expect(await valueOf('foveate_request_seconds_count', labels)).toBe(3);
    expect(await valueOf('foveate_compute_seconds_count', labels)).toBe(3);
    expect(await valueOf('foveate_runs_total', { model, device: 'cpu' })).toBe(3);
    // Each input has 32 bytes in JavaScript's memory.
    expect(await valueOf('foveate_copied_bytes_total', { model, device: 'cpu' })).toBe(96);
    // Nothing goes to a GPU where there is none.
    expect(await register.getSingleMetricAsString('foveate_transfer_seconds')).not.toMatch(/_count/);
  });

  it('pictures of a task, in seconds', async () => {
    const model = example('models/shapes-detector.onnx');
    await using detector = await Detector.load(model);
    const picture = example('pictures/shapes-640x480.jpg');
    const found = await detector.detect([picture, picture]);
    await detector.detect('missing.jpg').catch(() => undefined);
    const labels = { layer: 'task', model };
    expect(await valueOf('foveate_requests_total', { ...labels, outcome: 'ok' })).toBe(1);
    expect(await valueOf('foveate_requests_total', { ...labels, outcome: 'MEDIA_NOT_FOUND' })).toBe(1);
    for (const stage of ['decode', 'preprocess', 'queue', 'compute', 'postprocess'] as const) {
      const ms = found.reduce((sum, { timing }) => sum + timing[`${stage}Ms`], 0);
      expect(await valueOf(`foveate_${stage}_seconds_sum`, labels)).toBeCloseTo(ms / 1000, 9);
      expect(await valueOf(`foveate_${stage}_seconds_count`, labels)).toBe(2);
    }
  });

  it('requests and batches of a batcher, while it works', async () => {
    const clock = new FakeClock();
    const batcher = new DynamicBatcher(
      new FakeBatchable(clock),
      { name: 'faces', maxBatch: 4, preferredSizes: [4], maxQueueSamples: 6 },
      clock,
    );
    const send = (): void =>
      void batcher.run(fakeItem({ id: 0, runMs: 10 }), { caller: 'camera', requestId: 'r' }).catch(() => 0);
    for (let i = 0; i < 4; i++) send();
    await clock.advanceTo(5);
    for (let i = 0; i < 7; i++) send();
    await settle();
    const model = 'faces';
    expect(await valueOf('foveate_waiting_samples', { model })).toBe(6);
    expect(await valueOf('foveate_running_batches', { model })).toBe(1);
    expect(await valueOf('foveate_rejects_total', { model, reason: 'full' })).toBe(1);
    await clock.advanceTo(1000);
    expect(await valueOf('foveate_waiting_samples', { model })).toBe(0);
    expect(await valueOf('foveate_running_batches', { model })).toBe(0);
    const labels = { layer: 'batcher', model };
    expect(await valueOf('foveate_requests_total', { ...labels, outcome: 'ok' })).toBe(10);
    expect(await valueOf('foveate_requests_total', { ...labels, outcome: 'QUEUE_FULL' })).toBe(1);
    expect(await valueOf('foveate_batch_size_sum', { model })).toBe(10);
    expect(await valueOf('foveate_batch_size_count', { model })).toBe(3);
    expect(await valueOf('foveate_batches_total', { model, reason: 'full' })).toBe(2);
    // 40, 40 and 20 ms, of each request the whole batch's.
    expect(await valueOf('foveate_compute_seconds_sum', labels)).toBeCloseTo(0.04 * 8 + 0.02 * 2, 9);
    // Who asked is in no label.
    expect(await register.metrics()).not.toMatch(/camera|"r"/);
    await batcher.dispose();
    expect(await valueOf('foveate_waiting_samples', { model })).toBeUndefined();
  });
});

describe('of what stands before functions', () => {
  it('changes of a circuit breaker, by the state that they lead to', async () => {
    const clock = new FakeClock();
    let isBroken = true;
    const work = async (): Promise<number> => {
      if (isBroken) throw new Error('no');
      return 1;
    };
    const breaker = new CircuitBreaker(work, { name: 'faces', minCalls: 2, pauseMs: 100, probes: 1 }, clock);
    const changes = (state: string): Promise<number | undefined> =>
      valueOf('foveate_breaker_changes_total', { breaker: 'faces', state });
    for (let i = 0; i < 2; i++) await breaker.run(undefined).catch(() => 0);
    expect([await changes('open'), await changes('half-open'), await changes('closed')]).toEqual([1, undefined, undefined]);
    await clock.advanceTo(100);
    await breaker.run(undefined).catch(() => 0);
    expect([await changes('open'), await changes('half-open')]).toEqual([2, 1]);
    isBroken = false;
    await clock.advanceTo(300);
    await breaker.run(undefined);
    expect([await changes('open'), await changes('half-open'), await changes('closed')]).toEqual([2, 2, 1]);
  });

  it('calls that a circuit breaker does not let through, by what they are answered', async () => {
    const work = async (): Promise<number> => Promise.reject(new Error('no'));
    const clock = new FakeClock();
    const refusing = new CircuitBreaker(work, { name: 'faces', minCalls: 1 }, clock);
    const answering = new CircuitBreaker(work, { name: 'plates', minCalls: 1, fallback: async () => 1 }, clock);
    for (let i = 0; i < 4; i++) await refusing.run(undefined).catch(() => 0);
    for (let i = 0; i < 3; i++) await answering.run(undefined).catch(() => 0);
    const rejects = (breaker: string, answer: string): Promise<number | undefined> =>
      valueOf('foveate_breaker_rejects_total', { breaker, answer });
    expect([await rejects('faces', 'error'), await rejects('faces', 'fallback')]).toEqual([3, undefined]);
    expect([await rejects('plates', 'error'), await rejects('plates', 'fallback')]).toEqual([undefined, 2]);
  });

  it('steps and ends of a rollout', async () => {
    const versions = { stable: async () => 1, candidate: async () => 1 };
    const rollout = new Rollout(versions, { mode: 'canary', name: 'faces-2', steps: [0.4, 0.5], stepRequests: 1 });
    const changes = (state: string): Promise<number | undefined> =>
      valueOf('foveate_rollout_changes_total', { rollout: 'faces-2', state });
    for (let i = 0; i < 100 && rollout.share < 0.5; i++) await rollout.run(undefined);
    expect([await changes('running'), await changes('promoted'), await changes('rolled-back')]).toEqual([
      1,
      undefined,
      undefined,
    ]);
    rollout.promote();
    rollout.promote();
    rollout.rollback();
    expect([await changes('running'), await changes('promoted'), await changes('rolled-back')]).toEqual([1, 1, 1]);
    await rollout.dispose();
  });

  it('have names of their own, of which the first hundred are told apart', async () => {
    for (let i = 0; i < 100; i++) publish('foveate:session.recover', { model: `${i}`, device: 'cpu', code: '', degradedMs: 1 });
    for (let i = 0; i < 150; i++) {
      const calls = { calls: 1, failures: 1, pauseMs: 1 };
      publish('foveate:breaker.change', { name: `breaker ${i}`, from: 'closed', to: 'open', ...calls });
      publish('foveate:rollout.change', { name: `rollout ${i}`, state: 'promoted', share: 1, reason: `of ${i}` });
    }
    for (const [metric, labels] of [
      ['breaker', { state: 'open' }],
      ['rollout', { state: 'promoted' }],
    ] as const) {
      const name = `foveate_${metric}_changes_total`;
      expect(await valueOf(name, { [metric]: `${metric} 99`, ...labels })).toBe(1);
      expect(await valueOf(name, { [metric]: 'other', ...labels })).toBe(50);
    }
    expect(await register.metrics()).not.toMatch(/of \d/);
  });
});

describe('of events', () => {
  it('fallbacks, recoveries, log lines, pools and transfers', async () => {
    const model = 'm.onnx';
    publish('foveate:session.fallback', { model, from: 'tensorrt', to: 'cpu', code: 'DEVICE_LOST', reason: '' });
    publish('foveate:session.recover', { model, device: 'tensorrt', code: 'DEVICE_LOST', degradedMs: 5 });
    publish('foveate:log', { level: 'warning', runtime: 'onnxruntime', origin: model, message: 'slow', requestIds: [] });
    const pool = { model: 'faces', version: '3', memoryBytes: 5, deviceMemoryBytes: 0 };
    for (const failure of [undefined, 'no such file', undefined])
      publish('foveate:pool.load', { ...pool, loadMs: 1, warmUpMs: 1, failure });
    publish('foveate:pool.evict', { ...pool, reason: 'memory' });
    publish('foveate:pool.swap', { model: 'faces', from: '3', to: '4', inUse: 0 });
    const times = { totalMs: 9, queueMs: 1, computeMs: 2, uploadMs: 3, downloadMs: 0.5, copiedBytes: 100 };
    publish('foveate:session.run', { model, device: 'tensorrt', by: 'program', requestId: undefined, ...times });
    expect(await valueOf('foveate_fallbacks_total', { model, code: 'DEVICE_LOST' })).toBe(1);
    expect(await valueOf('foveate_recoveries_total', { model, code: 'DEVICE_LOST' })).toBe(1);
    expect(await valueOf('foveate_log_lines_total', { runtime: 'onnxruntime', level: 'warning' })).toBe(1);
    const ofPool = { model: 'faces' };
    expect(await valueOf('foveate_pool_loads_total', { ...ofPool, outcome: 'ok' })).toBe(2);
    expect(await valueOf('foveate_pool_loads_total', { ...ofPool, outcome: 'failed' })).toBe(1);
    expect(await valueOf('foveate_pool_evictions_total', { ...ofPool, reason: 'memory' })).toBe(1);
    expect(await valueOf('foveate_pool_swaps_total', ofPool)).toBe(1);
    expect(await valueOf('foveate_transfer_seconds_sum', { model, direction: 'upload' })).toBe(0.003);
    expect(await valueOf('foveate_transfer_seconds_sum', { model, direction: 'download' })).toBe(0.0005);
  });

  it('the times of calls have those that were answered well or too late, and none that was turned away at once', async () => {
    const [model, totalMs] = ['m.onnx', 500];
    const rest = { requestId: undefined, caller: undefined, priority: 0, reject: undefined, batched: undefined };
    const outcomes = ['ok', 'QUEUE_FULL', 'DEADLINE_EXCEEDED', 'ABORTED', 'DISPOSED', 'POOL_LOAD_FAILED', 'error'];
    for (const outcome of outcomes) {
      publish('foveate:batch.request', { ...rest, model, outcome, totalMs });
      publish('foveate:task.call', { ...rest, model, device: 'cpu', pictures: 1, outcome, totalMs, timings: [] });
      expect(await valueOf('foveate_requests_total', { layer: 'batcher', model, outcome })).toBe(1);
      expect(await valueOf('foveate_requests_total', { layer: 'task', model, outcome })).toBe(1);
    }
    for (const layer of ['batcher', 'task']) {
      expect(await valueOf('foveate_request_seconds_count', { layer, model })).toBe(2);
      expect(await valueOf('foveate_request_seconds_sum', { layer, model })).toBe(1);
    }
  });

  it('a thousand models have a hundred labels, and the rest one in common', async () => {
    const recover = { device: 'cpu', code: 'DEVICE_LOST', degradedMs: 1 };
    for (let i = 0; i < 1000; i++) publish('foveate:session.recover', { model: `model ${i}`, ...recover });
    publish('foveate:session.recover', { model: 'model 7', ...recover });
    const values = (await register.getSingleMetric('foveate_recoveries_total')!.get()).values;
    expect(values).toHaveLength(101);
    expect(await valueOf('foveate_recoveries_total', { model: 'model 7' })).toBe(2);
    expect(await valueOf('foveate_recoveries_total', { model: 'other' })).toBe(900);
  });

  it('a model without a name, and one with a quote in it, make a line that can be read', async () => {
    const recover = { device: 'cpu', code: 'DEVICE_LOST', degradedMs: 1 };
    for (const model of [undefined, 'a "b"\\c\nd']) publish('foveate:session.recover', { model, ...recover });
    const text = await register.getSingleMetricAsString('foveate_recoveries_total');
    expect(text).toContain('{model="(unnamed)",code="DEVICE_LOST"} 1');
    expect(text).toContain('{model="a \\"b\\"\\\\c\\nd",code="DEVICE_LOST"} 1');
  });
});

describe('the registry', () => {
  it('gets all metrics, whose names and help are told, and loses them at the end', async () => {
    const names = Object.values(metricDefinitions).map(({ name }) => `foveate_${name}`);
    expect(
      register
        .getMetricsAsArray()
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...names].sort());
    const text = await register.metrics();
    for (const line of text.split('\n').filter((line) => line !== '' && !line.startsWith('#')))
      expect(line).toMatch(/^foveate_[a-z_]+(\{.*\})? [\d.e+-]+$/);
    for (const name of names) expect(text).toContain(`# HELP ${name} `);
    stop();
    stop();
    expect(await register.metrics()).toBe('\n');
    publish('foveate:log', { level: 'error', runtime: 'x', origin: '', message: '', requestIds: [] });
    stop = collectMetrics({ register });
    expect(await valueOf('foveate_log_lines_total', { runtime: 'x' })).toBeUndefined();
  });

  it('is refused as a whole where it has one of the metrics already', () => {
    const error = thrownBy(() => collectMetrics({ register }));
    expectFailure(error, 'INVALID_ARGUMENT', /foveate_requests_total/, /once for each registry/);
    const other = new Registry();
    new Counter({ name: 'x_gpu_copied_bytes_total', help: 'of somebody else', registers: [other] });
    expectFailure(
      thrownBy(() => collectMetrics({ register: other, prefix: 'x_' })),
      'INVALID_ARGUMENT',
      /x_gpu_copied/,
    );
    expect(other.getMetricsAsArray()).toHaveLength(1);
    // A stop that was called does not take away what another collects.
    stop();
    const again = collectMetrics({ register });
    stop();
    expect(register.getSingleMetric('foveate_requests_total')).toBeDefined();
    again();
  });

  it("is prom-client's own by default, and another prefix goes beside", () => {
    const stops = [collectMetrics(), collectMetrics({ prefix: '' })];
    expect(globalRegister.getSingleMetric('foveate_requests_total')).toBeDefined();
    expect(globalRegister.getSingleMetric('requests_total')).toBeDefined();
    for (const one of stops) one();
    expect(globalRegister.getMetricsAsArray()).toEqual([]);
  });

  it.each<[MetricsOptions, RegExp]>([
    [{ prefix: '9_' }, /prefix/],
    [{ prefix: 'a-b' }, /prefix/],
    [{ prefix: 5 as never }, /prefix/],
    [{ register: {} as never }, /a Registry of prom-client for register/],
    [{ register: null as never }, /register/],
    [{ registry: 1 } as never, /Unknown option "registry"/],
  ])('%j is refused', (options, message) => {
    const error = thrownBy(() => collectMetrics(options));
    expect(error.message).toMatch(message);
    expect(['INVALID_ARGUMENT', 'UNKNOWN_OPTION']).toContain(error.code);
  });
});

it('the documentation has a row for each metric, with its labels', () => {
  const text = readFileSync(new URL('../../docs/observability.md', import.meta.url), 'utf8');
  for (const { name, labels } of Object.values(metricDefinitions)) {
    const row = text.split('\n').find((line) => line.includes(`\`foveate_${name}\``));
    expect(row, name).toBeDefined();
    for (const label of labels) expect(row, name).toContain(`\`${label}\``);
  }
});
