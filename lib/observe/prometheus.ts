/** `foveate/prometheus`: metrics of all sessions, tasks and batchers of the process, for prom-client. */
import type * as Prometheus from 'prom-client';

import { liveBatchers, type LiveBatcher } from '../batching/live-batchers.js';
import { gpuStatistics, type GpuStatistics } from '../engine/index.js';
import { checkOptions, invalidArgument } from '../errors/index.js';
import { observe } from '../events/index.js';
import { BoundedLabel } from './bounded-label.js';
import { createMetrics, removeMetrics, type Collectors, type Metrics } from './metrics.js';
import { optionalPackage } from './optional-package.js';

/** Where metrics go. */
export interface MetricsOptions {
  /** Default: prom-client's own, `register`. */
  readonly register?: Prometheus.Registry | undefined;
  /** Before each name. Default `foveate_`. */
  readonly prefix?: string | undefined;
}

/**
 * Counts and times what sessions, tasks, batchers, pools, breakers and rollouts of this thread do, from now on, in a registry of prom-client; returns what ends that, and takes the metrics out of
 * the registry. The metrics: docs/observability.md. Labels are names, devices and codes, never a caller or a request.
 *
 *     import { register } from 'prom-client';
 *     import { collectMetrics } from 'foveate/prometheus';
 *     const stop = collectMetrics();
 *     console.log(await register.metrics());
 *
 * Throws PACKAGE_NOT_FOUND without prom-client, INVALID_ARGUMENT where the registry has such metrics already.
 */
export function collectMetrics(options: MetricsOptions = {}): () => void {
  checkOptions('metrics options', options, ['register', 'prefix']);
  const { prefix = 'foveate_' } = options;
  if (typeof prefix !== 'string' || !/^([a-z_:][a-z0-9_:]*)?$/i.test(prefix))
    throw invalidArgument('prefix', 'letters, digits, _ and :, of which a digit is not the first', prefix);
  const client = optionalPackage<typeof Prometheus>('prom-client', 'foveate/prometheus');
  const { register = client.register } = options;
  // Not by its class: the program may have a copy of prom-client of its own.
  if (register === null || typeof register !== 'object' || typeof register.getSingleMetric !== 'function')
    throw invalidArgument('register', 'a Registry of prom-client', options.register);
  const models = new BoundedLabel();
  const metrics = createMetrics(client, register, prefix, collectors(models));
  const stops = [
    ...observeSessions(metrics, models),
    ...observeRequests(metrics, models),
    ...observePools(metrics, models),
    ...observeChanges(metrics),
  ];
  let isStopped = false;
  return () => {
    if (isStopped) return;
    isStopped = true;
    for (const stop of stops) stop();
    removeMetrics(register, prefix);
  };
}

function observeSessions(metrics: Metrics, models: BoundedLabel): (() => void)[] {
  return [
    observe('foveate:session.run', (run) => {
      const model = models.of(run.model);
      const labels = { layer: 'session', model };
      countAnswer(metrics, labels, 'ok', run.totalMs);
      metrics.queue.observe(labels, run.queueMs / 1000);
      metrics.compute.observe(labels, run.computeMs / 1000);
      metrics.runs.inc({ model, device: run.device });
      metrics.copiedBytes.inc({ model, device: run.device }, run.copiedBytes);
      if (run.uploadMs > 0) metrics.transfer.observe({ model, direction: 'upload' }, run.uploadMs / 1000);
      if (run.downloadMs > 0) metrics.transfer.observe({ model, direction: 'download' }, run.downloadMs / 1000);
    }),
    observe('foveate:session.fail', ({ model, code, totalMs }) => {
      countAnswer(metrics, { layer: 'session', model: models.of(model) }, code, totalMs);
    }),
    observe('foveate:session.fallback', ({ model, code }) => metrics.fallbacks.inc({ model: models.of(model), code })),
    observe('foveate:session.recover', ({ model, code }) => metrics.recoveries.inc({ model: models.of(model), code })),
    observe('foveate:log', ({ runtime, level }) => metrics.logLines.inc({ runtime, level })),
  ];
}

/** Calls that were turned away or failed at once would make the times look the better the more of them there are; those that ran out of time took as long as they had. */
function countAnswer(metrics: Metrics, labels: { layer: string; model: string }, outcome: string, totalMs: number): void {
  metrics.requests.inc({ ...labels, outcome });
  if (outcome === 'ok' || outcome === 'DEADLINE_EXCEEDED') metrics.request.observe(labels, totalMs / 1000);
}

function observeRequests(metrics: Metrics, models: BoundedLabel): (() => void)[] {
  return [
    observe('foveate:batch.run', ({ model: given, size, reason }) => {
      const model = models.of(given);
      metrics.batches.inc({ model, reason });
      metrics.batchSize.observe({ model }, size);
    }),
    observe('foveate:batch.request', ({ model, outcome, reject, totalMs, batched }) => {
      const labels = { layer: 'batcher', model: models.of(model) };
      countAnswer(metrics, labels, outcome, totalMs);
      if (reject !== undefined) metrics.rejects.inc({ model: labels.model, reason: reject });
      if (batched === undefined) return;
      metrics.queue.observe(labels, batched.queueMs / 1000);
      metrics.preprocess.observe(labels, batched.preprocessMs / 1000);
      metrics.compute.observe(labels, batched.computeMs / 1000);
      metrics.postprocess.observe(labels, batched.postprocessMs / 1000);
    }),
    observe('foveate:task.call', ({ model, outcome, totalMs, timings }) => {
      const labels = { layer: 'task', model: models.of(model) };
      countAnswer(metrics, labels, outcome, totalMs);
      for (const { decodeMs, preprocessMs, queueMs, computeMs, postprocessMs } of timings) {
        metrics.decode.observe(labels, decodeMs / 1000);
        metrics.preprocess.observe(labels, preprocessMs / 1000);
        metrics.queue.observe(labels, queueMs / 1000);
        metrics.compute.observe(labels, computeMs / 1000);
        metrics.postprocess.observe(labels, postprocessMs / 1000);
      }
    }),
  ];
}

function observePools(metrics: Metrics, models: BoundedLabel): (() => void)[] {
  return [
    observe('foveate:pool.load', ({ model, failure }) =>
      metrics.poolLoads.inc({ model: models.of(model), outcome: failure === undefined ? 'ok' : 'failed' }),
    ),
    observe('foveate:pool.evict', ({ model, reason }) => metrics.poolEvictions.inc({ model: models.of(model), reason })),
    observe('foveate:pool.swap', ({ model }) => metrics.poolSwaps.inc({ model: models.of(model) })),
  ];
}

function observeChanges(metrics: Metrics): (() => void)[] {
  const [breakers, rollouts] = [new BoundedLabel(), new BoundedLabel()];
  return [
    observe('foveate:breaker.change', ({ name, to }) => metrics.breakerChanges.inc({ breaker: breakers.of(name), state: to })),
    observe('foveate:breaker.reject', ({ name, answer }) => metrics.breakerRejects.inc({ breaker: breakers.of(name), answer })),
    observe('foveate:rollout.change', ({ name, state }) => metrics.rolloutChanges.inc({ rollout: rollouts.of(name), state })),
  ];
}

/** What is asked for whenever the registry is read. */
function collectors(models: BoundedLabel): Collectors {
  const ofBatchers =
    (value: (batcher: LiveBatcher) => number) =>
    (gauge: Prometheus.Gauge): void => {
      gauge.reset();
      for (const batcher of liveBatchers()) gauge.inc({ model: models.of(batcher.name) }, value(batcher));
    };
  return {
    waitingSamples: ofBatchers((batcher) => batcher.statistics().waitingSamples),
    runningBatches: ofBatchers((batcher) => batcher.statistics().runningBatches),
    gpuMemory: async (gauge) => {
      const gpus = await knownGpus();
      gauge.reset();
      for (const { gpu, freeBytes, totalBytes, device, pinned } of gpus) {
        const kinds = {
          ...{ free: freeBytes, total: totalBytes, device: device.liveBytes, device_pooled: device.pooledBytes },
          ...{ pinned: pinned.liveBytes, pinned_pooled: pinned.pooledBytes },
        };
        for (const [kind, bytes] of Object.entries(kinds)) if (bytes !== undefined) gauge.set({ gpu, kind }, bytes);
      }
    },
    gpuLost: async (gauge) => {
      const gpus = await knownGpus();
      gauge.reset();
      for (const { gpu, lost } of gpus) gauge.set({ gpu }, lost === undefined ? 0 : 1);
    },
    gpuCopiedBytes: async (counter) => {
      const gpus = await knownGpus();
      counter.reset();
      for (const { gpu, toDevice, toHost, onDevice } of gpus) {
        counter.inc({ gpu, direction: 'to_device' }, toDevice.bytes);
        counter.inc({ gpu, direction: 'to_host' }, toHost.bytes);
        counter.inc({ gpu, direction: 'on_device' }, onDevice.bytes);
      }
    },
  };
}

/** A GPU that cannot be asked, as where no core fits the platform, must not take the other metrics with it. */
async function knownGpus(): Promise<readonly GpuStatistics[]> {
  return await gpuStatistics().catch(() => []);
}
