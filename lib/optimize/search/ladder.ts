import type { ModelProto } from '../../graph/index.js';
import type { TensorStatistics } from '../../precision/index.js';
import type { Tensor } from '../../tensor/index.js';
import { float8Layers, float8Quantizer } from '../float8-model.js';
import type { ConvertOptions } from '../method.js';
import type { QuantizedFormName, QuantizedForms, QuantizedLayer } from '../quantized-layer.js';
import { Quantizer, type MadeForm, type QuantizedWhole } from '../quantizer.js';
import { Sensitivity } from '../sensitivity.js';
import { rungsOf, type Rung } from './rungs.js';

/** Forms of one model with more and more in float. */
export interface Ladder {
  /** Without the last, FP32. */
  readonly rungs: Readonly<Record<QuantizedFormName, readonly Rung[]>>;
  /** The model, and what it is judged by in its place. */
  make(
    form: QuantizedFormName,
    rung: number,
  ): Promise<{ readonly model: ModelProto; readonly simulated?: ModelProto | undefined }>;
  /** What becomes of each layer on a rung of each form. */
  layers(rungs: Readonly<Record<QuantizedFormName, number>>): Promise<readonly QuantizedLayer[]>;
}

/** Finds what each value of an INT8 form loses at eight bits by itself; see `quantizeModel` for what is given. */
export async function int8Ladder(
  model: ModelProto,
  statistics: readonly TensorStatistics[],
  samples: readonly Tensor[],
  { signal, onProgress }: ConvertOptions,
): Promise<Ladder> {
  const quantizer = new Quantizer(model, statistics, { signal });
  const wholes = {
    onnxruntime: await quantizer.whole('onnxruntime'),
    tensorrt: await quantizer.whole('tensorrt'),
  };
  const total = wholes.onnxruntime.trials.length + wholes.tensorrt.trials.length;
  const measured = { onnxruntime: 0, tensorrt: 0 };
  const rungs = (form: QuantizedFormName): Promise<readonly Rung[]> =>
    measuredRungs(model, quantizer, wholes[form], samples, signal, (done) => {
      measured[form] = done;
      onProgress?.(measured.onnxruntime + measured.tensorrt, total);
    });
  const found = { onnxruntime: await rungs('onnxruntime'), tensorrt: await rungs('tensorrt') };
  const make = (form: QuantizedFormName, rung: number): Promise<MadeForm> =>
    quantizer.make(form, wholes[form], found[form][rung]!.kept);
  return {
    rungs: found,
    make,
    layers: async ({ onnxruntime, tensorrt }) =>
      quantizer.layers({ onnxruntime: await make('onnxruntime', onnxruntime), tensorrt: await make('tensorrt', tensorrt) }),
  };
}

/** As {@link int8Ladder} for FP8: that for ONNX Runtime has no rung but FP32. */
export async function float8Ladder(
  model: ModelProto,
  statistics: readonly TensorStatistics[],
  samples: readonly Tensor[],
  { signal, onProgress }: ConvertOptions,
): Promise<Ladder> {
  const quantizer = float8Quantizer(model, statistics, signal);
  const whole = await quantizer.whole('float8');
  const rungs = await measuredRungs(model, quantizer, whole, samples, signal, (done) => onProgress?.(done, whole.trials.length));
  const make = (rung: number): Promise<MadeForm> => quantizer.make('float8', whole, rungs[rung]!.kept);
  return {
    rungs: { onnxruntime: [], tensorrt: rungs },
    make: (_, rung) => make(rung),
    layers: async ({ tensorrt }) => float8Layers(quantizer, await make(tensorrt)),
  };
}

/** Of a precision that leaves no choice, with one rung: what cannot be in it is float in any case. */
export function formsLadder(forms: QuantizedForms): Ladder {
  const { layers } = forms;
  const rungsOfForm = (form: QuantizedFormName): readonly Rung[] => {
    if (forms.keptFloat?.includes(form)) return [];
    const all = layers.reduce((sum, { macs }) => sum + (macs ?? 0), 0);
    const float = layers.reduce((sum, { macs, precision }) => sum + (precision[form] === 'float32' ? (macs ?? 0) : 0), 0);
    return [{ kept: [], macs: all > 0 ? float / all : 0 }];
  };
  return {
    rungs: { onnxruntime: rungsOfForm('onnxruntime'), tensorrt: rungsOfForm('tensorrt') },
    make: (form) => Promise.resolve({ model: forms[form], simulated: form === 'tensorrt' ? forms.simulated : undefined }),
    layers: () => Promise.resolve(layers),
  };
}

/** Finds what each trial loses by itself; told is how many have been measured. */
async function measuredRungs(
  model: ModelProto,
  quantizer: Quantizer,
  { trials }: QuantizedWhole,
  samples: readonly Tensor[],
  signal: AbortSignal | undefined,
  tell: (done: number) => void,
): Promise<readonly Rung[]> {
  const { structure } = quantizer;
  const macs = structure.nodes.reduce((sum, node) => sum + (structure.isLayer(node) ? structure.macs(node) : 0), 0);
  if (trials.length === 0) return rungsOf([], [], macs);
  await using sensitivity = await Sensitivity.of(model, trials, quantizer.groups, samples, signal);
  return rungsOf(trials, await sensitivity.measureEach(tell), macs);
}
