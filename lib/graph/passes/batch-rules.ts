import { integer } from '../shape-rule.js';
import * as arrangement from './arrangement-rules.js';
import type { BatchAxis } from './batch-axis.js';
import type { BatchStep } from './batch-step.js';
import * as sampling from './sampling-rules.js';

/** Where the pictures lie in the outputs: in all of them in the same place, or in each in a place of its own. Changes the node where it must; refuses. */
export type BatchRule = (step: BatchStep) => BatchAxis | readonly BatchAxis[];

/** Operators that treat each element by itself; further inputs are constants. */
const pointwise =
  'Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Clip Cos Cosh Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity ' +
  'IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh ' +
  'ThresholdedRelu';
const elementwise =
  'Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow PRelu Sub ' +
  'Sum Where Xor';
/** Operators on `[N, C, …]`, in which pictures do not meet. */
const onPictures =
  'AveragePool Conv ConvInteger ConvTranspose DepthToSpace GlobalAveragePool GlobalLpPool GlobalMaxPool GroupNormalization InstanceNormalization LpPool ' +
  'LRN QLinearConv SpaceToDepth';
const reductions =
  'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare';

/** Operators of ONNX that a batch can go through. */
export const rules: ReadonlyMap<string, BatchRule> = new Map<string, BatchRule>([
  ...pointwise.split(' ').map((operator) => [operator, (step: BatchStep) => step.only] as const),
  ...elementwise.split(' ').map((operator) => [operator, broadcast] as const),
  ...onPictures.split(' ').map((operator) => [operator, pictures] as const),
  ...reductions.split(' ').map((operator) => [operator, arrangement.reduce] as const),
  ...['ArgMax', 'ArgMin'].map((operator) => [operator, arrangement.reduceToIndex] as const),
  ...['Softmax', 'LogSoftmax', 'Hardmax'].map((operator) => [operator, softmax] as const),
  ...['LayerNormalization', 'RMSNormalization'].map((operator) => [operator, layerNormalization] as const),
  ...['QuantizeLinear', 'DequantizeLinear'].map((operator) => [operator, quantize] as const),
  ['BatchNormalization', batchNormalization],
  ['MaxPool', maxPool],
  ['MeanVarianceNormalization', meanVarianceNormalization],
  ['LpNormalization', (step) => along(step, step.axis('axis', -1))],
  ['TopK', (step) => along(step, step.axis('axis', -1))],
  ['Split', (step) => along(step, step.axis('axis', 0))],
  ['CumSum', (step) => along(step, step.fromFront(step.list(undefined, 1)?.[0] ?? 0, step.rank(0)))],
  ['Trilu', (step) => along(step, step.rank(0) - 2, step.rank(0) - 1)],
  ['MatMul', (step) => matrixProduct(step, 0, 1)],
  ['MatMulInteger', (step) => matrixProduct(step, 0, 1, [2], [3])],
  ['QLinearMatMul', (step) => matrixProduct(step, 0, 3, [1, 2], [4, 5])],
  ['Gemm', gemm],
  ['Concat', arrangement.concat],
  ['ConstantOfShape', arrangement.constantOfShape],
  ['Expand', arrangement.expand],
  ['Flatten', arrangement.regroup],
  ['Gather', arrangement.gather],
  ['GatherElements', arrangement.alongElements],
  ['Pad', arrangement.pad],
  ['Reshape', arrangement.regroup],
  ['ScatterElements', arrangement.alongElements],
  ['Slice', arrangement.slice],
  ['Squeeze', arrangement.squeeze],
  ['Tile', arrangement.tile],
  ['Transpose', arrangement.transpose],
  ['Unsqueeze', arrangement.unsqueeze],
  ['GridSample', sampling.gridSample],
  ['Resize', sampling.resize],
  ['Upsample', sampling.resize],
  ['DynamicQuantizeLinear', (step) => step.refuse('takes one scale from all pictures of a batch')],
  ['NonMaxSuppression', (step) => step.refuse('gives as many rows as it finds in all pictures together')],
  ['NonZero', (step) => step.refuse('gives as many columns as it finds in all pictures together')],
]);

/** The inputs of an operator that may tell how large the batch is. */
export function listInputs(operator: string): readonly number[] {
  return { ConstantOfShape: [0], Expand: [1], Reshape: [1], Resize: [3], Tile: [1] }[operator] ?? [];
}

/** Of an operator that works along axes on which the pictures must not lie. */
function along(step: BatchStep, ...axes: readonly number[]): BatchAxis {
  const batch = step.only;
  if (axes.includes(batch.axis)) step.refuse(`works along axis ${batch.axis}, on which the pictures lie`);
  return batch;
}

function broadcast(step: BatchStep): BatchAxis {
  if (step.node.attributes.has('axis')) step.refuse('broadcasts as before opset 7');
  return step.broadcast(step.node.inputs.map((_, index) => ({ index, rank: step.rank(index) })));
}

function pictures(step: BatchStep): BatchAxis {
  const batch = step.only;
  if (batch.axis !== 0) step.refuse(`takes axis 0 for the batch, but the pictures lie on axis ${batch.axis}`);
  return batch;
}

function maxPool(step: BatchStep): BatchAxis {
  if ((step.node.outputs[1] ?? '') !== '') step.refuse('tells places in the whole batch');
  return pictures(step);
}

function batchNormalization(step: BatchStep): BatchAxis {
  const { outputs } = step.node;
  const trains = integer(step.node, 'training_mode', 0) === 1 || outputs.slice(1).some((name) => name !== '');
  if (trains) step.refuse('takes its mean from all pictures of a batch');
  return pictures(step);
}

/** Until opset 12 all axes from the one named on went together. */
function softmax(step: BatchStep): BatchAxis {
  if (step.opset >= 13) return along(step, step.axis('axis', -1));
  return behind(step, step.axis('axis', 1));
}

/** Scale and shift are those of the axes that are normalised. */
function layerNormalization(step: BatchStep): BatchAxis {
  return behind(step, step.axis('axis', -1));
}

/** Of an operator that works along all axes from one on. */
function behind(step: BatchStep, first: number): BatchAxis {
  return along(step, ...Array.from({ length: step.rank(0) - first }, (_, i) => first + i));
}

function meanVarianceNormalization(step: BatchStep): BatchAxis {
  const axes = step.list('axes', 1) ?? [0, 2, 3];
  return along(step, ...axes.map((axis) => step.fromFront(axis, step.rank(0))));
}

/** One scale, or one for each index of an axis. */
function quantize(step: BatchStep): BatchAxis {
  const hasOne = step.sizes(1)?.every((size) => size === 1) ?? false;
  return hasOne ? step.only : along(step, step.axis('axis', 1));
}

/** As `numpy.matmul`. Pictures may lie in the axes before the last two, or in the rows of one factor while the other is a constant. */
function matrixProduct(
  step: BatchStep,
  left: number,
  right: number,
  ofLeft: readonly number[] = [],
  ofRight: readonly number[] = [],
): BatchAxis {
  const ranks = { left: step.rank(left), right: step.rank(right) };
  if (ranks.left < 2 || ranks.right < 2) step.refuse('multiplies a vector');
  const [rows, columns] = [step.batch(left), step.batch(right)];
  if (!step.batched.every(({ index }) => index === left || index === right)) step.refuse('takes its scales from pictures');
  if (rows !== undefined) ofLeft.forEach((index) => step.checkSingle(index));
  if (columns !== undefined) ofRight.forEach((index) => step.checkSingle(index));
  if (rows?.axis === ranks.left - 1 || columns?.axis === ranks.right - 2) step.refuse('adds up over the pictures');
  const rank = Math.max(ranks.left, ranks.right);
  for (const [own, other, axis] of [
    [rows, columns, ranks.left - 2],
    [columns, rows, ranks.right - 1],
  ] as const) {
    if (own?.axis !== axis) continue;
    if (other !== undefined) step.refuse('multiplies every picture with every other');
    return { ...own, axis: own === rows ? rank - 2 : rank - 1 };
  }
  return step.broadcast([
    { index: left, rank: ranks.left - 2 },
    { index: right, rank: ranks.right - 2 },
  ]);
}

/** A bias has one row, or is a vector. */
function gemm(step: BatchStep): BatchAxis {
  const batch = step.only;
  if (batch.axis !== integer(step.node, 'transA', 0)) step.refuse('adds up over the pictures');
  if (step.input(2) !== undefined && step.rank(2) === 2 && step.sizes(2)?.[0] !== 1) step.refuse('has a bias for each row');
  return { ...batch, axis: 0 };
}
