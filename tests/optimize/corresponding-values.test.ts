import { describe, expect, it } from 'vitest';

import { parseModel, type OnnxGraph } from '../../lib/graph/index.js';
import { correspondingValues } from '../../lib/optimize/compare/corresponding-values.js';
import { bytesOf, chain, floats, info } from './made-chains.js';

function graph(lines: readonly string[], weights: Readonly<Record<string, Float32Array>> = {}): OnnxGraph {
  // 'Conv x,w -> y'
  const node = lines.map((line) => {
    const [opType, inputs, , outputs] = line.split(' ') as [string, string, string, string];
    return { opType, name: line, input: inputs.split(','), output: outputs.split(',') };
  });
  const initializer = Object.entries(weights).map(([name, values]) => floats(name, values, [values.length, 1]));
  const bytes = bytesOf({ node, initializer, input: [info('x', [1, 4])], output: [info('y', [1, 4])] });
  return parseModel(bytes).graph;
}

function paired(a: OnnxGraph, b: OnnxGraph, asShipped = false): string[] {
  return correspondingValues(a, b, asShipped).pairs.map(({ a: value, b: name, by }) => `${value.name} ${name} ${by}`);
}

const float = graph(['Conv x,w -> c', 'Relu c -> r', 'Conv r,v -> d', 'Sigmoid d -> s', 'Mul d,s -> y'], {
  w: Float32Array.of(1),
  v: Float32Array.of(2),
});

describe('a quantized graph', () => {
  // The way of onnxruntime's quantizer: the range stands for the ReLU, whose name the convolution takes over.
  const quantized = graph(
    [
      'Conv x,w -> r',
      'QuantizeLinear r,k -> r_QuantizeLinear_Output',
      'DequantizeLinear r_QuantizeLinear_Output,k -> r_DequantizeLinear_Output',
      'Conv r_DequantizeLinear_Output,v -> d',
      'QuantizeLinear d,k -> d_QuantizeLinear_Output',
      'DequantizeLinear d_QuantizeLinear_Output,k -> d_DequantizeLinear_Output/1',
      'DequantizeLinear d_QuantizeLinear_Output,k -> d_DequantizeLinear_Output/2',
      'Sigmoid d_DequantizeLinear_Output/1 -> s',
      'Mul d_DequantizeLinear_Output/2,s -> y',
    ],
    { w: Float32Array.of(1), v: Float32Array.of(2), k: Float32Array.of(1) },
  );

  it('has values by name where the same operator makes them, else dequantized', () => {
    expect(paired(float, quantized)).toEqual(['r r_DequantizeLinear_Output dequantized', 'd d name', 's s name', 'y y name']);
    const { onlyA, onlyB } = correspondingValues(float, quantized);
    expect({ onlyA, onlyB }).toEqual({ onlyA: ['c'], onlyB: ['r'] });
  });

  it('as shipped has them dequantized, before a name', () => {
    expect(paired(float, quantized, true)).toEqual([
      'r r_DequantizeLinear_Output dequantized',
      'd d_DequantizeLinear_Output/1 dequantized',
      's s name',
      'y y name',
    ]);
  });

  it('may be the first of the two', () => {
    expect(paired(quantized, float)).toEqual(['r r name', 'd d name', 's s name', 'y y name']);
  });
});

describe('names that begin alike', () => {
  it('are not taken for one another', () => {
    const a = graph(['Neg x -> c1', 'Neg c1 -> c10', 'Exp c10 -> y']);
    const b = graph(['Neg x -> p', 'DequantizeLinear p,k -> c10_dq', 'DequantizeLinear p,k -> c1_dq', 'Add c10_dq,c1_dq -> y'], {
      k: Float32Array.of(1),
    });
    expect(paired(a, b)).toEqual(['c1 c1_dq dequantized', 'c10 c10_dq dequantized', 'y y name']);
  });
});

describe('graphs that are named differently', () => {
  const siblings = ['Conv x,w -> a1', 'Conv x,v -> a2', 'Relu a1 -> a3', 'Add a3,a2 -> y'];
  const others = ['Conv x,q -> b2', 'Conv x,p -> b1', 'Relu b1 -> b3', 'Add b3,b2 -> y'];

  it('are paired by their weights, in whatever order', () => {
    const a = graph(siblings, { w: Float32Array.of(1), v: Float32Array.of(2) });
    const b = graph(others, { p: Float32Array.of(1), q: Float32Array.of(2) });
    expect(paired(a, b)).toEqual(['a1 b1 structure', 'a2 b2 structure', 'a3 b3 structure', 'y y name']);
  });

  it('are paired by what is left, where one of two siblings has changed', () => {
    const a = graph(siblings, { w: Float32Array.of(1), v: Float32Array.of(2) });
    const b = graph(others, { p: Float32Array.of(1), q: Float32Array.of(2.5) });
    expect(paired(a, b)).toEqual(['a1 b1 structure', 'a2 b2 structure', 'a3 b3 structure', 'y y name']);
  });

  it('are left alone where it is not clear', () => {
    const a = graph(siblings, { w: Float32Array.of(1), v: Float32Array.of(2) });
    const b = graph(others, { p: Float32Array.of(1.5), q: Float32Array.of(2.5) });
    expect(paired(a, b)).toEqual(['y y name']);
    expect(correspondingValues(a, b)).toMatchObject({ onlyA: ['a1', 'a2', 'a3'], onlyB: ['b2', 'b1', 'b3'] });
  });

  it('are anchored at weights behind nodes that have no counterpart', () => {
    const a = graph(['HardSwish x -> h', 'Conv h,w -> a1', 'Relu a1 -> a2', 'Exp a2 -> y'], { w: Float32Array.of(1, 2) });
    const b = graph(['Sigmoid x -> s', 'Mul x,s -> m', 'Conv m,p -> b1', 'Relu b1 -> b2', 'Exp b2 -> y'], {
      p: Float32Array.of(1, 3),
    });
    expect(paired(a, b)).toEqual(['a1 b1 structure', 'a2 b2 structure', 'y y name']);
  });
});

it('leaves out what follows from constants alone, and what nobody reads', () => {
  const a = graph(['Neg w -> constant', 'Add x,constant -> s', 'Dropout s -> d,mask', 'Exp d -> y'], { w: Float32Array.of(1) });
  expect(paired(a, a)).toEqual(['s s name', 'd d name', 'y y name']);
});

it('pairs a chain under other names as a whole', () => {
  const a = parseModel(chain()).graph;
  const b = parseModel(chain({ prefix: 'b/' })).graph;
  expect(paired(a, b)).toHaveLength(11);
});
