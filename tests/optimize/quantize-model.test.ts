/** What quantising a model promises, whatever the model: the numbers in both forms, the same outcome each time, and errors. */
import { describe, expect, it } from 'vitest';
import { encodeModel, parseModel, type ModelProto } from '../../lib/graph/index.js';
import { quantizeModel } from '../../lib/optimize/quantize-model.js';
import { calibrationPoints } from '../../lib/precision/index.js';
import { rejectionOf } from '../errors/failure.js';
import { graphModel, integers, node, scales, weights, type Constant } from '../graph/made-graphs.js';
import { checkForms, forms, nodesOf, quantized, sampleOf, signalToNoise, statisticsOf } from './quantized.js';

/** Two convolutions and what lies between; of weights and bias as given. */
function chain(constants: readonly Constant[] = [], shape: readonly (number | string)[] = [1, 16, 12, 12]): ModelProto {
  const given = new Set(constants.map(({ name }) => name));
  const usual = [weights('w1', [16, 16, 3, 3]), weights('v1', [16]), weights('w2', [64, 16, 3, 3]), weights('v2', [64])];
  return graphModel({
    inputs: { x: shape },
    nodes: [
      node('Conv', ['x', 'w1', 'v1'], 'a', { pads: [1, 1, 1, 1] }),
      node('Relu', 'a', 'r'),
      node('Conv', ['r', 'w2', 'v2'], 'y', { pads: [1, 1, 1, 1] }),
    ],
    constants: [...usual.filter(({ name }) => !given.has(name)), ...constants],
  });
}

function constant(name: string, dims: readonly number[], of: (index: number) => number): Constant {
  const count = dims.reduce((product, size) => product * size, 1);
  return {
    ...scales(
      name,
      Array.from({ length: count }, (_, i) => of(i)),
    ),
    dims: dims.map(BigInt),
  };
}

/** What a DequantizeLinear reads: the integers, and their scales. */
function dequantized(model: ModelProto, name: string) {
  const { nodes, initializers } = parseModel(encodeModel(model)).graph;
  const by = nodes.find(({ outputs }) => outputs[0] === name);
  const [stored, scale, zeroPoint] = (by?.inputs ?? []).map((input) => initializers.get(input)?.data);
  return { stored, scale: scale as Float32Array, zeroPoint };
}

describe('the numbers of the forms', () => {
  it('biases count in steps of the scale of the input times that of the channel, as float32 multiplies', async () => {
    const { onnxruntime } = await quantized(chain());
    for (const { inputs } of nodesOf(onnxruntime, 'Conv')) {
      const [x = '', w = '', bias = ''] = inputs;
      const { initializers, nodes } = parseModel(encodeModel(onnxruntime)).graph;
      const scaleOf = nodes.find(({ outputs }) => outputs[0] === x)?.inputs[1] ?? '';
      const step = initializers.get(scaleOf)?.data?.[0] as number;
      const expected = Array.from(dequantized(onnxruntime, w).scale, (scale) => Math.fround(scale * step));
      expect([...dequantized(onnxruntime, bias).scale]).toEqual(expected);
      expect(dequantized(onnxruntime, bias).stored).toBeInstanceOf(Int32Array);
    }
  });

  it('weights are stored in eight bits, in both forms', async () => {
    const made = await quantized(chain());
    for (const form of forms) {
      for (const { inputs } of nodesOf(made[form], 'Conv')) {
        const { stored, scale, zeroPoint } = dequantized(made[form], inputs[1] as string);
        expect(stored).toBeInstanceOf(Int8Array);
        expect(Math.max(...(stored as Int8Array).map(Math.abs))).toBe(127);
        expect([...(zeroPoint as Int8Array)]).toEqual(Array.from(scale, () => 0));
      }
      expect(encodeModel(made[form]).length / encodeModel(made.float).length).toBeLessThan(0.4);
    }
  });

  it('nothing lies between a convolution and its activation, where it is absorbed or fused', async () => {
    const made = await quantized(chain());
    expect(nodesOf(made.onnxruntime, 'Relu')).toEqual([]);
    const [relu] = nodesOf(made.tensorrt, 'Relu');
    expect(nodesOf(made.tensorrt, 'Conv').some(({ outputs }) => outputs[0] === relu?.inputs[0])).toBe(true);
    expect(nodesOf(made.tensorrt, 'QuantizeLinear').map(({ inputs }) => inputs[0])).toEqual(['x', 'r']);
  });
});

describe('odd weights', () => {
  it.each<[string, readonly Constant[]]>([
    ['all zero', [constant('w1', [16, 16, 3, 3], () => 0)]],
    ['zero, with biases that are not', [constant('w2', [64, 16, 3, 3], () => 0), constant('v2', [64], (i) => i - 3)]],
    ['channels that are dead', [constant('w1', [16, 16, 3, 3], (i) => (i < 9 * 16 * 8 ? 0 : Math.sin(i)))]],
    [
      'tiny beside a large bias',
      [constant('w1', [16, 16, 3, 3], (i) => 1e-6 * Math.sin(i)), constant('v1', [16], (i) => 1000 + i)],
    ],
    [
      'tiny beside an enormous bias',
      [constant('w2', [64, 16, 3, 3], (i) => 1e-8 * Math.sin(i)), constant('v2', [64], () => 1e6)],
    ],
  ])('%s', async (_, constants) => {
    await checkForms(await quantized(chain(constants)), 24);
  });

  it('that are no numbers are refused', async () => {
    const error = await rejectionOf(quantized(chain([constant('w2', [64, 16, 3, 3], (i) => (i === 7 ? NaN : 1))])));
    expect(error).toMatchObject({ code: expect.stringMatching(/INVALID_ARGUMENT|MODEL_INVALID/) as string });
  });
});

describe('outputs that are no floats', () => {
  it('are computed by a model that ends in ArgMax', async () => {
    const made = await quantized(
      graphModel({
        inputs: { x: [1, 16, 12, 12] },
        nodes: [
          node('Conv', ['x', 'w1', 'v1'], 'a'),
          node('Relu', 'a', 'r'),
          node('Conv', ['r', 'w2'], 'b'),
          node('ArgMax', 'b', 'i', { axis: 1 }),
          node('Cast', 'i', 'y', { to: 7 }),
        ],
        constants: [weights('w1', [16, 16, 3, 3]), weights('v1', [16]), weights('w2', [20, 16, 3, 3])],
        outputs: [{ name: 'y', type: { value: { case: 'tensorType', value: { elemType: 7 } } } }],
      }),
    );
    expect(made.layers.map(({ precision }) => precision.onnxruntime)).toEqual(['int8', 'int8']);
    // By what is compared to make them.
    expect(made.layers[0]?.noiseDb.onnxruntime).toBeGreaterThan(20);
  });

  it('and of as many as there are things in the picture', async () => {
    const made = await quantized(
      graphModel({
        inputs: { x: [1, 16, 12, 12] },
        nodes: [
          node('Conv', ['x', 'w1', 'v1'], 'a'),
          node('Relu', 'a', 'r'),
          node('Conv', ['r', 'w2'], 'b'),
          node('NonZero', 'b', 'n'),
          node('Reshape', ['b', 'flat'], 'f'),
          node('Greater', ['f', 'zero'], 'is'),
          node('Compress', ['f', 'is'], 'y'),
        ],
        constants: [
          ...[weights('w1', [16, 16, 3, 3]), weights('v1', [16]), weights('w2', [20, 16, 3, 3])],
          ...[integers('flat', [-1]), constant('zero', [1], () => 0)],
        ],
      }),
    );
    expect(made.layers.map(({ precision }) => precision.onnxruntime)).toEqual(['int8', 'int8']);
    // By what is compared to make them.
    expect(made.layers[0]?.noiseDb.onnxruntime).toBeGreaterThan(20);
  });
});

describe('what loses too much', () => {
  /** The first of 64 channels is a thousand times the others, and a layer of its own for each makes up for it. */
  const planted = graphModel({
    inputs: { x: [1, 16, 12, 12] },
    nodes: [
      node('Conv', ['x', 'w', 'v'], 'a'),
      node('Relu', 'a', 'r'),
      node('Conv', ['r', 'd'], 'm', { group: 64 }),
      node('Conv', ['m', 'p'], 'c'),
      node('Relu', 'c', 'e'),
      node('Conv', ['e', 'q'], 'y'),
    ],
    constants: [
      constant('w', [64, 16, 3, 3], (i) => Math.sin(i) * (i < 144 ? 1000 : 1)),
      weights('v', [64]),
      constant('d', [64, 1, 3, 3], (i) => Math.cos(i) * (i < 9 ? 0.001 : 1)),
      weights('p', [256, 64, 1, 1]),
      weights('q', [256, 256, 1, 1]),
    ],
  });

  it('is found and left float, and no more than that', async () => {
    const made = await quantized(planted);
    const float = made.layers.filter(({ precision }) => precision.onnxruntime === 'float32');
    expect(float.map(({ name, reasons }) => [name, reasons.onnxruntime])).toEqual([
      ['the a', expect.stringContaining('measured')],
      ['the m', expect.stringContaining('measured')],
    ]);
    await checkForms(made, 24);
  });
});

describe('quantizeModel', () => {
  it('gives the same models each time', async () => {
    const [one, other] = [await quantized(chain()), await quantized(chain())];
    for (const form of forms) expect(Buffer.compare(encodeModel(other[form]), encodeModel(one[form])), form).toBe(0);
    expect(other.layers).toEqual(one.layers);
  });

  it('takes samples of a fixed batch', async () => {
    const made = await quantized(chain([], [4, 16, 12, 12]));
    expect(made.samples[0]?.dims[0]).toBe(4);
    await checkForms(made, 24);
  });

  it('knows the work of layers whose batch is free', async () => {
    const [fixed, free] = [await quantized(chain()), await quantized(chain([], ['n', 16, 12, 12]))];
    expect(free.layers.map(({ macs }) => macs)).toEqual(fixed.layers.map(({ macs }) => macs));
    expect(fixed.layers.map(({ macs }) => macs)).toEqual([144 * 16 * 144, 144 * 64 * 144]);
  });

  it('gives no form without statistics of a point', async () => {
    const float = chain();
    const samples = [sampleOf(float, 1)];
    const statistics = await statisticsOf(float, samples);
    for (const { name } of calibrationPoints(float).filter((point) => point.name !== 'x')) {
      const fewer = statistics.filter((one) => one.name !== name);
      const error = await rejectionOf(quantizeModel(float, fewer, samples));
      expect(error, name).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(`"${name}"`) as string });
    }
  });

  it('ends while it measures when it is told to', async () => {
    const stop = new AbortController();
    const phases = new Set<string>();
    const error = await rejectionOf(
      quantized(chain(), {
        signal: stop.signal,
        onProgress: ({ phase, done }) => {
          phases.add(phase);
          if (phase === 'sensitivity' && done > 0) stop.abort();
        },
      }),
    );
    expect(error).toMatchObject({ code: 'ABORTED' });
    expect([...phases]).toEqual(['ranges', 'sensitivity']);
  });

  it('refuses a model without a layer that it can quantise', async () => {
    const none = graphModel({ inputs: { x: [1, 3, 8, 8] }, nodes: [node('Relu', 'x', 'y')] });
    const error = await rejectionOf(quantizeModel(none, [], [sampleOf(none, 1)]));
    expect(error).toMatchObject({ code: 'MODEL_UNSUPPORTED', hint: expect.stringContaining('FP32') as string });
  });

  it.each(['min-max', 'moving-average', 'percentile', 'entropy'] as const)('chooses ranges by %s', async (method) => {
    const [made, usual] = [await quantized(chain(), { method }), await quantized(chain())];
    expect(Buffer.compare(encodeModel(made.onnxruntime), encodeModel(usual.onnxruntime))).not.toBe(0);
    const [ratio] = await signalToNoise(made.float, made.onnxruntime, 'all');
    expect(ratio).toBeGreaterThan(12);
  });
});
