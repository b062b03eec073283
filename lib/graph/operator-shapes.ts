import * as arrangement from './arrangement-shapes.js';
import { OnnxTensor } from './onnx-tensor.js';
import { broadcast, integer, type ShapedNode, type Sizes, type SizesRule } from './shape-rule.js';
import { convolution, globalPool, pool, transposedConvolution } from './window-shapes.js';

const firstInput: SizesRule = ({ inputs }) => inputs[0] ?? null;
// Before opset 7 an attribute told which axes go together.
const broadcastInputs: SizesRule = ({ node, inputs }) => (node.attributes.has('axis') ? null : inputs.reduce(broadcast, []));
/** A list that an input tells. */
const listed: SizesRule = ({ numbers }) => numbers(0) ?? null;

/** Operators that treat each element by itself, or keep the shape in another way. */
const sameShape =
  'Abs Acos Asin Atan BatchNormalization BitwiseNot Cast CastLike Ceil Clip Cos CumSum DequantizeLinear Dropout Elu Erf Exp ' +
  'Floor Gelu GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization IsInf IsNaN LayerNormalization LeakyRelu Log ' +
  'LogSoftmax LpNormalization LRN MeanVarianceNormalization Mish Neg Not QuantizeLinear Reciprocal Relu RMSNormalization Round ScatterElements ' +
  'ScatterND Selu Sigmoid Sign Sin Softmax Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu Trilu';
const elementwise =
  'Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow PRelu Sub ' +
  'Sum Where Xor';
const reductions =
  'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare';

const rules: ReadonlyMap<string, SizesRule> = new Map<string, SizesRule>([
  ...sameShape.split(' ').map((operator) => [operator, firstInput] as const),
  ...elementwise.split(' ').map((operator) => [operator, broadcastInputs] as const),
  ...reductions.split(' ').map((operator) => [operator, arrangement.reduce] as const),
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
  ['ArgMax', arrangement.reduceToIndex],
  ['ArgMin', arrangement.reduceToIndex],
  ['Concat', arrangement.concat],
  ['Constant', constant],
  ['ConstantOfShape', listed],
  ['DepthToSpace', arrangement.depthToSpace],
  ['Expand', arrangement.expand],
  ['Flatten', arrangement.flatten],
  ['Gather', arrangement.gather],
  ['GatherElements', ({ inputs: [, indices] }) => indices ?? null],
  ['GridSample', arrangement.gridSample],
  ['Pad', arrangement.pad],
  ['Range', range],
  ['Reshape', arrangement.reshape],
  ['Resize', arrangement.resize],
  ['Shape', shapeOfShape],
  ['Size', () => []],
  ['Slice', arrangement.slice],
  ['SpaceToDepth', arrangement.spaceToDepth],
  ['Squeeze', arrangement.squeeze],
  ['Tile', arrangement.tile],
  ['Transpose', arrangement.transpose],
  ['Unsqueeze', arrangement.unsqueeze],
  ['Upsample', arrangement.resize],
]);

/** Operators of which more than the first output matters. */
const rulesOfSeveral: ReadonlyMap<string, (shaped: ShapedNode) => readonly Sizes[]> = new Map([
  // Scale and zero point are scalars.
  ['DynamicQuantizeLinear', ({ inputs: [input] }) => [input ?? null, [], []]],
  ['Split', arrangement.split],
  ['TopK', arrangement.topK],
]);

/** Sizes of the outputs of an operator of ONNX, as far as this module has a rule for them. */
export function outputSizes(shaped: ShapedNode): readonly Sizes[] {
  const { opType } = shaped.node;
  const outputs = rulesOfSeveral.get(opType)?.(shaped) ?? [rules.get(opType)?.(shaped) ?? null];
  // Attributes that do not go with the input give sizes that cannot be.
  return outputs.map(
    (sizes) => sizes && sizes.map((size) => (Number.isSafeInteger(size) && (size as number) >= 0 ? size : null)),
  );
}

/** As `numpy.matmul`: a vector is a row on the left and a column on the right. */
function matrixProduct(rightIndex: number): SizesRule {
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

/** Of whole numbers: others are counted in the precision of their type. */
function range({ numbers }: ShapedNode): Sizes {
  const [start, limit, delta] = [0, 1, 2].map((index) => numbers(index)?.[0]);
  if (![start, limit, delta].every(Number.isSafeInteger) || delta === 0) return null;
  return [Math.max(0, Math.ceil(((limit as number) - (start as number)) / (delta as number)))];
}

/** The length of a list that is a shape, or part of one. */
function shapeOfShape({ node, inputs: [input] }: ShapedNode): Sizes {
  return input ? [input.slice(integer(node, 'start', 0), integer(node, 'end', input.length)).length] : null;
}

function constant({ node }: ShapedNode): Sizes {
  const value = node.attributes.get('value');
  if (value instanceof OnnxTensor) return value.dims;
  const list = node.attributes.get('value_ints') ?? node.attributes.get('value_floats');
  return Array.isArray(list) ? [list.length] : node.attributes.has('value_int') || node.attributes.has('value_float') ? [] : null;
}
