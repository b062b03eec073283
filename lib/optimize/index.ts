export type { Budget, Candidate } from './search/budget.js';
export type { ReportedSearch } from './search/search-model.js';
export type { CalibratedTensors } from './calibrated-tensors.js';
export { calibrate, type CalibrateOptions, type CalibrationProgress } from './calibrate.js';
export type { CalibrationData } from './calibration-pictures.js';
export { mergeTables } from './merge-tables.js';
export { tensorRtRanges } from './tensorrt-ranges.js';
export { compareModels, type CompareModelsOptions } from './compare/compare-models.js';
export type {
  ComparedLayer,
  ComparedLayers,
  ComparedModel,
  ComparedOutput,
  CompareVerdict,
  LayerInput,
  LeftOut,
  ModelComparison,
} from './compare/model-comparison.js';
export type { PairedBy } from './compare/corresponding-values.js';
export type { ChannelDifference, ValueDifference } from './compare/value-difference.js';
export { measureAgreement, type Agreement, type AgreementMetric, type AgreementOptions } from './agreement.js';
export { EnergyMeter, type EnergyReading, type NoEnergy } from './energy.js';
export { measureLatency, type Latency, type LatencyCandidate, type LatencyOptions, type LatencyVerdict } from './latency.js';
export {
  formNames,
  type FormName,
  type OptimizationReport,
  type OptimizingMachine,
  type ReportedAccuracy,
  type ReportedCalibration,
  type ReportedComparison,
  type ReportedForm,
  type ReportedPruning,
} from './optimization-report.js';
export { modelSteps } from './model-steps.js';
export { optimizeInSteps, optimizeModel } from './optimize-model.js';
export { optimizeDevices, type OptimizeDevice } from './optimize-devices.js';
export type { OptimizeOptions } from './optimize-options.js';
export type { BundledOptimization, Calibration, OptimizedSource, OptimizeSteps, StepOptions } from './optimize-steps.js';
export { precisions, type LayerPrecision, type Precision } from './quantized-layer.js';
export type { QuantizedFormName, QuantizedForms, QuantizedLayer } from './quantized-layer.js';
export { quantizeModel, type QuantizeOptions, type QuantizeProgress } from './quantize-model.js';
export { csvOfForms, csvOfLayers } from './report/csv-report.js';
export { htmlReport } from './report/html-report.js';
export { markdownReport } from './report/markdown-report.js';
export { tableReport } from './report/table-report.js';
export { judgeSpeed, type SpeedVerdict } from './speed-guard.js';
export { optimizePhases, type OptimizePhase, type OptimizeProgress } from './step-clock.js';
