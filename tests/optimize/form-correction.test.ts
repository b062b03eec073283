/** Biases that keep the means of channels: what they are, and that they are taken only where they gain something. */
import { describe, expect, it } from 'vitest';
import { encodeModel, parseModel, type ModelProto } from '../../lib/graph/index.js';
import { biasWords } from '../../lib/optimize/decisions.js';
import { quantizeModel } from '../../lib/optimize/quantize-model.js';
import { int8Ladder } from '../../lib/optimize/search/ladder.js';
import { meansModel, Structure, tappedModel } from '../../lib/precision/index.js';
import type { Quantization } from '../../lib/precision/qdq-writer.js';
import { createSession } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { graphModel, node, pseudoRandom, scales, weights } from '../graph/made-graphs.js';
import { nodesOf, sampleOf, signalToNoise, statisticsOf } from './quantized.js';

const forms = ['onnxruntime', 'tensorrt'] as const;

/**
 * Two convolutions. Of the 16 channels between them, one varies and decides the range; the others hardly do, and lie somewhere between two of its 256 steps: what
 * rounding does to them is the same everywhere, and shifts what the second makes. `bias`: whether that has one.
 */
function chain(bias: boolean): ModelProto {
  const varying = 16 * 9;
  const w1 = pseudoRandom(16 * varying, 7).map((one, i) => (i < varying ? one : one / 1000));
  const v1 = Array.from({ length: 16 }, (_, channel) => 0.003 * (channel + 1));
  return graphModel({
    inputs: { x: [1, 16, 12, 12] },
    nodes: [
      node('Conv', ['x', 'w1', 'v1'], 'a', { pads: [1, 1, 1, 1] }),
      node('Relu', 'a', 'r'),
      node('Conv', bias ? ['r', 'w2', 'v2'] : ['r', 'w2'], 'y'),
    ],
    constants: [
      { ...scales('w1', [...w1]), dims: [16n, 16n, 3n, 3n] },
      scales('v1', v1),
      weights('w2', [32, 16, 3, 3]),
      ...(bias ? [weights('v2', [32])] : []),
    ],
  });
}

async function made(float: ModelProto, count = 12) {
  const samples = Array.from({ length: count }, (_, i) => sampleOf(float, i + 1));
  const statistics = await statisticsOf(float, samples);
  return { statistics, samples, ...(await quantizeModel(float, statistics, samples)) };
}

describe('means of channels', () => {
  const by: Quantization = { scale: 0.25, zeroPoint: 3, dtype: 'uint8' };
  const coarse: Quantization = { scale: 1, zeroPoint: 0, dtype: 'int8' };

  it('are those of the values, and of the same in eight bits, by themselves', async () => {
    const float = chain(true);
    const asked = [
      { value: 'x', by },
      { value: 'r', by },
      { value: 'r', by: coarse },
    ];
    const { model, outputs } = meansModel(float, new Structure(float), asked);
    expect(outputs.map(({ value, by: own }) => ({ value, by: own }))).toEqual(asked);
    const sample = sampleOf(float, 5);
    await using session = await createSession(encodeModel(model), { device: 'cpu', threads: 1 });
    using run = await session.run({ x: sample });
    await using whole = await createSession(encodeModel(tappedModel(float, ['r'])), { device: 'cpu', threads: 1 });
    using values = await whole.run({ x: sample });
    for (const { value, by: own, float: mean, quantized } of outputs) {
      const { data, dims } = value === 'x' ? sample : (values.outputs['r'] as Tensor);
      const expected = channelMeans(data as Float32Array, dims, (one) => one);
      const rounded = channelMeans(data as Float32Array, dims, (one) => quantize(one, own));
      expectClose(run.outputs[mean] as Tensor, expected);
      expectClose(run.outputs[quantized] as Tensor, rounded);
    }
  });

  it('of rows are left to who reads them', () => {
    const float = graphModel({
      inputs: { x: [1, 64] },
      nodes: [node('Gemm', ['x', 'w', 'b'], 'y', { transB: 1 })],
      constants: [weights('w', [64, 64]), weights('b', [64])],
    });
    const { model } = meansModel(float, new Structure(float), [{ value: 'x', by }]);
    expect(nodesOf(model, 'GlobalAveragePool')).toHaveLength(0);
    expect(nodesOf(model, 'Identity')).toHaveLength(2);
  });

  function quantize(value: number, { scale, zeroPoint, dtype }: Quantization): number {
    const [low, high] = dtype === 'int8' ? [-128, 127] : [0, 255];
    const steps = Math.fround(value / scale);
    const rounded = Math.abs(steps % 1) === 0.5 ? 2 * Math.round(steps / 2) : Math.round(steps);
    return (Math.min(high, Math.max(low, rounded + zeroPoint)) - zeroPoint) * scale;
  }

  function channelMeans(data: Float32Array, dims: readonly number[], of: (value: number) => number): number[] {
    const places = (dims[2] as number) * (dims[3] as number);
    return Array.from({ length: dims[1] as number }, (_, channel) => {
      const own = data.subarray(channel * places, (channel + 1) * places);
      return own.reduce((sum, value) => sum + of(value), 0) / places;
    });
  }

  function expectClose({ data }: Tensor, expected: readonly number[]): void {
    expect(data).toHaveLength(expected.length);
    expected.forEach((value, i) => expect(data[i]).toBeCloseTo(value, 4));
  }
});

describe('corrected biases', () => {
  it.each([true, false])('are taken where they gain something, with a bias in the model or without: %s', async (hasBias) => {
    const float = chain(hasBias);
    const { statistics, samples, biases, ...corrected } = await made(float);
    const plain = await quantizeModel(float, statistics, samples, { biases: 'never' });
    expect(plain.biases).toBeUndefined();
    for (const form of forms) {
      const told = biases![form]!;
      expect(told).toMatchObject({ layers: 2, pictures: 6 });
      const [before] = await signalToNoise(float, plain[form], 'disabled');
      const [after] = await signalToNoise(float, corrected[form], 'disabled');
      expect(told.kept, form).toBe(true);
      expect(after, form).toBeGreaterThan(before! + 0.5);
    }
  });

  it('are left alone where there is nothing to gain', async () => {
    // Small numbers on either side of 0, in every channel.
    const float = graphModel({
      inputs: { x: [1, 16, 12, 12] },
      nodes: [node('Conv', ['x', 'w1'], 'y')],
      constants: [weights('w1', [32, 16, 3, 3])],
    });
    const { statistics, samples, biases, ...made12 } = await made(float);
    const plain = await quantizeModel(float, statistics, samples, { biases: 'never' });
    for (const form of forms) {
      expect(biases![form]?.kept, form).toBe(false);
      expect(encodeModel(made12[form]), form).toEqual(encodeModel(plain[form]));
    }
  });

  it('are the same each time', async () => {
    const [one, other] = [await made(chain(true)), await made(chain(true))];
    expect(one.biases).toEqual(other.biases);
    for (const form of forms) expect(encodeModel(one[form])).toEqual(encodeModel(other[form]));
  });

  it('hold for all forms of a ladder', async () => {
    const float = chain(true);
    const { statistics, samples, biases } = await made(float);
    const ladder = await int8Ladder(float, statistics, samples, { forms, keep: (_, measure) => measure() });
    expect(Object.keys(ladder.biases!)).toEqual(Object.keys(biases!));
    for (const form of forms) {
      const plain = await quantizeModel(float, statistics, samples, { biases: 'never' });
      const { model } = await ladder.make(form, 0);
      expect(Buffer.compare(encodeModel(model), encodeModel(plain[form])) !== 0, form).toBe(ladder.biases![form]!.kept);
    }
  });

  it('are not tried with too few inputs', async () => {
    const { biases } = await made(chain(true), 3);
    expect(biases).toBeUndefined();
  });

  it('end where the signal is aborted', async () => {
    const float = chain(true);
    const { statistics, samples } = await made(float, 4);
    const signal = AbortSignal.abort();
    await expect(quantizeModel(float, statistics, samples, { signal })).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('of a model without a layer that adds one change nothing', async () => {
    const float = graphModel({
      inputs: { x: [1, 8, 64] },
      nodes: [node('MatMul', ['x', 'w'], 'y')],
      constants: [weights('w', [64, 64])],
    });
    const { biases, precision, ...forms8 } = await made(float);
    for (const form of forms) expect(biases![form]).toMatchObject({ layers: 0, kept: false, gainDb: 0 });
    expect(parseModel(encodeModel(forms8.onnxruntime)).graph.nodes.some(({ opType }) => opType === 'MatMul')).toBe(true);
    expect(biasWords({ biases, precision })).toEqual([]);
  });
});

describe('what is said of them', () => {
  const found = { layers: 12, gainDb: 1.24, lossDb: 0, pictures: 8, kept: true };

  it('tells the gain, or what it would have been', () => {
    const biases = { onnxruntime: found, tensorrt: { ...found, gainDb: -0.3, lossDb: 0.3, kept: false } };
    const precision = { onnxruntime: 'int8', tensorrt: 'int8' } as const;
    expect(biasWords({ biases, precision })).toEqual([
      'Biases of 12 layers were corrected in the form for ONNX Runtime: noise in the outputs is 1.2 dB less on 8 pictures that they were not fitted to.',
      'Biases were left as they are in the form for TensorRT: with corrected ones, noise in the outputs was 0.3 dB more on 8 pictures that they were not fitted to.',
    ]);
    const others = { ...biases, tensorrt: { ...found, lossDb: 1.6, kept: false } };
    expect(biasWords({ biases: others, precision })[1]).toMatch(
      /was 1.2 dB less on 8 pictures .*, and in some of them 1.6 dB more\.$/,
    );
    expect(biasWords({ biases, precision: { ...precision, onnxruntime: 'float32' } })).toHaveLength(1);
    expect(biasWords({ precision })).toEqual([]);
  });
});
