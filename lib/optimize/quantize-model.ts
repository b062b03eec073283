import type { ModelProto } from '../graph/index.js';
import { floatLimits, trialsToKeepFloat, type RangeMethod, type TensorStatistics, type Trial } from '../precision/index.js';
import type { Tensor } from '../tensor/index.js';
import { FormCorrection } from './form-correction.js';
import { quantizedForms, type Correction, type QuantizedFormName, type QuantizedForms } from './quantized-layer.js';
import { Quantizer, type MadeForm, type PlannedForm, type RestPrecision } from './quantizer.js';
import { Sensitivity } from './sensitivity.js';

export interface QuantizeOptions {
  /** How ranges are chosen. Default: 'mse', the least mean square error, which of all is the best or close to it on every kind of model that was tried. */
  readonly method?: RangeMethod | undefined;
  /** Those to make; the other is FP32. Default: both. */
  readonly forms?: readonly QuantizedFormName[] | undefined;
  /** What makes good what eight bits do: what is measured to gain most (the default), or one in any case, or none. */
  readonly correction?: 'measured' | Correction | 'none' | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What stays float in the form for TensorRT is in: with 'float16', `statistics` are of every value of float32. Default 'float32'. */
  readonly rest?: RestPrecision | undefined;
  /** Told as the work goes on. */
  readonly onProgress?: ((progress: QuantizeProgress) => void) | undefined;
}

export interface QuantizeProgress {
  readonly form: QuantizedFormName;
  readonly phase: 'ranges' | 'sensitivity' | 'writing';
  /** Share of the phase, 0 to 1. */
  readonly done: number;
}

/** Runs that a search takes where little stands out. */
const usualRuns = 8;

/**
 * Makes both INT8 forms of a model from one calibration. `model` has been normalised; `statistics` are of its calibration points; `samples` are a few inputs
 * of it, by which is measured what each value loses at eight bits: what loses too much stays float. From five on, biases and rounded weights are fitted to the first
 * half of them, eight at most, and taken where they lessen the noise on others of them.
 *
 * Throws MODEL_UNSUPPORTED where no layer can be quantised, INVALID_ARGUMENT where statistics of a point are missing, ABORTED.
 */
export async function quantizeModel(
  model: ModelProto,
  statistics: readonly TensorStatistics[],
  samples: readonly Tensor[],
  options: QuantizeOptions = {},
): Promise<QuantizedForms> {
  const quantizer = new Quantizer(model, statistics, options);
  const tell = (form: QuantizedFormName, phase: QuantizeProgress['phase'], done: number): void =>
    options.onProgress?.({ form, phase, done });
  // One is chosen for the first form, and serves the second too.
  let chosen = samples;
  const keptFloat = async (form: QuantizedFormName, trials: readonly Trial[]): Promise<readonly number[]> => {
    if (trials.length === 0) return [];
    await using sensitivity = await Sensitivity.of(model, trials, quantizer.groups, chosen, options.signal);
    chosen = [sensitivity.sample];
    let runs = 0;
    return await trialsToKeepFloat(trials, floatLimits(quantizer.structure, form), (sets) => {
      runs += sets.length;
      // How many more there are depends on what they find: each tells half of what is left.
      tell(form, 'sensitivity', 1 - 2 ** (-runs / usualRuns));
      return sensitivity.measure(sets);
    });
  };
  const plan = async (form: QuantizedFormName): Promise<PlannedForm> => {
    tell(form, 'ranges', 0);
    const whole = await quantizer.whole(form);
    return await quantizer.planned(form, whole, await keptFloat(form, whole.trials));
  };
  const { forms = quantizedForms, correction: asked = 'measured' } = options;
  const plans: Partial<Record<QuantizedFormName, PlannedForm>> = {};
  for (const form of forms) plans[form] = await plan(form);
  using correction =
    asked === 'none' ? undefined : await FormCorrection.of(model, quantizer, Object.values(plans), samples, options.signal);
  const corrections = asked === 'measured' ? await correction?.decide(plans) : undefined;
  const made: Partial<Record<QuantizedFormName, MadeForm>> = {};
  for (const form of forms) {
    tell(form, 'writing', 0);
    const taken = asked === 'measured' ? corrections?.[form]?.taken : asked;
    made[form] = await quantizer.make(form, plans[form]!, await correction?.by(taken));
  }
  return {
    onnxruntime: made.onnxruntime?.model ?? model,
    tensorrt: made.tensorrt?.model ?? model,
    precision: {
      onnxruntime: made.onnxruntime === undefined ? 'float32' : 'int8',
      tensorrt: made.tensorrt === undefined ? 'float32' : made.tensorrt.mixed === undefined ? 'int8' : 'mixed',
    },
    simulated: made.tensorrt?.simulated,
    layers: quantizer.layers(made),
    corrections,
  };
}
