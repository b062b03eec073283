import type { ModelProto } from '../graph/index.js';
import type { TensorStatistics } from '../precision/index.js';
import type { Tensor } from '../tensor/index.js';
import type { calibratedTensors } from './calibrated-tensors.js';
import type { QuantizedFormName, QuantizedForms } from './quantized-layer.js';
import type { Ladder } from './search/ladder.js';

export interface MethodOptions {
  /** Those to make; the other is FP32. */
  readonly forms: readonly QuantizedFormName[];
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface LadderOptions extends MethodOptions {
  /** What was measured under a name before, or is now. */
  readonly keep: <T>(name: string, measure: () => Promise<T>) => Promise<T>;
}

/** How forms in one precision are made of a model that has been normalised, by its calibration. */
export interface Method {
  /** What calibration looks at. */
  readonly tensors: (typeof calibratedTensors)[number];
  /** How many samples, inputs of the model, are run to find what loses too much and how far off means are; 0 where nothing is measured. */
  readonly samplesOf: (model: ModelProto) => number;
  convert(
    model: ModelProto,
    statistics: readonly TensorStatistics[],
    samples: readonly Tensor[],
    options: MethodOptions,
  ): Promise<QuantizedForms>;
  /** Forms among which a budget chooses. */
  ladder(
    model: ModelProto,
    statistics: readonly TensorStatistics[],
    samples: readonly Tensor[],
    options: LadderOptions,
  ): Promise<Ladder>;
}
