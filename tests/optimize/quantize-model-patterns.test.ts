/** Graphs of every kind that vision models are made of: both forms open, and do what the model does but for a little noise. */
import { describe, expect, it } from 'vitest';
import {
  choice,
  DataType,
  integers,
  node,
  scales,
  value,
  weights,
  type Constant,
  type MadeGraph,
  type Node,
} from '../graph/made-graphs.js';
import { checkForms, count, quantized, type Quantized } from './quantized.js';

/** A convolution to so many channels, its weights and its bias. */
class Made {
  readonly nodes: Node[] = [];
  readonly constants: Constant[] = [];

  conv(
    input: string,
    output: string,
    [from, to, kernel]: readonly [from: number, to: number, kernel: number],
    { group = 1, bias = true, rank = 2, stride = 1 }: { group?: number; bias?: boolean; rank?: number; stride?: number } = {},
  ): this {
    const [w, b] = [`${output}.weight`, `${output}.bias`];
    const sizes = Array.from({ length: rank }, () => kernel);
    this.constants.push(weights(w, [to, from / group, ...sizes]));
    if (bias) this.constants.push(weights(b, [to]));
    const pads = Array.from({ length: 2 * rank }, () => Math.floor(kernel / 2));
    const attributes = { group, pads, strides: sizes.map(() => stride), kernel_shape: sizes };
    return this.add(node('Conv', bias ? [input, w, b] : [input, w], output, attributes));
  }

  add(...nodes: readonly Node[]): this {
    this.nodes.push(...nodes);
    return this;
  }

  with(...constants: readonly Constant[]): this {
    this.constants.push(...constants);
    return this;
  }

  graph(changes: Partial<MadeGraph> = {}): MadeGraph {
    const { nodes, constants } = this;
    return { inputs: { x: [1, 16, 12, 12] }, nodes, constants, outputs: [value('y', undefined)], ...changes };
  }
}

/** Nodes between two convolutions: from `a`, of 16 channels at 12 x 12, to `b`, of as many channels as given. */
function between(made: (graph: Made) => Made, channels = 16): MadeGraph {
  return made(new Made().conv('x', 'a', [16, 16, 3]))
    .conv('b', 'y', [channels, 16, 3])
    .graph();
}

const limits = (min: number, max: number): Constant[] => [scalar('min', min), scalar('max', max)];
function scalar(name: string, number: number): Constant {
  return { ...scales(name, [number]), dims: [] };
}

/** The graph, and how many of its layers are computed in integers in the form for ONNX Runtime and for TensorRT. */
const patterns: Record<string, readonly [MadeGraph, onnxruntime: number, tensorrt: number]> = {
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
      .with(weights('w1', [32, 24]), scalar('v1', 0.25), weights('w2', [24, 16]), weights('v2', [64, 1]), weights('w3', [16, 10]))
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
};

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

describe('both forms', () => {
  it.each(Object.entries(patterns))('%s', async (_, [graph, onnxruntime, tensorrt]) => {
    const made: Quantized = await quantized(graph);
    await checkForms(made, 24);
    const int8 = (form: 'onnxruntime' | 'tensorrt') => made.layers.filter(({ precision }) => precision[form] === 'int8').length;
    expect({ onnxruntime: int8('onnxruntime'), tensorrt: int8('tensorrt') }).toEqual({ onnxruntime, tensorrt });
    expect(count(made.onnxruntime, 'DequantizeLinear')).toBeGreaterThan(0);
  });
});
