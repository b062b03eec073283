/** INT8 of which the rest is in FP16: types on both sides of what is quantised, scales, what FP16 cannot hold, and what comes out. */
import { describe, expect, it } from 'vitest';
import { encodeModel, parseModel } from '../../lib/graph/index.js';
import { float16BitsToFloat32 } from '../../lib/tensor/half.js';
import { graphModel, node, pseudoRandom, scales, weights, type Constant } from '../graph/made-graphs.js';
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

function scaledWeights(name: string, by: number): Constant {
  const plain = [...pseudoRandom(16 * 16 * 9, 5)].map((value) => value * by);
  return { ...scales(name, plain), dims: [16n, 16n, 3n, 3n] };
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

  it('has integers of the very scales that are written, which are numbers of FP16', async () => {
    const uneven = Array.from({ length: 16 * 16 * 9 }, (_, i) => (i < 16 * 9 ? 1e-9 : 1) * Math.sin(i));
    const graph = chain().graph();
    const constants = graph.constants!.map((one) =>
      one.name === 'a.weight' ? { ...scales('a.weight', uneven), dims: [16n, 16n, 3n, 3n] } : one,
    );
    const made = await mixed({ ...graph, constants });
    const { initializers } = parseModel(encodeModel(made.tensorrt)).graph;
    const found = [...initializers.values()].find(({ name }) => name.startsWith('a.weight/scale'))!;
    const integers = [...initializers.values()].find(({ name }) => name === 'a.weight/int8')!.data as Int8Array;
    expect(found.dtype).toBe('float16');
    const numbers = [...(found.data as Uint16Array)].map(float16BitsToFloat32);
    // A channel that is dead beside the others takes no layer out of FP16.
    expect(numbers[0]).toBe(2 ** -20);
    integers.forEach((value, i) => {
      const scale = numbers[Math.floor(i / (16 * 9))]!;
      expect(Math.abs(value * scale - uneven[i]!)).toBeLessThanOrEqual(0.501 * scale);
    });
    expect(made.layers[0]!.precision.tensorrt).toBe('int8');
  });

  /** Three convolutions; what the second reads is so large, and its weights too: both make what the third reads. */
  const scaled = (by: number, weight: number): ReturnType<Made['graph']> =>
    new Made()
      .conv('x', 'a', [16, 16, 3])
      .add(node('Mul', ['a', 'factor'], 'b'))
      .add(node('Conv', ['b', 'c.w'], 'c', { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }), node('Mul', ['c', 'back'], 'd'))
      .conv('d', 'y', [16, 16, 3])
      .with(scales('factor', [by]), scales('back', [1 / (by * weight)]))
      .with(scaledWeights('c.w', weight))
      .graph();

  it.each([
    ['far beyond what FP16 holds', 1e5, 1],
    ['far below it', 1e-8, 1],
    ['weights far below it', 1000, 2e-7],
    ['weights far beyond it', 1e-4, 1.2e7],
  ])('of values %s loses no more than INT8 does, and says so', async (_, by, weight) => {
    const graph = scaled(by, weight);
    const made = await mixed(graph);
    const [plain] = await signalToNoise(made.float, (await quantized(graph)).tensorrt, 'disabled');
    for (const form of [made.simulated!, made.tensorrt]) {
      const [found] = await signalToNoise(made.float, form, 'disabled');
      expect(found!).toBeGreaterThan(plain! - 1);
    }
    expect(plain!).toBeGreaterThan(24);
    expect(made.layers.map(({ precision }) => precision.tensorrt)).toEqual(['int8', 'int8', 'int8']);
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
