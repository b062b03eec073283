/** Values that are joined, cut, moved and pooled between layers. */
import { describe } from 'vitest';

import { integers, node, scales, weights } from '../graph/made-graphs.js';
import { between, itQuantizes, limits } from './made-layers.js';

describe('both forms', () => {
  itQuantizes({
    'a residual': [between((g) => g.conv('a', 'c', [16, 16, 3]).add(node('Add', ['a', 'c'], 'b'))), 3, 3],
    'a residual with relu behind': [
      between((g) => g.conv('a', 'c', [16, 16, 3]).add(node('Add', ['c', 'a'], 's'), node('Relu', 's', 'b'))),
      3,
      3,
    ],
    'a value added to itself': [between((g) => g.add(node('Add', ['a', 'a'], 'b'))), 2, 2],
    'a square': [between((g) => g.add(node('Mul', ['a', 'a'], 'b'))), 2, 2],
    'concat of relu and signed values': [
      between((g) => g.conv('a', 'c', [16, 16, 3]).add(node('Relu', 'a', 'r'), node('Concat', ['r', 'c'], 'b', { axis: 1 })), 32),
      3,
      3,
    ],
    'concat of values that clip differently': [
      between(
        (g) =>
          g
            .conv('x', 'c', [16, 16, 3])
            .add(node('Clip', ['a', 'min', 'max'], 'r'), node('Relu', 'c', 'q'), node('Concat', ['r', 'q'], 'b', { axis: 1 }))
            .with(...limits(0, 8)),
        32,
      ),
      3,
      3,
    ],
    'concat with relu behind': [
      between((g) => g.conv('x', 'c', [16, 16, 3]).add(node('Concat', ['a', 'c'], 'k', { axis: 1 }), node('Relu', 'k', 'b')), 32),
      3,
      3,
    ],
    'concat with a constant': [
      between((g) => g.add(node('Concat', ['a', 'k'], 'b', { axis: 1 })).with(weights('k', [1, 4, 12, 12])), 20),
      2,
      2,
    ],
    'a constant alone, through a node that the sizes decide': [
      between(
        (g) =>
          g
            .add(node('Shape', 'a', 'shape'), node('Reshape', ['k', 'shape'], 'r'), node('Concat', ['a', 'r'], 'b', { axis: 1 }))
            .with(weights('k', [1, 16, 12, 12])),
        32,
      ),
      2,
      2,
    ],
    split: [
      between(
        (g) =>
          g
            .add(node('Split', ['a', 'sizes'], ['l', 'r'], { axis: 1 }), node('Add', ['l', 'r'], 'b'))
            .with(integers('sizes', [8, 8])),
        8,
      ),
      1,
      2,
    ],
    'split with relu on one part': [
      between(
        (g) =>
          g
            .add(
              node('Split', ['a', 'sizes'], ['l', 'r'], { axis: 1 }),
              node('Relu', 'l', 'p'),
              node('Concat', ['p', 'r'], 'b', { axis: 1 }),
            )
            .with(integers('sizes', [8, 8])),
        16,
      ),
      2,
      2,
    ],
    slice: [
      between(
        (g) =>
          g
            .add(node('Slice', ['a', 'from', 'to', 'axes'], 'b'))
            .with(integers('from', [0]), integers('to', [12]), integers('axes', [1])),
        12,
      ),
      2,
      2,
    ],
    transposes: [
      between((g) =>
        g.add(
          node('Transpose', 'a', 't', { perm: [0, 1, 3, 2] }),
          node('Relu', 't', 'r'),
          node('Transpose', 'r', 'b', { perm: [0, 1, 3, 2] }),
        ),
      ),
      2,
      2,
    ],
    'shuffled channels': [
      between((g) =>
        g
          .add(
            node('Reshape', ['a', 'apart'], 'p'),
            node('Transpose', 'p', 't', { perm: [0, 2, 1, 3, 4] }),
            node('Reshape', ['t', 'together'], 'b'),
          )
          .with(integers('apart', [1, 4, 4, 12, 12]), integers('together', [1, 16, 12, 12])),
      ),
      2,
      2,
    ],
    'depth and space': [between((g) => g.add(node('SpaceToDepth', 'a', 'b', { blocksize: 2 })), 64), 2, 2],
    'max pool': [between((g) => g.add(node('MaxPool', 'a', 'b', { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }))), 2, 2],
    'max pool between relus': [
      between((g) => g.add(node('Relu', 'a', 'r'), node('MaxPool', 'r', 'm', { kernel_shape: [2, 2] }), node('Relu', 'm', 'b'))),
      2,
      2,
    ],
    'max pool that tells where': [
      between((g) =>
        g.add(
          node('MaxPool', 'a', ['b', 'where'], { kernel_shape: [2, 2], strides: [2, 2] }),
          node('Cast', 'where', 'place', { to: 1 }),
        ),
      ),
      2,
      2,
    ],
    'average pool': [between((g) => g.add(node('AveragePool', 'a', 'b', { kernel_shape: [2, 2], pads: [1, 1, 0, 0] }))), 2, 2],
    'nearest resize': [
      between((g) =>
        g
          .add(
            node('Resize', ['a', '', 'twice'], 'b', {
              mode: 'nearest',
              coordinate_transformation_mode: 'asymmetric',
              nearest_mode: 'floor',
            }),
          )
          .with(scales('twice', [1, 1, 2, 2])),
      ),
      2,
      2,
    ],
    'linear resize': [
      between((g) => g.add(node('Resize', ['a', '', 'twice'], 'b', { mode: 'linear' })).with(scales('twice', [1, 1, 2, 2]))),
      2,
      2,
    ],
    'squeeze and excitation': [
      between((g) =>
        g
          .add(node('GlobalAveragePool', 'a', 'p'))
          .conv('p', 'd', [16, 12, 1])
          .add(node('Relu', 'd', 'e'))
          .conv('e', 'f', [12, 16, 1])
          .add(node('Sigmoid', 'f', 'g'), node('Mul', ['a', 'g'], 'b')),
      ),
      4,
      4,
    ],
  });
});
