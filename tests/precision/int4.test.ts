/** Weights of four bits: blocks, scales, bytes, and the form with them, which ONNX Runtime reads. */
import { describe, expect, it } from 'vitest';
import { encodeModel, parseModel, type ModelProto } from '../../lib/graph/index.js';
import { int4Trials, int4Weights, packInt4, planInt4, Structure, writeWeightOnlyForm } from '../../lib/precision/index.js';
import { blockSizeOf } from '../../lib/precision/int4-weights.js';
import { switchedModel } from '../../lib/precision/switched-model.js';
import { Tensor } from '../../lib/tensor/index.js';
import { DataType, graphModel, node, pseudoRandom, randomTensor, run, weights, type MadeGraph } from '../graph/made-graphs.js';

/** The weights that integers and scales stand for, as they lay in the model. */
function restored({ values, stored, axis, blockSize, scales }: NonNullable<ReturnType<typeof int4Weights>>): number[] {
  const [, columns] = stored;
  return Array.from(values, (value, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    const place =
      axis === 1 ? row * (columns / blockSize) + Math.floor(column / blockSize) : Math.floor(row / blockSize) * columns + column;
    return value * scales[place]!;
  });
}

const errorOf = (found: readonly number[], wanted: Float32Array): number =>
  found.reduce((sum, value, i) => sum + (value - wanted[i]!) ** 2, 0) / wanted.reduce((sum, value) => sum + value ** 2, 0);

/** Over the largest number: sums of a layer lie in the hundreds, where steps of float32 are larger than small outputs. */
const relativeErrorOf = (found: readonly number[], wanted: readonly number[]): number => {
  const largest = Math.max(...wanted.map(Math.abs));
  return Math.max(...found.map((value, i) => Math.abs(value - wanted[i]!))) / largest;
};
/** Of float32 sums in another order. */
const rounding = 5e-6;

describe('weights in four bits', () => {
  it('come in whole blocks of 16 to 32', () => {
    expect([16, 24, 27, 33, 64, 144, 15, 37, 1, 0].map(blockSizeOf)).toEqual([
      16,
      24,
      27,
      undefined,
      32,
      24,
      ...Array<undefined>(4),
    ]);
  });

  it.each([
    [[8, 4, 4, 4], 0, [8, 64], 1],
    [[6, 96], 0, [6, 96], 1],
    [[96, 6], 1, [96, 6], 0],
  ] as const)('of shape %j have blocks of what one output sees', (dims, axis, stored, along) => {
    const data = pseudoRandom(
      dims.reduce((product, size) => product * size, 1),
      5,
    );
    const made = int4Weights(data, dims, axis)!;
    expect([made.stored, made.axis, made.blockSize, made.dims]).toEqual([stored, along, 32, dims]);
    expect(made.scales.length).toBe(data.length / 32);
    expect(Math.min(...made.values)).toBeGreaterThanOrEqual(-8);
    expect(Math.max(...made.values)).toBeLessThanOrEqual(7);
    // Evenly spread numbers in 15 steps: 1 of 12 squared steps of the 75 that they are on average.
    expect(errorOf(restored(made), data)).toBeLessThan(0.008);
  });

  it('cut off what is far out, where that loses less', () => {
    const data = Float32Array.from({ length: 32 }, (_, i) => (i === 7 ? -1.15 : (i % 2 ? 1 : -1) * (0.4 + 0.02 * i)));
    const { scales, values } = int4Weights(data, [1, 32], 0)!;
    expect(scales[0]).toBeLessThan(Math.fround(1.15 / 7));
    expect(values[7]).toBe(-8);
  });

  it('are zero where all are, and none where blocks would not be whole', () => {
    const zeros = int4Weights(new Float32Array(32), [2, 16], 0)!;
    expect([[...zeros.values], [...zeros.scales]]).toEqual([Array(32).fill(0), [1, 1]]);
    expect(int4Weights(Float32Array.of(...Array<number>(16).fill(1e-44)), [1, 16], 0)!.scales[0]).toBe(1);
    expect(int4Weights(new Float32Array(34), [2, 17], 0)!.blockSize).toBe(17);
    expect(int4Weights(new Float32Array(30), [2, 15], 0)).toBeUndefined();
  });

  it.each([NaN, -Infinity])('are refused where one is %s', (value) => {
    const data = new Float32Array(16).fill(value, 3, 4);
    expect(() => int4Weights(data, [1, 16], 0)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', hint: expect.any(String) }) as Error,
    );
  });

  it('are two a byte, the first in the low half', () => {
    expect([...packInt4(Int8Array.of(1, -1, -8, 7, 3))]).toEqual([0xf1, 0x78, 0x03]);
  });
});

const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
const graph: MadeGraph = {
  inputs: { x: [1, 32, 6, 6] },
  nodes: [
    node('Conv', ['x', 'a.w', 'a.b'], 'a', attributes),
    node('Conv', ['a', 'd.w'], 'd', { ...attributes, group: 32 }),
    node('ConvTranspose', ['d', 't.w'], 't', { kernel_shape: [2, 2], strides: [2, 2] }),
    node('GlobalAveragePool', 't', 'p'),
    node('Flatten', 'p', 'f'),
    node('Gemm', ['f', 'g.w', 'g.b'], 'g', { transB: 1 }),
    node('MatMul', ['g', 'y.w'], 'y'),
  ],
  constants: [
    ...[weights('a.w', [64, 32, 3, 3]), weights('a.b', [64]), weights('t.w', [32, 48, 2, 2])],
    ...[weights('d.w', [32, 2, 3, 3]), weights('g.w', [96, 48]), weights('g.b', [96]), weights('y.w', [96, 50])],
  ],
};

describe('a form with weights of four bits', async () => {
  const model = graphModel(graph);
  const structure = new Structure(model);
  const plan = await planInt4(structure);
  const form = writeWeightOnlyForm(model, structure, plan.int4);
  const input = { x: randomTensor('float32', [1, 32, 6, 6], 4) };

  it('has them in layers with many weights', () => {
    expect([...plan.int4.keys()].map(({ outputs }) => outputs[0])).toEqual(['a', 'g', 'y']);
    expect([...plan.int8].map(({ outputs }) => outputs[0])).toEqual(['t']);
    expect([...plan.reasons].map(([{ outputs }, reason]) => [outputs[0], reason])).toEqual([
      ['d', 'few weights'],
      ['t', 'no whole blocks of weights'],
    ]);
  });

  it('stores them packed, in opset 21', () => {
    const { graph: read, opsets } = parseModel(encodeModel(form));
    expect([...opsets.values()]).toEqual([21]);
    const stored = [...read.initializers.values()].filter(({ dtype }) => dtype === 'int4');
    expect(stored.map(({ name, dims, proto }) => [name, dims, proto.rawData.length])).toEqual([
      ['a.w/int4', [64, 288], 9216],
      ['g.w/int4', [96, 48], 2304],
      ['y.w/int4', [96, 50], 2400],
    ]);
    expect(read.initializers.has('a.w')).toBe(false);
  });

  it('gives what the layers give with the weights that it stands for', async () => {
    const replaced = new Map([...plan.int4].map(([{ inputs }, made]) => [inputs[1]!, Float32Array.from(restored(made))]));
    const constants = graph.constants!.map((one) => {
      const values = replaced.get(one.name!);
      return values === undefined ? one : { ...one, rawData: new Uint8Array(values.buffer) };
    });
    const [found, wanted] = [await run(form, input), await run(graphModel({ ...graph, constants }), input)];
    expect(relativeErrorOf(found['y']!.values, wanted['y']!.values)).toBeLessThan(rounding);
  });

  it('is tried layer by layer', async () => {
    const trials = int4Trials(structure, plan);
    expect(trials.map(({ value, weights: count }) => [value, count])).toEqual([
      ['a.w', 18432],
      ['g.w', 4608],
      ['y.w', 4800],
    ]);
    const { model: switched, selector } = switchedModel(model, trials);
    const chosen = async (...on: number[]): Promise<readonly number[]> =>
      (await run(switched, { ...input, [selector]: new Tensor('bool', Uint8Array.from(on), [3]) }))['y']!.values;
    const float = (await run(model, input))['y']!.values;
    const whole = (await run(form, input))['y']!.values;
    expect(relativeErrorOf(await chosen(0, 0, 0), float)).toBeLessThan(rounding);
    expect(relativeErrorOf(await chosen(1, 1, 1), whole)).toBeLessThan(rounding);
    const alone = await chosen(0, 1, 0);
    expect(relativeErrorOf(alone, float)).toBeGreaterThan(0.01);
    expect(relativeErrorOf(alone, whole)).toBeGreaterThan(0.01);
  });

  it('serves layers that share their weights', async () => {
    const shared = graphModel({
      inputs: { x: [1, 96] },
      nodes: [node('MatMul', ['x', 'w'], 'a'), node('MatMul', ['a', 'w'], 'y')],
      constants: [weights('w', [96, 96])],
    });
    const both = new Structure(shared);
    const planned = await planInt4(both);
    expect([planned.int4.size, int4Trials(both, planned).length]).toEqual([2, 1]);
    const types = (made: ModelProto): DataType[] => made.graph!.initializer.map(({ dataType }) => dataType);
    expect(types(writeWeightOnlyForm(shared, both, planned.int4))).toEqual([DataType.INT4, DataType.FLOAT]);
  });
});
