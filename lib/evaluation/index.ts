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
export { junitReport } from './report/junit-report.js';
export { tableReport } from './report/table-report.js';
export { comparePredictions } from './compare.js';
export { evaluate, evaluatePredictions, type EvaluateOptions, type EvaluatePredictionsOptions } from './evaluate.js';
export { judge, type GateVerdict } from './gate.js';
export { readGate, type AllowedDrop, type GateLimit, type GateRules } from './gate-file.js';
export { mapInOrder } from './in-order.js';
export { checkEvaluable, type EvaluableTask, defaultDetectOptions, type EvaluatedDetectOptions } from './predict.js';
export { readEvaluation } from './read-evaluation.js';
export { evaluateTracks } from './tracked.js';
