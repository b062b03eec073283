import type { ModelProto, OnnxNode } from '../graph/index.js';
import { float16BitsToFloat32, float32ToFloat16Bits } from '../tensor/half.js';
import type { FormNumbers } from './form-onnxruntime.js';
import type { FormPlan } from './form-plan.js';
import { writeTensorRtForm } from './form-tensorrt.js';
import { FloatValues } from './float-values.js';
import { writeHalfForm } from './half-form.js';
import { firstOpset, inOpset } from './in-opset.js';
import { planHalf, type HalfPlan } from './plan-half.js';
import { simulateHalf } from './simulated-half.js';
import type { Structure } from './structure.js';

/** A form of eight bits, of which what stays float is in half precision. */
export interface MixedForm {
  readonly model: ModelProto;
  /** See `simulateHalf`. */
  readonly simulated: ModelProto;
  /** Outputs of nodes that are in half precision, and why others of float are not: by their first output. */
  readonly half: ReadonlySet<string>;
  readonly reasons: ReadonlyMap<string, string>;
}

/**
 * Writes the form for TensorRT with FP16 in the place of float32, but for what FP16 cannot hold: see `planHalf`. Where a scale of `numbers` is no number of FP16, what
 * is quantised by it is so in float32, and what reads that computes there. `largest` is the greatest absolute element of values.
 */
export function writeMixedForm(
  model: ModelProto,
  structure: Structure,
  plan: FormPlan,
  numbers: FormNumbers,
  largest: ReadonlyMap<string, number>,
): MixedForm {
  const written = writeTensorRtForm(model, structure, plan, numbers);
  const values = new FloatValues(written);
  const half = planMixed(values, largest);
  const converted = writeHalfForm(written, values, half);
  const reasons = [...half.reasons].map(([{ outputs }, reason]) => [outputs[0] as string, reason] as const);
  return {
    model: inOpset(converted, firstOpset.mixed),
    simulated: simulateHalf(converted),
    half: new Set([...half.half].map(({ outputs }) => outputs[0] as string)),
    reasons: new Map(reasons),
  };
}

/** A value is quantised from the type that it is made in, and dequantised to that in which it is read: TensorRT fuses nothing across a Cast. */
function planMixed(values: FloatValues, largest: ReadonlyMap<string, number>): HalfPlan {
  const { structure } = values;
  const known = new Map(largest);
  const dequantizers = structure.nodes.filter(({ opType }) => opType === 'DequantizeLinear');
  for (const { inputs, outputs } of dequantizers) {
    const [source = ''] = structure.producer(inputs[0] as string)?.inputs ?? [];
    // Weights come to 127 times their scale.
    const isConstant = structure.constant(inputs[0] as string) !== undefined;
    const most = isConstant ? 127 * largestScale(values, inputs[1] as string) : largest.get(source);
    if (most !== undefined) known.set(outputs[0] as string, most);
  }
  const plan = planHalf(values, known);
  const reasons = new Map(
    [...plan.reasons].filter(([{ opType }]) => opType !== 'QuantizeLinear' && opType !== 'DequantizeLinear'),
  );
  const half = new Set(plan.half);
  for (const node of dequantizers.filter((one) => !hasHalfScale(values, one))) {
    for (const reader of readersOf(values, node)) {
      if (half.delete(reader)) reasons.set(reader, `a scale that FP16 has no number for: that of ${node.inputs[0] as string}`);
    }
  }
  const isHalf = (node: OnnxNode): boolean => half.has(node);
  const inHalf = dequantizers.filter((node) => readersOf(values, node).length > 0 && readersOf(values, node).every(isHalf));
  for (const node of structure.nodes) {
    const producer = node.opType === 'QuantizeLinear' ? structure.producer(node.inputs[0] as string) : undefined;
    if (producer !== undefined && half.has(producer) && hasHalfScale(values, node)) inHalf.push(node);
  }
  return { ...plan, half: new Set([...half, ...inHalf]), reasons };
}

function readersOf({ structure }: FloatValues, { outputs }: OnnxNode): readonly OnnxNode[] {
  return outputs.flatMap((value) => structure.consumers(value));
}

function largestScale({ structure }: FloatValues, name: string): number {
  return (structure.constant(name)?.data as Float32Array).reduce((most, scale) => Math.max(most, scale), 0);
}

/** Whether the scales of a QuantizeLinear or DequantizeLinear are numbers of FP16. */
function hasHalfScale({ structure }: FloatValues, { inputs }: OnnxNode): boolean {
  const scales = structure.constant(inputs[1] as string)?.data as Float32Array;
  return scales.every((scale) => float16BitsToFloat32(float32ToFloat16Bits(scale)) === scale);
}
