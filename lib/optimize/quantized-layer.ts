import type { ModelProto } from '../graph/index.js';

/** The forms that a model is quantised in. */
export type QuantizedFormName = 'onnxruntime' | 'tensorrt';

/** A model in the forms that engines take. */
export interface QuantizedForms {
  /** Unsigned, zero points absorb activations. */
  readonly onnxruntime: ModelProto;
  /** Symmetric and signed, float biases. */
  readonly tensorrt: ModelProto;
  /** In the order of the graph. */
  readonly layers: readonly QuantizedLayer[];
}

/** A layer, and what becomes of it. */
export interface QuantizedLayer {
  /** Its name; that of its output where it has none. */
  readonly name: string;
  readonly operator: string;
  /** Multiply-accumulates of one run; null where they are not known. */
  readonly macs: number | null;
  readonly precision: Readonly<Record<QuantizedFormName, 'int8' | 'float32'>>;
  /** Why it stays float in a form. */
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
