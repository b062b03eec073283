/** Constants: where they are stored, what is computed of them, and what nobody reads. */
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { foldConstants, inlineConstants, normalizeModel, removeUnused, type ModelProto } from '../../lib/graph/index.js';
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  SparseTensorProtoSchema,
  TensorProtoSchema,
  type AttributeProtoSchema,
} from '../../lib/graph/onnx_pb.js';
import { evaluateConstants } from '../../lib/optimize/evaluate-constants.js';
import { Tensor } from '../../lib/tensor/index.js';
import {
  choice,
  DataType,
  elsewhere,
  graphModel,
  inputsOf,
  integers,
  node,
  randomTensor,
  run,
  scales,
  value,
  weights,
  type Constant,
  type MadeGraph,
  type Node,
} from './made-graphs.js';

const operatorsOf = (model: ModelProto): string[] => (model.graph?.node ?? []).map(({ opType }) => opType);
const initializersOf = (model: ModelProto): string[] => (model.graph?.initializer ?? []).map(({ name }) => name);
const x = randomTensor('float32', [2, 3], 5);
const truth = (isSo: boolean): Tensor => new Tensor('bool', Uint8Array.of(Number(isSo)), []);

/** Asks of a pass that ONNX Runtime gives the same bits, and that the model is left as it is. */
async function sameBits(
  model: ModelProto,
  pass: (model: ModelProto) => ModelProto | Promise<ModelProto>,
  inputs: Record<string, Tensor> = { x },
): Promise<ModelProto> {
  const before = toBinary(ModelProtoSchema, model);
  const expected = await run(model, inputs);
  const rewritten = await pass(model);
  expect(await run(rewritten, inputs)).toEqual(expected);
  expect(Buffer.compare(toBinary(ModelProtoSchema, model), before), 'the model is left as it is').toBe(0);
  expect(await pass(rewritten), 'there is no more to do').toBe(rewritten);
  return rewritten;
}

/** A Constant that makes `c`. */
function constantWith(attribute: MessageInitShape<typeof AttributeProtoSchema>): Node {
  return { opType: 'Constant', output: ['c'], attribute: [attribute] };
}

const nothing: MadeGraph = { inputs: { x: [2, 3] }, nodes: [node('Relu', 'x', 'y')] };
const damaged = (): ModelProto => graphModel({ ...nothing, nodes: [node('Relu', 'x', 'y'), node('Neg', 'x', 'y')] });

describe('inlineConstants', () => {
  it('takes weights off the inputs, in old formats too', async () => {
    const model = graphModel({
      inputs: { x: [2, 3], w: [3] },
      nodes: [node('Mul', ['x', 'w'], 'y')],
      constants: [weights('w', [3])],
      opset: 9,
      irVersion: 3,
    });
    const inlined = await sameBits(model, inlineConstants);
    expect(inlined.graph?.input.map(({ name }) => name)).toEqual(['x']);
    expect(inlined.irVersion).toBe(4n);
    expect(inlined.graph?.initializer[0]).toBe(model.graph?.initializer[0]);
  });

  it.each([
    ['a tensor', { value: { tensor: weights('other name', [3]) } }, [3]],
    ['a float', { value_float: { float: 0.5 } }, []],
    ['floats', { value_floats: { floats: [1, 2, 3] } }, [3]],
  ] as const)('makes an initializer of a Constant that holds %s', async (_, attributes, dims) => {
    const model = graphModel({ ...nothing, nodes: [node('Constant', [], 'c', attributes), node('Mul', ['x', 'c'], 'y')] });
    const inlined = await sameBits(model, inlineConstants);
    expect(operatorsOf(inlined)).toEqual(['Mul']);
    expect(inlined.graph?.initializer).toMatchObject([{ name: 'c', dims: dims.map(BigInt) }]);
  });

  it.each([
    ['a number', { value_int: 1 }, []],
    ['numbers', { value_ints: [1, 0] }, [2]],
  ] as const)('makes an initializer of a Constant that holds %s', async (_, attributes, dims) => {
    const nodes = [node('Constant', [], 'c', attributes), node('Gather', ['x', 'c'], 'y', { axis: 1 })];
    const inlined = await sameBits(graphModel({ ...nothing, nodes }), inlineConstants);
    expect(inlined.graph?.initializer).toMatchObject([{ name: 'c', dims: dims.map(BigInt), dataType: DataType.INT64 }]);
  });

  it('keeps text', () => {
    const strings = ['a', 'ß'].map((one) => new TextEncoder().encode(one));
    const constant = constantWith({ name: 'value_strings', type: AttributeType.STRINGS, strings });
    const model = graphModel({ ...nothing, nodes: [constant, node('Concat', ['c', 'c'], 'y', { axis: 0 })] });
    expect(inlineConstants(model).graph?.initializer).toMatchObject([
      { dims: [2n], dataType: DataType.STRING, stringData: strings },
    ]);
  });

  it('keeps a sparse constant sparse', async () => {
    const sparseTensor = create(SparseTensorProtoSchema, {
      values: scales('v', [2, 3]),
      indices: integers('i', [0, 2]),
      dims: [3n],
    });
    const constant = constantWith({ name: 'sparse_value', type: AttributeType.SPARSE_TENSOR, sparseTensor });
    const model = graphModel({ ...nothing, nodes: [constant, node('Mul', ['x', 'c'], 'y')] });
    const inlined = await sameBits(model, inlineConstants);
    expect(operatorsOf(inlined)).toEqual(['Mul']);
    expect(inlined.graph?.sparseInitializer.map(({ values }) => values?.name)).toEqual(['c']);
  });

  it('leaves a Constant that is an output', async () => {
    const model = graphModel({
      ...nothing,
      nodes: [...nothing.nodes, node('Constant', [], 'c', { value_float: { float: 2 } })],
      outputs: ['y', 'c'],
    });
    expect(await sameBits(model, inlineConstants)).toBe(model);
  });

  it('goes into the graphs within the graph', async () => {
    const within = node('Constant', [], 'c', { value_float: { float: 2 } });
    const model = graphModel({
      inputs: { x: [2, 3], if: value('if', [], DataType.BOOL) },
      nodes: [choice('if', 'y', node('Mul', ['x', 'c'], 'a'), node('Neg', 'x', 'b'))],
    });
    const branch = model.graph?.node[0]?.attribute[0]?.g;
    branch?.node.unshift(graphModel({ ...nothing, nodes: [within] }).graph!.node[0]!);
    const inlined = await sameBits(model, inlineConstants, { x, if: truth(true) });
    const changed = inlined.graph?.node[0]?.attribute[0]?.g;
    expect(changed?.node.map(({ opType }) => opType)).toEqual(['Mul']);
    expect(changed?.initializer.map(({ name }) => name)).toEqual(['c']);
  });
});

describe('removeUnused', () => {
  it('drops nodes, constants and declared types that nobody reads', async () => {
    const model = graphModel({
      ...nothing,
      nodes: [node('Mul', ['x', 'w'], 'a'), node('Neg', 'a', 'b'), node('Relu', 'x', 'y')],
      constants: [weights('w', [3])],
      declared: [value('a', [2, 3]), value('never', [1])],
    });
    const cleaned = await sameBits(model, removeUnused);
    expect([operatorsOf(cleaned), initializersOf(cleaned), cleaned.graph?.valueInfo]).toEqual([['Relu'], [], []]);
  });

  it('takes out Identity and Dropout, whoever reads them', async () => {
    const model = graphModel({
      inputs: { x: [2, 3], if: value('if', [], DataType.BOOL) },
      nodes: [
        node('Identity', 'x', 'a'),
        node('Dropout', ['a', 'ratio', 'training'], 'b'),
        node('Neg', 'b', 'c'),
        node('Identity', 'c', 'd'),
        choice('if', 'y', node('Abs', 'd', 'e'), node('Add', ['b', 'd'], 'f')),
        node('Identity', 'c', 'z'),
        node('Identity', 'd', 'z2'),
      ],
      constants: [
        { ...scales('ratio', [0.5]), dims: [] },
        { name: 'training', dims: [], dataType: DataType.BOOL, int32Data: [0] },
      ],
      outputs: ['y', 'z', 'z2'],
    });
    for (const isSo of [true, false]) {
      const cleaned = await sameBits(model, removeUnused, { x, if: truth(isSo) });
      expect(operatorsOf(cleaned)).toEqual(['Neg', 'If', 'Identity']);
      expect(cleaned.graph?.node[0]?.output).toEqual(['z']);
      expect(cleaned.graph?.node[2]).toMatchObject({ input: ['z'], output: ['z2'] });
    }
  });

  it('keeps the names of inputs and outputs', async () => {
    const model = graphModel({
      inputs: { x: [2, 3], unread: [1] },
      nodes: [node('Identity', 'x', 'y'), node('Identity', 'w', 'v')],
      constants: [weights('w', [3])],
      outputs: ['y', 'v'],
    });
    const inputs = { x, unread: randomTensor('float32', [1], 1) };
    expect(await sameBits(model, removeUnused, inputs)).toBe(model);
  });

  it('keeps Dropout that trains, or may', () => {
    const training = graphModel({
      inputs: { x: [2, 3], t: value('t', [], DataType.BOOL) },
      nodes: [node('Dropout', ['x', '', 't'], 'a'), node('Relu', 'a', 'y')],
    });
    expect(removeUnused(training)).toBe(training);
    const masked = graphModel({ ...nothing, nodes: [node('Dropout', 'x', ['y', 'm'])], outputs: ['y', 'm'] });
    expect(removeUnused(masked)).toBe(masked);
  });

  it('cleans the graphs within the graph', async () => {
    const model = graphModel({
      inputs: { x: [2, 3], if: value('if', [], DataType.BOOL) },
      nodes: [node('Identity', 'x', 'a'), choice('if', 'y', node('Neg', 'a', 'b'), node('Abs', 'own', 'c'))],
    });
    const [then, otherwise] = model.graph?.node[1]?.attribute.map(({ g }) => g!) ?? [];
    then?.node.unshift(graphModel({ ...nothing, nodes: [node('Sin', 'a', 'unread')] }).graph!.node[0]!);
    otherwise?.node.unshift(graphModel({ ...nothing, nodes: [node('Identity', 'a', 'own')] }).graph!.node[0]!);
    for (const isSo of [true, false]) {
      const cleaned = await sameBits(model, removeUnused, { x, if: truth(isSo) });
      const graphs = cleaned.graph?.node[0]?.attribute.map(({ g }) => g?.node.map(({ opType, input }) => [opType, ...input]));
      expect(graphs).toEqual([[['Neg', 'x']], [['Abs', 'x']]]);
    }
  });
});

describe('a graph within the graph', () => {
  it('reads its own value where it has one of the name that is taken out around it', () => {
    const model = graphModel({
      inputs: { x: [2, 3], if: value('if', [], DataType.BOOL) },
      nodes: [node('Identity', 'x', 'a'), choice('if', 'y', node('Neg', 'a', 'b'), node('Abs', 'a', 'c'))],
    });
    model.graph?.node[1]?.attribute[1]?.g?.initializer.push(create(TensorProtoSchema, weights('a', [2, 3])));
    const graphs = removeUnused(model).graph?.node[0]?.attribute.map(({ g }) => g?.node.map(({ input }) => input));
    expect(graphs).toEqual([[['x']], [['a']]]);
  });
});

describe('foldConstants', () => {
  const fold = (model: ModelProto): Promise<ModelProto> => foldConstants(model, evaluateConstants);

  it('computes what comes of constants alone, all in one run', async () => {
    const model = graphModel({
      ...nothing,
      nodes: [
        node('Concat', ['one', 'rest'], 'list', { axis: 0 }),
        node('Add', ['v', 'w'], 'sum'),
        node('Transpose', 'sum', 'turned'),
        node('Constant', [], 'two', { value_float: { float: 2 } }),
        node('Mul', ['turned', 'two'], 'twice'),
        node('MatMul', ['x', 'twice'], 'a'),
        node('Reshape', ['a', 'list'], 'y'),
      ],
      constants: [weights('v', [4, 3]), weights('w', [4, 3]), integers('one', [1]), integers('rest', [-1])],
    });
    let calls = 0;
    const folded = await foldConstants(model, (part) => {
      calls += 1;
      expect([inputsOf(part), part.graph?.output.map(({ name }) => name).sort()]).toEqual([[], ['list', 'twice']]);
      return evaluateConstants(part);
    });
    expect(calls).toBe(1);
    expect(operatorsOf(folded)).toEqual(['MatMul', 'Reshape']);
    expect(initializersOf(folded).sort()).toEqual(['list', 'twice']);
    await sameBits(model, fold);
  });

  it('knows the sizes of what is fixed, whatever the batch', async () => {
    const shapes = [
      node('Shape', 'x', 's'),
      node('Gather', ['s', 'one'], 'g'),
      node('Size', 'x', 'n'),
      node('Add', ['g', 'n'], 'y'),
    ];
    const constants = [integers('one', 1)];
    const outputs = [value('y', undefined, DataType.INT64)];
    const fixed = await sameBits(graphModel({ inputs: { x: [2, 3] }, nodes: shapes, constants, outputs }), fold);
    expect(operatorsOf(fixed)).toEqual(['Constant']);
    const free = graphModel({ inputs: { x: ['n', 3] }, nodes: shapes, constants, outputs });
    expect(operatorsOf(await sameBits(free, fold))).toEqual(['Shape', 'Gather', 'Size', 'Add']);
    // Of an axis that grows with the batch too: at a batch of 1 it would look fixed.
    const around = [node('Reshape', ['x', 'flat'], 'r'), node('Shape', 'r', 'y')];
    const flattened = graphModel({ inputs: { x: ['n', 3] }, nodes: around, constants: [integers('flat', [-1])], outputs });
    expect(operatorsOf(await sameBits(flattened, fold))).toEqual(['Reshape', 'Shape']);
  });

  it('leaves what holds weights small, what is random, of other domains, within branches, or elsewhere', async () => {
    const model = graphModel({
      inputs: { x: [2], if: value('if', [], DataType.BOOL) },
      nodes: [
        node('DequantizeLinear', ['q', 'scale'], 'a'),
        node('RandomNormalLike', 'w', 'b'),
        { ...node('Relu', 'w', 'c'), domain: 'com.example' },
        choice('if', 'd', node('Neg', 'w', 'd1'), node('Abs', 'w', 'd2')),
        node('Neg', 'file', 'e'),
        node('Sum', ['x', 'a', 'b', 'c', 'd', 'e'], 'y'),
      ],
      constants: [
        { name: 'q', dims: [2n], dataType: DataType.INT8, int32Data: [1, 2] },
        { ...scales('scale', [0.5]), dims: [] },
        weights('w', [2]),
        elsewhere('file', 'weights.bin', DataType.FLOAT),
      ],
    });
    const refuse = () => Promise.reject(new Error('nothing is evaluated'));
    expect(await foldConstants(model, refuse)).toBe(model);
  });

  it('leaves weights that a caller may override', async () => {
    const model = graphModel({
      inputs: { x: [2, 3], w: [3] },
      nodes: [node('Neg', 'w', 'v'), node('Mul', ['x', 'v'], 'y')],
      constants: [weights('w', [3])],
    });
    expect(await fold(model)).toBe(model);
  });

  it.each([
    ['above 16 MiB', [2049, 2048], ['ConstantOfShape', 'ReduceSum', 'Add']],
    ['up to 16 MiB', [2048, 2048], ['Add']],
  ] as const)('results %s', async (_, sizes, expected) => {
    const nodes = [node('ConstantOfShape', 'list', 'large'), node('ReduceSum', 'large', 's'), node('Add', ['x', 's'], 'y')];
    const folded = await fold(graphModel({ ...nothing, nodes, constants: [integers('list', sizes)] }));
    expect(operatorsOf(folded)).toEqual(expected);
  });

  it('computes a large result that takes the place of what it is made of', async () => {
    const large = { ...weights('w', [1]), dims: [2049n, 2048n], rawData: new Uint8Array(2049 * 2048 * 4) };
    const nodes = [node('Transpose', 'w', 't'), node('MatMul', ['x', 't'], 'y')];
    const model = graphModel({ inputs: { x: [1, 2048] }, nodes, constants: [large] });
    expect(operatorsOf(await fold(model))).toEqual(['MatMul']);
    const shared = graphModel({
      inputs: { x: [1, 2048] },
      nodes: [...nodes, node('Neg', 'w', 'z')],
      constants: [large],
      outputs: ['y', 'z'],
    });
    expect(operatorsOf(await fold(shared))).toEqual(['Transpose', 'MatMul', 'Neg']);
  });

  it('makes no constant of absurd size', async () => {
    const nodes = [
      node('ConstantOfShape', 'list', 'a'),
      node('Range', ['zero', 'much', 'step'], 'r'),
      node('Add', ['a', 'r'], 'b'),
      node('Mul', ['x', 'b'], 'y'),
    ];
    const constants = [integers('list', [2 ** 40, 2 ** 12]), integers('zero', 0), integers('much', 2 ** 50), integers('step', 1)];
    const model = graphModel({ ...nothing, nodes, constants });
    expect(await foldConstants(model, () => Promise.reject(new Error('nothing is evaluated')))).toBe(model);
  });

  it('keeps the bits of float16, truths and integers, and makes outputs by Constants', async () => {
    const half = (name: string, dataType: DataType): Constant => ({
      name,
      dims: [2n],
      dataType,
      int32Data: [0x3c00, 0x7e01],
    });
    const nodes = [
      node('Concat', ['h', 'h'], 'y', { axis: 0 }),
      node('Concat', ['i', 'i'], 'z', { axis: 0 }),
      node('Not', 'b', 'v'),
    ];
    const constants = [
      half('h', DataType.FLOAT16),
      { name: 'i', dims: [1n], dataType: DataType.UINT8, int32Data: [255] },
      { name: 'b', dims: [2n], dataType: DataType.BOOL, int32Data: [0, 1] },
    ];
    const outputs = [value('y', [4], DataType.FLOAT16), value('z', [2], DataType.UINT8), value('v', [2], DataType.BOOL)];
    const folded = await sameBits(graphModel({ inputs: {}, nodes, constants, outputs }), fold, {});
    expect(folded.graph?.node.map(({ opType, output }) => [opType, ...output])).toEqual([
      ['Constant', 'y'],
      ['Constant', 'z'],
      ['Constant', 'v'],
    ]);
  });

  it('refuses an evaluation that does not give what was asked for', async () => {
    const model = graphModel({
      ...nothing,
      nodes: [node('Neg', 'w', 'v'), node('Mul', ['x', 'v'], 'y')],
      constants: [weights('w', [3])],
    });
    await expect(foldConstants(model, () => Promise.resolve(new Map()))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('all of them', () => {
  it.each([
    ['inlineConstants', inlineConstants],
    ['removeUnused', removeUnused],
    ['foldConstants', (model: ModelProto) => foldConstants(model, evaluateConstants)],
    ['normalizeModel', (model: ModelProto) => normalizeModel(model, { evaluate: evaluateConstants })],
  ])('%s refuses opset 6 and a damaged model, and returns a model in which there is nothing to do', async (_, pass) => {
    const model = graphModel(nothing);
    expect(await pass(model)).toBe(model);
    await expect((async () => pass(graphModel({ ...nothing, opset: 6 })))()).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
    await expect((async () => pass(damaged()))()).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  });

  it('normalizeModel refuses options that it does not know', async () => {
    const options = { evaluate: evaluateConstants, optset: 17 };
    await expect(normalizeModel(graphModel(nothing), options)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' });
  });
});
