/** FP8: numbers against ONNX Runtime's own conversion, weights, and what a plan leaves float. */
import { describe, expect, it } from 'vitest';
import { Structure, nothingKept, planFloat8 } from '../../lib/precision/index.js';
import { float8BitsToFloat32, float32ToFloat8Bits } from '../../lib/precision/float8.js';
import { float8Weights } from '../../lib/precision/float8-weights.js';
import { Tensor } from '../../lib/tensor/index.js';
import { DataType, graphModel, node, pseudoRandom, run, weights } from '../graph/made-graphs.js';

const numbers = Array.from({ length: 256 }, (_, bits) => float8BitsToFloat32(bits));

/** What ONNX Runtime makes of numbers that become FP8 and come back. */
async function throughOnnxRuntime(values: Float32Array): Promise<readonly number[]> {
  const model = graphModel({
    inputs: { x: [values.length] },
    nodes: [node('Cast', 'x', 'q', { to: DataType.FLOAT8E4M3FN, saturate: 1 }), node('Cast', 'q', 'y', { to: DataType.FLOAT })],
    opset: 19,
    irVersion: 9,
  });
  return (await run(model, { x: new Tensor('float32', values, [values.length]) }))['y']!.values;
}

describe('numbers of FP8', () => {
  it('are 253 from -448 to 448 and no number twice, each of which becomes itself', () => {
    const finite = numbers.filter(Number.isFinite);
    expect(new Set(finite).size).toBe(253);
    expect([Math.min(...finite), Math.max(...finite)]).toEqual([-448, 448]);
    expect(
      numbers
        .map(float32ToFloat8Bits)
        .map((bits, i) => [bits & 0x7f, i & 0x7f])
        .filter(([one, other]) => one !== other),
    ).toEqual([]);
  });

  it('are those that ONNX Runtime rounds to', async () => {
    const finite = numbers.filter(Number.isFinite).sort((a, b) => a - b);
    const middles = finite.slice(1).map((value, i) => (value + finite[i]!) / 2);
    const random = [...pseudoRandom(2000, 3)].flatMap((value) => [value, 600 * value, value / 300]);
    const beside = middles.flatMap((value) => [value * (1 + 2 ** -20), value * (1 - 2 ** -20)]);
    const values = Float32Array.of(
      ...finite,
      ...middles,
      ...beside,
      ...random,
      449,
      464,
      480,
      1e30,
      -1e30,
      Infinity,
      -Infinity,
      NaN,
    );
    const found = Array.from(values, (value) => float8BitsToFloat32(float32ToFloat8Bits(value)));
    const expected = await throughOnnxRuntime(values);
    expect(found.filter((value, i) => !Object.is(value, expected[i]))).toEqual([]);
  });
});

describe('weights in FP8', () => {
  const data = Float32Array.of(1, -2, 0.5, 0, 0, 0, 7, 3.5, -896, 1e-42, 0, 0);

  it('have a scale for each channel, by which the largest becomes 448', () => {
    const { values, scales, dtype } = float8Weights(data, [4, 3], 0);
    expect([dtype, ...scales]).toEqual(['float8e4m3fn', Math.fround(2 / 448), 1, 2, 1]);
    const restored = Array.from(values, (bits, i) => float8BitsToFloat32(bits) * scales[Math.floor(i / 3)]!);
    [1, -2, 0.5, 0, 0, 0, 7, 3.5, -896].forEach((value, i) => expect(restored[i]).toBeCloseTo(value, 5));
  });

  it('have their channels along any axis', () => {
    const { scales } = float8Weights(Float32Array.of(1, 20, 3, 40, 5, 60), [3, 2], 1);
    expect([...scales]).toEqual([5 / 448, 60 / 448].map(Math.fround));
  });

  it.each([NaN, Infinity])('are refused where one is %s', (value) => {
    expect(() => float8Weights(Float32Array.of(1, value), [2], 0)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', hint: expect.any(String) }) as Error,
    );
  });
});

describe('a plan for FP8', () => {
  const structure = new Structure(
    graphModel({
      inputs: { x: [1, 16, 8, 8] },
      nodes: [
        node('Conv', ['x', 'a.w'], 'a', { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
        node('Conv', ['a', 'd.w'], 'd', { kernel_shape: [3, 3], pads: [1, 1, 1, 1], group: 16 }),
        node('Add', ['a', 'd'], 's'),
        node('Conv', ['s', 'y.w'], 'y', { kernel_shape: [1, 1] }),
      ],
      constants: [weights('a.w', [16, 16, 3, 3]), weights('d.w', [16, 1, 3, 3]), weights('y.w', [16, 16, 1, 1])],
    }),
  );

  it('has products read FP8, and nothing else', () => {
    const { int8, quantized, reasons, values } = planFloat8(structure, nothingKept);
    expect([...int8].map(({ outputs }) => outputs[0])).toEqual(['a', 'y']);
    expect([[...quantized], values]).toEqual([['x', 's'], 'float8e4m3fn']);
    expect([...reasons].map(([{ outputs }, reason]) => [outputs[0], reason])).toEqual([['d', 'depthwise: takes little time']]);
  });

  it('leaves float what reads a value that loses too much', () => {
    const { int8, quantized } = planFloat8(structure, { values: new Set(['s']) });
    expect([...int8].map(({ outputs }) => outputs[0])).toEqual(['a']);
    expect([...quantized]).toEqual(['x']);
  });
});
