import type { ModelProto } from '../graph/index.js';

/** What layers are computed in, as it is asked for. */
export const precisions = ['int8', 'fp16'] as const;
export type Precision = (typeof precisions)[number];

/** What one layer is computed in. */
export type LayerPrecision = 'int8' | 'float16' | 'float32';

export const precisionTitles = { int8: 'INT8', fp16: 'FP16', float16: 'FP16', float32: 'FP32' } as const;

/** The forms that a model is made in. */
export type QuantizedFormName = 'onnxruntime' | 'tensorrt';

/** A model in the forms that engines take. */
export interface QuantizedForms {
  /** In INT8: unsigned, zero points absorb activations. */
  readonly onnxruntime: ModelProto;
  /** In INT8: symmetric and signed, float biases. */
  readonly tensorrt: ModelProto;
  /** What that for TensorRT is judged by in its place, where ONNX Runtime would compute it otherwise than a GPU. */
  readonly simulated?: ModelProto | undefined;
  /** Those that are FP32, as a budget allows no other. */
  readonly keptFloat?: readonly QuantizedFormName[] | undefined;
  /** In the order of the graph. */
  readonly layers: readonly QuantizedLayer[];
  /** What was found of correcting biases; nothing where it was not tried. */
  readonly biases?: Readonly<Record<QuantizedFormName, BiasesCorrected>> | undefined;
}

/** What correcting the biases of a form does, and whether it was done. */
export interface BiasesCorrected {
  /** Layers that have another bias. */
  readonly layers: number;
  /** Less noise, in the outputs that have most. */
  readonly gainDb: number;
  /** More noise, in the outputs of which that is most; 0 where there is none. */
  readonly lossDb: number;
  /** By which that was found. */
  readonly pictures: number;
  readonly kept: boolean;
}

/** A layer, and what becomes of it. */
export interface QuantizedLayer {
  /** Its name; that of its output where it has none. */
  readonly name: string;
  readonly operator: string;
  /** Multiply-accumulates of one run; null where they are not known. */
  readonly macs: number | null;
  readonly precision: Readonly<Record<QuantizedFormName, LayerPrecision>>;
  /** Why it stays in float32 in a form. */
  readonly reasons: Readonly<Partial<Record<QuantizedFormName, string>>>;
  /** Of its output, as calibration found it. */
  readonly range?: { readonly min: number; readonly max: number } | undefined;
  /** Signal to noise of its output, after its activation, in eight bits: in dB, of calibration. */
  readonly noiseDb: Readonly<Partial<Record<QuantizedFormName, number>>>;
}

export const engineNames = { onnxruntime: 'ONNX Runtime', tensorrt: 'TensorRT' } as const;

/** In the form where it is least. */
export function worstNoiseDb({ noiseDb }: QuantizedLayer): number | undefined {
  const values = Object.values(noiseDb).filter((value) => Number.isFinite(value));
  return values.length === 0 ? undefined : Math.min(...values);
}

/** Why a layer stays float, and where, in one line; empty where it does nowhere. */
export function reasonText({ reasons }: QuantizedLayer): string {
  const { onnxruntime, tensorrt } = reasons;
  if (onnxruntime === tensorrt) return onnxruntime ?? '';
  return (Object.keys(engineNames) as QuantizedFormName[])
    .flatMap((form) => (reasons[form] === undefined ? [] : [`${engineNames[form]}: ${reasons[form]}`]))
    .join('; ');
}
