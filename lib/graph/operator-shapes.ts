import type { OnnxNode } from './onnx-graph.js';
import { OnnxTensor } from './onnx-tensor.js';

/** Sizes of a value, outermost first: null for a size that is not known, or for the whole where not even the rank is. */
export type Sizes = readonly (number | null)[] | null;

/** Elements of a short list of integers, such as a shape: null for one that is known only at run time. */
export type Numbers = readonly (number | null)[];

/** A node, and what is known of its inputs. */
export interface ShapedNode {
  readonly node: OnnxNode;
  readonly inputs: readonly Sizes[];
  /** The elements of the input of this index; undefined where it is not a list, or not even its length is known. */
  readonly numbers: (index: number) => Numbers | undefined;
}

type Rule = (shaped: ShapedNode) => Sizes;

const firstInput: Rule = ({ inputs }) => inputs[0] ?? null;
// Before opset 7 an attribute told which axes go together.
const broadcastInputs: Rule = ({ node, inputs }) => (node.attributes.has('axis') ? null : inputs.reduce(broadcast, []));

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...(
    'Abs Cast Ceil Clip DequantizeLinear Dropout DynamicQuantizeLinear Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity ' +
    'InstanceNormalization BatchNormalization LayerNormalization LeakyRelu Log LogSoftmax LRN Mish Neg QuantizeLinear Reciprocal ' +
    'Relu Round Selu Sigmoid Softmax Softplus Sqrt Tanh'
  )
    .split(' ')
    .map((operator) => [operator, firstInput] as const),
  ...'Add Div Max Mean Min Mul Pow PRelu Sub Sum Where'.split(' ').map((operator) => [operator, broadcastInputs] as const),
  ...['GlobalAveragePool', 'GlobalMaxPool', 'GlobalLpPool'].map((operator) => [operator, globalPool] as const),
  ...['AveragePool', 'MaxPool', 'LpPool'].map((operator) => [operator, pool] as const),
  ['Conv', convolution(1)],
  ['ConvInteger', convolution(1)],
  ['QLinearConv', convolution(3)],
  ['ConvTranspose', transposedConvolution],
  ['MatMul', matrixProduct(1)],
  ['MatMulInteger', matrixProduct(1)],
  ['QLinearMatMul', matrixProduct(3)],
  ['Gemm', gemm],
  ['Concat', concat],
  ['Flatten', flatten],
  ['Reshape', reshape],
  ['Transpose', transpose],
  ['Constant', constant],
]);

/** Sizes of the first output of an operator of ONNX; null where this module has no rule for it. */
export function outputSizes(shaped: ShapedNode): Sizes {
  const sizes = rules.get(shaped.node.opType)?.(shaped) ?? null;
  // Attributes that do not go with the input give sizes that cannot be.
  return sizes && sizes.map((size) => (Number.isSafeInteger(size) && (size as number) >= 0 ? size : null));
}

/** The product; null where a size is unknown, or where the product is beyond what JavaScript counts exactly. */
export function product(sizes: Sizes): number | null {
  const total = sizes?.reduce<number | null>((left, size) => (left === null || size === null ? null : left * size), 1) ?? null;
  return Number.isSafeInteger(total) ? total : null;
}

export function integer({ attributes }: OnnxNode, name: string, otherwise: number): number {
  const value = attributes.get(name);
  return typeof value === 'number' ? value : otherwise;
}

function integers({ attributes }: OnnxNode, name: string): readonly number[] | undefined {
  const value = attributes.get(name);
  return Array.isArray(value) && value.every((item) => typeof item === 'number') ? value : undefined;
}

/** Stride, dilation and padding of a window over the spatial sizes: one row for each of `kernel`. */
function windows(node: OnnxNode, kernel: readonly (number | null)[]) {
  const strides = integers(node, 'strides');
  const dilations = integers(node, 'dilations');
  const pads = integers(node, 'pads');
  return kernel.map((size, axis) => ({
    stride: strides?.[axis] ?? 1,
    extent: size === null ? null : (size - 1) * (dilations?.[axis] ?? 1) + 1,
    begin: pads?.[axis] ?? 0,
    end: pads?.[axis + kernel.length] ?? 0,
  }));
}

/** Spatial sizes after a window slid over `spatial`. */
function slide(node: OnnxNode, spatial: readonly (number | null)[], kernel: readonly (number | null)[]): (number | null)[] {
  const autoPad = node.attributes.get('auto_pad') ?? 'NOTSET';
  const roundsUp = integer(node, 'ceil_mode', 0) === 1;
  return windows(node, kernel).map(({ stride, extent, begin, end }, axis) => {
    const size = spatial[axis] ?? null;
    if (size === null) return null;
    if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') return Math.ceil(size / stride);
    if (extent === null) return null;
    const padding = autoPad === 'VALID' ? 0 : begin + end;
    const steps = (size + padding - extent) / stride;
    const count = (roundsUp ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // Versions of ONNX differ on a window that begins in the padding at the end.
    return count < 0 || (roundsUp && (count - 1) * stride >= size + begin) ? null : count;
  });
}

function pool({ node, inputs: [input] }: ShapedNode): Sizes {
  const kernel = integers(node, 'kernel_shape');
  if (!input || kernel?.length !== input.length - 2) return null;
  return [...input.slice(0, 2), ...slide(node, input.slice(2), kernel)];
}

function globalPool({ inputs: [input] }: ShapedNode): Sizes {
  return input ? input.map((size, axis) => (axis < 2 ? size : 1)) : null;
}

/** `[N, C, …]` and weights `[M, C / group, …]`. */
function convolution(weightsIndex: number): Rule {
  return ({ node, inputs }) => {
    const input = inputs[0];
    const weights = inputs[weightsIndex];
    if (!input || weights?.length !== input.length) return null;
    return [input[0] ?? null, weights[0] ?? null, ...slide(node, input.slice(2), weights.slice(2))];
  };
}

/** `[N, C, …]` and weights `[C, M / group, …]`. */
function transposedConvolution({ node, inputs: [input, weights] }: ShapedNode): Sizes {
  if (!input || weights?.length !== input.length) return null;
  const channels = weights[1] ?? null;
  const head = [input[0] ?? null, channels === null ? null : channels * integer(node, 'group', 1)];
  const declared = integers(node, 'output_shape');
  if (declared !== undefined) return declared.length === input.length - 2 ? [...head, ...declared] : null;
  const autoPad = node.attributes.get('auto_pad') ?? 'NOTSET';
  const more = integers(node, 'output_padding');
  const spatial = windows(node, weights.slice(2)).map(({ stride, extent, begin, end }, axis) => {
    const size = input[axis + 2] ?? null;
    if (size === null) return null;
    if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') return size * stride;
    if (extent === null) return null;
    return stride * (size - 1) + (more?.[axis] ?? 0) + extent - (autoPad === 'VALID' ? 0 : begin + end);
  });
  return [...head, ...spatial];
}

/** As `numpy.matmul`: a vector is a row on the left and a column on the right. */
function matrixProduct(rightIndex: number): Rule {
  return ({ inputs }) => {
    const left = inputs[0];
    const right = inputs[rightIndex];
    if (!left || !right || left.length === 0 || right.length === 0) return null;
    const stacks = broadcast(left.slice(0, -2), right.slice(0, -2));
    const rows = left.length === 1 ? [] : left.slice(-2, -1);
    const columns = right.length === 1 ? [] : right.slice(-1);
    return stacks && [...stacks, ...rows, ...columns];
  };
}

function gemm({ node, inputs: [left, right] }: ShapedNode): Sizes {
  if (left?.length !== 2 || right?.length !== 2) return null;
  return [left[integer(node, 'transA', 0)] ?? null, right[1 - integer(node, 'transB', 0)] ?? null];
}

function concat({ node, inputs }: ShapedNode): Sizes {
  const [first] = inputs;
  if (!first) return null;
  const axis = integer(node, 'axis', 1);
  const along = axis < 0 ? axis + first.length : axis;
  return inputs.slice(1).reduce<Sizes>((sum, input) => {
    if (sum === null || input?.length !== sum.length) return null;
    return sum.map((size, index) => {
      const other = input[index] ?? null;
      if (index !== along) return size ?? other;
      return size === null || other === null ? null : size + other;
    });
  }, first);
}

function flatten({ node, inputs: [input] }: ShapedNode): Sizes {
  if (!input) return null;
  const axis = integer(node, 'axis', 1);
  const at = axis < 0 ? axis + input.length : axis;
  return [product(input.slice(0, at)), product(input.slice(at))];
}

function reshape({ node, inputs: [input], numbers }: ShapedNode): Sizes {
  const target = integers(node, 'shape') ?? numbers(1);
  if (target === undefined) return null;
  const keepsZeros = integer(node, 'allowzero', 0) === 1;
  const sizes = target.map((size, axis) => (size === 0 && !keepsZeros ? (input?.[axis] ?? null) : size));
  if (!sizes.includes(-1)) return sizes;
  const elements = product(input ?? null);
  const others = product(sizes.filter((size) => size !== -1));
  const rest = elements === null || others === null ? null : elements / others;
  return sizes.map((size) => (size === -1 ? (Number.isSafeInteger(rest) ? rest : null) : size));
}

function transpose({ node, inputs: [input] }: ShapedNode): Sizes {
  if (!input) return null;
  const order = integers(node, 'perm') ?? input.map((_, axis) => input.length - 1 - axis);
  return order.map((axis) => input[axis] ?? null);
}

function constant({ node }: ShapedNode): Sizes {
  const value = node.attributes.get('value');
  if (value instanceof OnnxTensor) return value.dims;
  const list = node.attributes.get('value_ints') ?? node.attributes.get('value_floats');
  return Array.isArray(list) ? [list.length] : node.attributes.has('value_int') || node.attributes.has('value_float') ? [] : null;
}

/** As numpy does: aligned at the end, a size of 1 gives way. */
function broadcast(left: Sizes, right: Sizes): Sizes {
  if (left === null || right === null) return null;
  const rank = Math.max(left.length, right.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [one, other] = [left, right].map((sizes) => {
      const index = axis - rank + sizes.length;
      return index < 0 ? 1 : (sizes[index] ?? null);
    }) as [number | null, number | null];
    if (one === 1) return other;
    if (other === 1 || one === other) return one;
    // A size that is not known can only be 1 or the other one.
    return one === null ? other : other === null ? one : null;
  });
}
