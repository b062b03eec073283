import type { ModelProto } from '../graph/index.js';
import { floatLimits, trialsToKeepFloat, type TensorStatistics } from '../precision/index.js';
import type { Tensor } from '../tensor/index.js';
import type { MethodOptions } from './method.js';
import { reasonsOf, type QuantizedFormName, type QuantizedForms, type QuantizedLayer } from './quantized-layer.js';
import { Quantizer, type MadeForm } from './quantizer.js';
import { Sensitivity } from './sensitivity.js';

const noKernels = 'CPUs have no FP8';

/**
 * Makes a model in FP8, which is for TensorRT: the form for ONNX Runtime stays FP32. As in `quantizeModel`, values that lose too much are found by runs of the samples. The highest
 * number stands for the largest element that calibration saw: what is lost does not depend on the scale, but beyond the highest number.
 *
 * Throws MODEL_UNSUPPORTED where no layer can be quantised, INVALID_ARGUMENT where statistics of a point are missing, ABORTED.
 */
export async function float8Model(
  model: ModelProto,
  statistics: readonly TensorStatistics[],
  samples: readonly Tensor[],
  { forms, signal, onProgress }: MethodOptions,
): Promise<QuantizedForms> {
  const quantizer = float8Quantizer(model, statistics, signal);
  const whole = await quantizer.whole('float8');
  const kept = await keptFloat();
  const made = await quantizer.make('float8', await quantizer.planned('float8', whole, kept));
  const precision = { onnxruntime: 'float32', tensorrt: 'float8' } as const;
  return { onnxruntime: model, tensorrt: made.model, precision, layers: float8Layers(quantizer, made, forms) };

  async function keptFloat(): Promise<readonly number[]> {
    if (whole.trials.length === 0) return [];
    await using sensitivity = await Sensitivity.of(model, whole.trials, quantizer.groups, samples, signal);
    let runs = 0;
    return await trialsToKeepFloat(whole.trials, floatLimits(quantizer.structure, 'tensorrt'), (sets) => {
      runs += sets.length;
      onProgress?.(runs, Math.max(whole.trials.length, runs));
      return sensitivity.measure(sets);
    });
  }
}

/** Of `float8Model`. */
export function float8Quantizer(
  model: ModelProto,
  statistics: readonly TensorStatistics[],
  signal: AbortSignal | undefined,
): Quantizer {
  return new Quantizer(model, statistics, { method: 'min-max', signal });
}

export function float8Layers(
  quantizer: Quantizer,
  made: MadeForm,
  forms: readonly QuantizedFormName[],
): readonly QuantizedLayer[] {
  return quantizer.layers({ tensorrt: made }).map((layer) => ({
    ...layer,
    reasons: reasonsOf(forms, (form) => (form === 'tensorrt' ? layer.reasons.tensorrt : noKernels)),
  }));
}
