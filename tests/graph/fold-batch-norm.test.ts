/** What follows a layer and only scales and shifts, folded into its weights. */
import { describe, expect, it } from 'vitest';
import { foldBatchNorm } from '../../lib/graph/index.js';
import { float32ToFloat16Bits } from '../../lib/tensor/index.js';
import {
  choice,
  DataType,
  elsewhere,
  graphModel,
  node,
  scales,
  value,
  weights,
  type Constant,
  type MadeGraph,
} from './made-graphs.js';
import { norm, operatorsAfter, statistics, x } from './rewritten.js';

describe('foldBatchNorm', () => {
  it.each<[string, MadeGraph]>([
    [
      'Conv',
      {
        inputs: x,
        nodes: [node('Conv', ['x', 'w'], 'a'), norm('a', 'y')],
        constants: [weights('w', [6, 4, 3, 2]), ...statistics(6)],
      },
    ],
    [
      'Conv with bias and groups',
      {
        inputs: x,
        nodes: [node('Conv', ['x', 'w', 'bias'], 'a', { group: 2, pads: [1, 1, 1, 1] }), norm('a', 'y')],
        constants: [weights('w', [6, 2, 3, 2]), weights('bias', [6]), ...statistics(6)],
      },
    ],
    [
      'Conv of one axis',
      {
        inputs: { x: ['n', 4, 9] },
        nodes: [node('Conv', ['x', 'w'], 'a'), norm('a', 'y')],
        constants: [weights('w', [6, 4, 3]), ...statistics(6)],
      },
    ],
    [
      'ConvTranspose with groups',
      {
        inputs: x,
        nodes: [node('ConvTranspose', ['x', 'w', 'bias'], 'a', { group: 2, strides: [2, 2] }), norm('a', 'y')],
        constants: [weights('w', [4, 3, 2, 3]), weights('bias', [6]), ...statistics(6)],
      },
    ],
    [
      'Gemm with factors',
      {
        inputs: { x: ['n', 4] },
        nodes: [node('Gemm', ['x', 'w', 'bias'], 'a', { alpha: { float: 0.5 }, beta: { float: 3 } }), norm('a', 'y')],
        constants: [weights('w', [4, 6]), weights('bias', [1, 6]), ...statistics(6)],
      },
    ],
    [
      'Gemm with transposed weights and one bias for all',
      {
        inputs: { x: ['n', 4] },
        nodes: [node('Gemm', ['x', 'w', 'bias'], 'a', { transB: 1 }), norm('a', 'y')],
        constants: [weights('w', [6, 4]), weights('bias', [1]), ...statistics(6)],
      },
    ],
    [
      'Conv, of opset 7',
      {
        inputs: x,
        nodes: [node('Conv', ['x', 'w'], 'a'), norm('a', 'y', { spatial: 1 })],
        constants: [weights('w', [6, 4, 3, 2]), ...statistics(6)],
        opset: 7,
      },
    ],
    [
      'Conv, and a chain of scales and shifts around it',
      {
        inputs: x,
        nodes: [
          node('Conv', ['x', 'w'], 'a'),
          node('Mul', ['c', 'a'], 'b'),
          node('Add', ['b', 'd'], 'e'),
          norm('e', 'f'),
          node('Div', ['f', 'half'], 'g'),
          node('Sub', ['g', 'c'], 'y'),
        ],
        constants: [
          weights('w', [6, 4, 3, 2]),
          weights('c', [6, 1, 1]),
          weights('d', [1, 6, 1, 1]),
          scales('half', [0.5]),
          ...statistics(6),
        ],
      },
    ],
  ])('goes into %s', async (_, graph) => {
    const [, layer] = /(Conv\w*|Gemm)/.exec(_) ?? [];
    expect(await operatorsAfter(foldBatchNorm, graph)).toEqual([layer]);
  });

  it.each<[string, Partial<MadeGraph>]>([
    ['a value that another reads', { nodes: [node('Conv', ['x', 'w'], 'a'), norm('a', 'b'), node('Add', ['a', 'b'], 'y')] }],
    ['a value that is an output', { nodes: [node('Conv', ['x', 'w'], 'a'), norm('a', 'y')], outputs: ['a', 'y'] }],
    ['training', { nodes: [node('Conv', ['x', 'w'], 'a'), norm('a', 'y', { training_mode: 1 })] }],
    [
      'weights that are made as the model runs',
      { nodes: [node('Neg', 'w', 'w2'), node('Conv', ['x', 'w2'], 'a'), norm('a', 'y')] },
    ],
    [
      'weights that a caller may override',
      { inputs: { ...x, w: [6, 4, 3, 2] }, nodes: [node('Conv', ['x', 'w'], 'a'), norm('a', 'y')] },
    ],
    [
      'quantised weights',
      { nodes: [node('DequantizeLinear', ['q', 'one'], 'w2'), node('Conv', ['x', 'w2'], 'a'), norm('a', 'y')] },
    ],
    ['no layer before it', { nodes: [node('Concat', ['x', 'x'], 'a', { axis: 1 }), norm('a', 'y')], constants: statistics(8) }],
    ['a scale for each place', { nodes: [node('Conv', ['x', 'w'], 'a'), node('Mul', ['a', 'places'], 'y')] }],
    ['a scale that adds an axis', { nodes: [node('Conv', ['x', 'w'], 'a'), node('Mul', ['a', 'five'], 'y')] }],
    ['a number from which is subtracted', { nodes: [node('Conv', ['x', 'w'], 'a'), node('Sub', ['one', 'a'], 'y')] }],
  ])('leaves %s', (_, changes) => {
    const model = graphModel({
      inputs: x,
      nodes: [],
      constants: [
        weights('w', [6, 4, 3, 2]),
        { name: 'q', dims: [6n, 4n, 3n, 2n], dataType: DataType.INT8, rawData: new Uint8Array(144) },
        scales('one', [1]),
        weights('places', [4, 4]),
        weights('five', [1, 1, 1, 1, 1]),
        ...statistics(6),
      ],
      ...changes,
    });
    expect(foldBatchNorm(model)).toBe(model);
  });

  it('leaves what a graph within reads, and weights in other files', () => {
    const within = graphModel({
      inputs: { ...x, if: value('if', [], DataType.BOOL) },
      nodes: [node('Conv', ['x', 'w'], 'a'), norm('a', 'b'), choice('if', 'y', node('Neg', 'a', 'c'), node('Abs', 'b', 'd'))],
      constants: [weights('w', [6, 4, 3, 2]), ...statistics(6)],
    });
    expect(foldBatchNorm(within)).toBe(within);
    const outside = graphModel({
      inputs: { x: ['n', 1] },
      nodes: [node('Gemm', ['x', 'w'], 'a'), norm('a', 'y')],
      constants: [{ ...elsewhere('w', 'weights.bin', DataType.FLOAT), dims: [1n, 2n] }, ...statistics(2)],
    });
    expect(foldBatchNorm(outside)).toBe(outside);
  });

  it('leaves weights that others read as they are', async () => {
    const graph: MadeGraph = {
      inputs: x,
      nodes: [node('Conv', ['x', 'w', 'bias'], 'a'), norm('a', 'y'), node('Conv', ['x', 'w', 'bias'], 'z')],
      constants: [weights('w', [6, 4, 3, 2]), weights('bias', [6]), ...statistics(6)],
      outputs: ['y', 'z'],
    };
    expect(await operatorsAfter(foldBatchNorm, graph)).toEqual(['Conv', 'Conv']);
    const model = graphModel(graph);
    const folded = foldBatchNorm(model);
    expect(folded.graph?.initializer.map(({ name }) => name)).toEqual(['w', 'bias', 'w/folded', 'bias/folded']);
    expect(folded.graph?.initializer[0]).toBe(model.graph?.initializer[0]);
  });

  it('keeps float16, and leaves what would overflow it', async () => {
    const half = ({ name = '', dims = [], rawData }: Constant, factor = 1): Constant => {
      const floats = new Float32Array((rawData as Uint8Array).buffer as ArrayBuffer);
      const bits = Uint16Array.from(floats, (one) => float32ToFloat16Bits(one * factor));
      return { name, dims, dataType: DataType.FLOAT16, rawData: new Uint8Array(bits.buffer) };
    };
    const graph = (factor: number): MadeGraph => ({
      inputs: { x: value('x', [1, 4, 6, 5], DataType.FLOAT16) },
      nodes: [node('Conv', ['x', 'w'], 'a'), norm('a', 'y')],
      constants: [
        half(weights('w', [6, 4, 3, 2]), factor),
        ...statistics(6).map((one) => half(one, one.name === 'v' ? 1 : factor)),
      ],
      outputs: [value('y', undefined, DataType.FLOAT16)],
    });
    // A few units in the last place of a float16.
    expect(await operatorsAfter(foldBatchNorm, graph(1), 5e-3)).toEqual(['Conv']);
    expect(foldBatchNorm(graphModel(graph(1))).graph?.initializer.map(({ dataType }) => dataType)).toEqual([
      DataType.FLOAT16,
      DataType.FLOAT16,
    ]);
    const large = graphModel(graph(1e3));
    expect(foldBatchNorm(large)).toBe(large);
  });
});
