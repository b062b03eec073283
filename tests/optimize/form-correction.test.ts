/** Biases that keep the means of channels, and weights that are rounded together: that they are taken only where they gain something. */
import { describe, expect, it } from 'vitest';
import { encodeModel, parseModel, type ModelProto } from '../../lib/graph/index.js';
import { correctionWords } from '../../lib/optimize/decisions.js';
import { quantizeModel } from '../../lib/optimize/quantize-model.js';
import { int8Ladder } from '../../lib/optimize/search/ladder.js';
import { meansModel, Structure, tappedModel } from '../../lib/precision/index.js';
import type { Quantization } from '../../lib/precision/qdq-writer.js';
import { createSession } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { graphModel, node, pseudoRandom, scales, weights, type Constant, type Node } from '../graph/made-graphs.js';
import { forms, nodesOf, sampleOf, signalToNoise, statisticsOf } from './quantized.js';

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

describe('corrections', () => {
  it.each([true, false])('are taken where they gain something, with a bias in the model or without: %s', async (hasBias) => {
    const float = chain(hasBias);
    const { statistics, samples, corrections, ...corrected } = await made(float);
    const plain = await quantizeModel(float, statistics, samples, { correction: 'none' });
    expect(plain.corrections).toBeUndefined();
    const biased = await quantizeModel(float, statistics, samples, { correction: 'biases' });
    for (const form of forms) {
      const told = corrections![form]!;
      expect(told).toMatchObject({ pictures: 6, found: { biases: { layers: 2 }, rounded: { layers: 2 } } });
      const [before] = await signalToNoise(float, plain[form], 'disabled');
      const [after] = await signalToNoise(float, biased[form], 'disabled');
      expect(told.taken, form).not.toBe('none');
      expect(after, form).toBeGreaterThan(before! + 0.5);
      expect((await signalToNoise(float, corrected[form], 'disabled'))[0], form).toBeGreaterThan(after! - 0.3);
    }
  });

  it('are left alone where there is nothing to gain', async () => {
    // Small numbers on either side of 0, in every channel.
    const float = graphModel({
      inputs: { x: [1, 16, 12, 12] },
      nodes: [node('Conv', ['x', 'w1'], 'y')],
      constants: [weights('w1', [32, 16, 3, 3])],
    });
    const { statistics, samples, corrections, ...made12 } = await made(float);
    const plain = await quantizeModel(float, statistics, samples, { correction: 'none' });
    for (const form of forms) {
      expect(corrections![form]?.taken, form).toBe('none');
      expect(encodeModel(made12[form]), form).toEqual(encodeModel(plain[form]));
    }
  });

  it('are the same each time', async () => {
    const [one, other] = [await made(chain(true)), await made(chain(true))];
    expect(one.corrections).toEqual(other.corrections);
    for (const form of forms) expect(encodeModel(one[form])).toEqual(encodeModel(other[form]));
  });

  it('hold for all forms of a ladder', async () => {
    const float = chain(true);
    const { statistics, samples, corrections } = await made(float);
    const ladder = await int8Ladder(float, statistics, samples, { forms, keep: (_, measure) => measure() });
    expect(Object.keys(ladder.corrections!)).toEqual(Object.keys(corrections!));
    for (const form of forms) {
      const { taken } = ladder.corrections![form]!;
      expect(taken).not.toBe('none');
      const same = await quantizeModel(float, statistics, samples, { correction: taken });
      const { model } = await ladder.make(form, 0);
      expect(Buffer.compare(encodeModel(model), encodeModel(same[form])), form).toBe(0);
    }
  });

  it('are as they were decided where a search goes on', async () => {
    const float = mixture([node('Conv', ['m', 'w', 'b'], 'y')], [weights('w', [16, 32, 1, 1]), weights('b', [16])]);
    const samples = Array.from({ length: 12 }, (_, i) => sampleOf(float, i + 1));
    const statistics = await statisticsOf(float, samples);
    const journal = new Map<string, unknown>();
    const ladder = () =>
      int8Ladder(float, statistics, samples, {
        forms,
        keep: async <T>(name: string, measure: () => Promise<T>) => {
          if (!journal.has(name)) journal.set(name, await measure());
          // As it is read from a file.
          return JSON.parse(JSON.stringify(journal.get(name))) as T;
        },
      });
    const first = await ladder();
    expect(journal.has('corrections onnxruntime tensorrt')).toBe(true);
    const second = await ladder();
    expect(second.corrections).toEqual(first.corrections);
    expect(second.corrections!.tensorrt!.taken).toBe('rounded');
    for (const form of forms) {
      const [one, other] = [await first.make(form, 0), await second.make(form, 0)];
      expect(encodeModel(one.model), form).toEqual(encodeModel(other.model));
    }
  });

  it('are not tried with too few inputs', async () => {
    const { corrections } = await made(chain(true), 3);
    expect(corrections).toBeUndefined();
  });

  it('end where the signal is aborted meanwhile', async () => {
    const float = chain(true);
    const { statistics, samples } = await made(float, 8);
    // Every call that can end is given the signal, and asks it.
    const reached = async (abortAt: number): Promise<{ asked: number; error: unknown }> => {
      const controller = new AbortController();
      let asked = 0;
      const get = (target: AbortSignal, name: keyof AbortSignal): unknown => {
        if (name === 'aborted' && ++asked === abortAt) controller.abort();
        const value: unknown = target[name];
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      };
      const signal = new Proxy(controller.signal, { get } as ProxyHandler<AbortSignal>);
      const call = quantizeModel(float, statistics, samples, { signal, correction: 'rounded' });
      return { error: await call.then(() => undefined).catch((reason: unknown) => reason), asked };
    };
    const { asked, error } = await reached(0);
    expect(error).toBeUndefined();
    for (const part of [0.2, 0.5, 0.8, 0.95]) {
      expect((await reached(Math.ceil(part * asked))).error).toMatchObject({ code: 'ABORTED' });
    }
  });

  it('of a model without a layer that adds one change nothing', async () => {
    const float = graphModel({
      inputs: { x: [1, 8, 64] },
      nodes: [node('MatMul', ['x', 'w'], 'y')],
      constants: [weights('w', [64, 64])],
    });
    const { corrections, precision, ...forms8 } = await made(float);
    for (const form of forms) expect(corrections![form]).toMatchObject({ taken: 'none', found: {} });
    expect(parseModel(encodeModel(forms8.onnxruntime)).graph.nodes.some(({ opType }) => opType === 'MatMul')).toBe(true);
    expect(correctionWords({ corrections, precision })).toEqual([]);
  });
});

/** Weights of which one of each output, along `axis`, is large, so that the others have few of the steps. */
function uneven(name: string, dims: readonly number[], axis = 0): Constant {
  const count = dims.reduce((product, size) => product * size, 1);
  const outputs = dims[axis] as number;
  const isLarge = (i: number): boolean => (axis === 0 ? i % (count / outputs) === 0 : i < outputs);
  const values = [...pseudoRandom(count, name.length + 11)].map((one, i) => (isLarge(i) ? 6 : one));
  return { ...scales(name, values), dims: dims.map(BigInt) };
}

/** 32 channels that are mixtures of four, and layers that read them as 'm'. */
function mixture(layers: readonly Node[], constants: readonly Constant[], sizes: readonly number[] = [12, 12]): ModelProto {
  return graphModel({
    inputs: { x: [1, 4, ...sizes] },
    nodes: [node('Conv', ['x', 'mix'], 'm'), ...layers],
    constants: [weights('mix', [32, 4, ...sizes.map(() => 1)]), ...constants],
  });
}

describe('weights that are rounded together', () => {
  const layers = [
    ['pointwise', node('Conv', ['m', 'w', 'b'], 'y'), [16, 32, 1, 1], [12, 12]],
    [
      'of a kernel with strides, dilations and pads',
      node('Conv', ['m', 'w', 'b'], 'y', {
        ...{ strides: [2, 1], dilations: [1, 2], pads: [1, 0, 2, 3] },
      }),
      [16, 32, 3, 2],
      [12, 12],
    ],
    ['along one axis', node('Conv', ['m', 'w', 'b'], 'y', { strides: [2], pads: [2, 0] }), [16, 32, 3], [40]],
    ['of groups', node('Conv', ['m', 'w', 'b'], 'y', { group: 2, pads: [1, 1, 1, 1] }), [16, 16, 3, 3], [12, 12]],
  ] as const;

  it.each(layers)('%s make less noise in pictures that nothing was fitted to', async (_, layer, dims, sizes) => {
    const float = mixture([layer], [uneven('w', dims), weights('b', [16])], sizes);
    await expectGain(float);
  });

  it.each([0, 1])('of a matrix make less noise, transposed or not: %s', async (transB) => {
    const float = graphModel({
      inputs: { x: [64, 8] },
      nodes: [node('Gemm', ['x', 'mix', 'c'], 'm', { transB: 1 }), node('Gemm', ['m', 'w', 'b'], 'y', { transB })],
      constants: [
        ...[weights('mix', [48, 8]), weights('c', [48])],
        ...[uneven('w', transB === 1 ? [16, 48] : [48, 16], 1 - transB), weights('b', [16])],
      ],
    });
    await expectGain(float);
  });

  it('are those of both layers that share them, and are stored once', async () => {
    const float = mixture(
      [
        ...[node('Conv', ['m', 'w', 'b'], 'y'), node('Relu', 'm', 'r'), node('Conv', ['r', 'w', 'b'], 'z')],
        ...[node('Add', ['y', 'z'], 's'), node('Conv', ['s', 'v', 'b'], 't')],
      ],
      [uneven('w', [16, 32, 1, 1]), uneven('v', [16, 16, 1, 1]), weights('b', [16])],
    );
    const { rounded } = await expectGain(float, 3);
    const { initializers } = parseModel(encodeModel(rounded.tensorrt)).graph;
    expect([...initializers.values()].filter(({ dims }) => dims.join() === '16,32,1,1')).toHaveLength(1);
  });

  it('keep those that are 0, and all that lie on the grid of their scales', async () => {
    const grid = pseudoRandom(16 * 32, 3).map((one, i) => (i % 32 === 1 ? 127 : i % 3 === 0 ? 0 : Math.round(100 * one) || 0));
    const float = mixture(
      [node('Conv', ['m', 'w', 'b'], 'y'), node('Relu', 'y', 'r'), node('Conv', ['r', 'v', 'c'], 'z')],
      [
        {
          ...scales(
            'w',
            [...grid].map((one) => one / 256),
          ),
          dims: [16n, 32n, 1n, 1n],
        },
        {
          ...scales(
            'v',
            [...pseudoRandom(8 * 16, 4)].map((one, i) => (i % 4 === 0 ? 0 : one)),
          ),
          dims: [8n, 16n, 1n, 1n],
        },
        ...[weights('b', [16]), weights('c', [8])],
      ],
    );
    const { rounded, plain } = await roundedOf(float);
    for (const form of forms) {
      const stored = (model: ModelProto, name: string) => [
        ...(parseModel(encodeModel(model)).graph.initializers.get(`${name}/int8`)!.data as Int8Array),
      ];
      expect(stored(rounded[form], 'w'), form).toEqual([...grid]);
      expect(stored(rounded[form], 'v'), form).not.toEqual(stored(plain[form], 'v'));
      expect(stored(rounded[form], 'v').every((one, i) => i % 4 !== 0 || one === 0)).toBe(true);
    }
  });

  it('are left where the input has NaN', async () => {
    const float = mixture([node('Conv', ['m', 'w', 'b'], 'y')], [weights('w', [16, 32, 1, 1]), weights('b', [16])]);
    const { samples, statistics, plain } = await roundedOf(float);
    const odd = samples.map((sample, i) => {
      const data = (sample.data as Float32Array).slice();
      if (i === 2) data[7] = NaN;
      return new Tensor('float32', data, sample.dims);
    });
    const left = await quantizeModel(float, statistics, odd, { correction: 'rounded' });
    for (const form of forms) expect(encodeModel(left[form])).toEqual(encodeModel(plain[form]));
  });

  it('are rounded one by one where only a run tells how large values are', async () => {
    const float = graphModel({
      inputs: { x: [1, 4, 'height', 'width'] },
      nodes: [
        ...[node('Conv', ['x', 'mix'], 'm'), node('Conv', ['m', 'w', 'b'], 'a'), node('Relu', 'a', 'r')],
        node('Conv', ['r', 'v', 'b'], 'y'),
      ],
      constants: [weights('mix', [32, 4, 1, 1]), weights('w', [32, 32, 1, 1]), weights('v', [32, 32, 1, 1]), weights('b', [32])],
    });
    const samples = Array.from({ length: 6 }, (_, i) => new Tensor('float32', pseudoRandom(4 * 12 * 12, i), [1, 4, 12, 12]));
    const statistics = await statisticsOf(float, samples);
    const biased = await quantizeModel(float, statistics, samples, { correction: 'biases' });
    const rounded = await quantizeModel(float, statistics, samples, { correction: 'rounded' });
    for (const form of forms) {
      for (const name of ['w/int8', 'v/int8']) {
        const stored = (model: ModelProto) => parseModel(encodeModel(model)).graph.initializers.get(name)!.data;
        expect(stored(rounded[form]), `${form} ${name}`).not.toEqual(stored(biased[form]));
      }
    }
  });

  async function roundedOf(float: ModelProto) {
    const samples = Array.from({ length: 12 }, (_, i) => sampleOf(float, i + 1));
    const statistics = await statisticsOf(float, samples);
    const plain = await quantizeModel(float, statistics, samples, { correction: 'none' });
    const rounded = await quantizeModel(float, statistics, samples, { correction: 'rounded' });
    return { samples, statistics, plain, rounded };
  }

  /** More than by biases alone, in forms in which at least so many layers are computed in integers. */
  async function expectGain(float: ModelProto, layers = 1) {
    const { samples, statistics, rounded } = await roundedOf(float);
    const biased = await quantizeModel(float, statistics, samples, { correction: 'biases' });
    const { corrections } = await quantizeModel(float, statistics, samples);
    for (const form of forms) {
      expect(corrections![form]!.found.rounded?.layers, form).toBeGreaterThanOrEqual(layers);
      const before = await signalToNoise(float, biased[form], 'disabled');
      const after = await signalToNoise(float, rounded[form], 'disabled');
      after.forEach((one, i) => expect(one, `${form} ${i}`).toBeGreaterThan(before[i]! + 0.5));
      expect(corrections![form]!.taken, form).toBe('rounded');
    }
    return { rounded };
  }
});

describe('what is said of them', () => {
  const biases = { layers: 12, gainDb: 1.24, lossDb: 0 };
  const rounded = { layers: 11, gainDb: 2.31, lossDb: 0 };
  const precision = { onnxruntime: 'int8', tensorrt: 'int8' } as const;

  it('tells the gain, or what it would have been', () => {
    const corrections = {
      onnxruntime: { taken: 'biases', found: { biases }, pictures: 8 },
      tensorrt: { taken: 'rounded', found: { biases, rounded }, pictures: 8 },
    } as const;
    expect(correctionWords({ corrections, precision })).toEqual([
      'Biases of 12 layers were corrected in the form for ONNX Runtime: noise in the outputs is 1.2 dB less on 8 pictures that nothing was fitted to.',
      'Weights of 11 layers were rounded so that their errors make good each other, and biases corrected, in the form for TensorRT: noise in the outputs is 2.3 dB less on 8 pictures that nothing was fitted to (with corrected biases alone, 1.2 dB less).',
    ]);
    expect(correctionWords({ corrections, precision: { ...precision, onnxruntime: 'float32' } })).toHaveLength(1);
    expect(correctionWords({ precision })).toEqual([]);
  });

  it('tells why nothing was taken', () => {
    const found = { biases: { ...biases, gainDb: -0.3, lossDb: 0.3 }, rounded: { ...rounded, lossDb: 1.6 } };
    const corrections = { tensorrt: { taken: 'none', found, pictures: 8 } } as const;
    expect(correctionWords({ corrections, precision })).toEqual([
      'Weights and biases were left as they are in the form for TensorRT: with corrected biases, noise in the outputs was 0.3 dB more, and with weights rounded together 2.3 dB less (in some of them 1.6 dB more), on 8 pictures that nothing was fitted to.',
    ]);
  });
});
