/** The metrics, without their prefix. docs/observability.md lists them. Units are those of Prometheus: seconds and bytes. */

/** From half a millisecond to ten seconds; transfers and copies of small pictures fall into the first. */
const secondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const transferBuckets = [0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1];
const sizeBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

function ofLayers(name: string, help: string): MetricDefinition & { readonly kind: 'histogram' } {
  return { kind: 'histogram', name, help, labels: ['layer', 'model'], buckets: secondsBuckets };
}

export const metricDefinitions = {
  requests: {
    kind: 'counter',
    name: 'requests_total',
    help: 'Answered calls, by what came of them: ok, or the code of the error. A call counts in each layer that it goes through.',
    labels: ['layer', 'model', 'outcome'],
  },
  rejects: {
    kind: 'counter',
    name: 'rejects_total',
    help: 'Requests that a batcher or a pool turned away: full, shed, deadline, disposed.',
    labels: ['model', 'reason'],
  },
  request: ofLayers(
    'request_seconds',
    'From a call to its answer: of calls that were answered well, and of those that ended with DEADLINE_EXCEEDED.',
  ),
  queue: ofLayers('queue_seconds', 'Waiting, for a batch and for a lane.'),
  decode: ofLayers('decode_seconds', 'Decoding of a picture.'),
  preprocess: ofLayers('preprocess_seconds', 'Preprocessing: of a picture, or of a request into its place in the batch.'),
  compute: ofLayers('compute_seconds', 'Inside the engine, of the whole batch.'),
  postprocess: ofLayers('postprocess_seconds', 'From outputs to results.'),
  transfer: {
    kind: 'histogram',
    name: 'transfer_seconds',
    help: 'To a GPU (upload) and from it (download), of one run.',
    labels: ['model', 'direction'],
    buckets: transferBuckets,
  },
  batchSize: {
    kind: 'histogram',
    name: 'batch_size',
    help: 'Samples that ran together.',
    labels: ['model'],
    buckets: sizeBuckets,
  },
  batches: {
    kind: 'counter',
    name: 'batches_total',
    help: 'Batches that ran, by why they closed.',
    labels: ['model', 'reason'],
  },
  runs: { kind: 'counter', name: 'runs_total', help: 'Runs of sessions that ended well.', labels: ['model', 'device'] },
  copiedBytes: {
    kind: 'counter',
    name: 'copied_bytes_total',
    help: 'Bytes that runs of sessions copied.',
    labels: ['model', 'device'],
  },
  fallbacks: {
    kind: 'counter',
    name: 'fallbacks_total',
    help: 'How often a device failed and another took over.',
    labels: ['model', 'code'],
  },
  recoveries: {
    kind: 'counter',
    name: 'recoveries_total',
    help: 'How often a device that had failed served again.',
    labels: ['model', 'code'],
  },
  poolLoads: {
    kind: 'counter',
    name: 'pool_loads_total',
    help: 'Loads of models by a pool: ok, or failed.',
    labels: ['model', 'outcome'],
  },
  poolEvictions: {
    kind: 'counter',
    name: 'pool_evictions_total',
    help: 'Models that a pool gave up, by why: memory where another one took the place.',
    labels: ['model', 'reason'],
  },
  poolSwaps: {
    kind: 'counter',
    name: 'pool_swaps_total',
    help: 'Models that another version took over from.',
    labels: ['model'],
  },
  breakerChanges: {
    kind: 'counter',
    name: 'breaker_changes_total',
    help: 'Changes of circuit breakers, by what to: closed, open, half-open.',
    labels: ['breaker', 'state'],
  },
  breakerRejects: {
    kind: 'counter',
    name: 'breaker_rejects_total',
    help: 'Calls that a circuit breaker did not let through, by what they were answered: error, which is CIRCUIT_OPEN, or fallback.',
    labels: ['breaker', 'answer'],
  },
  rolloutChanges: {
    kind: 'counter',
    name: 'rollout_changes_total',
    help: 'Changes of rollouts, by what they were then: running after a step, or a verdict that nobody has followed yet; promoted, rolled-back.',
    labels: ['rollout', 'state'],
  },
  logLines: {
    kind: 'counter',
    name: 'log_lines_total',
    help: 'Lines that vendor libraries and foveate logged.',
    labels: ['runtime', 'level'],
  },
  waitingSamples: {
    kind: 'gauge',
    name: 'waiting_samples',
    help: 'Samples that wait in the queues of batchers.',
    labels: ['model'],
  },
  runningBatches: { kind: 'gauge', name: 'running_batches', help: 'Batches that batchers are running.', labels: ['model'] },
  gpuMemory: {
    kind: 'gauge',
    name: 'gpu_memory_bytes',
    help: 'Memory of a GPU: free and total, of all processes; device (in use, and pooled) and pinned (likewise), of this one.',
    labels: ['gpu', 'kind'],
  },
  gpuLost: { kind: 'gauge', name: 'gpu_lost', help: '1 while a GPU is lost.', labels: ['gpu'] },
  gpuCopiedBytes: {
    kind: 'counter',
    name: 'gpu_copied_bytes_total',
    help: 'Bytes copied to a GPU, from it and on it.',
    labels: ['gpu', 'direction'],
  },
} as const satisfies Record<string, MetricDefinition>;
