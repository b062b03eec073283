import type { ModelProto } from '../../graph/index.js';
import type { TensorStatistics } from '../../precision/index.js';
import type { Tensor } from '../../tensor/index.js';
import { halfModel } from '../half-model.js';
import { quantizedForms, type LayerPrecision, type QuantizedFormName, type QuantizedLayer } from '../quantized-layer.js';
import { Quantizer, type MadeForm, type QuantizedWhole } from '../quantizer.js';
import { Sensitivity } from '../sensitivity.js';
import { rungsOf, type Rung } from './rungs.js';

/** One form of a model: what it is in, and which share of all multiply-accumulates stays in float32. */
export interface LadderRung {
  readonly precision: LayerPrecision;
  readonly macs: number;
}

/** Forms of one model with more and more in float. */
export interface Ladder {
  /** Without the last, FP32. */
  readonly rungs: Readonly<Record<QuantizedFormName, readonly LadderRung[]>>;
  /** The model, and what it is judged by in its place. */
  make(
    form: QuantizedFormName,
    rung: number,
  ): Promise<{ readonly model: ModelProto; readonly simulated?: ModelProto | undefined }>;
  /** What becomes of each layer on a rung of each form. */
  layers(rungs: Readonly<Record<QuantizedFormName, number>>): Promise<readonly QuantizedLayer[]>;
}

export interface LadderOptions {
  /** Those that are asked for: the other has no rungs. */
  readonly forms: readonly QuantizedFormName[];
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** What was measured under a name before, or is now. */
  readonly keep: <T>(name: string, measure: () => Promise<T>) => Promise<T>;
}

/** So many trials are measured between two words of progress. */
const measuredAtOnce = 8;

/** Finds what each value of an INT8 form loses at eight bits by itself; see `quantizeModel` for what is given. */
export async function int8Ladder(
  model: ModelProto,
  statistics: readonly TensorStatistics[],
  samples: readonly Tensor[],
  { forms, signal, onProgress, keep }: LadderOptions,
): Promise<Ladder> {
  const quantizer = new Quantizer(model, statistics, { signal });
  const wholes = new Map<QuantizedFormName, QuantizedWhole>();
  for (const form of forms) wholes.set(form, await quantizer.whole(form));
  const total = [...wholes.values()].reduce((sum, { trials }) => sum + trials.length, 0);
  const { structure } = quantizer;
  const macs = structure.nodes.reduce((sum, node) => sum + (structure.isLayer(node) ? structure.macs(node) : 0), 0);
  let done = 0;
  const rungsOfWhole = async (form: QuantizedFormName, { trials }: QuantizedWhole): Promise<readonly Rung[]> => {
    if (trials.length === 0) return rungsOf([], [], macs);
    await using sensitivity = await Sensitivity.of(model, trials, quantizer.groups, samples, signal);
    const noise: number[][] = [];
    while (noise.length < trials.length) {
      const next = [...trials.keys()].slice(noise.length, noise.length + measuredAtOnce);
      const sets = next.map((trial) => [trial]);
      noise.push(...(await keep(`${form} noise ${noise.length}`, () => sensitivity.measure(sets))));
      onProgress?.((done += next.length), total);
    }
    return rungsOf(trials, noise, macs);
  };
  const found = new Map<QuantizedFormName, readonly Rung[]>();
  for (const [form, whole] of wholes) found.set(form, await rungsOfWhole(form, whole));
  const rungs = (form: QuantizedFormName): LadderRung[] =>
    (found.get(form) ?? []).map((rung) => ({ precision: 'int8', macs: rung.macs }));
  const make = (form: QuantizedFormName, rung: number): Promise<MadeForm> =>
    quantizer.make(form, wholes.get(form)!, found.get(form)![rung]!.kept);
  return {
    rungs: { onnxruntime: rungs('onnxruntime'), tensorrt: rungs('tensorrt') },
    make,
    layers: async (taken) => {
      const made: Partial<Record<QuantizedFormName, MadeForm>> = {};
      for (const form of forms) made[form] = await make(form, taken[form]);
      return quantizer.layers(made);
    },
  };
}

/** FP16 has one rung: what half precision cannot hold stays float32 in any case. */
export function halfLadder(
  model: ModelProto,
  statistics: readonly TensorStatistics[],
  { forms }: Pick<LadderOptions, 'forms'>,
): Ladder {
  const half = halfModel(model, statistics, forms);
  const all = half.layers.reduce((sum, { macs }) => sum + (macs ?? 0), 0);
  const rungs = (form: QuantizedFormName): LadderRung[] => {
    if (!forms.includes(form)) return [];
    const float = half.layers.reduce((sum, { macs, precision }) => sum + (precision[form] === 'float32' ? (macs ?? 0) : 0), 0);
    return [{ precision: 'float16', macs: all > 0 ? float / all : 0 }];
  };
  return {
    rungs: { onnxruntime: rungs('onnxruntime'), tensorrt: rungs('tensorrt') },
    make: (form) => Promise.resolve({ model: half[form], simulated: form === 'tensorrt' ? half.simulated : undefined }),
    layers: () => Promise.resolve(half.layers),
  };
}

/** The rungs of one ladder, and above them those of another, of the same model and forms. */
export function stackedLadder(lower: Ladder, upper: Ladder): Ladder {
  const count = (form: QuantizedFormName): number => lower.rungs[form].length;
  const both = (form: QuantizedFormName): LadderRung[] => [...lower.rungs[form], ...upper.rungs[form]];
  const inOne = (ladder: Ladder, form: QuantizedFormName, rung: number): number =>
    Math.max(0, Math.min(ladder.rungs[form].length - 1, rung));
  return {
    rungs: { onnxruntime: both('onnxruntime'), tensorrt: both('tensorrt') },
    make: (form, rung) => (rung < count(form) ? lower.make(form, rung) : upper.make(form, rung - count(form))),
    layers: async (taken) => {
      const place = (ladder: Ladder, below: (form: QuantizedFormName) => number): typeof taken => ({
        onnxruntime: inOne(ladder, 'onnxruntime', taken.onnxruntime - below('onnxruntime')),
        tensorrt: inOne(ladder, 'tensorrt', taken.tensorrt - below('tensorrt')),
      });
      const above = new Map((await upper.layers(place(upper, count))).map((layer) => [layer.name, layer]));
      const isAbove = (form: QuantizedFormName): boolean => taken[form] >= count(form);
      return (await lower.layers(place(lower, () => 0))).map((layer): QuantizedLayer => {
        const other = above.get(layer.name);
        const pick = <T>(key: 'precision' | 'reasons' | 'noiseDb'): T =>
          Object.fromEntries(
            quantizedForms.flatMap((form) => {
              const value = (isAbove(form) ? other : layer)?.[key][form];
              return value === undefined ? [] : [[form, value]];
            }),
          ) as T;
        return { ...layer, precision: pick('precision'), reasons: pick('reasons'), noiseDb: pick('noiseDb') };
      });
    },
  };
}
