export { benchModel } from './bench-model.js';
export type { BenchOptions } from './bench-options.js';
export { chooseLanes, type ChooseLanesOptions, type LaneChoice } from './choose-lanes.js';
export type { BenchPicture } from './bench-pictures.js';
export type { BenchTaskOptions } from './picture-workload.js';
export type {
  BenchCell,
  BenchMachine,
  BenchReport,
  BenchSettings,
  Busy,
  FailedCell,
  Finding,
  FindingKind,
  ReportedWindow,
} from './bench-report.js';
export { compareBench, readBenchReport, type BenchComparison, type CellComparison } from './compare-bench.js';
export type { Percentiles } from './percentiles.js';
export type { CellPlace, StageTimes } from './workload.js';
export { loadTest } from './load/load-test.js';
export type { LoadOptions } from './load/load-options.js';
export type {
  ClosedLoop,
  LoadBatching,
  LoadGenerator,
  LoadLimits,
  LoadReport,
  LoadSecond,
  LoadVerdict,
  OpenLoop,
} from './load/load-report.js';
export type { LoadRequest } from './load/url-target.js';
