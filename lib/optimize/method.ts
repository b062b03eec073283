import type { ModelProto } from '../graph/index.js';
import type { TensorStatistics } from '../precision/index.js';
import type { Tensor } from '../tensor/index.js';
import type { calibratedTensors } from './calibrated-tensors.js';
import type { QuantizedForms } from './quantized-layer.js';
import type { Ladder } from './search/ladder.js';

export interface ConvertOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** How forms in one precision are made of a model that has been normalised, by its calibration. */
export interface Method {
  /** What calibration looks at. */
  readonly tensors: (typeof calibratedTensors)[number];
  /** Whether samples, a few inputs of the model, are run to find what loses too much. */
  readonly measures: boolean;
  convert(
    model: ModelProto,
    statistics: readonly TensorStatistics[],
    samples: readonly Tensor[],
    options: ConvertOptions,
  ): Promise<QuantizedForms>;
  /** Forms among which a budget chooses. */
  ladder(
    model: ModelProto,
    statistics: readonly TensorStatistics[],
    samples: readonly Tensor[],
    options: ConvertOptions,
  ): Promise<Ladder>;
}
