/** Graphs of the layers that vision models are made of, and how many of them each form computes in integers. */
import { expect, it } from 'vitest';

import { node, scales, value, weights, type Constant, type MadeGraph, type Node } from '../graph/made-graphs.js';
import { checkForms, count, quantized, type Quantized } from './quantized.js';

export class Made {
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
export function between(made: (graph: Made) => Made, channels = 16): MadeGraph {
  return made(new Made().conv('x', 'a', [16, 16, 3]))
    .conv('b', 'y', [channels, 16, 3])
    .graph();
}

export const limits = (min: number, max: number): Constant[] => [scalar('min', min), scalar('max', max)];
export function scalar(name: string, number: number): Constant {
  return { ...scales(name, [number]), dims: [] };
}

/** The graph, and how many of its layers are computed in integers in the form for ONNX Runtime and for TensorRT. */
export type Pattern = readonly [MadeGraph, onnxruntime: number, tensorrt: number];

/** Both forms open, do what the model does but for a little noise, and compute as much in integers as is told. */
export function itQuantizes(patterns: Readonly<Record<string, Pattern>>): void {
  it.each(Object.entries(patterns))('%s', async (_, [graph, onnxruntime, tensorrt]) => {
    const made: Quantized = await quantized(graph);
    await checkForms(made, 24);
    const int8 = (form: 'onnxruntime' | 'tensorrt') => made.layers.filter(({ precision }) => precision[form] === 'int8').length;
    expect({ onnxruntime: int8('onnxruntime'), tensorrt: int8('tensorrt') }).toEqual({ onnxruntime, tensorrt });
    expect(count(made.onnxruntime, 'DequantizeLinear')).toBeGreaterThan(0);
  });
}
