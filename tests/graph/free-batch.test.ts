/** Constructs that hold a batch fixed, one small graph each, run by ONNX Runtime as they are and freed: tests/graph/freed.ts. */
import { describe, expect, it } from 'vitest';
import { freeBatch, parseModel, encodeModel, type ModelProto, type OnnxTensor } from '../../lib/graph/index.js';
import { checkFreed, checks } from './freed.js';
import { graphModel, inputsOf, integers, node, outputsOf, value, weights, DataType, type MadeGraph } from './made-graphs.js';

/** The operators of a freed graph, in order. */
function operators(model: ModelProto): string[] {
  return (model.graph?.node ?? []).map(({ opType }) => opType);
}

/** The list that the only Reshape reads. */
function reshapeList(model: ModelProto): number[] {
  const { nodes, initializers } = parseModel(encodeModel(model));
  const list = nodes.find(({ opType }) => opType === 'Reshape')?.inputs[1] ?? '';
  const made = nodes.find(({ outputs }) => outputs[0] === list)?.attributes.get('value') as OnnxTensor | undefined;
  return Array.from((made ?? initializers.get(list))?.data ?? [], Number);
}

describe('Reshape', () => {
  it.each([
    ['1 where the batch stays is copied', [1, 84, -1], {}, 17, [0, 84, 10]],
    ['all sizes named', [1, 84, 2, 5], {}, 7, [0, 84, 2, 5]],
    ['a batch that is computed stays so', [-1, 12, 70], {}, 13, [-1, 12, 70]],
    ['a batch that is copied stays so', [0, 70, 12], {}, 14, [0, 70, 12]],
    ['where zeros are sizes too', [1, 840], { allowzero: 1 }, 14, [0, 840]],
    ['one axis more in front', [2, 1, 5, 84], {}, 17, [2, -1, 5, 84]],
  ] as const)('%s: %j', async (_, list, attributes, opset, expected) => {
    // Where an axis comes before the batch, pictures lie behind it.
    const isSecond = list[1] === 1;
    const nodes = isSecond
      ? [
          node('Reshape', ['x', 'apart'], 'a'),
          node('Transpose', 'a', 't', { perm: [1, 0, 2] }),
          node('Reshape', ['t', 'list'], 'r'),
          node('Transpose', 'r', 'y', { perm: [1, 0, 2, 3] }),
        ]
      : [node('Reshape', ['x', 'list'], 'y', attributes)];
    const constants = [integers('list', list), ...(isSecond ? [integers('apart', [0, 2, 420])] : [])];
    const freed = await checkFreed(graphModel({ inputs: { x: [1, 84, 10] }, nodes, constants, opset }));
    if (!isSecond) expect(reshapeList(freed)).toEqual(expected);
  });

  it.each(
    checks([
      [
        'the list is a Constant',
        {
          inputs: { x: [1, 6, 4] },
          nodes: [
            node('Constant', [], 'list', { value: { tensor: integers('', [1, 24]) } }),
            node('Reshape', ['x', 'list'], 'y'),
          ],
        },
      ],
      [
        'constants are inputs, as in old files',
        {
          inputs: { x: [1, 6, 4], list: value('list', [2], DataType.INT64) },
          nodes: [node('Reshape', ['x', 'list'], 'y')],
          constants: [integers('list', [1, 24])],
          irVersion: 3,
          opset: 7,
        },
      ],
      [
        'the list is put together of constants',
        {
          inputs: { x: [1, 6, 4] },
          nodes: [node('Concat', ['one', 'rest'], 'list', { axis: 0 }), node('Reshape', ['x', 'list'], 'y')],
          constants: [integers('one', [1]), integers('rest', [3, -1])],
        },
      ],
      [
        'the list is cut out of a constant',
        {
          inputs: { x: [1, 6, 4] },
          nodes: [
            node('Slice', ['all', 'from', 'to'], 'list'),
            node('Cast', 'list', 'same', { to: DataType.INT64 }),
            node('Reshape', ['x', 'same'], 'y'),
          ],
          constants: [integers('all', [9, 1, 24, 9]), integers('from', [1]), integers('to', [3])],
        },
      ],
      [
        'the list is computed from the shape, by Gather and Concat',
        {
          inputs: { x: [1, 6, 4] },
          nodes: [
            node('Shape', 'x', 's'),
            node('Gather', ['s', 'zero'], 'n', { axis: 0 }),
            node('Unsqueeze', 'n', 'batch', { axes: [0] }),
            node('Concat', ['batch', 'rest'], 'list', { axis: 0 }),
            node('Reshape', ['x', 'list'], 'y'),
          ],
          constants: [integers('zero', 0), integers('rest', [-1])],
          opset: 11,
        },
      ],
      [
        'the list is computed from the shape, by Slice and arithmetic',
        {
          inputs: { x: [1, 6, 4] },
          nodes: [
            node('Shape', 'x', 's'),
            node('Slice', ['s', 'zero', 'one'], 'n'),
            node('Slice', ['s', 'one', 'three'], 'rest'),
            node('ReduceProd', 'rest', 'features', { keepdims: 1 }),
            node('Mul', ['n', 'two'], 'double'),
            node('Div', ['double', 'two'], 'batch'),
            node('Concat', ['batch', 'features'], 'list', { axis: 0 }),
            node('Reshape', ['x', 'list'], 'y'),
          ],
          constants: [integers('zero', [0]), integers('one', [1]), integers('two', [2]), integers('three', [3])],
        },
      ],
      [
        'the list is computed from all sizes but that of the batch',
        {
          inputs: { x: [1, 6, 4] },
          nodes: [
            node('Shape', 'x', 's'),
            node('Slice', ['s', 'from', 'to'], 'rest'),
            node('Concat', ['fixed', 'rest'], 'list', { axis: 0 }),
            node('Reshape', ['x', 'list'], 'y'),
          ],
          constants: [integers('fixed', [1, 1]), integers('from', [1]), integers('to', [3])],
        },
      ],
      [
        'the batch is folded into the channels, and taken out again',
        {
          inputs: { x: [1, 84, 10] },
          nodes: [
            node('Reshape', ['x', 'folded'], 'f'),
            node('Sigmoid', 'f', 's'),
            node('Mul', ['s', 'row'], 'm'),
            node('Reshape', ['m', 'apart'], 'y'),
          ],
          constants: [integers('folded', [84, 10]), integers('apart', [1, 84, 10]), weights('row', [10])],
        },
      ],
      [
        'the tokens are folded into the batch for a Gemm',
        {
          inputs: { x: [1, 6, 8] },
          nodes: [node('Reshape', ['x', 'rows'], 'r'), node('Gemm', ['r', 'w', 'b'], 'g'), node('Reshape', ['g', 'tokens'], 'y')],
          constants: [integers('rows', [6, 8]), integers('tokens', [1, 6, 5]), weights('w', [8, 5]), weights('b', [5])],
        },
        1e-6,
      ],
      [
        'the batch is folded into the tokens, which come first',
        {
          inputs: { x: [1, 6, 8] },
          nodes: [
            node('Transpose', 'x', 't', { perm: [1, 0, 2] }),
            node('Reshape', ['t', 'rows'], 'r'),
            node('Gemm', ['r', 'w'], 'g', { transB: 1 }),
            node('Reshape', ['g', 'tokens'], 'a'),
            node('Transpose', 'a', 'y', { perm: [1, 0, 2] }),
          ],
          constants: [integers('rows', [6, 8]), integers('tokens', [6, 1, 5]), weights('w', [5, 8])],
        },
        1e-6,
      ],
      [
        'windows are folded into the batch',
        {
          inputs: { x: [1, 8, 8, 3] },
          nodes: [
            node('Reshape', ['x', 'cut'], 'c'),
            node('Transpose', 'c', 't', { perm: [0, 1, 3, 2, 4, 5] }),
            node('Reshape', ['t', 'windows'], 'w'),
            node('Add', ['w', 'position'], 'p'),
            node('Reshape', ['p', 'masked'], 'm'),
            node('Add', ['m', 'mask'], 'a'),
            node('Reshape', ['a', 'apart'], 'b'),
            node('Transpose', 'b', 'u', { perm: [0, 1, 3, 2, 4, 5] }),
            node('Reshape', ['u', 'whole'], 'y'),
          ],
          constants: [
            integers('cut', [1, 2, 4, 2, 4, 3]),
            integers('windows', [4, 16, 3]),
            weights('position', [16, 3]),
            integers('masked', [1, 4, 16, 3]),
            weights('mask', [1, 4, 16, 1]),
            integers('apart', [1, 2, 2, 4, 4, 3]),
            integers('whole', [1, 8, 8, 3]),
          ],
        },
      ],
      [
        'some sizes are free',
        {
          inputs: { x: [1, 3, 'h', 'w'] },
          nodes: [node('Reshape', ['x', 'list'], 'r'), node('Softmax', 'r', 'y', { axis: 2 })],
          constants: [integers('list', [1, 3, -1])],
        },
      ],
    ]),
  )('%s', (_, check) => check());
});

describe('what is declared', () => {
  const graph: MadeGraph = {
    inputs: { x: [1, 6, 4] },
    nodes: [
      node('Reshape', ['x', 'list'], 'batch/list'),
      node('Mul', ['w', 'w'], 'squares'),
      node('Add', ['batch/list', 'squares'], 'y'),
    ],
    constants: [integers('list', [1, 24]), weights('w', [24])],
    outputs: [value('y', [1, 24])],
    declared: [value('batch/list', [1, 24]), value('squares', [24])],
  };

  it('of inputs and outputs names the batch; of values with pictures in them it goes', async () => {
    const freed = await checkFreed(graphModel(graph));
    expect(inputsOf(freed)[0]?.shape).toEqual(['batch', 6, 4]);
    expect(outputsOf(freed)[0]?.shape).toEqual(['batch', 24]);
    expect(freed.graph?.valueInfo.map(({ name }) => name)).toEqual(['squares']);
  });

  it('keeps constants that are still read, by reference, and drops lists that are not', () => {
    const model = graphModel(graph);
    const freed = freeBatch(model);
    expect(freed.graph?.initializer).toEqual([model.graph?.initializer[1]]);
    expect(freed.graph?.initializer[0]).toBe(model.graph?.initializer[1]);
  });

  it('gives new values and the batch names that are free', () => {
    const freed = freeBatch(graphModel({ ...graph, inputs: { x: [1, 6, 4], batch: value('batch', ['batch']) } }));
    expect(inputsOf(freed)[0]?.shape).toEqual(['batch_2', 6, 4]);
    expect(operators(freed)).toEqual(['Constant', 'Reshape', 'Mul', 'Add']);
    expect(freed.graph?.node[0]?.output).toEqual(['batch/list_2']);
  });

  it('is all kept where the batch is free already', () => {
    for (const batch of ['n', '']) {
      const model = graphModel({ ...graph, inputs: { x: [batch, 6, 4] } });
      expect(freeBatch(model)).toBe(model);
    }
  });
});
