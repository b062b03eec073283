export type {
  ClassResult,
  ConfusionCounts,
  EvaluatedDataset,
  EvaluatedModel,
  EvaluationCurve,
  EvaluationExample,
  EvaluationFailure,
  EvaluationResult,
  EvaluationTask,
  ExampleBox,
  LatencyMs,
  MetricIntervals,
  MetricValues,
  SliceResult,
} from './evaluation-result.js';
export { csvReport } from './report/csv-report.js';
export { htmlReport } from './report/html-report.js';
export { junitReport, type GateVerdict } from './report/junit-report.js';
export { tableReport } from './report/table-report.js';
