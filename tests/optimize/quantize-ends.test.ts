/** Inputs and outputs, those that are read inside too, and the last layers. */
import { describe } from 'vitest';

import {
  choice,
  DataType,
  node,
  scales,
  value,
  weights,
  type Constant,
  type MadeGraph,
  type Node,
} from '../graph/made-graphs.js';
import { itQuantizes, Made, scalar } from './made-layers.js';

describe('both forms', () => {
  itQuantizes({
    'an output that is read inside': [
      new Made()
        .conv('x', 'y', [16, 16, 3])
        .conv('y', 'a', [16, 16, 3])
        .add(node('Relu', 'a', 'z'))
        .graph({ outputs: ['y', 'z'] }),
      1,
      1,
    ],
    'an output that a relu reads too': [
      new Made()
        .conv('x', 'y', [16, 16, 3])
        .add(node('Relu', 'y', 'b'))
        .conv('b', 'z', [16, 16, 3])
        .graph({ outputs: ['y', 'z'] }),
      1,
      1,
    ],
    'an output that silu reads too': [
      new Made()
        .conv('x', 'y', [16, 16, 3])
        .add(node('Sigmoid', 'y', 's'), node('Mul', ['y', 's'], 'b'))
        .conv('b', 'z', [16, 16, 3])
        .graph({ outputs: ['y', 'z'] }),
      1,
      1,
    ],
    'an output that a relu makes': [
      new Made()
        .conv('x', 'a', [16, 16, 3])
        .add(node('Relu', 'a', 'y'))
        .conv('y', 'z', [16, 16, 3])
        .graph({ outputs: ['y', 'z'] }),
      1,
      1,
    ],
    'logits and scores as outputs': [
      new Made()
        .conv('x', 'b', [16, 16, 3])
        .conv('b', 'y', [16, 16, 3])
        .add(node('Sigmoid', 'y', 'z'))
        .graph({ outputs: ['y', 'z'] }),
      2,
      2,
    ],
    'an input that several read': [
      new Made()
        .conv('x', 'a', [16, 16, 3])
        .conv('x', 'c', [16, 16, 1])
        .add(node('Add', ['a', 'c'], 's'), node('Add', ['s', 'x'], 'b'))
        .conv('b', 'y', [16, 16, 1])
        .graph(),
      3,
      3,
    ],
    'a branch that reads what relu makes': [
      new Made()
        .conv('x', 'a', [16, 16, 3])
        .add(node('Relu', 'a', 'b'))
        .conv('b', 'c', [16, 16, 3])
        .add(
          node('ReduceMax', 'x', 'm', { keepdims: 0 }),
          node('Greater', ['m', 'no'], 'is'),
          choice('is', 'p', node('Neg', 'b', 'n'), node('Exp', 'b', 'e')),
        )
        .add(node('Add', ['c', 'p'], 'y'))
        .with(scalar('no', 0))
        .graph(),
      2,
      2,
    ],
    'a branch that reads what a layer makes, and a constant': [
      new Made()
        .conv('x', 'b', [16, 16, 3])
        .conv('b', 'c', [16, 16, 3])
        .add(
          node('ReduceMax', 'x', 'm', { keepdims: 0 }),
          node('Greater', ['m', 'no'], 'is'),
          choice('is', 'p', node('Mul', ['b', 'only'], 'n'), node('Exp', 'b', 'e')),
        )
        .add(node('Add', ['c', 'p'], 'y'))
        .with(scalar('no', 0), scalar('only', 3))
        .graph(),
      2,
      2,
    ],
    'bytes as input': [
      new Made()
        .add(node('Cast', 'x', 'f', { to: 1 }), node('Mul', ['f', 'factor'], 'g'))
        .conv('g', 'a', [16, 16, 3])
        .add(node('Relu', 'a', 'b'))
        .conv('b', 'y', [16, 16, 3])
        .with(scalar('factor', 1 / 255))
        .graph({ inputs: { x: value('x', [1, 16, 12, 12], DataType.UINT8) } }),
      2,
      2,
    ],
    'a free batch': [
      new Made()
        .conv('x', 'a', [16, 16, 3])
        .add(node('Relu', 'a', 'b'))
        .conv('b', 'y', [16, 16, 3])
        .graph({ inputs: { x: ['n', 16, 12, 12] } }),
      2,
      2,
    ],
    'gemm head': [
      new Made()
        .conv('x', 'a', [16, 16, 3])
        .add(
          node('Relu', 'a', 'r'),
          node('GlobalAveragePool', 'r', 'p'),
          node('Flatten', 'p', 'f'),
          node('Gemm', ['f', 'w', 'v'], 'y', { transB: 1 }),
        )
        .with(weights('w', [10, 16]), weights('v', [10]))
        .graph(),
      2,
      2,
    ],
    'gemm after gemm, as they lie': [
      new Made()
        .add(
          node('Gemm', ['x', 'w1', 'v1'], 'a'),
          node('Relu', 'a', 'r'),
          node('Gemm', ['r', 'w2'], 'b'),
          node('Relu', 'b', 's'),
          node('Gemm', ['s', 'w3', 'v3'], 'y', { transB: 1 }),
        )
        .with(
          weights('w1', [32, 24]),
          weights('v1', [24]),
          weights('w2', [24, 16]),
          weights('w3', [12, 16]),
          weights('v3', [1, 12]),
        )
        .graph({ inputs: { x: [64, 32] } }),
      3,
      3,
    ],
    'gemm with one bias for all': [
      new Made()
        .add(
          node('Gemm', ['x', 'w1', 'v1'], 'a'),
          node('Relu', 'a', 'r'),
          node('Gemm', ['r', 'w2', 'v2'], 'b'),
          node('Gemm', ['b', 'w3'], 'y'),
        )
        .with(
          weights('w1', [32, 24]),
          scalar('v1', 0.25),
          weights('w2', [24, 16]),
          weights('v2', [64, 1]),
          weights('w3', [16, 10]),
        )
        .graph({ inputs: { x: [64, 32] } }),
      1,
      1,
    ],
    'gemm with factors': [
      new Made()
        .add(
          node('Gemm', ['x', 'w1', 'v1'], 'a'),
          node('Relu', 'a', 'r'),
          node('Gemm', ['r', 'w2', 'v2'], 'b', { alpha: { float: 0.5 } }),
          node('Relu', 'b', 's'),
          node('Gemm', ['s', 'w3'], 'y'),
        )
        .with(
          weights('w1', [32, 24]),
          weights('v1', [24]),
          weights('w2', [24, 16]),
          weights('v2', [64, 16]),
          weights('w3', [16, 12]),
        )
        .graph({ inputs: { x: [64, 32] } }),
      2,
      2,
    ],
    'a bias that is computed': [
      new Made()
        .conv('x', 'a', [16, 16, 3])
        .add(node('ReduceMean', 'a', 'm', { axes: [0, 2, 3], keepdims: 0 }), node('Conv', ['a', 'w', 'm'], 'b'))
        .conv('b', 'y', [16, 16, 1])
        .with(weights('w', [16, 16, 1, 1]))
        .graph(),
      2,
      2,
    ],
    'matmul head': [
      new Made()
        .conv('x', 'a', [16, 16, 3])
        .add(
          node('GlobalAveragePool', 'a', 'p'),
          node('Flatten', 'p', 'f'),
          node('MatMul', ['f', 'w'], 'm'),
          node('Add', ['m', 'v'], 'y'),
        )
        .with(weights('w', [16, 10]), weights('v', [10]))
        .graph(),
      2,
      2,
    ],
    'a transformer block': [transformer(), 5, 5],
  });
});

/** One head of attention and the two layers behind it, over 9 tokens of 16. */
function transformer(): MadeGraph {
  const layer = (input: string, output: string, from: number, to: number): [Node[], Constant[]] => [
    [node('MatMul', [input, `${output}.w`], `${output}.m`), node('Add', [`${output}.m`, `${output}.b`], output)],
    [weights(`${output}.w`, [from, to]), weights(`${output}.b`, [to])],
  ];
  const norm = (input: string, output: string): [Node[], Constant[]] => [
    [node('LayerNormalization', [input, `${output}.s`, `${output}.b`], output)],
    [
      scales(
        `${output}.s`,
        Array.from({ length: 16 }, () => 1),
      ),
      weights(`${output}.b`, [16]),
    ],
  ];
  const parts = [
    norm('x', 'n'),
    layer('n', 'q', 16, 16),
    layer('n', 'k', 16, 16),
    layer('n', 'v', 16, 16),
    [
      [
        node('Transpose', 'k', 't', { perm: [0, 2, 1] }),
        node('MatMul', ['q', 't'], 'a'),
        node('Softmax', 'a', 'p'),
        node('MatMul', ['p', 'v'], 'o'),
      ],
      [],
    ] as [Node[], Constant[]],
    layer('o', 'h', 16, 16),
    [[node('Add', ['x', 'h'], 'r')], []] as [Node[], Constant[]],
    norm('r', 'l'),
    layer('l', 'u', 16, 32),
    [[node('Tanh', 'u', 'g')], []] as [Node[], Constant[]],
    layer('g', 'd', 32, 16),
    [[node('Add', ['r', 'd'], 'y')], []] as [Node[], Constant[]],
  ];
  return {
    inputs: { x: [1, 9, 16] },
    nodes: parts.flatMap(([nodes]) => nodes),
    constants: parts.flatMap(([, constants]) => constants),
  };
}
