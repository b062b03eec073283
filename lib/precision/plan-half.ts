import type { OnnxNode } from '../graph/index.js';
import { bfloat16BitsToFloat32, float16BitsToFloat32, float32ToBfloat16Bits, float32ToFloat16Bits } from '../tensor/half.js';
import type { FloatValues } from './float-values.js';

/** Half precision: float16 has more digits, bfloat16 the range of float32. */
export type HalfType = 'float16' | 'bfloat16';

/** Which nodes of a graph are computed in half precision. */
export interface HalfPlan {
  readonly type: HalfType;
  readonly half: ReadonlySet<OnnxNode>;
  /** Why a node that computes with floats stays in float32; what is said after a colon is of that node alone. */
  readonly reasons: ReadonlyMap<OnnxNode, string>;
}

/**
 * Of each type: the highest number; the lowest below which there are fewer and fewer digits; the highest up to which all whole numbers are numbers of it; bits
 * there and back.
 */
const types = {
  float16: {
    ...{ highest: 65504, lowest: 2 ** -14, highestWhole: 2048 },
    ...{ bitsOf: float32ToFloat16Bits, numberOf: float16BitsToFloat32 },
  },
  bfloat16: {
    ...{ highest: (2 - 2 ** -7) * 2 ** 127, lowest: 2 ** -126, highestWhole: 256 },
    ...{ bitsOf: float32ToBfloat16Bits, numberOf: bfloat16BitsToFloat32 },
  },
} as const;
/** Pictures that nobody has shown may go so many times further than those that were looked at. */
const margin = 4;

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/** Whose inputs have to be float32, by ONNX up to opset 17, or whose outputs are float32 without an input that says so. */
const float32Only = words(
  'NonMaxSuppression DequantizeLinear QuantizeLinear DynamicQuantizeLinear ConstantOfShape EyeLike RandomNormal RandomUniform ' +
    'RandomNormalLike RandomUniformLike Bernoulli Multinomial Range MelWeightMatrix HannWindow HammingWindow BlackmanWindow IsInf Celu AffineGrid',
);
/** Those that take float16, and no bfloat16 up to opset 22. */
const noBfloat16 = words('Compress ConcatFromSequence Einsum OneHot ReverseSequence TopK Unique');
/** Those that TensorRT-RTX 1.7 refuses in bfloat16: its parser, or for ConvTranspose its builder. */
const refusedBfloat16 = words('ConvTranspose HardSwish LpNormalization LpPool MeanVarianceNormalization Mish Shrink');
/** They add up squares, or powers of e, of many elements: what comes out says nothing of how large that gets. */
const sumsOfPowers = words(
  'LayerNormalization InstanceNormalization GroupNormalization LpNormalization MeanVarianceNormalization LRN LpPool GlobalLpPool ' +
    'RMSNormalization ReduceL2 ReduceSumSquare ReduceLogSumExp ReduceLogSum',
);

/** ONNX Runtime has no kernel for their sums in half precision. */
const reducing = words('ScatterElements ScatterND');

/**
 * Leaves in float32 what half precision cannot hold: nodes that read or make elements beyond a quarter of its highest number, or none that it holds with all digits,
 * that have constants which it has no number for, that overflow within, or that compute with whole numbers such as sizes. `largest` is the greatest absolute element
 * of values, as far as it is known.
 */
export function planHalf(values: FloatValues, largest: ReadonlyMap<string, number>, type: HalfType = 'float16'): HalfPlan {
  const half = new Set<OnnxNode>();
  const reasons = new Map<OnnxNode, string>();
  const whole = wholeNumbers(values);
  for (const node of values.structure.nodes) {
    if (!values.computesWithFloats(node)) continue;
    const reason = reasonForFloat(values, node, whole, largest, type);
    if (reason === undefined) half.add(node);
    else reasons.set(node, reason);
  }
  return { type, half, reasons };
}

function reasonForFloat(
  values: FloatValues,
  node: OnnxNode,
  whole: ReadonlySet<string>,
  largest: ReadonlyMap<string, number>,
  type: HalfType,
): string | undefined {
  const { highest, lowest, highestWhole } = types[type];
  if (node.domain !== '') return `an operator of ${node.domain}`;
  if (values.hasGraphs(node)) return 'has a graph within';
  const unknown = [...node.inputs, ...node.outputs].find((name) => values.isUnknown(name));
  if (unknown !== undefined) return `a type that is not known: that of ${unknown}`;
  if (float32Only.has(node.opType)) return `${node.opType} has no half precision`;
  if (type === 'bfloat16' && noBfloat16.has(node.opType)) return `${node.opType} has no bfloat16`;
  if (type === 'bfloat16' && refusedBfloat16.has(node.opType)) return `${node.opType} in bfloat16 is refused by TensorRT`;
  if (type === 'float16' && sumsOfPowers.has(node.opType)) return 'adds up squares or powers, which may overflow within';
  for (const name of [...node.inputs, ...node.outputs]) {
    const most = values.isFloat(name) && values.structure.constant(name) === undefined ? largest.get(name) : undefined;
    if (most === undefined) continue;
    if (most > highest / margin) return `too near to ${highest}: ${name} reaches ${Number(most.toPrecision(3))}`;
    if (most > highestWhole / margin && whole.has(name)) return `whole numbers near to ${highestWhole}: ${name} reaches ${most}`;
    if (most > 0 && most < lowest) return `all elements are too small: ${name} reaches ${Number(most.toPrecision(3))}`;
  }
  if (reducing.has(node.opType) && (node.attributes.get('reduction') ?? 'none') !== 'none') return 'adds up in place';
  const elsewhere = node.inputs.find((name) => values.isFloat(name) && values.structure.constant(name)?.external !== undefined);
  if (elsewhere !== undefined) return `a constant whose elements lie in another file: ${elsewhere}`;
  const unfit = node.inputs.find((name, at) =>
    isUnfit(values, name, { isEnd: node.opType === 'Clip', isDivisor: node.opType === 'Div' && at === 1, type }),
  );
  return unfit === undefined ? undefined : `a constant that half precision has no number for: ${unfit}`;
}

/** Values that are computed of integers and constants alone, as sizes and positions are. */
function wholeNumbers(values: FloatValues): ReadonlySet<string> {
  const whole = new Set<string>();
  for (const node of values.structure.nodes) {
    const operands = node.inputs.filter((name) => values.isFloat(name) && values.structure.constant(name) === undefined);
    const isFromIntegers = node.opType === 'Cast' && node.inputs.every((name) => values.isInteger(name));
    if (!isFromIntegers && (operands.length === 0 || operands.some((name) => !whole.has(name)))) continue;
    for (const name of node.outputs) if (values.isFloat(name)) whole.add(name);
  }
  return whole;
}

/**
 * Whether a constant would become infinite, but for an end beyond which nothing is clipped, or vanish, as the 1e-12 does that keeps a divisor from being 0:
 * altogether, or of what is divided by any element.
 */
function isUnfit(
  values: FloatValues,
  name: string,
  { isEnd, isDivisor, type }: { readonly isEnd: boolean; readonly isDivisor: boolean; readonly type: HalfType },
): boolean {
  const tensor = values.isFloat(name) ? values.structure.constant(name) : undefined;
  if (tensor === undefined) return false;
  const elements = tensor.data as Float32Array;
  const rounded = elements.map((value) => types[type].numberOf(types[type].bitsOf(value)));
  const overflows = rounded.some((value, i) => !Number.isFinite(value) && Number.isFinite(elements[i]));
  const lost = elements.filter((value, i) => value !== 0 && rounded[i] === 0).length;
  const isLost = lost > 0 && (isDivisor || rounded.every((value) => value === 0));
  return (overflows && !isEnd) || isLost;
}

/** The bits of each element, rounded to nearest; finite ones beyond the highest number become that. */
export function halfBits(elements: Float32Array, type: HalfType): Uint16Array {
  const { highest, bitsOf } = types[type];
  return Uint16Array.from(elements, (value) =>
    bitsOf(Number.isFinite(value) ? Math.max(-highest, Math.min(highest, value)) : value),
  );
}
