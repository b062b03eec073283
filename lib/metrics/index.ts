export { readMotFile, type ReadMotFileOptions } from './mot-file.js';
export type { TrackedObjects } from './tracked-objects.js';
export {
  evaluateTracking,
  trackingBenchmarks,
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
export {
  boxAgreement,
  ScoredBoxAgreement,
  type BoxAgreement,
  type FoundBoxes,
  type ScoredBoxes,
  type ScoredBoxOptions,
} from './box-agreement.js';
export {
  embeddingAgreement,
  maskAgreement,
  predictionAgreement,
  scoreAgreement,
  type EmbeddingAgreement,
  type MaskAgreement,
  type PredictionAgreement,
  type ScoreAgreement,
} from './agreement.js';
export {
  bootstrap,
  bootstrapAmong,
  percentileInterval,
  quantile,
  type BootstrapOptions,
  type Estimate,
  type Interval,
} from './bootstrap.js';
export type { CalibrationBin } from './calibration.js';
export type { AveragedPrecisionRecall, PrecisionRecall } from './class-counts.js';
export {
  evaluateClassification,
  evaluateRankedClassification,
  type ClassificationMetrics,
  type ClassificationOptions,
  type ClassMetrics,
  type RankedPredictions,
} from './classification-metrics.js';
export {
  compareRuns,
  compareSamples,
  type Comparison,
  type EvaluatedRun,
  type SampledValue,
  type ComparisonVerdict,
} from './comparison.js';
export { holm } from './holm.js';
export { mannWhitney } from './mann-whitney.js';
export { MeanAboveTest } from './mean-above-test.js';
export { mcNemar, type Discordance } from './mcnemar.js';
export { Random } from './random.js';
export { precisionRecallCurve, rocCurve, thinCurve, type ThresholdCurve } from './ranking.js';
export type { ScoreMatrix } from './scores.js';
export {
  SegmentationMetrics,
  type SegmentationOptions,
  type SegmentationSummary,
  type SegmentedClass,
} from './segmentation-metrics.js';
export {
  enoughPictures,
  evaluateSlices,
  sliceBy,
  sliceBySize,
  type PictureAttribute,
  type EvaluatedSlice,
  type DatasetSlice,
  type EvaluateSlicesOptions,
  type SliceReport,
  type SliceValue,
  type WorstSlice,
} from './slices.js';
export { classificationStatistics, meanStatistic, medianStatistic, ratioStatistic, type Statistic } from './statistic.js';
export {
  cocoKeypointSigmas,
  DetectionMetrics,
  evaluateDetections,
  type DetectionBootstrap,
  type CategoryMetrics,
  type DetectionMatches,
  type EvaluateDetectionsOptions,
  type ObjectSize,
  type CategoryCurve,
  type SummaryName,
} from './detection-metrics.js';
export type { DetectionKind, FoundObjects, TruthObjects } from './detection-objects.js';
export { readCocoResults, type CocoResultsOptions } from './coco-results.js';
export { rasterizePolygons, RunLengthMasks, type PolygonObject } from './run-length-masks.js';
export { truthOfDataset, type DatasetTruth, type TruthOptions } from './truth-objects.js';
