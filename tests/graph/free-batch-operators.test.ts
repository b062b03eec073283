/** What becomes of a batch in operators that compute, one small graph each, run by ONNX Runtime as they are and freed: tests/graph/freed.ts. */
import { describe, it } from 'vitest';
import { checks } from './freed.js';
import { choice, integers, node, scales, value, weights, DataType, type MadeGraph } from './made-graphs.js';

/** Heads of attention, folded into the batch as PyTorch does; `first` says whether the batch or the tokens come first. */
function attention(first: 'batch' | 'tokens'): MadeGraph {
  const isBatch = first === 'batch';
  const [apart, turned] = isBatch
    ? [
        [1, 6, 2, 4],
        [0, 2, 1, 3],
      ]
    : [
        [6, 2, 4],
        [1, 0, 2],
      ];
  return {
    inputs: { x: [1, 6, 8] },
    nodes: [
      node(isBatch ? 'Identity' : 'Transpose', 'x', 't', isBatch ? {} : { perm: [1, 0, 2] }),
      node('MatMul', ['t', 'w'], 'q'),
      node('Reshape', ['q', 'apart'], 'a'),
      node('Transpose', 'a', 'h', { perm: turned as number[] }),
      node('Reshape', ['h', 'folded'], 'f'),
      node('Transpose', 'f', 'k', { perm: [0, 2, 1] }),
      node('MatMul', ['f', 'k'], 'scores'),
      node('Softmax', 'scores', 's', { axis: -1 }),
      node('MatMul', ['s', 'f'], 'o'),
      node('Reshape', ['o', 'heads'], 'u'),
      node('Transpose', 'u', 'v', { perm: turned as number[] }),
      node('Reshape', ['v', 'joined'], 'z'),
      node(isBatch ? 'Identity' : 'Transpose', 'z', 'y', isBatch ? {} : { perm: [1, 0, 2] }),
    ],
    constants: [
      weights('w', [8, 8]),
      integers('apart', apart as number[]),
      integers('folded', [2, 6, 4]),
      integers('heads', isBatch ? [1, 2, 6, 4] : [2, 6, 4]),
      integers('joined', isBatch ? [1, 6, 8] : [6, 1, 8]),
    ],
  };
}

const image = [1, 3, 6, 4] as const;

describe('operators that compute', () => {
  it.each(
    checks([
      ['attention with the batch first', attention('batch'), 1e-6],
      ['attention with the tokens first', attention('tokens'), 1e-6],
      [
        'MatMul of a constant and pictures, and of pictures in rows',
        {
          inputs: { x: [1, 4, 5] },
          nodes: [
            node('MatMul', ['left', 'x'], 'a'),
            node('ReduceMean', 'a', 'rows', { axes: [1], keepdims: 0 }),
            node('MatMul', ['rows', 'right'], 'y'),
          ],
          constants: [weights('left', [3, 4]), weights('right', [5, 2])],
        },
        1e-6,
      ],
      [
        'MatMul with constant queries for each head',
        {
          inputs: { x: [1, 6, 8] },
          nodes: [
            node('Reshape', ['x', 'apart'], 'a'),
            node('Transpose', 'a', 'h', { perm: [0, 2, 3, 1] }),
            node('Reshape', ['h', 'folded'], 'k'),
            node('MatMul', ['queries', 'k'], 's'),
            node('Reshape', ['s', 'heads'], 'y'),
          ],
          constants: [
            integers('apart', [1, 6, 2, 4]),
            integers('folded', [2, 4, 6]),
            weights('queries', [2, 5, 4]),
            integers('heads', [1, 2, 5, 6]),
          ],
        },
        1e-6,
      ],
      [
        'a class token beside the patches',
        {
          inputs: { x: [1, 3, 4, 4] },
          nodes: [
            node('Conv', ['x', 'k'], 'c', { strides: [2, 2] }),
            node('Reshape', ['c', 'flat'], 'f'),
            node('Transpose', 'f', 'patches', { perm: [0, 2, 1] }),
            node('Concat', ['token', 'patches'], 'all', { axis: 1 }),
            node('Add', ['all', 'positions'], 'embedded'),
            node('LayerNormalization', ['embedded', 'scale'], 'n'),
            node('Gather', ['n', 'zero'], 'y', { axis: 1 }),
          ],
          constants: [
            weights('k', [8, 3, 2, 2]),
            integers('flat', [1, 8, 4]),
            weights('token', [1, 1, 8]),
            weights('positions', [1, 5, 8]),
            weights('scale', [8]),
            integers('zero', 0),
          ],
        },
        1e-6,
      ],
      [
        'Split, Pad, CumSum, reductions',
        {
          inputs: { x: [1, 6, 4] },
          nodes: [
            node('Split', 'x', ['a', 'b'], { axis: 1 }),
            node('Pad', ['a', 'pads'], 'p'),
            node('CumSum', ['b', 'one'], 'c'),
            node('Concat', ['p', 'c'], 'all', { axis: -2 }),
            node('ReduceSum', ['all', 'last'], 'sum', { keepdims: 0 }),
            node('ReduceMax', 'all', 'most', { axes: [-1], keepdims: 0 }),
            node('Sub', ['most', 'sum'], 'y'),
          ],
          constants: [integers('pads', [0, 1, 0, 0, 2, 0]), integers('one', 1), integers('last', [2])],
        },
        1e-6,
      ],
      [
        'TopK, and Gather of constants by its indices',
        {
          inputs: { x: [1, 6] },
          nodes: [
            node('TopK', ['x', 'three'], ['values', 'indices'], { axis: 1 }),
            node('Gather', ['table', 'indices'], 'rows', { axis: 0 }),
            node('Unsqueeze', ['values', 'two'], 'column'),
            node('Mul', ['rows', 'column'], 'y'),
          ],
          constants: [integers('three', [3]), weights('table', [6, 4]), integers('two', [2])],
        },
      ],
      [
        'convolutions, pools and normalisations',
        {
          inputs: { x: [1, 4, 6, 6] },
          nodes: [
            node('Conv', ['x', 'k'], 'a', { pads: [1, 1, 1, 1] }),
            node('BatchNormalization', ['a', 'four', 'four', 'four', 'squares'], 'b'),
            node('InstanceNormalization', ['b', 'four', 'four'], 'c'),
            node('LRN', 'c', 'd', { size: 3 }),
            node('AveragePool', 'd', 'e', { kernel_shape: [2, 2], strides: [2, 2] }),
            node('ConvTranspose', ['e', 't'], 'f', { strides: [2, 2] }),
            node('DepthToSpace', 'f', 'g', { blocksize: 2 }),
            node('SpaceToDepth', 'g', 'h', { blocksize: 2 }),
            node('LpNormalization', 'h', 'i', { axis: 1 }),
            node('MeanVarianceNormalization', 'i', 'j', { axes: [2, 3] }),
            node('Clip', ['j', '', 'most'], 'y'),
          ],
          constants: [
            weights('k', [4, 4, 3, 3]),
            weights('t', [4, 4, 2, 2]),
            weights('four', [4]),
            scales('squares', [1, 2, 3, 4]),
            { ...scales('most', [0.5]), dims: [] },
          ],
        },
        1e-5,
      ],
      [
        'fixed quantisation',
        {
          inputs: { x: [1, 3, 4, 4] },
          nodes: [
            node('QuantizeLinear', ['x', 'scale', 'zero'], 'q'),
            node('DequantizeLinear', ['q', 'each', 'zeros'], 'd', { axis: 1 }),
            node('QuantizeLinear', ['d', 'scale', 'zero'], 'r'),
            node('ConvInteger', ['r', 'k', 'zero'], 'c'),
            node('Cast', 'c', 'y', { to: DataType.FLOAT }),
          ],
          constants: [
            { ...scales('scale', [0.01]), dims: [] },
            { name: 'zero', dims: [], dataType: DataType.UINT8, rawData: Uint8Array.of(100) },
            scales('each', [0.01, 0.02, 0.03]),
            { name: 'zeros', dims: [3n], dataType: DataType.UINT8, rawData: Uint8Array.of(1, 2, 3) },
            { name: 'k', dims: [2n, 3n, 1n, 1n], dataType: DataType.UINT8, rawData: Uint8Array.of(1, 2, 3, 4, 5, 6) },
          ],
        },
      ],
      [
        'Softmax of opset 12, which takes axes together',
        { inputs: { x: [1, 6, 4] }, nodes: [node('Softmax', 'x', 'y', { axis: 1 })], opset: 12 },
        1e-6,
      ],
      [
        'a graph within the graph that no picture goes into',
        {
          inputs: { x: [1, 4], c: value('c', [], DataType.BOOL) },
          nodes: [
            choice('c', 'chosen', node('Mul', ['w', 'w'], 'a'), node('Mul', ['w', 'v'], 'b')),
            node('Add', ['x', 'chosen'], 'y'),
          ],
          constants: [weights('w', [4]), weights('v', [4])],
          declared: [value('chosen', [4])],
        },
      ],
      [
        'several inputs and outputs, one of them the same for all pictures',
        {
          inputs: { x: [...image], size: value('size', [1, 2], DataType.INT64), threshold: [1] },
          nodes: [
            node('Cast', 'size', 'f', { to: DataType.FLOAT }),
            node('Unsqueeze', ['f', 'ends'], 'u'),
            node('ReduceMean', 'x', 'm', { axes: [2, 3] }),
            node('Gather', ['u', 'zero'], 'first', { axis: 2 }),
            node('Mul', ['m', 'first'], 'scores'),
            node('Greater', ['scores', 'threshold'], 'found'),
            node('Identity', 'anchors', 'priors'),
          ],
          outputs: ['scores', value('found', [1, 3, 1, 2], DataType.BOOL), value('priors', [1, 7, 4])],
          constants: [integers('ends', [1, 2]), integers('zero', [0]), weights('anchors', [1, 7, 4])],
        },
        1e-6,
      ],
      [
        'a batch of 2',
        {
          inputs: { x: [2, 3, 4] },
          nodes: [
            node('Reshape', ['x', 'list'], 'r'),
            node('Slice', ['r', 'zero', 'two', 'zero'], 's'),
            node('Mul', ['s', 'row'], 'y'),
          ],
          constants: [integers('list', [2, 12]), integers('zero', [0]), integers('two', [2]), weights('row', [1, 12])],
        },
      ],
      [
        'opset 21',
        {
          inputs: { x: [...image] },
          nodes: [
            node('Reshape', ['x', 'list'], 'r'),
            node('ReduceMean', ['r', 'last'], 'm', { keepdims: 0 }),
            node('Softmax', 'm', 's'),
            node('Unsqueeze', ['s', 'last'], 'u'),
            node('GroupNormalization', ['u', 'three', 'three'], 'g', { num_groups: 3 }),
            node('Trilu', ['r'], 't'),
            node('Add', ['g', 't'], 'y'),
          ],
          constants: [integers('list', [1, 3, 24]), integers('last', [2]), weights('three', [3])],
          opset: 21,
          irVersion: 10,
        },
        1e-6,
      ],
    ]),
  )('%s', (_, check) => check());
});
