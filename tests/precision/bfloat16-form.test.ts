/** Models in BF16: what stays float32, what is written, and what comes out. */
import { describe, expect, it } from 'vitest';
import { DataType, encodeModel, parseModel } from '../../lib/graph/index.js';
import { firstOpset, inOpset, simulateHalf } from '../../lib/precision/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { node, run, scales, weights } from '../graph/made-graphs.js';
import { bfloat, made, operators, reasonsOf } from './made-half.js';

describe('BF16', () => {
  const one = (operator: string, constant: number, largest: Readonly<Record<string, number>> = {}): string[] =>
    reasonsOf(
      made(
        { inputs: { x: [4] }, nodes: [node(operator, ['x', 'c'], 'y')], constants: [scales('c', [constant])] },
        largest,
        'bfloat16',
      ),
    );

  it('holds what float32 holds, but for whole numbers', () => {
    expect(one('Add', 70_000, { x: 1e30, y: 1e30 })).toEqual([]);
    expect(one('Div', 1e-12, { x: 1e-6 })).toEqual([]);
    expect(one('Mul', 1, { x: Infinity })).toEqual([expect.stringContaining('too near to')]);
    const sizes = made(
      {
        inputs: { x: [4] },
        nodes: [node('Shape', 'x', 's'), node('Cast', 's', 'f', { to: DataType.FLOAT }), node('Add', ['x', 'f'], 'y')],
      },
      { f: 65 },
      'bfloat16',
    );
    expect(reasonsOf(sizes)).toEqual([
      'Cast: whole numbers near to 256: f reaches 65',
      'Add: whole numbers near to 256: f reaches 65',
    ]);
    const norm = made(
      {
        inputs: { x: [1, 8] },
        nodes: [node('LayerNormalization', ['x', 's', 'b'], 'n'), node('Shrink', 'n', 'y')],
        constants: [weights('s', [8]), weights('b', [8])],
      },
      {},
      'bfloat16',
    );
    expect(reasonsOf(norm)).toEqual(['Shrink: Shrink in bfloat16 is refused by TensorRT']);
  });

  it('is written in opset 22, with weights in 16 bits', () => {
    const { form } = made(
      {
        inputs: { x: [1, 4, 8, 8] },
        nodes: [
          node('Conv', ['x', 'w'], 'a', { kernel_shape: [3, 3] }),
          node('Relu', 'a', 'r'),
          node('ReduceMean', 'r', 'y', { axes: [2, 3] }),
        ],
        constants: [weights('w', [8, 4, 3, 3])],
      },
      {},
      'bfloat16',
    );
    const written = inOpset(form, firstOpset.bfloat16);
    expect(operators(written)).toEqual(['to BFLOAT16', 'Conv', 'Relu', 'ReduceMean', 'to FLOAT']);
    const { opsets, graph, outputs } = parseModel(encodeModel(written));
    expect([...opsets.values()]).toEqual([22]);
    expect([...graph.initializers.values()].map(({ name, dtype }) => [name, dtype])).toEqual([
      ['w/bfloat16', 'bfloat16'],
      ['y/bfloat16/axes', 'int64'],
    ]);
    expect(outputs.map(({ dtype }) => dtype)).toEqual(['float32']);
  });

  it('keeps the highest numbers finite', async () => {
    const { form } = made(
      { inputs: { x: [2] }, nodes: [node('Clip', ['x', '', 'c'], 'y')], constants: [{ ...scales('c', [3.4e38]), dims: [] }] },
      {},
      'bfloat16',
    );
    const found = await run(simulateHalf(form, 'bfloat16'), { x: new Tensor('float32', Float32Array.of(Infinity, 1.01), [2]) });
    expect(found['y']!.values).toEqual([(2 - 2 ** -7) * 2 ** 127, bfloat(1.01)]);
  });
});
