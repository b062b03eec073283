import type { ModelProto } from '../graph/index.js';
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
 * Writes the form for TensorRT with FP16 in the place of float32, but for what FP16 cannot hold: see `planHalf`. Scales of `numbers` have to be numbers of FP16.
 * `largest` is the greatest absolute element of values.
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
    const most = largest.get(source);
    if (most !== undefined) known.set(outputs[0] as string, most);
  }
  const plan = planHalf(values, known);
  const half = new Set(plan.half);
  for (const node of dequantizers) {
    const readers = node.outputs.flatMap((value) => structure.consumers(value));
    if (readers.length > 0 && readers.every((reader) => plan.half.has(reader))) half.add(node);
  }
  for (const node of structure.nodes) {
    const producer = node.opType === 'QuantizeLinear' ? structure.producer(node.inputs[0] as string) : undefined;
    if (producer !== undefined && plan.half.has(producer)) half.add(node);
  }
  const reasons = [...plan.reasons].filter(([{ opType }]) => opType !== 'QuantizeLinear' && opType !== 'DequantizeLinear');
  return { ...plan, half, reasons: new Map(reasons) };
}
