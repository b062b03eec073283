import { describe, expect, it } from 'vitest';
import { diffModels, encodeModel, parseModel, renameValues, type ModelProto } from '../../lib/graph/index.js';
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

const nothing = { added: [], removed: [], changed: [] };

describe('diffModels', () => {
  it('finds nothing where there is nothing, however it is stored', () => {
    const listed = graphModel({ inputs: { x: [1] }, nodes: [], constants: [{ ...integers('i', [1, 2]) }], outputs: ['x'] });
    const raw = graphModel({
      inputs: { x: [1] },
      nodes: [],
      constants: [{ name: 'i', dims: [2n], dataType: 7, rawData: new Uint8Array(BigInt64Array.of(1n, 2n).buffer) }],
      outputs: ['x'],
    });
    expect(diffModels(listed, raw)).toEqual({
      same: true,
      header: [],
      inputs: [],
      outputs: [],
      nodes: nothing,
      initializers: nothing,
      operators: [],
    });
    expect(diffModels(model(), parseModel(encodeModel(model())).proto).same).toBe(true);
  });

  it('tells attributes, elements and operator sets', () => {
    const diff = diffModels(model(), model({ axis: 0, bias: [1, 2.5, 2], opset: 18 }));
    expect(diff.same).toBe(false);
    expect(diff.header).toEqual([{ what: 'opset of ONNX', before: '17', after: '18' }]);
    expect(diff.nodes).toEqual({
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
    expect(diff.initializers).toEqual({
      ...nothing,
      changed: [{ name: 'bias', before: 'float32 [3]', after: 'float32 [3]', maxAbsDifference: 1, differing: 2 }],
    });
  });

  it('tells nodes that came and went, and counts operators', () => {
    const { nodes, operators } = diffModels(model(), model({ last: 'Tanh' }));
    expect(nodes.added.map(({ operator }) => operator)).toEqual(['Tanh']);
    expect(nodes.removed.map(({ operator }) => operator)).toEqual(['Relu']);
    expect(operators).toEqual([
      { operator: 'Relu', before: 1, after: 0 },
      { operator: 'Tanh', before: 0, after: 1 },
    ]);
  });

  it('follows values that were renamed', () => {
    const { nodes } = diffModels(model(), model({ names: ' new' }));
    expect([nodes.added, nodes.removed]).toEqual([[], []]);
    expect(nodes.changed.map(({ changes }) => changes)).toEqual([
      [{ what: 'outputs', before: 'sum', after: 'sum new' }],
      [{ what: 'outputs', before: 'soft', after: 'soft new' }],
    ]);
    const { outputs } = diffModels(model(), renameValues(model(), { y: 'z' }));
    expect(outputs).toEqual([
      { what: 'y', before: 'float32 of any shape', after: null },
      { what: 'z', before: null, after: 'float32 of any shape' },
    ]);
  });

  it('tells constants of another shape', () => {
    const one = (dims: readonly number[]): ModelProto =>
      graphModel({ inputs: { x: [1] }, nodes: [], constants: [weights('w', dims)], outputs: ['x'] });
    expect(diffModels(one([2, 3]), one([3, 2])).initializers.changed).toEqual([
      { name: 'w', before: 'float32 [2, 3]', after: 'float32 [3, 2]', maxAbsDifference: null, differing: null },
    ]);
  });
});
