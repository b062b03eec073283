import type { ModelProto } from '../../graph/index.js';
import type { TensorStatistics } from '../../precision/index.js';
import type { Tensor } from '../../tensor/index.js';
import { BiasCorrection } from '../bias-correction.js';
import { halfModel } from '../half-model.js';
import type { QuantizedFormName, QuantizedForms, QuantizedLayer } from '../quantized-layer.js';
import { Quantizer, type MadeForm, type QuantizedWhole } from '../quantizer.js';
import { Sensitivity } from '../sensitivity.js';
import { rungsOf, type Rung } from './rungs.js';

/** Forms of one model with more and more in float. */
export interface Ladder {
  /** Without the last, FP32. */
  readonly rungs: Readonly<Record<QuantizedFormName, readonly Rung[]>>;
  /** What was found of correcting biases; nothing where it was not tried. */
  readonly biases?: QuantizedForms['biases'];
  /** The model, and what it is judged by in its place. */
  make(
    form: QuantizedFormName,
    rung: number,
  ): Promise<{ readonly model: ModelProto; readonly simulated?: ModelProto | undefined }>;
  /** What becomes of each layer on a rung of each form. */
  layers(rungs: Readonly<Record<QuantizedFormName, number>>): Promise<readonly QuantizedLayer[]>;
}

export interface LadderOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** So many trials are measured between two words of progress. */
const measuredAtOnce = 8;

/** Finds what each value of an INT8 form loses at eight bits by itself; see `quantizeModel` for what is given. */
export async function int8Ladder(
  model: ModelProto,
  statistics: readonly TensorStatistics[],
  samples: readonly Tensor[],
  { signal, onProgress }: LadderOptions,
): Promise<Ladder> {
  const quantizer = new Quantizer(model, statistics, { signal });
  const wholes = {
    onnxruntime: await quantizer.whole('onnxruntime'),
    tensorrt: await quantizer.whole('tensorrt'),
  };
  const total = wholes.onnxruntime.trials.length + wholes.tensorrt.trials.length;
  const macs = quantizer.structure.allMacs;
  let done = 0;
  const rungs = async ({ trials }: QuantizedWhole): Promise<readonly Rung[]> => {
    if (trials.length === 0) return rungsOf([], [], macs);
    await using sensitivity = await Sensitivity.of(model, trials, quantizer.groups, samples, signal);
    const noise: number[][] = [];
    while (noise.length < trials.length) {
      const next = [...trials.keys()].slice(noise.length, noise.length + measuredAtOnce);
      noise.push(...(await sensitivity.measure(next.map((trial) => [trial]))));
      onProgress?.((done += next.length), total);
    }
    return rungsOf(trials, noise, macs);
  };
  const found = { onnxruntime: await rungs(wholes.onnxruntime), tensorrt: await rungs(wholes.tensorrt) };
  // Decided of all in eight bits: where values are float, there is less to correct.
  using correction = await BiasCorrection.of(model, quantizer, Object.values(wholes), samples, signal);
  const biases = await correction?.decide(wholes);
  const means = correction?.means;
  const make = async (form: QuantizedFormName, rung: number): Promise<MadeForm> => {
    const planned = await quantizer.planned(form, wholes[form], found[form][rung]!.kept);
    return await quantizer.make(form, planned, biases?.[form].kept === true ? means : undefined);
  };
  return {
    rungs: found,
    biases,
    make,
    layers: async ({ onnxruntime, tensorrt }) =>
      quantizer.layers({ onnxruntime: await make('onnxruntime', onnxruntime), tensorrt: await make('tensorrt', tensorrt) }),
  };
}

/** FP16 has one rung: what half precision cannot hold stays float32 in any case. */
export function halfLadder(model: ModelProto, statistics: readonly TensorStatistics[]): Ladder {
  const half = halfModel(model, statistics);
  const all = half.layers.reduce((sum, { macs }) => sum + (macs ?? 0), 0);
  const float = half.layers.reduce((sum, { macs, precision }) => sum + (precision.tensorrt === 'float32' ? (macs ?? 0) : 0), 0);
  const rungs: readonly Rung[] = [{ kept: [], macs: all > 0 ? float / all : 0 }];
  return {
    rungs: { onnxruntime: rungs, tensorrt: rungs },
    make: (form) => Promise.resolve({ model: half[form], simulated: form === 'tensorrt' ? half.simulated : undefined }),
    layers: () => Promise.resolve(half.layers),
  };
}
