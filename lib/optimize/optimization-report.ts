/** What an optimisation did, and what it cost, as plain data: the form of report.json. Whatever is shown anywhere is made from it alone. */
import type { MetricIntervals, MetricValues } from '../evaluation/index.js';
import type { ComparisonVerdict } from '../metrics/index.js';
import type { TaskName } from '../tasks/index.js';
import type { Pruning } from '../precision/index.js';
import type { Agreement } from './agreement.js';
import type { Latency } from './latency.js';
import type { FormPrecision, Precision, QuantizedLayer } from './quantized-layer.js';
import type { ReportedSearch } from './search/search-model.js';

export interface OptimizationReport {
  /** Counts up where older versions would misread it. */
  readonly format: 1;
  /** The version of foveate that made it. */
  readonly foveate: string;
  /** ISO 8601, in UTC. */
  readonly made: string;
  readonly task: TaskName;
  readonly precision: Precision;
  /** Absent where nothing was pruned. */
  readonly pruning?: ReportedPruning | undefined;
  readonly model: { readonly name: string; readonly bytes: number; readonly sha256: string };
  readonly machine: OptimizingMachine;
  readonly calibration: ReportedCalibration;
  /** The model as it was given first, then the forms that were made of it. */
  readonly forms: readonly ReportedForm[];
  /** In the order of the graph. */
  readonly layers: readonly QuantizedLayer[];
  /** How forms were looked for, where there is a budget. */
  readonly search?: ReportedSearch | undefined;
  /** What was decided by what was measured, such as to keep a form in float. */
  readonly decisions: readonly string[];
  /** What to know when reading the numbers. */
  readonly notices: readonly string[];
  /** Of each step, in seconds. */
  readonly seconds: Readonly<Record<string, number>>;
}

export interface OptimizingMachine {
  /** As the system calls its processor. */
  readonly cpu: string;
  readonly cores: number;
  /** Such as `linux x64`. */
  readonly platform: string;
  readonly node: string;
  /** Such as `onnxruntime 1.30.0`. */
  readonly runtime: string;
  /** Why there are no joules; absent where there are. */
  readonly noEnergy?: string | undefined;
}

export interface ReportedPruning {
  readonly scheme: Pruning;
  /** Shares of the weights of all layers that are 0, and that were. */
  readonly zeros: number;
  readonly zerosBefore: number;
}

export interface ReportedCalibration {
  /** How many pictures; none where the precision is FP32. */
  readonly pictures: number;
  /** Absent where a table was taken. */
  readonly seconds?: number | undefined;
  /** The table that was taken, by its name. */
  readonly table?: string | undefined;
  readonly seed: number;
  /** Pictures of the same folder that were not calibrated with, and that agreement was measured on. */
  readonly heldBack: number;
  /** Whether the pictures were generated, as none were given. */
  readonly generated?: boolean | undefined;
}

export const formNames = ['float32', 'pruned', 'onnxruntime', 'tensorrt'] as const;
export type FormName = (typeof formNames)[number];

/** A form of the model: `pruned` is it in FP32, with what was pruned and nothing else. */
export interface ReportedForm {
  readonly form: FormName;
  /** What its layers are in, but for those that have more bits. */
  readonly precision: FormPrecision;
  /** Of its .onnx file, with all weights. */
  readonly bytes: number;
  /** To the model as it was given. */
  readonly sizeRatio: number;
  /** The same files packed by gzip; absent where nothing was pruned. */
  readonly packedBytes?: number | undefined;
  /** Whether the bundle has it, for one engine at least. The model as it was given is there only in the place of a form that is not. */
  readonly shipped: boolean;
  /** How it was run to be judged; empty for the model as it was given. */
  readonly judged: string;
  /** At each number of threads; empty of the form for TensorRT, which is not timed, and where there is no other to compare with FP32. */
  readonly latency: readonly Latency[];
  /** With the model as it was given; absent of that itself, and where no pictures were held back. */
  readonly agreement?: Agreement | undefined;
  /** By labels, where there are. */
  readonly accuracy?: ReportedAccuracy | undefined;
}

/** What `evaluate` found. */
export interface ReportedAccuracy {
  readonly dataset: string;
  readonly pictures: number;
  readonly metrics: MetricValues;
  readonly intervals: MetricIntervals;
  /** Against the model as it was given, over the same pictures; empty of that itself. */
  readonly comparison: readonly ReportedComparison[];
}

export interface ReportedComparison {
  readonly name: string;
  readonly before: number | null;
  readonly after: number | null;
  readonly difference: number | null;
  /** Of the difference. */
  readonly interval: readonly [low: number | null, high: number | null];
  readonly verdict: ComparisonVerdict;
  readonly words: string;
}
