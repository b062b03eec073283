/** What an optimisation is made of. Each step is given to `optimizeInSteps`, which knows what they are for and not how they do it. */
import type { ModelProto } from '../graph/index.js';
import type { PreprocessOptions } from '../image/index.js';
import type { Pruning } from '../precision/index.js';
import type { LoadTaskOptions, Task } from '../tasks/index.js';
import type { OptimizationReport } from './optimization-report.js';
import type { LadderOptions } from './method.js';
import type { Ladder } from './search/ladder.js';
import type { FormPrecision, Precision, QuantizedFormName, QuantizedForms } from './quantized-layer.js';

/** What is known of a calibration besides its statistics. */
export interface Calibration {
  readonly pictures: readonly { readonly sha256: string }[];
  readonly preprocess: PreprocessOptions;
  /** What would have stopped it, had it not been forced. */
  readonly doubts: readonly { readonly message: string }[];
}

/** How a long step is told of and ended. */
export interface StepOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** The model that is optimised. */
export interface OptimizedSource {
  /** As it was given. */
  readonly path: string;
  /** The same, put into the form that all steps work on. */
  readonly model: ModelProto;
  readonly precision: Precision;
  /** How it was opened. */
  readonly taskOptions: LoadTaskOptions;
}

export interface ConvertOptions extends StepOptions {
  /** The model as it was opened. */
  readonly task: Task;
  /** All that there are. */
  readonly pictures: readonly string[];
  readonly seed: number;
  /** Those to make. */
  readonly forms: readonly QuantizedFormName[];
}

export interface OptimizeSteps<C extends Calibration> {
  /** Paths of the pictures that `data` names. */
  listPictures(data: string, signal: AbortSignal | undefined): Promise<readonly string[]>;
  /** Throws where a bundle cannot be put: before the model runs for minutes. */
  checkOutput(path: string): Promise<void>;
  /** Reads a model and normalises its graph. Throws MODEL_UNSUPPORTED where it has nothing that can be computed so. */
  normalize(path: string, precision: Precision, options: StepOptions): Promise<ModelProto>;
  calibrate(
    source: OptimizedSource,
    options: StepOptions & {
      readonly data: string;
      readonly pictures: number;
      readonly seed: number;
      readonly force: boolean;
      /** A table that is kept while it grows, and gone on with where it is there. */
      readonly table?: string | undefined;
    },
  ): Promise<C>;
  readTable(path: string): Promise<C>;
  /** Forms among which a budget chooses. */
  ladder(source: OptimizedSource, calibration: C, options: ConvertOptions & Pick<LadderOptions, 'keep'>): Promise<Ladder>;
  convert(source: OptimizedSource, calibration: C, options: ConvertOptions): Promise<QuantizedForms>;
  /** Writes a model to a file, with all that it needs beside it. */
  writeModel(model: ModelProto, path: string): Promise<void>;
  /** Writes a bundle, whole or not at all. */
  writeBundle(path: string, contents: BundledOptimization<C>, options: StepOptions): Promise<void>;
}

/** What is in a form, as the speed guard may have kept float, and how its file is written. */
export interface BundledForm {
  readonly form: QuantizedFormName;
  readonly precision: FormPrecision;
  readonly pruning?: Pruning | undefined;
  readonly write: (path: string) => Promise<void>;
}

/** What goes into a bundle. */
export interface BundledOptimization<C extends Calibration> {
  readonly source: OptimizedSource;
  /** As the model was opened: its preprocessing, labels and the rest are to be found again. */
  readonly task: Task;
  readonly forms: readonly BundledForm[];
  /** Absent where the precision is FP32. */
  readonly calibration?: C | undefined;
  readonly report: OptimizationReport;
  /** Texts that are written beside it, by their names: the report for people and programs. */
  readonly files: Readonly<Record<string, string>>;
}
