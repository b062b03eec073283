import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { afterAll, describe, expect, it } from 'vitest';
import {
  changed,
  diffModels,
  encodeModel,
  parseModel,
  readModel,
  renameValues,
  writeModel,
  type OnnxModel,
  type ModelDiff,
  type ModelProto,
  type TensorLabel,
} from '../../lib/graph/index.js';
import { FunctionProtoSchema, type FunctionProto } from '../../lib/graph/onnx_pb.js';
import { graphModel, integers, node, scales, weights } from './made-graphs.js';

function model(
  change: { axis?: number; last?: string; bias?: readonly number[]; opset?: number; names?: string } = {},
): ModelProto {
  const { axis = 1, last = 'Relu', bias = [1, 2, 3], opset = 17, names = '' } = change;
  return graphModel({
    inputs: { x: ['n', 3] },
    nodes: [
      node('Add', ['x', 'bias'], `sum${names}`),
      node('Softmax', `sum${names}`, `soft${names}`, { axis }),
      node(last, `soft${names}`, 'y'),
    ],
    constants: [scales('bias', bias), integers('idle', [1])],
    opset,
  });
}

const folder = mkdtempSync(join(tmpdir(), 'foveate-diff-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const diff = (before: ModelProto, after: ModelProto): Promise<ModelDiff> =>
  diffModels(parseModel(encodeModel(before)), parseModel(encodeModel(after)));

const float32 = (dims: readonly number[]): TensorLabel => ({
  dtype: 'float32',
  dims,
  bytes: 4 * dims.reduce((product, size) => product * size, 1),
});

const nothing = { added: [], removed: [], changed: [] };

describe('diffModels', () => {
  it('finds nothing where there is nothing, however it is stored', async () => {
    const listed = graphModel({ inputs: { x: [1] }, nodes: [], constants: [{ ...integers('i', [1, 2]) }], outputs: ['x'] });
    const raw = graphModel({
      inputs: { x: [1] },
      nodes: [],
      constants: [{ name: 'i', dims: [2n], dataType: 7, rawData: new Uint8Array(BigInt64Array.of(1n, 2n).buffer) }],
      outputs: ['x'],
    });
    expect(await diff(listed, raw)).toEqual({
      same: true,
      header: [],
      inputs: [],
      outputs: [],
      nodes: nothing,
      initializers: nothing,
      operators: [],
    });
    expect((await diff(model(), model())).same).toBe(true);
  });

  it('tells attributes, elements and operator sets', async () => {
    const found = await diff(model(), model({ axis: 0, bias: [1, 2.5, 2], opset: 18 }));
    expect(found.same).toBe(false);
    expect(found.header).toEqual([{ what: 'opset of ONNX', before: '17', after: '18' }]);
    expect(found.nodes).toEqual({
      ...nothing,
      changed: [
        {
          operator: 'Softmax',
          name: 'the soft',
          outputs: ['soft'],
          changes: [{ what: 'attribute axis', before: '1', after: '0' }],
        },
      ],
    });
    expect(found.initializers).toEqual({
      ...nothing,
      changed: [{ name: 'bias', before: float32([3]), after: float32([3]), maxAbsDifference: 1, differing: 2 }],
    });
  });

  it('tells nodes that came and went, and counts operators', async () => {
    const { nodes, operators } = await diff(model(), model({ last: 'Tanh' }));
    expect(nodes.added.map(({ operator }) => operator)).toEqual(['Tanh']);
    expect(nodes.removed.map(({ operator }) => operator)).toEqual(['Relu']);
    expect(operators).toEqual([
      { operator: 'Relu', before: 1, after: 0 },
      { operator: 'Tanh', before: 0, after: 1 },
    ]);
  });

  it('follows values that were renamed', async () => {
    const { nodes } = await diff(model(), model({ names: ' new' }));
    expect([nodes.added, nodes.removed]).toEqual([[], []]);
    expect(nodes.changed.map(({ changes }) => changes)).toEqual([
      [{ what: 'output 0', before: 'sum', after: 'sum new' }],
      [{ what: 'output 0', before: 'soft', after: 'soft new' }],
    ]);
    const { outputs } = await diff(model(), renameValues(model(), { y: 'z' }));
    expect(outputs).toEqual([
      { what: 'y', before: 'float32 of any shape', after: null },
      { what: 'z', before: null, after: 'float32 of any shape' },
    ]);
  });

  it('tells constants of another shape', async () => {
    const one = (dims: readonly number[]): ModelProto =>
      graphModel({ inputs: { x: [1] }, nodes: [], constants: [weights('w', dims)], outputs: ['x'] });
    expect((await diff(one([2, 3]), one([3, 2]))).initializers.changed).toEqual([
      { name: 'w', before: float32([2, 3]), after: float32([3, 2]), maxAbsDifference: null, differing: null },
    ]);
  });

  it('compares elements in other files by what they are, a piece at a time', async () => {
    const count = 700_000; // of 4 bytes: more than two steps, the last one not full
    const one = (at?: number, value?: number): ModelProto => {
      const data = Float32Array.from({ length: count }, (_, index) => (index === at ? (value as number) : index % 7));
      return graphModel({ inputs: { x: [1] }, nodes: [], constants: [scales('w', [...data])], outputs: ['x'] });
    };
    const [a, b, c] = ['a.onnx', 'b.onnx', 'c.onnx'].map((name) => join(folder, name)) as [string, string, string];
    await writeModel(one(), a, { externalData: 'always' });
    await writeModel(one(), b, { externalData: 'never' });
    await writeModel(one(count - 1, 100), c, { externalData: 'always' });
    const [inA, inB, inC] = await Promise.all([a, b, c].map((path) => readModel(path)));
    expect((await diffModels(inA as OnnxModel, inB as OnnxModel)).same).toBe(true);
    for (const [before, after] of [
      [inA, inC],
      [inC, inB],
    ]) {
      const { initializers } = await diffModels(before as OnnxModel, after as OnnxModel);
      const same = float32([count]);
      const largest = 100 - ((count - 1) % 7);
      expect(initializers.changed).toEqual([{ name: 'w', before: same, after: same, maxAbsDifference: largest, differing: 1 }]);
    }
    rmSync(`${c}.data`);
    await expect(diffModels(inA as OnnxModel, inC as OnnxModel)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await expect(diffModels(inA as OnnxModel, inB as OnnxModel, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });

  it('tells functions, and inputs in another order', async () => {
    const own = (operator: string): FunctionProto =>
      create(FunctionProtoSchema, { domain: 'mine', name: 'twice', node: [node(operator, 'a', 'b')] });
    const [relu, tanh] = [changed(model(), { functions: [own('Relu')] }), changed(model(), { functions: [own('Tanh')] })];
    expect((await diff(relu, relu)).same).toBe(true);
    expect((await diff(relu, tanh)).header).toEqual([
      { what: 'function mine.twice', before: '1 nodes', after: '1 nodes, others' },
    ]);
    expect((await diff(model(), tanh)).header).toEqual([{ what: 'function mine.twice', before: null, after: '1 nodes' }]);
    const two = (inputs: Readonly<Record<string, readonly number[]>>): ModelProto =>
      graphModel({ inputs, nodes: [node('Add', ['a', 'b'], 'y')], outputs: ['y'] });
    const found = await diff(two({ a: [1], b: [1] }), two({ b: [1], a: [1] }));
    expect(found).toMatchObject({ same: false, inputs: [{ what: 'order', before: 'a, b', after: 'b, a' }] });
  });
});
