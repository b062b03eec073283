import { existsSync } from 'node:fs';

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it, vi } from 'vitest';

import { countMacs, countOperators, countParameters, parseModel, readModel } from '../../lib/graph/index.js';
import { OnnxTensor } from '../../lib/graph/onnx-tensor.js';
import { AttributeProto_AttributeType as AttributeType, FunctionProtoSchema, ModelProtoSchema } from '../../lib/graph/onnx_pb.js';
import { DataType, integers, madeModel, node, zeros, type MadeModel } from '../tasks/made-models.js';
import { fixture, modelPath } from './models.js';

/** A model whose output says nothing, so that what is known of it is inferred or declared between the nodes. */
const made = (model: Partial<MadeModel>) => parseModel(madeModel({ input: [1, 3, 8, 8], output: ['n'], nodes: [], ...model }));

describe('parameters', () => {
  it('are the elements of the initializers by type, the most bytes first', () => {
    const weights = zeros('w', [4, 3, 3, 3]);
    const half = { name: 'h', dims: [5n], dataType: DataType.FLOAT16, rawData: new Uint8Array(10) };
    const nibbles = { name: 'i', dims: [3n], dataType: DataType.INT4, rawData: new Uint8Array(2) };
    const scalar = zeros('s', []);
    expect(countParameters(made({ initializers: [nibbles, half, weights, scalar] }))).toEqual([
      { dtype: 'float32', count: 4 * 3 * 3 * 3 + 1, bytes: 436 },
      { dtype: 'float16', count: 5, bytes: 10 },
      { dtype: 'int4', count: 3, bytes: 2 },
    ]);
  });

  it('have no size where they are strings', () => {
    const strings = { name: 's', dims: [2n], dataType: DataType.STRING, stringData: [new Uint8Array(3), new Uint8Array(1)] };
    expect(countParameters(made({ initializers: [strings] }))).toEqual([{ dtype: 'string', count: 2, bytes: null }]);
  });

  it('count in external data too, which is not read', async () => {
    expect(countParameters(await readModel(modelPath('fixtures', 'external.onnx')))).toEqual([
      { dtype: 'float32', count: 6, bytes: 24 },
      { dtype: 'int64', count: 2, bytes: 16 },
    ]);
  });

  it('count in sparse initializers as they are stored', () => {
    const model = parseModel(fixture('inputs_with_initializers.onnx'));
    const dense = [...model.initializers.values()].reduce((sum, { elementCount }) => sum + elementCount, 0);
    const stored = model.graph.proto.sparseInitializer.reduce((sum, { values }) => sum + Number(values?.dims[0]), 0);
    expect(stored).toBeGreaterThan(0);
    expect(countParameters(model).reduce((sum, { count }) => sum + count, 0)).toBe(dense + stored);
  });
});

/** A node whose one attribute is a graph of these nodes and initializers. */
function around(nodes: MadeModel['nodes'], initializers: MadeModel['initializers'] = []): MadeModel['nodes'][number] {
  const g = { name: 'inner', node: [...nodes], initializer: [...initializers] };
  return { opType: 'Loop', input: ['', ''], output: ['l'], attribute: [{ name: 'body', type: AttributeType.GRAPH, g }] };
}

describe('operators', () => {
  it('are counted by name and domain, the most frequent first', () => {
    const fused = { ...node('FusedConv', 'x', 'f'), domain: 'com.microsoft' };
    const nodes = [node('Relu', 'x', 'a'), fused, node('Add', ['a', 'f'], 'b'), { ...node('Relu', 'b', 'y'), domain: 'ai.onnx' }];
    expect(countOperators(made({ nodes }))).toEqual([
      { operator: 'Relu', count: 2 },
      { operator: 'Add', count: 1 },
      { operator: 'com.microsoft.FusedConv', count: 1 },
    ]);
  });

  it('of subgraphs count too, at any depth, and so do their parameters', () => {
    const model = made({ nodes: [around([around([node('Relu', 'x', 'r')], [zeros('w', [7])])])] });
    expect(countOperators(model)).toEqual([
      { operator: 'Loop', count: 2 },
      { operator: 'Relu', count: 1 },
    ]);
    expect(countParameters(model)).toEqual([{ dtype: 'float32', count: 7, bytes: 28 }]);
  });
});

/** A model of one node. */
const single = (
  opType: string,
  input: MadeModel['input'],
  weights: readonly number[],
  attributes: Parameters<typeof node>[3] = {},
  operands = ['x', 'w'],
) => made({ input, nodes: [node(opType, operands, 'z', attributes)], initializers: [zeros('w', weights)] });

describe('multiply-accumulates of one node', () => {
  it.each([
    ['a convolution', 'Conv', [1, 3, 8, 8], [4, 3, 3, 3], {}, 4 * 6 * 6 * 27],
    ['padding', 'Conv', [1, 3, 8, 8], [4, 3, 3, 3], { pads: [1, 1, 1, 1] }, 4 * 8 * 8 * 27],
    ['a stride', 'Conv', [2, 3, 9, 8], [4, 3, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 2] }, 2 * 4 * 5 * 4 * 27],
    ['a dilation', 'Conv', [1, 3, 8, 8], [4, 3, 3, 3], { dilations: [2, 3] }, 4 * 4 * 2 * 27],
    ['groups', 'Conv', [1, 6, 8, 8], [6, 1, 3, 3], { group: 6 }, 6 * 6 * 6 * 9],
    ['one spatial dimension', 'Conv', [1, 3, 10], [2, 3, 5], {}, 2 * 6 * 15],
    ['a transposed convolution', 'ConvTranspose', [1, 3, 8, 8], [3, 4, 2, 2], { strides: [2, 2] }, 3 * 64 * 4 * 4],
    ['a matrix product', 'MatMul', [5, 7], [7, 11], {}, 5 * 7 * 11],
    ['a stack of them', 'MatMul', [2, 3, 5, 7], [7, 11], {}, 2 * 3 * 5 * 7 * 11],
    ['a matrix and a vector', 'MatMul', [5, 7], [7], {}, 5 * 7],
    ['Gemm', 'Gemm', [5, 7], [7, 11], {}, 5 * 7 * 11],
    ['Gemm, transposed', 'Gemm', [7, 5], [11, 7], { transA: 1, transB: 1 }, 5 * 7 * 11],
    ['a quantised convolution', 'ConvInteger', [1, 3, 8, 8], [4, 3, 3, 3], {}, 4 * 6 * 6 * 27],
  ] as const)('%s: %s of %j and %j', (_, opType, input, weights, attributes, macs) => {
    expect(countMacs(single(opType, input, weights, attributes as Parameters<typeof node>[3]))).toEqual({
      total: macs,
      known: macs,
      knownNodes: 1,
      nodes: 1,
      takenAsOne: [],
    });
  });

  it('finds the weights of QLinearConv behind scale and zero point', () => {
    const model = single('QLinearConv', [1, 3, 8, 8], [4, 3, 3, 3], {}, ['x', 'sx', 'zx', 'w', 'sw', 'zw', 'sy', 'zy']);
    expect(countMacs(model).total).toBe(4 * 6 * 6 * 27);
  });

  it.each([
    ['a free size', 'Conv', [1, 3, 'h', 8], [4, 3, 3, 3]],
    ['no rank', 'Conv', [], [4, 3, 3, 3]],
    ['sizes that do not go together', 'MatMul', [5, 7], [8, 11]],
    ['a kernel beyond the picture', 'Conv', [1, 3, 2, 2], [4, 3, 5, 5]],
  ] as const)('is unknown with %s', (_, opType, input, weights) => {
    expect(countMacs(single(opType, input, weights))).toMatchObject({ total: null, known: 0, knownNodes: 0, nodes: 1 });
  });
});

describe('multiply-accumulates of a graph', () => {
  const w = zeros('w', [4, 3, 3, 3]);
  const conv = (input: string, output: string) => node('Conv', [input, 'w'], output);

  it('go through activations, pools, concatenation, flattening and Gemm', () => {
    const model = made({
      initializers: [w, zeros('v', [10, 72])],
      nodes: [
        conv('x', 'a'),
        node('Relu', 'a', 'b'),
        node('MaxPool', 'b', 'c', { kernel_shape: [2, 2], strides: [2, 2] }),
        node('Concat', ['c', 'c'], 'd', { axis: 1 }),
        node('Flatten', 'd', 'e'),
        node('Gemm', ['e', 'v'], 'z', { transB: 1 }),
      ],
    });
    expect(countMacs(model)).toMatchObject({ total: 4 * 36 * 27 + 72 * 10, knownNodes: 2, nodes: 2 });
  });

  it('takes a free batch as 1 and says so, through the Reshape that torch writes', () => {
    const model = made({
      input: ['batch', 3, 1, 1],
      initializers: [integers('zero', [0]), integers('rest', [-1]), zeros('v', [3, 5])],
      nodes: [
        node('Shape', 'x', 's'),
        node('Gather', ['s', 'zero'], 'g'),
        node('Concat', ['g', 'rest'], 't', { axis: 0 }),
        node('Reshape', ['x', 't'], 'r'),
        node('MatMul', ['r', 'v'], 'z'),
      ],
    });
    expect(countMacs(model)).toMatchObject({ total: 15, takenAsOne: ['batch'] });
  });

  it('takes no other free size as 1, also where it has the name of the batch', () => {
    const model = made({ input: ['None', 3, 'None', 'None'], initializers: [w], nodes: [conv('x', 'z')] });
    expect(countMacs(model)).toMatchObject({ total: null, takenAsOne: ['None'] });
  });

  it('uses what the file declares behind an operator without a rule, and tells of how many nodes it knows', () => {
    const nodes = [node('RoiAlign', 'x', 'a'), conv('a', 'b'), node('RoiAlign', 'b', 'c'), conv('c', 'z')];
    const declared = { a: [1, 3, 16, 16] };
    expect(countMacs(made({ initializers: [w], nodes, declared }))).toEqual({
      total: null,
      known: 4 * 14 * 14 * 27,
      knownNodes: 1,
      nodes: 2,
      takenAsOne: [],
    });
  });

  it('are unknown where the file declares what cannot be', () => {
    expect(countMacs(made({ initializers: [w], nodes: [conv('x', 'a')], declared: { a: [1, 4, 7, 6] } })).total).toBeNull();
  });

  it('are unknown of functions, whose shapes are those of their callers', () => {
    const bytes = madeModel({ input: [1, 3, 8, 8], output: ['n'], initializers: [w], nodes: [conv('x', 'a')] });
    const proto = fromBinary(ModelProtoSchema, bytes);
    proto.functions.push(create(FunctionProtoSchema, { name: 'F', domain: 'own', node: [conv('x', 'b')] }));
    const model = parseModel(toBinary(ModelProtoSchema, proto));
    expect(countMacs(model)).toMatchObject({ total: null, known: 4 * 36 * 27, knownNodes: 1, nodes: 2 });
  });

  it('are unknown, and nothing breaks, where operators lack their inputs', () => {
    const nodes = ['Add', 'Conv', 'Concat', 'Gemm', 'MatMul', 'Reshape', 'Gather'].map((opType) => node(opType, [], 'z'));
    expect(countMacs(made({ nodes }))).toMatchObject({ total: null, knownNodes: 0, nodes: 3 });
  });

  it('are told in no time of a damaged model whose lists double with every node', () => {
    const nodes = Array.from({ length: 60 }, (_, i) => node('Concat', [`n${i}`, `n${i}`], `n${i + 1}`, { axis: 0 }));
    expect(countMacs(made({ initializers: [integers('n0', [1, 2])], nodes }))).toMatchObject({ total: 0, nodes: 0 });
  });

  it('are unknown of a rank that no model has: each node would hand such a shape on', () => {
    const nodes = [node('MatMul', ['x', 'v'], 'a')];
    const withRank = (rank: number) => made({ initializers: [zeros('v', [...Array<number>(rank - 2).fill(1), 8, 8])], nodes });
    expect(countMacs(withRank(16)).total).not.toBeNull();
    expect(countMacs(withRank(17)).total).toBeNull();
  });

  it('do not take the data of weights, which may have to be copied', () => {
    const model = made({ initializers: [w], nodes: [conv('x', 'a')] });
    const data = vi.spyOn(OnnxTensor.prototype, 'data', 'get');
    countMacs(model);
    expect(data).not.toHaveBeenCalled();
    data.mockRestore();
  });

  it('are unknown of subgraphs, which run as often as they like', () => {
    const model = made({ initializers: [w], nodes: [conv('x', 'a'), around([conv('x', 'b')])] });
    expect(countMacs(model)).toMatchObject({ total: null, known: 4 * 36 * 27, knownNodes: 1, nodes: 2 });
  });
});

describe('published models', () => {
  describe.each([
    // Their papers and pages say: 3.5 M and 0.30 G; 3.2 M and 8.7 GFLOPs; 0.91 M and 1.08 GFLOPs. A multiply-accumulate is two FLOPs.
    ['mobilenetv2_fp32.onnx', 3.5e6, 0.3e9],
    ['yolov8n_fp32.onnx', 3.2e6, 4.35e9],
    ['yolox_nano_416.onnx', 0.91e6, 0.54e9],
  ])('%s', (name, parameters, macs) => {
    const path = modelPath('shared', name);
    const missing = !existsSync(path);
    if (missing) console.warn(`SKIPPED: ${path} is missing`);

    it.skipIf(missing)('has the parameters and multiply-accumulates that are known of it', async () => {
      const model = await readModel(path);
      const count = countParameters(model).reduce((sum, type) => sum + type.count, 0);
      expect(Math.abs(count / parameters - 1)).toBeLessThan(0.01);
      expect(Math.abs((countMacs(model).total ?? 0) / macs - 1)).toBeLessThan(0.04);
    });
  });
});
