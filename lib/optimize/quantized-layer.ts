import type { FormPrecision } from '../engine/index.js';
import type { ModelProto } from '../graph/index.js';

/** What layers are computed in, as it is asked for: FP32 of a model that is pruned alone. */
export const precisions = ['int8', 'int8+fp16', 'fp16', 'bf16', 'fp8', 'int4', 'auto', 'fp32'] as const;
export type Precision = (typeof precisions)[number];

export type { FormPrecision };

/** What one layer is computed in. */
export type LayerPrecision = Exclude<FormPrecision, 'mixed'>;

/** Those that CPUs have no kernels for: ONNX Runtime's form is FP32. */
export const gpuPrecisions: ReadonlySet<Precision> = new Set(['bf16', 'fp8']);

export const precisionTitles = {
  ...{ int8: 'INT8', float16: 'FP16', bfloat16: 'BF16', float8: 'FP8', int4: 'INT4', float32: 'FP32' },
  ...{ mixed: 'INT8 and FP16', 'int8+fp16': 'INT8 and FP16' },
  ...{ fp16: 'FP16', bf16: 'BF16', fp8: 'FP8', auto: 'mixed precision', fp32: 'FP32' },
} as const;

/** The forms that a model is made in. */
export const quantizedForms = ['onnxruntime', 'tensorrt'] as const;
export type QuantizedFormName = (typeof quantizedForms)[number];

/** A model in the forms that engines take. One that was not asked for is FP32. */
export interface QuantizedForms {
  /** In INT8: unsigned, zero points absorb activations. */
  readonly onnxruntime: ModelProto;
  /** In INT8 and FP8: symmetric and signed, float biases. */
  readonly tensorrt: ModelProto;
  /** What that for TensorRT is judged by in its place, where ONNX Runtime would compute it otherwise than a GPU. */
  readonly simulated?: ModelProto | undefined;
  /** What each stands in: FP32 where a budget or the engine allows no other. */
  readonly precision: Readonly<Record<QuantizedFormName, FormPrecision>>;
  /** In the order of the graph. */
  readonly layers: readonly QuantizedLayer[];
  /** What was found of correcting them; nothing where it was not tried. */
  readonly corrections?: Readonly<Partial<Record<QuantizedFormName, FormCorrected>>> | undefined;
}

/** What makes good what eight bits do: biases, or weights that are rounded together, and biases with them. */
export type Correction = 'biases' | 'rounded';

/** What corrections do to a form, and which was taken. */
export interface FormCorrected {
  readonly taken: Correction | 'none';
  /** Each that changes anything. */
  readonly found: Readonly<Partial<Record<Correction, CorrectionFound>>>;
  /** By which that was found. */
  readonly pictures: number;
}

/** What one does, against the form as it is without any. */
export interface CorrectionFound {
  /** Layers that have another bias, or rounded weights. */
  readonly layers: number;
  /** Less noise, in the outputs that have most. */
  readonly gainDb: number;
  /** More noise, in the outputs of which that is most; 0 where there is none. */
  readonly lossDb: number;
}

/** A layer, and what becomes of it. */
export interface QuantizedLayer {
  /** Its name; that of its output where it has none. */
  readonly name: string;
  readonly operator: string;
  /** Multiply-accumulates of one run; null where they are not known. */
  readonly macs: number | null;
  readonly precision: Readonly<Record<QuantizedFormName, LayerPrecision>>;
  /** Why it has more bits in a form than were asked for. */
  readonly reasons: Readonly<Partial<Record<QuantizedFormName, string>>>;
  /** Of its output, as calibration found it. */
  readonly range?: { readonly min: number; readonly max: number } | undefined;
  /** Signal to noise of its output, after its activation, in INT8: in dB, of calibration. */
  readonly noiseDb: Readonly<Partial<Record<QuantizedFormName, number>>>;
  /** Where the model was pruned: the share of its weights that are 0, and why it was left as it is. */
  readonly pruned?: { readonly zeros: number; readonly reason?: string | undefined } | undefined;
}

/** Something of each form. */
export function ofForms<T>(of: (form: QuantizedFormName) => T): Record<QuantizedFormName, T> {
  return { onnxruntime: of('onnxruntime'), tensorrt: of('tensorrt') };
}

/** Why a layer of each form is as it is, as far as there is a reason; of those that were not asked for, that. */
export function reasonsOf(
  asked: readonly QuantizedFormName[],
  of: (form: QuantizedFormName) => string | undefined,
): QuantizedLayer['reasons'] {
  return Object.fromEntries(
    quantizedForms.flatMap((form) => {
      const reason = asked.includes(form) ? of(form) : notAsked;
      return reason === undefined ? [] : [[form, reason]];
    }),
  );
}

/** Why layers of a form that was not asked for stay float. */
export const notAsked = 'made for another device';

export const engineNames = { onnxruntime: 'ONNX Runtime', tensorrt: 'TensorRT' } as const;

/** In the form where it is least, and which that is. */
export function worstNoise({ noiseDb }: QuantizedLayer): { readonly form: QuantizedFormName; readonly db: number } | undefined {
  const known = quantizedForms.flatMap((form) => {
    const db = noiseDb[form];
    return db !== undefined && Number.isFinite(db) ? [{ form, db }] : [];
  });
  return known.toSorted((a, b) => a.db - b.db)[0];
}

export function worstNoiseDb(layer: QuantizedLayer): number | undefined {
  return worstNoise(layer)?.db;
}

/** Why a layer has more bits than were asked for, and where, in one line; empty where it has nowhere. */
export function reasonText({ reasons }: QuantizedLayer): string {
  const { onnxruntime, tensorrt } = reasons;
  if (onnxruntime === tensorrt) return onnxruntime ?? '';
  return (Object.keys(engineNames) as QuantizedFormName[])
    .flatMap((form) => (reasons[form] === undefined ? [] : [`${engineNames[form]}: ${reasons[form]}`]))
    .join('; ');
}
