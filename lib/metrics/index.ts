export { readMotFile, type ReadMotFileOptions } from './mot-file.js';
export type { TrackedObjects } from './tracked-objects.js';
export {
  evaluateTracking,
  type ClearMetrics,
  type EvaluateTrackingOptions,
  type HotaMetrics,
  type HotaThreshold,
  type HotaValues,
  type IdentityMetrics,
  type TrackingBenchmark,
  type TrackingMetrics,
  type TrackingRules,
  type TrackingSequence,
  type TrackingSummary,
} from './tracking-metrics.js';
