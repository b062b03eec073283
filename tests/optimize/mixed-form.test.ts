/** INT8 of which the rest is in FP16: types on both sides of what is quantised, scales, what FP16 cannot hold, and what comes out. */
import { describe, expect, it } from 'vitest';
import { encodeModel, parseModel } from '../../lib/graph/index.js';
import { float16BitsToFloat32 } from '../../lib/tensor/half.js';
import { graphModel, node, scales, weights } from '../graph/made-graphs.js';
import { Made } from './made-layers.js';
import { count, quantized, signalToNoise, type Quantized } from './quantized.js';

const mixed = (graph: Parameters<typeof quantized>[0]): Promise<Quantized> => quantized(graph, { rest: 'float16' });

/** Two convolutions with SiLU between, and a depthwise one that stays out of INT8. */
function chain(): Made {
  return new Made()
    .conv('x', 'a', [16, 16, 3])
    .add(node('Sigmoid', 'a', 's'), node('Mul', ['a', 's'], 'm'))
    .conv('m', 'd', [16, 16, 3], { group: 16 })
    .conv('d', 'e', [16, 32, 1])
    .add(node('Relu', 'e', 'r'))
    .conv('r', 'y', [32, 16, 3]);
}

describe('the mixed form for TensorRT', () => {
  it('quantises from FP16 and dequantises to it, without a Cast between', async () => {
    const made = await mixed(chain().graph());
    expect(made.precision).toEqual({ onnxruntime: 'int8', tensorrt: 'mixed' });
    const { nodes, initializers } = parseModel(encodeModel(made.tensorrt)).graph;
    expect(made.tensorrt.opsetImport[0]!.version).toBe(19n);
    const scaleOf = (inputs: readonly string[]) => initializers.get(inputs[1] ?? '');
    const quantizers = nodes.filter(({ opType }) => opType === 'QuantizeLinear');
    // The picture is quantised as it comes; all else is made in FP16.
    expect(quantizers.map(({ inputs }) => [inputs[0], scaleOf(inputs)?.dtype])).toEqual([
      ['x', 'float32'],
      [expect.stringContaining('d'), 'float16'],
      [expect.stringContaining('r'), 'float16'],
    ]);
    for (const { inputs } of nodes.filter(({ opType }) => opType === 'DequantizeLinear')) {
      expect(scaleOf(inputs)?.dtype).toBe('float16');
    }
    // What leaves the model.
    expect(count(made.tensorrt, 'Cast')).toBe(1);
    expect(made.layers.map(({ precision }) => precision.tensorrt)).toEqual(['int8', 'float16', 'int8', 'int8']);
    expect(made.layers[1]!.reasons.tensorrt).toMatch(/^depthwise/);
    expect(encodeModel(made.tensorrt).length).toBeLessThan(encodeModel(made.onnxruntime).length);
  });

  it('does what the model does, as it is judged and as it is written', async () => {
    const made = await mixed(chain().graph());
    for (const form of [made.tensorrt, made.simulated!]) {
      for (const ratio of await signalToNoise(made.float, form, 'disabled')) expect(ratio).toBeGreaterThan(28);
    }
  });

  it('has integers of the very scales that are written, which FP16 has a number for', async () => {
    const tiny = Array.from({ length: 16 * 16 * 9 }, (_, i) => (i < 16 * 9 ? 1e-9 : 1e-5) * Math.sin(i));
    const graph = chain().graph();
    const constants = graph.constants!.map((one) =>
      one.name === 'a.weight' ? { ...scales('a.weight', tiny), dims: [16n, 16n, 3n, 3n] } : one,
    );
    const made = await mixed({ ...graph, constants });
    const { initializers } = parseModel(encodeModel(made.tensorrt)).graph;
    const found = [...initializers.values()].find(({ name }) => name.startsWith('a.weight/scale'))!;
    const integers = [...initializers.values()].find(({ name }) => name === 'a.weight/int8')!.data as Int8Array;
    expect(found.dtype).toBe('float16');
    const numbers = [...(found.data as Uint16Array)].map(float16BitsToFloat32);
    expect(numbers[0]).toBe(2 ** -24);
    integers.forEach((value, i) => {
      const scale = numbers[Math.floor(i / (16 * 9))]!;
      expect(Math.abs(value * scale - tiny[i]!)).toBeLessThanOrEqual(0.501 * scale);
    });
    // 1e-5 / 127 lies between the first and the second number of FP16.
    expect(numbers[1]).toBe(2 ** -23);
  });

  it('leaves float32 what FP16 cannot hold, and quantises it from there', async () => {
    const graph = new Made()
      .conv('x', 'a', [16, 16, 3])
      .add(node('Mul', ['a', 'large'], 'b'))
      .conv('b', 'c', [16, 16, 3])
      .add(node('Mul', ['c', 'small'], 'd'))
      .conv('d', 'y', [16, 16, 3])
      .with(scales('large', [1e5]), scales('small', [1e-6]))
      .graph();
    const made = await mixed(graph);
    const { nodes, initializers } = parseModel(encodeModel(made.tensorrt)).graph;
    const types = nodes
      .filter(({ opType }) => opType === 'QuantizeLinear')
      .map(({ inputs }) => [inputs[0], initializers.get(inputs[1] ?? '')?.dtype]);
    expect(types).toEqual([
      ['x', 'float32'],
      ['b', 'float32'],
      [expect.stringContaining('d'), 'float32'],
    ]);
    for (const ratio of await signalToNoise(made.float, made.simulated!, 'disabled')) expect(ratio).toBeGreaterThan(24);
  });
});

describe('weights', () => {
  it('with scales of FP16 are as near as eight bits allow', async () => {
    const made = await mixed(
      graphModel({
        inputs: { x: [1, 64] },
        nodes: [
          node('Gemm', ['x', 'w'], 'h', { transB: 1 }),
          node('Relu', 'h', 'r'),
          node('Gemm', ['r', 'v'], 'y', { transB: 1 }),
        ],
        constants: [weights('w', [64, 64]), weights('v', [64, 64])],
      }),
    );
    for (const ratio of await signalToNoise(made.float, made.simulated!, 'disabled')) expect(ratio).toBeGreaterThan(28);
  });
});
