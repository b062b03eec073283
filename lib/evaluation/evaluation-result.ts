/** What an evaluation found: plain data, the form of results.json. Reports are made from it alone. */
export interface EvaluationResult {
  readonly format: 1;
  /** Version of foveate. */
  readonly foveate: string;
  readonly task: EvaluationTask;
  /** ISO time. */
  readonly made: string;
  readonly model?: EvaluatedModel | undefined;
  readonly dataset: EvaluatedDataset;
  readonly options: Readonly<Record<string, string | number | boolean | null>>;
  /** Flat: 'top1', 'AP', 'AP50', 'mask.AP', 'keypoints.AP', 'mIoU', 'HOTA'; null where there is nothing to count. */
  readonly metrics: MetricValues;
  /** 95 % intervals by bootstrap over pictures. */
  readonly intervals: MetricIntervals;
  readonly classes: readonly ClassResult[];
  readonly slices: readonly SliceResult[];
  readonly curves: readonly EvaluationCurve[];
  readonly confusion?: ConfusionCounts | undefined;
  readonly latencyMs?: LatencyMs | undefined;
  /** The worst of the pictures, for the gallery. */
  readonly examples: readonly EvaluationExample[];
  /** Pictures that could not be evaluated. */
  readonly failures: readonly EvaluationFailure[];
  /** What a reader should know, such as classes that the model does not have. */
  readonly notices?: readonly string[] | undefined;
}

export type EvaluationTask = 'classify' | 'detect' | 'segment' | 'track';

export type MetricValues = Readonly<Record<string, number | null>>;
export type MetricIntervals = Readonly<Record<string, readonly [low: number, high: number]>>;

export interface EvaluatedModel {
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly device?: string;
}

export interface EvaluatedDataset {
  readonly name: string;
  readonly format: string;
  readonly images: number;
  readonly annotations: number;
  readonly sha256?: string;
}

export interface ClassResult {
  readonly name: string;
  /** How often it is labelled. */
  readonly count: number;
  readonly metrics: MetricValues;
}

/** The pictures that share a value of an attribute. */
export interface SliceResult {
  readonly attribute: string;
  readonly value: string;
  readonly images: number;
  readonly metrics: MetricValues;
  readonly intervals: MetricIntervals;
}

export interface EvaluationCurve {
  readonly kind: 'precision-recall' | 'roc' | 'reliability' | 'confidence-f1' | 'alpha';
  /** What sets it apart from others of its kind, such as a class. */
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export interface ConfusionCounts {
  readonly classes: readonly string[];
  /** matrix[actual][predicted]; detection adds 'background' as the last class. */
  readonly matrix: readonly (readonly number[])[];
}

/** Of a picture, in milliseconds. */
export interface LatencyMs {
  readonly images: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export interface EvaluationExample {
  /** As the data set names it. */
  readonly image: string;
  /** Where the picture is; without it, or if nothing is there, a placeholder stands for it. */
  readonly path?: string;
  readonly kind: 'false-positive' | 'false-negative' | 'wrong-class' | 'low-iou';
  readonly caption: string;
  readonly score?: number;
  readonly boxes?: readonly ExampleBox[];
}

export interface ExampleBox {
  /** Left, top, right, bottom in pixels of the picture. */
  readonly box: readonly [number, number, number, number];
  readonly role: 'truth' | 'found';
  readonly label: string;
}

export interface EvaluationFailure {
  readonly image: string;
  readonly code: string;
  readonly message: string;
}
