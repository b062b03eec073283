/** Layers of every kind, and what surrounds them. */
import { describe } from 'vitest';

import { node, scales, weights } from '../graph/made-graphs.js';
import { between, itQuantizes, Made } from './made-layers.js';

describe('both forms', () => {
  itQuantizes({
    depthwise: [between((g) => g.conv('a', 'c', [16, 16, 3], { group: 16 }).add(node('Relu', 'c', 'b'))), 3, 2],
    'depthwise, twice as many channels': [between((g) => g.conv('a', 'b', [16, 32, 3], { group: 16 }), 32), 3, 2],
    grouped: [
      new Made().conv('x', 'a', [16, 32, 3]).conv('a', 'b', [32, 32, 3], { group: 2 }).conv('b', 'y', [32, 16, 1]).graph(),
      3,
      3,
    ],
    'groups of few channels': [between((g) => g.conv('a', 'b', [16, 16, 3], { group: 4 })), 2, 3],
    'convolutions without bias': [
      new Made()
        .conv('x', 'a', [16, 16, 3], { bias: false })
        .add(node('Relu', 'a', 'b'))
        .conv('b', 'y', [16, 16, 3], { bias: false })
        .graph(),
      2,
      2,
    ],
    'one axis': [
      new Made()
        .conv('x', 'a', [16, 16, 3], { rank: 1 })
        .add(node('Relu', 'a', 'b'))
        .conv('b', 'y', [16, 16, 3], { rank: 1 })
        .graph({ inputs: { x: [1, 16, 40] } }),
      2,
      2,
    ],
    'three axes': [
      new Made()
        .conv('x', 'a', [16, 16, 3], { rank: 3 })
        .add(node('Relu', 'a', 'b'))
        .conv('b', 'y', [16, 16, 3], { rank: 3 })
        .graph({ inputs: { x: [1, 16, 6, 6, 6] } }),
      2,
      2,
    ],
    'a stem of three channels': [
      new Made()
        .conv('x', 'a', [3, 16, 3], { stride: 2 })
        .add(node('Relu', 'a', 'b'))
        .conv('b', 'y', [16, 16, 3])
        .graph({ inputs: { x: [1, 3, 16, 16] } }),
      1,
      2,
    ],
    'a transposed convolution': [
      between((g) =>
        g
          .add(node('ConvTranspose', ['a', 'w', 'v'], 'b', { strides: [2, 2] }))
          .with(weights('w', [16, 16, 2, 2]), weights('v', [16])),
      ),
      2,
      2,
    ],
    'a large transposed convolution': [
      between((g) => g.add(node('ConvTranspose', ['a', 'w'], 'b', { strides: [2, 2] })).with(weights('w', [16, 64, 4, 4])), 64),
      2,
      2,
    ],
    'a transposed convolution in groups': [
      between(
        (g) => g.add(node('ConvTranspose', ['a', 'w'], 'b', { strides: [2, 2], group: 4 })).with(weights('w', [16, 32, 4, 4])),
        128,
      ),
      2,
      2,
    ],
    'a convolution of few weights between others': [
      between((g) =>
        g
          .add(node('ReduceMean', 'a', 'm', { axes: [1], keepdims: 1 }))
          .conv('m', 's', [1, 16, 1])
          .add(node('Add', ['a', 's'], 'b')),
      ),
      2,
      2,
    ],
    'few weights that read and make integers': [
      new Made()
        .conv('x', 'a', [16, 16, 1])
        .add(node('Conv', ['a', 'w', 'v'], 'b', { group: 16 }))
        .conv('b', 'y', [16, 16, 1])
        .with(
          scales(
            'v',
            Array.from({ length: 16 }, (_, i) => i / 16),
          ),
        )
        // As a layer that scales channels: by factors that are far apart.
        .with({
          ...scales(
            'w',
            Array.from({ length: 16 }, (_, i) => 1.5 ** i),
          ),
          dims: [16n, 1n, 1n, 1n],
        })
        .graph(),
      2,
      2,
    ],
    'batch normalisation that cannot be folded': [
      between((g) =>
        g.add(node('Relu', 'a', 'r'), node('BatchNormalization', ['r', 'bn.s', 'bn.b', 'bn.m', 'bn.v'], 'b')).with(
          weights('bn.s', [16]),
          weights('bn.b', [16]),
          weights('bn.m', [16]),
          scales(
            'bn.v',
            Array.from({ length: 16 }, (_, i) => 0.5 + i / 8),
          ),
        ),
      ),
      2,
      2,
    ],
    'shared weights': [
      new Made()
        .conv('x', 'a', [16, 16, 3])
        .add(node('Relu', 'a', 'r'), node('Conv', ['r', 'a.weight', 'a.bias'], 'b', { pads: [1, 1, 1, 1] }))
        .conv('b', 'y', [16, 16, 1])
        .graph(),
      3,
      3,
    ],
    'two heads': [
      new Made()
        .conv('x', 'a', [16, 16, 3])
        .add(node('Relu', 'a', 'b'))
        .conv('b', 'y', [16, 16, 1])
        .conv('b', 'l', [16, 12, 3])
        .add(node('Sigmoid', 'l', 'z'))
        .graph({ outputs: ['y', 'z'] }),
      2,
      2,
    ],
    'a relu whose input is read elsewhere': [
      between((g) =>
        g
          .add(node('Relu', 'a', 'r'))
          .conv('r', 'c', [16, 16, 3])
          .add(node('Add', ['a', 'c'], 'b')),
      ),
      3,
      3,
    ],
  });
});
