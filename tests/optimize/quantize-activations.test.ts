/** What stands between two layers, element by element. */
import { describe } from 'vitest';

import { node, weights } from '../graph/made-graphs.js';
import { between, itQuantizes, limits, Made, scalar } from './made-layers.js';

describe('both forms', () => {
  itQuantizes({
    'one convolution': [new Made().conv('x', 'y', [16, 16, 3]).graph(), 1, 1],
    relu: [between((g) => g.add(node('Relu', 'a', 'b'))), 2, 2],
    'clip to 0 and 6': [between((g) => g.add(node('Clip', ['a', 'min', 'max'], 'b')).with(...limits(0, 2))), 2, 2],
    'clip around 0': [between((g) => g.add(node('Clip', ['a', 'min', 'max'], 'b')).with(...limits(-1, 1))), 2, 2],
    'clip above 0': [between((g) => g.add(node('Clip', ['a', 'min', 'max'], 'b')).with(...limits(1, 4))), 2, 2],
    'clip below 0': [between((g) => g.add(node('Clip', ['a', 'min', 'max'], 'b')).with(...limits(-4, -1))), 2, 2],
    'clip without limits': [between((g) => g.add(node('Clip', 'a', 'b'))), 2, 2],
    'clip from below alone': [between((g) => g.add(node('Clip', ['a', 'min'], 'b')).with(scalar('min', -0.5))), 2, 2],
    'relu and clip': [
      between((g) => g.add(node('Relu', 'a', 'r'), node('Clip', ['r', '', 'max'], 'b')).with(scalar('max', 2))),
      2,
      2,
    ],
    silu: [between((g) => g.add(node('Sigmoid', 'a', 's'), node('Mul', ['a', 's'], 'b'))), 2, 2],
    'silu the other way round': [between((g) => g.add(node('Sigmoid', 'a', 's'), node('Mul', ['s', 'a'], 'b'))), 2, 2],
    'hard swish': [between((g) => g.add(node('HardSwish', 'a', 'b'))), 2, 2],
    'hard swish in parts': [
      between((g) =>
        g
          .add(node('Add', ['a', 'three'], 'p'), node('Clip', ['p', 'min', 'max'], 'c'))
          .add(node('Mul', ['a', 'c'], 'm'), node('Div', ['m', 'six'], 'b'))
          .with(scalar('three', 3), scalar('six', 6), ...limits(0, 6)),
      ),
      2,
      2,
    ],
    'hard swish by hard sigmoid': [
      between((g) => g.add(node('HardSigmoid', 'a', 'h', { alpha: { float: 1 / 6 } }), node('Mul', ['a', 'h'], 'b'))),
      2,
      2,
    ],
    'leaky relu': [between((g) => g.add(node('LeakyRelu', 'a', 'b', { alpha: { float: 0.1 } }))), 2, 2],
    prelu: [between((g) => g.add(node('PRelu', ['a', 'slope'], 'b')).with(weights('slope', [16, 1, 1]))), 2, 2],
    elu: [between((g) => g.add(node('Elu', 'a', 'b'))), 2, 2],
    tanh: [between((g) => g.add(node('Tanh', 'a', 'b'))), 2, 2],
  });
});
