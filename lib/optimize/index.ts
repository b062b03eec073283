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
} from './optimization-report.js';
export { optimizeModel, precisions, type OptimizeOptions } from './optimize-model.js';
export type {
  BundledOptimization,
  Calibration,
  OptimizedSource,
  OptimizeSteps,
  QuantizedForms,
  QuantizedLayer,
  StepOptions,
} from './optimize-steps.js';
export { csvOfForms, csvOfLayers } from './report/csv-report.js';
export { htmlReport } from './report/html-report.js';
export { markdownReport } from './report/markdown-report.js';
export { tableReport } from './report/table-report.js';
export { judgeSpeed, type SpeedVerdict } from './speed-guard.js';
export { optimizePhases, type OptimizePhase, type OptimizeProgress } from './step-clock.js';
