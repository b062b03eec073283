export {
  boxSummaryNames,
  cocoKeypointSigmas,
  DetectionMetrics,
  evaluateDetections,
  keypointSummaryNames,
  type BootstrapResult,
  type CategoryMetrics,
  type DetectionMatches,
  type EvaluateDetectionsOptions,
  type ObjectSize,
  type PrecisionRecallCurve,
  type SummaryName,
} from './detection-metrics.js';
export type { DetectionKind, FoundObjects, TruthObjects } from './detection-objects.js';
export { readCocoResults, type CocoResultsOptions } from './coco-results.js';
export { rasterizePolygons, RunLengthMasks, type PolygonObject } from './run-length-masks.js';
export { truthOfDataset, type DatasetTruth, type TruthOptions } from './truth-objects.js';
