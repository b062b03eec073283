/** Models whose batch cannot be freed: the error names the node and the reason. */
import { describe, expect, it } from 'vitest';
import { freeBatch } from '../../lib/graph/index.js';
import {
  DataType,
  choice,
  graphModel,
  integers,
  node,
  scales,
  value,
  weights,
  type Constant,
  type MadeGraph,
  type Node,
} from './made-graphs.js';

function refusalOf(graph: MadeGraph): { code: string; message: string; hint: string } {
  try {
    freeBatch(graphModel(graph));
  } catch (error) {
    return error as never;
  }
  throw new Error('the batch was freed');
}

const three = integers('three', [3]);
const zero = integers('zero', [0]);
const first = integers('first', 0);

describe('nodes', () => {
  it.each<readonly [string, Node, Constant[], string]>([
    ['an operator that is not known', node('Einsum', 'x', 'y', { equation: 'nij->nji' }), [], 'it is not known what it does'],
    ['an operator of another domain', { ...node('Relu', 'x', 'y'), domain: 'com.example' }, [], 'it is not known what it does'],
    ['scales of all pictures', node('DynamicQuantizeLinear', 'x', ['y', 's', 'z']), [], 'one scale from all pictures'],
    ['boxes of all pictures', node('NonMaxSuppression', ['x', 'x'], 'y'), [], 'as many rows as it finds'],
    ['places in all pictures', node('NonZero', 'x', 'y'), [], 'as many columns as it finds'],
    ['a sum over the pictures', node('ReduceSum', ['x', 'zero'], 'y'), [zero], 'puts the pictures of a batch together'],
    ['a mean of everything', node('ReduceMean', 'x', 'y'), [], 'puts the pictures of a batch together'],
    ['the likeliest picture', node('ArgMax', 'x', 'y', { axis: 0 }), [], 'puts the pictures of a batch together'],
    ['the best pictures', node('TopK', ['x', 'three'], ['y', 'i'], { axis: 0 }), [three], 'works along axis 0'],
    ['Softmax over pictures', node('Softmax', 'x', 'y', { axis: 0 }), [], 'works along axis 0'],
    ['pictures behind each other', node('Concat', ['x', 'x'], 'y', { axis: 0 }), [], 'works along axis 0'],
    ['parts of a batch', node('Split', 'x', ['y'], { axis: 0 }), [], 'works along axis 0'],
    ['sums along the batch', node('CumSum', ['x', 'first'], 'y'), [first], 'works along axis 0'],
    ['the first picture', node('Gather', ['x', 'first'], 'y'), [first], 'takes some of the pictures'],
    [
      'the last picture',
      node('Slice', ['x', 'from', 'to'], 'y'),
      [integers('from', [-1]), integers('to', [9])],
      'takes some of the pictures',
    ],
    [
      'elements of other pictures',
      node('GatherElements', ['x', 'i'], 'y'),
      [{ ...integers('i', [0]), dims: [1n, 1n, 1n] }],
      'along axis 0',
    ],
    ['what another picture says', node('Gather', ['x', 'k'], 'y', { axis: 1 }), [], 'what another picture says'],
    ['an empty picture more', node('Pad', ['x', 'pads'], 'y'), [integers('pads', [0, 0, 0, 1, 0, 0])], 'adds to the pictures'],
    ['pictures several times', node('Tile', ['x', 'by'], 'y'), [integers('by', [3, 1, 1])], 'repeats the pictures'],
    ['a picture several times', node('Expand', ['x', 'to'], 'y'), [integers('to', [3, 3, 4])], 'stretches the axis'],
    ['more pictures by scales', node('Resize', ['x', '', 'by'], 'y'), [scales('by', [2, 1, 1])], 'resizes axis 0'],
    ['more pictures by sizes', node('Resize', ['x', '', '', 'to'], 'y'), [integers('to', [2, 3, 4])], 'resizes the axis'],
    [
      'a scale of all axes',
      node('Resize', ['x', '', '', 'to'], 'y', { keep_aspect_ratio_policy: 'not_larger' }),
      [integers('to', [1, 6, 9])],
      'takes its scale from all axes',
    ],
    [
      'a crop of all axes',
      node('Resize', ['x', '', 'by'], 'y', { coordinate_transformation_mode: 'tf_crop_and_resize' }),
      [scales('by', [1, 2, 2])],
      'crops along all axes',
    ],
    ['places in the whole batch', node('MaxPool', 'x', ['y', 'i'], { kernel_shape: [2] }), [], 'tells places in the whole batch'],
    [
      'a mean of the batch',
      node('BatchNormalization', ['x', 'w', 'w', 'w', 'w'], ['y', 'm', 'v'], { training_mode: 1 }),
      [weights('w', [3])],
      'takes its mean from all pictures',
    ],
    ['a mean of all pixels', node('MeanVarianceNormalization', 'x', 'y', { axes: [0, 2] }), [], 'works along axis 0'],
    [
      'a scale for each picture',
      node('DequantizeLinear', ['q', 's'], 'y', { axis: 0 }),
      [scales('s', [1, 2])],
      'works along axis 0',
    ],
    ['weights that come from pictures', node('Conv', ['w', 'x'], 'y'), [weights('w', [1, 3, 8])], 'is known with constants only'],
    ['a product with a vector', node('MatMul', ['x', 'w'], 'y'), [weights('w', [4])], 'multiplies a vector'],
    ['constants for three pictures', node('Add', ['x', 'w'], 'y'), [weights('w', [3, 3, 4])], 'which do not go with any batch'],
    ['shapes that are computed from pictures', node('Reshape', ['x', 'k'], 'y'), [], 'is known with constants only'],
    [
      'a bias for each row',
      node('Gemm', ['flat', 'w', 'b'], 'y'),
      [weights('w', [3, 5]), weights('b', [3, 5])],
      'a bias for each row',
    ],
  ])('%s', (_, refused, constants, reason) => {
    const nodes = [
      node('Cast', 'x', 'whole', { to: DataType.INT64 }),
      node('Cast', 'x', 'q', { to: DataType.UINT8 }),
      node('ReduceMax', 'whole', 'k', { axes: [1, 2] }),
      node('Reshape', ['x', 'rows'], 'r'),
      node('Slice', ['r', 'start', 'end', 'column'], 'flat'),
    ].filter(
      ({ output }) =>
        (refused.input ?? []).some((name) => output?.includes(name)) || output?.[0] === 'whole' || output?.[0] === 'r',
    );
    const lists = [integers('rows', [3, 4]), integers('start', [0]), integers('end', [3]), integers('column', [1])];
    const graph = { inputs: { x: [1, 3, 4] }, nodes: [...nodes, refused], constants: [...constants, ...lists] };
    const { code, message, hint } = refusalOf(graph);
    expect(code).toBe('MODEL_UNSUPPORTED');
    expect(message).toContain(`${refused.opType} "the y"`);
    expect(message).toContain(reason);
    expect(hint).toContain('Export the model with a free batch axis');
  });
});

describe('graphs', () => {
  it.each<readonly [string, MadeGraph, string]>([
    [
      'a batch that is multiplied with itself',
      { inputs: { x: [1, 4] }, nodes: [node('Transpose', 'x', 't'), node('MatMul', ['x', 't'], 'y')] },
      'multiplies every picture with every other',
    ],
    [
      'a sum over the pictures in a product',
      { inputs: { x: [1, 4] }, nodes: [node('Transpose', 'x', 't'), node('MatMul', ['t', 'x'], 'y')] },
      'adds up over the pictures',
    ],
    [
      'a sum over the pictures in a Gemm',
      { inputs: { x: [1, 4] }, nodes: [node('Gemm', ['x', 'w'], 'y', { transA: 1 })], constants: [weights('w', [1, 5])] },
      'Gemm "the y" adds up over the pictures',
    ],
    [
      'pictures on different axes',
      { inputs: { x: [1, 1, 4] }, nodes: [node('Transpose', 'x', 't', { perm: [1, 0, 2] }), node('Add', ['x', 't'], 'y')] },
      'lie in different places',
    ],
    [
      'pictures in the place of channels',
      {
        inputs: { x: [1, 3, 4] },
        nodes: [node('Transpose', 'x', 't', { perm: [1, 0, 2] }), node('Conv', ['t', 'k'], 'y')],
        constants: [weights('k', [2, 1, 2])],
      },
      'the pictures lie on axis 1',
    ],
    [
      'constants beside a batch of 2',
      { inputs: { x: [2, 3] }, nodes: [node('Concat', ['x', 'w'], 'y', { axis: 1 })], constants: [weights('w', [2, 3])] },
      'has a constant input that would have to be repeated for each picture',
    ],
    [
      'a batch that tokens are folded around',
      {
        inputs: { x: [1, 6, 4] },
        nodes: [
          node('Transpose', 'x', 't', { perm: [1, 0, 2] }),
          node('Reshape', ['t', 'rows'], 'r'),
          node('Concat', ['r', 'w'], 'y', { axis: 1 }),
        ],
        constants: [integers('rows', [6, 4]), weights('w', [6, 4])],
      },
      'has a constant input that would have to be repeated for each picture',
    ],
    [
      'a list that is known only when the model runs',
      {
        inputs: { x: [1, 3, 4], list: value('list', [1], DataType.INT64) },
        nodes: [node('Slice', ['x', 'list', 'to'], 'y')],
        constants: [integers('to', [3])],
      },
      'is known only when the model runs',
    ],
    [
      'a shape that is known only when the model runs',
      {
        inputs: { x: [1, 12], list: value('list', [1], DataType.INT64) },
        nodes: [node('Reshape', ['x', 'list'], 'y')],
      },
      'a shape that is known only when the model runs',
    ],
    [
      'arithmetic with the size of the batch',
      {
        inputs: { x: [1, 4] },
        nodes: [
          node('Shape', 'x', 's'),
          node('Cast', 's', 'f', { to: DataType.FLOAT }),
          node('Reshape', ['f', 'list'], 'r'),
          node('Mul', ['x', 'r'], 'y'),
        ],
        constants: [integers('list', [2, 1])],
      },
      'more than a list of the size of the batch',
    ],
    [
      'the size of the batch among other data',
      {
        inputs: { x: [1, 2] },
        nodes: [node('Shape', 'x', 's'), node('Cast', 's', 'f', { to: DataType.FLOAT }), node('Mul', ['x', 'f'], 'y')],
      },
      'takes the size of the batch (input 1) for something else than a shape',
    ],
    [
      'a graph within the graph',
      {
        inputs: { x: [1, 4], c: value('c', [], DataType.BOOL) },
        nodes: [choice('c', 'y', node('Relu', 'x', 'a'), node('Neg', 'x', 'b'))],
      },
      'If "the y" has a graph within it that pictures go into',
    ],
    [
      'an output with the batch folded away',
      { inputs: { x: [1, 84, 10] }, nodes: [node('Reshape', ['x', 'list'], 'y')], constants: [integers('list', [84, 10])] },
      'its output "y" has no axis for the pictures of a batch',
    ],
    [
      'an output with the batch squeezed away',
      { inputs: { x: [1, 84, 10] }, nodes: [node('Squeeze', ['x', 'zero'], 'y')], constants: [zero] },
      'its output "y" has no axis for the pictures of a batch',
    ],
    [
      'a picture without any axis left',
      { inputs: { x: [1, 1] }, nodes: [node('Squeeze', 'x', 'y')] },
      'in which pictures are not apart',
    ],
    [
      'an output with pictures on another axis',
      { inputs: { x: [1, 4] }, nodes: [node('Transpose', 'x', 'y')] },
      'in its output "y" the pictures lie on axis 1',
    ],
    [
      'an output that tells the size of the batch',
      { inputs: { x: [1, 4] }, nodes: [node('Shape', 'x', 'y')] },
      'its output "y" tells the size of the batch',
    ],
    [
      'inputs of different sizes',
      { inputs: { x: [1, 4], z: [2, 4] }, nodes: [node('Relu', 'x', 'y')] },
      'its inputs differ in the size of axis 0: "x" 1, "z" 2',
    ],
    [
      'one input that is free, and one that is not',
      { inputs: { x: ['n', 4], z: [1, 4] }, nodes: [node('Relu', 'x', 'y')] },
      'its inputs differ in the size of axis 0: "x" n, "z" 1',
    ],
    ['no input with a batch', { inputs: { x: [4] }, nodes: [node('Relu', 'x', 'y')] }, 'none of its inputs has an axis for it'],
    [
      'an input of any rank',
      { inputs: { x: [1, 4], z: value('z', undefined) }, nodes: [node('Relu', 'x', 'y')] },
      'its input "z" is no tensor with so many axes',
    ],
    ['an old opset', { inputs: { x: [1, 4] }, nodes: [node('Relu', 'x', 'y')], opset: 6 }, 'it has opset 6'],
  ])('%s', (_, graph, reason) => {
    const { code, message } = refusalOf(graph);
    expect(code).toBe('MODEL_UNSUPPORTED');
    expect(message).toContain(reason);
  });

  it.each<readonly [string, MadeGraph, string]>([
    [
      'a value that is read before it is made',
      { inputs: { x: [1, 4] }, nodes: [node('Add', ['x', 'z'], 'y')] },
      '"z" is read before it is made',
    ],
    [
      'a value that is made twice',
      { inputs: { x: [1, 4] }, nodes: [node('Relu', 'x', 'y'), node('Relu', 'x', 'y')] },
      '"y" is made twice',
    ],
  ])('%s', (_, graph, reason) => {
    const { code, message } = refusalOf(graph);
    expect(code).toBe('MODEL_INVALID');
    expect(message).toContain(reason);
  });
});
