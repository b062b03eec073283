/** Convolutions and linear layers in one form, and the chain of all passes. */
import { describe, expect, it } from 'vitest';
import { normalizeConv, normalizeModel } from '../../lib/graph/index.js';
import { evaluateConstants } from '../../lib/optimize/evaluate-constants.js';
import {
  DataType,
  difference,
  graphModel,
  integers,
  node,
  randomTensor,
  run,
  scales,
  value,
  weights,
  type Constant,
  type MadeGraph,
  type Result,
} from './made-graphs.js';
import { norm, operatorsAfter, operatorsOf, statistics, x } from './rewritten.js';

describe('normalizeConv', () => {
  const conv = (attributes: Parameters<typeof node>[3], input = 'x') => node('Conv', [input, 'w'], 'y', attributes);
  const w = weights('w', [6, 4, 3, 2]);

  it.each(['SAME_UPPER', 'SAME_LOWER', 'VALID', 'NOTSET'])('tells the pads of Conv that %s stands for', async (mode) => {
    for (const more of [{}, { strides: [2, 3] }]) {
      const graph: MadeGraph = { inputs: x, nodes: [conv({ auto_pad: mode, ...more })], constants: [w] };
      expect(await operatorsAfter(normalizeConv, graph, 0)).toEqual(['Conv']);
      const attributes = normalizeConv(graphModel(graph)).graph?.node[0]?.attribute.map(({ name }) => name);
      expect(attributes).not.toContain('auto_pad');
    }
  });

  it.each([
    ['SAME_UPPER', [2, 0, 2, 1]],
    ['SAME_LOWER', [2, 1, 2, 0]],
  ])('tells the pads that %s stands for with gaps, which ONNX Runtime does not run', (mode, expected) => {
    const model = graphModel({ inputs: x, nodes: [conv({ auto_pad: mode, dilations: [2, 1] })], constants: [w] });
    const found = normalizeConv(model).graph?.node[0]?.attribute.find(({ name }) => name === 'pads');
    expect(found?.ints.map(Number)).toEqual(expected);
  });

  it.each(['MaxPool', 'AveragePool', 'LpPool'])('tells the pads of %s', async (operator) => {
    for (const mode of ['SAME_UPPER', 'SAME_LOWER']) {
      const pool = node(operator, 'x', 'y', { auto_pad: mode, kernel_shape: [3, 2], strides: [2, 1] });
      const graph: MadeGraph = { inputs: x, nodes: [pool] };
      // LpPool sums up powers in another order.
      expect(await operatorsAfter(normalizeConv, graph, operator === 'LpPool' ? 1e-6 : 0)).toEqual([operator]);
      expect(normalizeConv(graphModel(graph)).graph?.node[0]?.attribute.map(({ name }) => name)).not.toContain('auto_pad');
    }
  });

  it('leaves pads that depend on a free size', () => {
    const model = graphModel({ inputs: { x: ['n', 4, 'h', 5] }, nodes: [conv({ auto_pad: 'SAME_UPPER' })], constants: [w] });
    expect(normalizeConv(model)).toBe(model);
    // Fixed only at one picture.
    const nodes = [node('Reshape', ['x', 'to'], 'r'), conv({ auto_pad: 'SAME_UPPER', strides: [2, 2] }, 'r')];
    const folded = graphModel({ inputs: { x: ['n', 4, 6, 5] }, nodes, constants: [w, integers('to', [1, 4, -1, 5])] });
    expect(normalizeConv(folded)).toBe(folded);
  });

  const pad = (attributes = {}, inputs = ['x', 'pads']) => node('Pad', inputs, 'p', attributes);
  const pads = integers('pads', [0, 0, 1, 2, 0, 0, 0, 1]);

  it('takes zeros around into Conv', async () => {
    const zero: Constant = { ...scales('zero', [0]), dims: [] };
    for (const [nodes, opset] of [
      [[pad(), conv({ pads: [1, 0, 1, 0] }, 'p')], 17],
      [[pad({}, ['x', 'pads', 'zero']), conv({ auto_pad: 'VALID' }, 'p')], 13],
      [[pad({ pads: [0, 0, 1, 2, 0, 0, 0, 1], mode: 'constant' }, ['x']), conv({}, 'p')], 9],
    ] as const) {
      expect(await operatorsAfter(normalizeConv, { inputs: x, nodes, constants: [w, pads, zero], opset }, 0)).toEqual(['Conv']);
    }
  });

  it('takes zeros around into an AveragePool that counts them all', async () => {
    const pool = (attributes: object) => node('AveragePool', 'p', 'y', { kernel_shape: [3, 3], ...attributes });
    const graph = (attributes: object): MadeGraph => ({ inputs: x, nodes: [pad(), pool(attributes)], constants: [pads] });
    expect(await operatorsAfter(normalizeConv, graph({}), 1e-6)).toEqual(['AveragePool']);
    expect(await operatorsAfter(normalizeConv, graph({ pads: [1, 0, 1, 0], count_include_pad: 1 }), 1e-6)).toEqual([
      'AveragePool',
    ]);
    for (const attributes of [{ pads: [1, 0, 1, 0] }, { ceil_mode: 1 }, { kernel_shape: [3, 2] }]) {
      const model = graphModel(graph(attributes));
      expect(normalizeConv(model)).toBe(model);
    }
  });

  it.each<[string, Partial<MadeGraph>]>([
    ['MaxPool, whose padding is no zero', { nodes: [pad(), node('MaxPool', 'p', 'y', { kernel_shape: [3, 3] })] }],
    ['another value', { nodes: [pad({}, ['x', 'pads', 'one']), conv({}, 'p')] }],
    ['another mode', { nodes: [pad({ mode: 'reflect' }), conv({}, 'p')] }],
    ['channels', { nodes: [pad({}, ['x', 'channels']), node('Conv', ['p', 'w5'], 'y')] }],
    ['less than nothing', { nodes: [pad({}, ['x', 'less']), conv({}, 'p')] }],
    ['a list known only at run time', { nodes: [node('Neg', 'less', 'l'), pad({}, ['x', 'l']), conv({}, 'p')] }],
    ['some axes only', { nodes: [pad({}, ['x', 'two', '', 'axes']), conv({}, 'p')], opset: 18 }],
  ])('leaves a Pad of %s', (_, changes) => {
    const constants = [
      w,
      pads,
      scales('one', [1]),
      integers('channels', [0, 1, 1, 2, 0, 0, 0, 1]),
      integers('less', [0, 0, -1, 0, 0, 0, 0, 0]),
      weights('w5', [6, 5, 3, 2]),
      integers('two', [1, 1]),
      integers('axes', [2]),
    ];
    const model = graphModel({ inputs: x, nodes: [], constants, ...changes });
    expect(normalizeConv(model)).toBe(model);
  });

  it('keeps a Pad for others that read it', async () => {
    const graph: MadeGraph = {
      inputs: x,
      nodes: [pad(), conv({}, 'p'), node('Relu', 'p', 'z')],
      constants: [w, pads],
      outputs: ['y', 'z'],
    };
    expect(await operatorsAfter(normalizeConv, graph, 0)).toEqual(['Pad', 'Conv', 'Relu']);
  });

  it.each<[string, readonly string[], Constant]>([
    ['a row', ['a', 'c'], weights('c', [5])],
    ['a row in front', ['c', 'a'], weights('c', [1, 5])],
    ['one number', ['a', 'c'], scales('c', [0.5])],
  ])('makes Gemm of MatMul and %s', async (_, inputs, bias) => {
    const graph: MadeGraph = {
      inputs: { x: ['n', 4] },
      nodes: [node('MatMul', ['x', 'w'], 'a'), node('Add', inputs, 'y')],
      constants: [weights('w', [4, 5]), bias],
    };
    expect(await operatorsAfter(normalizeConv, graph)).toEqual(['Gemm']);
    const { node: nodes, initializer } = normalizeConv(graphModel(graph)).graph ?? {};
    expect(nodes?.[0]).toMatchObject({ name: 'the a', input: ['x', 'w/transposed', 'c'], output: ['y'] });
    expect(initializer?.map(({ name, dims }) => [name, ...dims.map(Number)])).toContainEqual(['w/transposed', 5, 4]);
  });

  it.each<[string, Partial<MadeGraph>]>([
    ['more than two axes', { inputs: { x: ['n', 3, 4] } }],
    ['axes that are not known', { inputs: { x: value('x', undefined) } }],
    ['a bias that widens', { constants: [weights('w', [4, 1]), weights('c', [5])] }],
    ['a bias of each row', { constants: [weights('w', [4, 5]), weights('c', [2, 5])] }],
    ['a product that is an output', { outputs: ['a', 'y'] }],
    [
      'whole numbers',
      {
        inputs: { x: value('x', ['n', 4], DataType.INT64) },
        constants: [{ ...integers('w', [1, 2, 3, 4]), dims: [4n, 1n] }, integers('c', [1])],
      },
    ],
  ])('leaves MatMul and Add with %s', (_, changes) => {
    const model = graphModel({
      inputs: { x: ['n', 4] },
      nodes: [node('MatMul', ['x', 'w'], 'a'), node('Add', ['a', 'c'], 'y')],
      constants: [weights('w', [4, 5]), weights('c', [5])],
      ...changes,
    });
    expect(normalizeConv(model)).toBe(model);
  });

  const factors = { alpha: { float: 0.25 }, beta: { float: 4 } };

  it.each<[string, Parameters<typeof node>[3], readonly string[]]>([
    ['transposed weights already', { transB: 1 }, ['Gemm']],
    ['plain weights', {}, ['Gemm']],
    ['factors', factors, ['Gemm']],
    ['factors and transposed weights', { ...factors, transB: 1 }, ['Gemm']],
    ['a transposed input', { transA: 1 }, ['Transpose', 'Gemm']],
  ])('brings Gemm with %s into normal form', async (_, attributes, expected) => {
    const [rows, columns] = attributes?.['transB'] === 1 ? [5, 4] : [4, 5];
    const graph: MadeGraph = {
      inputs: { x: attributes?.['transA'] === 1 ? [4, 3] : [3, 4] },
      nodes: [node('Gemm', ['x', 'w', 'c'], 'y', attributes)],
      constants: [weights('w', [rows, columns]), weights('c', [3, 1])],
    };
    expect(await operatorsAfter(normalizeConv, graph)).toEqual(expected);
    const gemm = normalizeConv(graphModel(graph)).graph?.node.at(-1);
    expect(gemm?.attribute.map(({ name, i }) => [name, i])).toEqual([['transB', 1n]]);
  });

  it('leaves the factor of a bias that is no constant, and Gemm of two inputs', async () => {
    const graph: MadeGraph = {
      inputs: { x: [3, 4], c: [5] },
      nodes: [node('Gemm', ['x', 'w', 'c'], 'y', factors)],
      constants: [weights('w', [4, 5])],
    };
    expect(await operatorsAfter(normalizeConv, graph)).toEqual(['Gemm']);
    expect(normalizeConv(graphModel(graph)).graph?.node[0]?.attribute.map(({ name }) => name)).toEqual(['transB', 'beta']);
    const two = graphModel({ inputs: { x: [3, 4], w: [4, 5] }, nodes: [node('Gemm', ['x', 'w'], 'y', { alpha: { float: 2 } })] });
    expect(normalizeConv(two)).toBe(two);
  });
});

describe('normalizeModel', () => {
  it('does all of it, from an old opset', async () => {
    const model = graphModel({
      inputs: { x: [1, 4, 6, 5], w: [6, 4, 3, 2], s: [6], bb: [6], mmm: [6], v: [6] },
      nodes: [
        node('Pad', 'x', 'p', { pads: [0, 0, 1, 1, 0, 0, 1, 0] }),
        node('Conv', ['p', 'w'], 'a'),
        norm('a', 'b'),
        node('Dropout', 'b', ['c', 'mask']),
        node('Clip', 'c', 'd', { min: { float: 0 }, max: { float: 6 } }),
        node('GlobalAveragePool', 'd', 'e'),
        node('Shape', 'e', 'shape'),
        node('Constant', [], 'zero', { value: { tensor: integers('zero', 0) } }),
        node('Gather', ['shape', 'zero'], 'count'),
        node('Unsqueeze', 'count', 'first', { axes: [0] }),
        node('Constant', [], 'rest', { value: { tensor: integers('rest', [-1]) } }),
        node('Concat', ['first', 'rest'], 'to', { axis: 0 }),
        node('Reshape', ['e', 'to'], 'f'),
        node('Constant', [], 'turn', { value: { tensor: weights('turn', [3, 6]) } }),
        node('Transpose', 'turn', 'm', { perm: [1, 0] }),
        node('MatMul', ['f', 'm'], 'g'),
        node('Constant', [], 'bias', { value: { tensor: weights('bias', [3]) } }),
        node('Add', ['g', 'bias'], 'h'),
        node('Softmax', 'h', 'y'),
      ],
      constants: [weights('w', [6, 4, 3, 2]), ...statistics(6)],
      opset: 7,
      irVersion: 3,
    });
    const evaluate = { evaluate: evaluateConstants };
    const normal = await normalizeModel(model, evaluate);
    expect(operatorsOf(normal)).toEqual(['Conv', 'Clip', 'GlobalAveragePool', 'Reshape', 'Gemm', 'Softmax']);
    expect(normal.graph?.input.map(({ name }) => name)).toEqual(['x']);
    const inputs = { x: randomTensor('float32', [1, 4, 6, 5], 4) };
    const [received, expected] = [await run(normal, inputs), await run(model, inputs)];
    expect(difference(received['y'] as Result, expected['y'] as Result)).toBeLessThanOrEqual(1e-5);
    expect(await normalizeModel(normal, evaluate)).toBe(normal);
  });
});
