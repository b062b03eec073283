import type { ModelProto } from '../../graph/index.js';
import type { TensorStatistics } from '../../precision/index.js';
import type { Tensor } from '../../tensor/index.js';
import { FormCorrection } from '../form-correction.js';
import { float8Layers, float8Quantizer } from '../float8-model.js';
import type { LadderOptions } from '../method.js';
import {
  quantizedForms,
  type FormPrecision,
  type QuantizedFormName,
  type QuantizedForms,
  type QuantizedLayer,
} from '../quantized-layer.js';
import { Quantizer, type Corrections, type MadeForm, type QuantizedWhole, type QuantizerOptions } from '../quantizer.js';
import { Sensitivity, type KeepNoise } from '../sensitivity.js';
import { rungsOf, type Rung } from './rungs.js';

/** One form of a model: what it is in, and which share of all multiply-accumulates stays float. */
export interface LadderRung {
  readonly precision: FormPrecision;
  readonly macs: number;
}

/** Forms of one model with more and more in float. */
export interface Ladder {
  /** Without the last, FP32. */
  readonly rungs: Readonly<Record<QuantizedFormName, readonly LadderRung[]>>;
  /** What was found of correcting the forms; nothing where it was not tried. */
  readonly corrections?: QuantizedForms['corrections'];
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
  { forms, signal, onProgress, keep, rest }: LadderOptions & Pick<QuantizerOptions, 'rest'>,
): Promise<Ladder> {
  const quantizer = new Quantizer(model, statistics, { rest, signal });
  const wholes: Partial<Record<QuantizedFormName, QuantizedWhole>> = {};
  for (const form of forms) wholes[form] = await quantizer.whole(form);
  const total = Object.values(wholes).reduce((sum, { trials }) => sum + trials.length, 0);
  let before = 0;
  const found: Partial<Record<QuantizedFormName, readonly Rung[]>> = {};
  for (const form of forms) {
    const whole = wholes[form]!;
    found[form] = await measuredRungs(model, quantizer, whole, samples, {
      signal,
      tell: (done) => onProgress?.(before + done, total),
      keep: (from, measure) => keep(`${form} noise ${from}`, measure),
    });
    before += whole.trials.length;
  }
  // Decided of all in eight bits: where values are float, there is less to correct.
  using correction = await FormCorrection.of(model, quantizer, Object.values(wholes), samples, signal);
  const decided = correction && (await keep(`corrections ${forms.join(' ')}`, () => correction.decide(wholes)));
  const corrections: Partial<Record<QuantizedFormName, Corrections | undefined>> = {};
  for (const form of forms) corrections[form] = await correction?.by(decided?.[form]?.taken);
  const precision = { onnxruntime: 'int8', tensorrt: rest === 'float16' ? 'mixed' : 'int8' } as const;
  const rungs = (form: QuantizedFormName): LadderRung[] =>
    (found[form] ?? []).map(({ macs }) => ({ precision: precision[form], macs }));
  const make = async (form: QuantizedFormName, rung: number): Promise<MadeForm> => {
    const planned = await quantizer.planned(form, wholes[form]!, found[form]![rung]!.kept);
    return await quantizer.make(form, planned, corrections[form]);
  };
  return {
    rungs: { onnxruntime: rungs('onnxruntime'), tensorrt: rungs('tensorrt') },
    corrections: decided,
    make,
    layers: async (taken) => {
      const made: Partial<Record<QuantizedFormName, MadeForm>> = {};
      for (const form of forms) made[form] = await make(form, taken[form]);
      return quantizer.layers(made);
    },
  };
}

/** As {@link int8Ladder} for FP8: that for ONNX Runtime has no rung but FP32. */
export async function float8Ladder(
  model: ModelProto,
  statistics: readonly TensorStatistics[],
  samples: readonly Tensor[],
  { forms, signal, onProgress, keep }: LadderOptions,
): Promise<Ladder> {
  const quantizer = float8Quantizer(model, statistics, signal);
  const whole = await quantizer.whole('float8');
  const rungs = await measuredRungs(model, quantizer, whole, samples, {
    signal,
    tell: (done) => onProgress?.(done, whole.trials.length),
    keep: (from, measure) => keep(`float8 noise ${from}`, measure),
  });
  const make = async (rung: number): Promise<MadeForm> =>
    quantizer.make('float8', await quantizer.planned('float8', whole, rungs[rung]!.kept));
  return {
    rungs: { onnxruntime: [], tensorrt: rungs.map(({ macs }) => ({ precision: 'float8', macs })) },
    make: (_, rung) => make(rung),
    layers: async ({ tensorrt }) => float8Layers(quantizer, await make(tensorrt), forms),
  };
}

/** Of a precision that leaves no choice, with one rung: what cannot be in it is float in any case. */
export function formsLadder(forms: QuantizedForms): Ladder {
  const { layers, precision } = forms;
  const rungsOfForm = (form: QuantizedFormName): readonly LadderRung[] => {
    if (precision[form] === 'float32') return [];
    const all = layers.reduce((sum, { macs }) => sum + (macs ?? 0), 0);
    const float = layers.reduce((sum, layer) => sum + (layer.precision[form] === 'float32' ? (layer.macs ?? 0) : 0), 0);
    return [{ precision: precision[form], macs: all > 0 ? float / all : 0 }];
  };
  return {
    rungs: { onnxruntime: rungsOfForm('onnxruntime'), tensorrt: rungsOfForm('tensorrt') },
    make: (form) => Promise.resolve({ model: forms[form], simulated: form === 'tensorrt' ? forms.simulated : undefined }),
    layers: () => Promise.resolve(layers),
  };
}

/** Finds what each trial loses by itself; told is how many have been measured, and what was measured before is taken as it was. */
async function measuredRungs(
  model: ModelProto,
  quantizer: Quantizer,
  { trials }: QuantizedWhole,
  samples: readonly Tensor[],
  {
    signal,
    tell,
    keep,
  }: { readonly signal: AbortSignal | undefined; readonly tell: (done: number) => void; readonly keep: KeepNoise },
): Promise<readonly Rung[]> {
  const all = { macs: quantizer.structure.allMacs, weights: quantizer.structure.allWeights };
  if (trials.length === 0) return rungsOf([], [], all);
  await using sensitivity = await Sensitivity.of(model, trials, quantizer.groups, samples, signal);
  return rungsOf(trials, await sensitivity.measureEach(tell, keep), all);
}

/** The rungs of one ladder, and above them those of another, of the same model and forms. */
export function stackedLadder(lower: Ladder, upper: Ladder): Ladder {
  const count = (form: QuantizedFormName): number => lower.rungs[form].length;
  const both = (form: QuantizedFormName): LadderRung[] => [...lower.rungs[form], ...upper.rungs[form]];
  const inOne = (ladder: Ladder, form: QuantizedFormName, rung: number): number =>
    Math.max(0, Math.min(ladder.rungs[form].length - 1, rung));
  return {
    rungs: { onnxruntime: both('onnxruntime'), tensorrt: both('tensorrt') },
    corrections: lower.corrections,
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
