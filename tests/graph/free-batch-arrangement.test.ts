/** What becomes of a batch in operators that rearrange and resample, one small graph each, run by ONNX Runtime as they are and freed: tests/graph/freed.ts. */
import { describe, it } from 'vitest';
import { checks } from './freed.js';
import { integers, node, scales, weights } from './made-graphs.js';

const image = [1, 3, 6, 4] as const;

describe('operators that rearrange', () => {
  it.each(
    checks([
      [
        'Expand of a constant to one batch, and zeros of that size',
        {
          inputs: { x: [1, 3, 4] },
          nodes: [
            node('Expand', ['token', 'one'], 't'),
            node('ConstantOfShape', 'one', 'zeros'),
            node('Concat', ['t', 'x', 'zeros'], 'y', { axis: 1 }),
          ],
          constants: [weights('token', [1, 4]), integers('one', [1, 2, 4])],
        },
      ],
      [
        'Expand, Tile and ConstantOfShape to the size of the batch',
        {
          inputs: { x: [1, 3, 4] },
          nodes: [
            node('Shape', 'x', 's'),
            node('Slice', ['s', 'zero', 'one'], 'n'),
            node('Concat', ['n', 'minus', 'minus'], 'list', { axis: 0 }),
            node('Equal', ['list', 'minus'], 'same'),
            node('Where', ['same', 'ones', 'list'], 'shape'),
            node('Expand', ['token', 'shape'], 'e'),
            node('Concat', ['n', 'one', 'one'], 'repeats', { axis: 0 }),
            node('Tile', ['token', 'repeats'], 't'),
            node('Concat', ['n', 'one', 'four'], 'size', { axis: 0 }),
            node('ConstantOfShape', 'size', 'zeros'),
            node('Concat', ['x', 'e', 't', 'zeros'], 'y', { axis: 1 }),
          ],
          constants: [
            weights('token', [1, 1, 4]),
            integers('zero', [0]),
            integers('one', [1]),
            integers('four', [4]),
            integers('minus', [-1]),
            integers('ones', [1, 1, 1]),
          ],
        },
      ],
      [
        'Expand of pictures',
        {
          inputs: { x: [1, 3, 1] },
          nodes: [node('Expand', ['x', 'to'], 'e'), node('Expand', ['e', 'more'], 'y')],
          constants: [integers('to', [3, 5]), integers('more', [1, 3, 5])],
        },
      ],
      [
        'Expand of pictures with more in their axis',
        {
          inputs: { x: [1, 2, 4] },
          nodes: [node('Reshape', ['x', 'rows'], 'r'), node('Expand', ['r', 'to'], 'e'), node('Reshape', ['e', 'apart'], 'y')],
          constants: [integers('rows', [2, 1, 4]), integers('to', [2, 3, 4]), integers('apart', [1, 2, 3, 4])],
        },
      ],
      [
        'Tile of pictures',
        { inputs: { x: [1, 3, 2] }, nodes: [node('Tile', ['x', 'by'], 'y')], constants: [integers('by', [1, 2, 3])] },
      ],
      [
        'Flatten, and Flatten at axis 0',
        {
          inputs: { x: [...image] },
          nodes: [node('Flatten', 'x', 'f'), node('Flatten', 'f', 'g', { axis: 0 }), node('Relu', 'g', 'y')],
          opset: 9,
        },
      ],
      [
        'Squeeze of all axes of size 1, and Unsqueeze to a batch',
        {
          inputs: { x: [...image] },
          nodes: [
            node('GlobalAveragePool', 'x', 'p'),
            node('Squeeze', 'p', 's'),
            node('Relu', 's', 'r'),
            node('Unsqueeze', 'r', 'y', { axes: [0] }),
          ],
          opset: 11,
        },
      ],
      [
        'Squeeze and Unsqueeze of other axes',
        {
          inputs: { x: [...image] },
          nodes: [
            node('GlobalMaxPool', 'x', 'p'),
            node('Squeeze', ['p', 'ends'], 's'),
            node('Unsqueeze', ['s', 'zero'], 'u'),
            node('Squeeze', ['u', 'zero'], 'y'),
          ],
          constants: [integers('ends', [2, -1]), integers('zero', [0])],
        },
      ],
      [
        'Squeeze of the batch, and back',
        {
          inputs: { x: [...image] },
          nodes: [node('Squeeze', ['x', 'zero'], 's'), node('Tanh', 's', 't'), node('Unsqueeze', ['t', 'zero'], 'y')],
          constants: [integers('zero', [0])],
        },
      ],
      [
        'Transpose of the batch, and back, without an order too',
        {
          inputs: { x: [1, 3, 4] },
          nodes: [
            node('Transpose', 'x', 't', { perm: [2, 0, 1] }),
            node('Mul', ['t', 'one'], 'm'),
            node('Softmax', 'm', 's', { axis: 0 }),
            node('Transpose', 's', 'u', { perm: [0, 2, 1] }),
            node('Transpose', 'u', 'v'),
            node('Add', ['x', 'v'], 'y'),
          ],
          constants: [weights('one', [4, 1, 3])],
        },
        1e-6,
      ],
      [
        'Slice of the whole batch, and of others',
        {
          inputs: { x: [1, 6, 4] },
          nodes: [
            node('Slice', ['x', 'from', 'to', 'axes', 'by'], 'a'),
            node('Slice', ['a', 'zeros', 'ends'], 'b'),
            node('Slice', ['b', 'zeros', 'all'], 'y'),
          ],
          constants: [
            ...[integers('from', [0, 1]), integers('to', [1, 6]), integers('axes', [0, 1]), integers('by', [1, 2])],
            ...[integers('zeros', [0, 0]), integers('ends', [1, 2]), integers('all', [2 ** 31 - 1, 2])],
          ],
        },
      ],
      [
        'Slice of the whole batch, by attributes',
        { inputs: { x: [1, 6, 4] }, nodes: [node('Slice', 'x', 'y', { starts: [0, 2], ends: [1, 5], axes: [0, 1] })], opset: 9 },
      ],
      [
        'GatherElements and ScatterElements by constants and by pictures',
        {
          inputs: { x: [1, 6, 2] },
          nodes: [
            node('GatherElements', ['x', 'places'], 'g', { axis: 1 }),
            node('ArgMax', 'g', 'most', { axis: 1 }),
            node('GatherElements', ['g', 'most'], 'top', { axis: 1 }),
            node('ScatterElements', ['x', 'most', 'top'], 'y', { axis: 1 }),
          ],
          constants: [{ ...integers('places', [0, 1, 2, 3, 5, 4]), dims: [1n, 3n, 2n] }],
        },
      ],
      [
        'Gather of parts of pictures',
        {
          inputs: { x: [1, 6, 2] },
          nodes: [
            node('Gather', ['x', 'some'], 'g', { axis: 1 }),
            node('Transpose', 'g', 't', { perm: [2, 3, 1, 0] }),
            node('Gather', ['t', 'zero'], 'one', { axis: 0 }),
            node('Transpose', 'one', 'y', { perm: [2, 1, 0] }),
          ],
          constants: [{ ...integers('some', [0, 5, 3, 3]), dims: [2n, 2n] }, integers('zero', 0)],
        },
      ],
      [
        'GridSample by a constant grid',
        {
          inputs: { x: [...image] },
          nodes: [node('GridSample', ['x', 'grid'], 'y')],
          constants: [weights('grid', [1, 2, 2, 2])],
        },
      ],
      [
        'GridSample of a constant',
        {
          inputs: { x: [1, 3, 3, 2] },
          nodes: [node('GridSample', ['picture', 'x'], 'y')],
          constants: [weights('picture', [1, 3, 4, 4])],
        },
      ],
      [
        'Resize to constant sizes, and by scales',
        {
          inputs: { x: [...image] },
          nodes: [
            node('Resize', ['x', '', '', 'sizes'], 'r', { mode: 'linear' }),
            node('Resize', ['r', '', 'scales'], 'y', { mode: 'nearest' }),
          ],
          constants: [integers('sizes', [1, 3, 9, 10]), scales('scales', [1, 1, 2, 2])],
          opset: 13,
        },
      ],
      [
        'Resize to the sizes of another value',
        {
          inputs: { x: [...image] },
          nodes: [
            node('MaxPool', 'x', 'p', { kernel_shape: [2, 2], strides: [2, 2] }),
            node('Shape', 'p', 's'),
            node('Slice', ['s', 'zero', 'two'], 'front'),
            node('Concat', ['front', 'pixels'], 'sizes', { axis: 0 }),
            node('Resize', ['p', '', '', 'sizes'], 'y', { mode: 'linear' }),
          ],
          constants: [integers('zero', [0]), integers('two', [2]), integers('pixels', [12, 12])],
          opset: 13,
        },
      ],
      [
        'Resize of a folded batch',
        {
          inputs: { x: [1, 2, 3, 4, 4] },
          nodes: [
            node('Reshape', ['x', 'folded'], 'f'),
            node('Resize', ['f', '', '', 'sizes'], 'r', { mode: 'linear' }),
            node('Reshape', ['r', 'apart'], 'y'),
          ],
          constants: [integers('folded', [2, 3, 4, 4]), integers('sizes', [2, 3, 8, 8]), integers('apart', [1, 2, 3, 8, 8])],
          opset: 13,
        },
      ],
      [
        'Resize of named axes',
        {
          inputs: { x: [...image] },
          nodes: [node('Resize', ['x', '', '', 'sizes'], 'y', { mode: 'linear', axes: [2, 3] })],
          constants: [integers('sizes', [9, 10])],
          opset: 18,
        },
      ],
      [
        'Resize of opset 10',
        {
          inputs: { x: [...image] },
          nodes: [node('Resize', ['x', 'scales'], 'y')],
          constants: [scales('scales', [1, 1, 2, 2])],
          opset: 10,
        },
      ],
      [
        'Upsample of opset 9 and 7',
        {
          inputs: { x: [...image] },
          nodes: [node('Upsample', ['x', 'scales'], 'y')],
          constants: [scales('scales', [1, 1, 2, 2])],
          opset: 9,
        },
      ],
      [
        'Upsample of opset 7',
        { inputs: { x: [...image] }, nodes: [node('Upsample', 'x', 'y', { scales: { floats: [1, 1, 2, 3] } })], opset: 7 },
      ],
    ]),
  )('%s', (_, check) => check());
});
