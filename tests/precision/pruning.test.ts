/** Weights that become 0, against what numpy makes 0: see tests/reference/precision/pruning.py. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeModel, parseModel, type ModelProto } from '../../lib/graph/index.js';
import { checkPruning, pruneWeights, type Pruning } from '../../lib/precision/index.js';
import { rejectionOf } from '../errors/failure.js';
import { graphModel, node, weights, type Constant, type Node } from '../graph/made-graphs.js';
import { floats } from '../optimize/made-chains.js';
import { noise } from './noise.js';

interface Answer {
  readonly operator: 'Conv' | 'ConvTranspose' | 'Gemm' | 'MatMul';
  readonly dims: number[];
  readonly seed: number;
  readonly scheme: Pruning;
  readonly zeros: number[];
}

const answers = JSON.parse(readFileSync(new URL('../reference/fixtures/pruning.json', import.meta.url), 'utf8')) as Answer[];

const half = 'magnitude:0.5';

/** A layer that reads the picture, which is left, and one behind it with these weights. */
function layer(operator: string, dims: readonly number[], values: Float32Array): ModelProto {
  const isConvolution = operator.startsWith('Conv');
  const from = operator === 'MatMul' || operator === 'ConvTranspose' ? dims[0]! : dims[1]!;
  return graphModel({
    inputs: { picture: isConvolution ? [1, from, 8, 8] : [1, from] },
    nodes: [
      node(isConvolution ? 'Conv' : 'MatMul', ['picture', 'stem'], 'x'),
      node(operator, ['x', 'w'], 'y', operator === 'Gemm' ? { transB: 1 } : {}),
    ],
    constants: [weights('stem', isConvolution ? [from, from, 1, 1] : [from, from]), floats('w', values, dims) as Constant],
  });
}

/** Weights of each layer, in the order of the graph. */
function weightsOf(model: ModelProto): Float32Array[] {
  const { nodes, initializers } = parseModel(encodeModel(model)).graph;
  return nodes.flatMap(({ inputs }) => (initializers.get(inputs[1] ?? '')?.data as Float32Array | undefined) ?? []);
}

const zerosOf = (values: Float32Array): number[] => [...values.keys()].filter((place) => values[place] === 0);

describe('pruned weights', () => {
  it.each(answers)('of $operator $dims by $scheme, seed $seed', async ({ operator, dims, seed, scheme, zeros }) => {
    const count = dims.reduce((product, size) => product * size, 1);
    const before = Float32Array.from(noise(count, seed), (one) => (seed % 2 === 1 ? roundHalfEven(one * 8) / 8 : one));
    const model = layer(operator, dims, before);
    const pruned = await pruneWeights(model, scheme);
    const [stem, after] = weightsOf(pruned.model) as [Float32Array, Float32Array];
    expect(zerosOf(after)).toEqual(zeros);
    expect(zerosOf(stem)).toEqual([]);
    expect(pruned.layers[1]).toEqual({
      name: 'the y',
      weights: count,
      zeros: zeros.length,
      zerosBefore: zerosOf(before).length,
    });
    const kept = [...after.keys()].filter((place) => after[place] !== 0);
    expect(kept.map((place) => after[place])).toEqual(kept.map((place) => before[place]));
    // What was given is as it was.
    expect(weightsOf(model)[1]).toEqual(before);
  });

  it('that many are 0 already stay, and -0 is one', async () => {
    const before = Float32Array.from({ length: 64 }, (_, i) => (i < 60 ? (i % 2 === 0 ? 0 : -0) : i));
    const { model, layers } = await pruneWeights(layer('Gemm', [4, 16], before), half);
    expect(weightsOf(model)[1]!.slice(60)).toEqual(before.slice(60));
    expect(layers[1]).toMatchObject({ zeros: 60, zerosBefore: 60 });
  });
});

describe('layers', () => {
  const convolution = (input: string, constant: string, output: string, attributes: Parameters<typeof node>[3] = {}): Node =>
    node('Conv', [input, constant], output, attributes);
  const stem = convolution('picture', 'stem', 'x');
  const behindStem = (nodes: readonly Node[], constants: readonly Constant[]): ModelProto =>
    graphModel({
      inputs: { picture: [1, 8, 8, 8] },
      nodes: [stem, ...nodes],
      constants: [weights('stem', [8, 8, 1, 1]), ...constants],
    });
  /** What becomes of layers behind one that reads the picture. */
  const prune = async (nodes: readonly Node[], constants: readonly Constant[], scheme: Pruning = half) => {
    const { model, layers } = await pruneWeights(behindStem(nodes, constants), scheme);
    return { model, layers: layers.slice(1) };
  };

  it('that share weights go on to share them', async () => {
    const { model, layers } = await prune([convolution('x', 'w', 'a'), convolution('a', 'w', 'y')], [weights('w', [8, 8, 1, 1])]);
    expect(layers).toHaveLength(2);
    expect([...parseModel(encodeModel(model)).graph.initializers.keys()]).toEqual(['stem', 'w/pruned']);
  });

  it('leave weights as they are that others read, too', async () => {
    const { model } = await prune([convolution('x', 'w', 'a'), node('Mul', ['a', 'w'], 'y')], [weights('w', [8, 8, 1, 1])]);
    const { nodes, initializers } = parseModel(encodeModel(model)).graph;
    expect(nodes.map(({ inputs }) => inputs[1])).toEqual(['stem', 'w/pruned', 'w']);
    expect(zerosOf(initializers.get('w')!.data as Float32Array)).toEqual([]);
    expect(zerosOf(initializers.get('w/pruned')!.data as Float32Array)).toHaveLength(32);
  });

  it('of few weights that decide much, or that are no numbers, are left', async () => {
    const broken = Float32Array.from({ length: 64 }, (_, i) => (i === 9 ? NaN : i));
    const { model, layers } = await prune(
      [convolution('x', 'd', 'a', { group: 8 }), convolution('a', 'n', 'b'), convolution('b', 'w', 'y')],
      [weights('d', [8, 1, 3, 3]), floats('n', broken, [8, 8, 1, 1]) as Constant, weights('w', [8, 8, 1, 1])],
    );
    expect(layers.map(({ reason }) => reason)).toEqual(['depthwise', 'weights that are not numbers', undefined]);
    expect(weightsOf(model).map((values) => zerosOf(values).length)).toEqual([0, 0, 1, 32]);
  });

  it('that read the picture are left, however it gets there', async () => {
    const model = graphModel({
      inputs: { x: [1, 8, 8, 8] },
      nodes: [
        node('Relu', 'x', 'r'),
        convolution('r', 'w', 'a'),
        convolution('x', 'w', 'b'),
        node('Add', ['a', 'b'], 'c'),
        convolution('c', 'w', 'y'),
      ],
      constants: [weights('w', [8, 8, 1, 1])],
    });
    const { layers } = await pruneWeights(model, half);
    expect(layers.map(({ name, reason, zeros }) => [name, reason, zeros])).toEqual([
      ['the a', 'it reads the picture', 0],
      ['the b', 'it reads the picture', 0],
      ['the y', undefined, 32],
    ]);
  });

  it('that have no sparse kernel are left by 2:4', async () => {
    const nodes = [node('ConvTranspose', ['x', 't'], 'a'), convolution('a', 'odd', 'b'), convolution('b', 'even', 'y')];
    const constants = [weights('t', [8, 6, 2, 2]), weights('odd', [8, 6, 1, 1]), weights('even', [8, 8, 1, 1])];
    const { layers } = await prune(nodes, constants, '2:4');
    expect(layers.map(({ reason, zeros }) => [reason, zeros])).toEqual([
      ['transposed: no sparse kernel', 0],
      ['input channels are no multiple of 4', 0],
      [undefined, 32],
    ]);
    const { layers: all } = await prune(nodes, constants);
    expect(all.map(({ zeros }) => zeros)).toEqual([96, 24, 32]);
  });

  it('of which none can be pruned are refused', async () => {
    const error = await rejectionOf(prune([convolution('x', 'w', 'y', { group: 8 })], [weights('w', [8, 1, 3, 3])], '2:4'));
    expect(error).toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringContaining('2:4: it reads the picture; depthwise') as string,
    });
    const none = graphModel({ inputs: { x: [1, 8, 8, 8] }, nodes: [node('Relu', 'x', 'y')] });
    expect(await rejectionOf(pruneWeights(none, half))).toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringContaining('no layer') as string,
    });
  });

  it('are no longer pruned when that is aborted', async () => {
    const controller = new AbortController();
    const told: number[] = [];
    const error = await rejectionOf(
      pruneWeights(behindStem([convolution('x', 'w', 'y')], [weights('w', [8, 8, 1, 1])]), half, {
        signal: controller.signal,
        onProgress: (done) => {
          told.push(done);
          controller.abort();
        },
      }),
    );
    expect(error).toMatchObject({ code: 'ABORTED' });
    expect(told).toEqual([1]);
  });
});

describe('a scheme', () => {
  it('is told in one way', () => {
    expect(['2:4', 'magnitude:.50', 'magnitude:0.3', 'magnitude:0.9'].map(checkPruning)).toEqual([
      '2:4',
      'magnitude:0.5',
      'magnitude:0.3',
      'magnitude:0.9',
    ]);
  });

  it.each([
    '',
    '1:2',
    'magnitude',
    'magnitude:',
    'magnitude:0.29',
    'magnitude:0.95',
    'magnitude:50%',
    'magnitude:1e-1',
    0.5,
    null,
  ])('%j is none', (prune) => {
    expect(() => checkPruning(prune)).toThrow(/Expected '2:4', or 'magnitude:' and a part from 0\.3 to 0\.9 for prune/);
  });
});

/** As numpy.rint does. */
function roundHalfEven(value: number): number {
  const down = Math.floor(value);
  if (value - down !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}
