import type { OnnxNode } from '../graph/index.js';
import { float32ToFloat16Bits, float32ToBfloat16Bits, float16BitsToFloat32, bfloat16BitsToFloat32 } from '../tensor/half.js';
import type { FloatValues } from './float-values.js';

/** Float types of 16 bits: five bits of exponent and ten of fraction, or eight and seven. */
export type HalfType = 'float16' | 'bfloat16';

/** Which nodes of a graph are computed in half precision. */
export interface HalfPlan {
  readonly dtype: HalfType;
  readonly half: ReadonlySet<OnnxNode>;
  /** Why a node that computes with floats stays in float32; what is said after a colon is of that node alone. */
  readonly reasons: ReadonlyMap<OnnxNode, string>;
}

const highest = { float16: 65504, bfloat16: (2 - 2 ** -7) * 2 ** 127 } as const;
/** Pictures that nobody has shown may go so many times further than those that were looked at. */
const margin = 4;

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/** Whose inputs have to be float32, by ONNX, or whose outputs are float32 without an input that says so. */
const float32Only = words(
  'NonMaxSuppression DequantizeLinear QuantizeLinear DynamicQuantizeLinear ConstantOfShape EyeLike RandomNormal RandomUniform ' +
    'RandomNormalLike RandomUniformLike Bernoulli Multinomial Range MelWeightMatrix HannWindow HammingWindow BlackmanWindow',
);
/** They add up squares, or powers of e, of many elements: what comes out says nothing of how large that gets. */
const sumsOfPowers = words(
  'LayerNormalization InstanceNormalization GroupNormalization LpNormalization MeanVarianceNormalization LRN LpPool GlobalLpPool ' +
    'ReduceL2 ReduceSumSquare ReduceLogSumExp ReduceLogSum',
);
/** Beyond its ends, an end clips nothing. */
const saturating = words('Clip');

/**
 * Leaves in float32 what half precision cannot hold: nodes that read or make elements beyond a quarter of its highest number, that have constants which it has
 * no number for, or that overflow within. `largest` is the greatest absolute element of values, as far as it is known.
 */
export function planHalf(values: FloatValues, dtype: HalfType, largest: ReadonlyMap<string, number>): HalfPlan {
  const half = new Set<OnnxNode>();
  const reasons = new Map<OnnxNode, string>();
  for (const node of values.structure.nodes) {
    if (!values.computesWithFloats(node)) continue;
    const reason = reasonForFloat(values, node, dtype, largest);
    if (reason === undefined) half.add(node);
    else reasons.set(node, reason);
  }
  return { dtype, half, reasons };
}

function reasonForFloat(
  values: FloatValues,
  node: OnnxNode,
  dtype: HalfType,
  largest: ReadonlyMap<string, number>,
): string | undefined {
  if (node.domain !== '') return `an operator of ${node.domain}`;
  if (values.hasGraphs(node)) return 'has a graph within';
  const unknown = [...node.inputs, ...node.outputs].find((name) => values.isUnknown(name));
  if (unknown !== undefined) return `a type that is not known: that of ${unknown}`;
  if (float32Only.has(node.opType)) return `${node.opType} has no half precision`;
  if (sumsOfPowers.has(node.opType) && dtype === 'float16') return 'adds up squares or powers, which may overflow within';
  for (const name of [...node.inputs, ...node.outputs]) {
    if (!values.isFloat(name) || values.structure.constant(name) !== undefined) continue;
    const most = largest.get(name);
    if (most === undefined) continue;
    if (most > highest[dtype] / margin) return `too near to ${highest[dtype]}: ${name} reaches ${Number(most.toPrecision(3))}`;
  }
  if (saturating.has(node.opType)) return undefined;
  const unfit = node.inputs.find((name) => isUnfit(values, name, dtype));
  return unfit === undefined ? undefined : `a constant that half precision has no number for: ${unfit}`;
}

/** Whether a constant would become infinite, or vanish altogether, as the 1e-12 does that keeps a divisor from being 0. */
function isUnfit(values: FloatValues, name: string, dtype: HalfType): boolean {
  const tensor = values.isFloat(name) ? values.structure.constant(name) : undefined;
  if (tensor === undefined) return false;
  const elements = tensor.data as Float32Array;
  const rounded = roundedTo(elements, dtype);
  return rounded.some((value, i) => !Number.isFinite(value) && Number.isFinite(elements[i])) || vanishes(elements, rounded);
}

function vanishes(elements: Float32Array, rounded: Float32Array): boolean {
  return elements.some((value) => value !== 0) && rounded.every((value) => value === 0);
}

function roundedTo(elements: Float32Array, dtype: HalfType): Float32Array {
  return dtype === 'float16'
    ? elements.map((value) => float16BitsToFloat32(float32ToFloat16Bits(value)))
    : elements.map((value) => bfloat16BitsToFloat32(float32ToBfloat16Bits(value)));
}

/** The bits of each element, rounded to nearest; those of Clip's ends that are beyond become the highest number. */
export function halfBits(elements: Float32Array, dtype: HalfType): Uint16Array {
  const most = highest[dtype];
  const convert = dtype === 'float16' ? float32ToFloat16Bits : float32ToBfloat16Bits;
  return Uint16Array.from(elements, (value) => convert(Number.isFinite(value) ? Math.max(-most, Math.min(most, value)) : value));
}
