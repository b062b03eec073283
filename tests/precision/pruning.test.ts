/** Weights that become 0, against what numpy makes 0: see tests/reference/precision/pruning.py. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeModel, parseModel, type ModelProto } from '../../lib/graph/index.js';
import { checkPruning, pruneWeights, type Pruning } from '../../lib/precision/index.js';
import { rejectionOf } from '../errors/failure.js';
import { graphModel, node, value, weights, type Constant, type Node } from '../graph/made-graphs.js';
import { floats } from '../optimize/made-chains.js';
import { noise } from './noise.js';

interface Answer {
  readonly operator: 'Conv' | 'Gemm' | 'MatMul';
  readonly dims: number[];
  readonly seed: number;
  readonly scheme: Pruning;
  readonly zeros: number[];
}

const answers = JSON.parse(readFileSync(new URL('../reference/fixtures/pruning.json', import.meta.url), 'utf8')) as Answer[];

const half = 'magnitude:0.5';

/** `x` through one layer with these weights. */
function layer(operator: string, dims: readonly number[], values: Float32Array): ModelProto {
  const from = operator === 'MatMul' ? dims[0]! : dims[1]!;
  return graphModel({
    inputs: { x: operator === 'Conv' ? [1, from, 8, 8] : [1, from] },
    nodes: [node(operator, ['x', 'w'], 'y', operator === 'Gemm' ? { transB: 1 } : {})],
    constants: [floats('w', values, dims) as Constant],
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
    const [after] = weightsOf(pruned.model) as [Float32Array];
    expect(zerosOf(after)).toEqual(zeros);
    expect(pruned.layers).toEqual([{ name: 'the y', weights: count, zeros: zeros.length, zerosBefore: zerosOf(before).length }]);
    const kept = [...after.keys()].filter((place) => after[place] !== 0);
    expect(kept.map((place) => after[place])).toEqual(kept.map((place) => before[place]));
    // What was given is as it was.
    expect(weightsOf(model)[0]).toEqual(before);
  });

  it('that many are 0 already stay, and -0 is one', async () => {
    const before = Float32Array.from({ length: 64 }, (_, i) => (i < 60 ? (i % 2 === 0 ? 0 : -0) : i));
    const { model, layers } = await pruneWeights(layer('Gemm', [4, 16], before), half);
    expect(weightsOf(model)[0]!.slice(60)).toEqual(before.slice(60));
    expect(layers[0]).toMatchObject({ zeros: 60, zerosBefore: 60 });
  });
});

describe('layers', () => {
  const convolution = (input: string, constant: string, output: string, attributes: Parameters<typeof node>[3] = {}): Node =>
    node('Conv', [input, constant], output, attributes);
  const prune = (nodes: readonly Node[], constants: readonly Constant[], scheme: Pruning = half) =>
    pruneWeights(graphModel({ inputs: { x: [1, 8, 8, 8] }, nodes, constants }), scheme);

  it('that share weights go on to share them', async () => {
    const { model, layers } = await prune([convolution('x', 'w', 'a'), convolution('a', 'w', 'y')], [weights('w', [8, 8, 1, 1])]);
    expect(layers).toHaveLength(2);
    expect([...parseModel(encodeModel(model)).graph.initializers.keys()]).toEqual(['w/pruned']);
  });

  it('leave weights as they are that others read, too', async () => {
    const { model } = await prune([convolution('x', 'w', 'a'), node('Mul', ['a', 'w'], 'y')], [weights('w', [8, 8, 1, 1])]);
    const { nodes, initializers } = parseModel(encodeModel(model)).graph;
    expect(nodes.map(({ inputs }) => inputs[1])).toEqual(['w/pruned', 'w']);
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
    expect(weightsOf(model).map((values) => zerosOf(values).length)).toEqual([0, 1, 32]);
  });

  it('whose results are read as numbers are left', async () => {
    // Scores go through a Sigmoid, boxes do not.
    const { layers } = await pruneWeights(
      graphModel({
        inputs: { x: [1, 8, 8, 8] },
        nodes: [
          convolution('x', 'w', 'a'),
          convolution('a', 'w1', 's'),
          convolution('a', 'w22', 'boxes'),
          node('Sigmoid', 's', 'scores'),
        ],
        outputs: [value('scores', [1, 8, 8, 8]), value('boxes', [1, 8, 8, 8])],
        constants: [weights('w', [8, 8, 3, 3]), weights('w1', [8, 8, 1, 1]), weights('w22', [8, 8, 1, 1])],
      }),
      half,
    );
    expect(layers.map(({ name, reason }) => [name, reason])).toEqual([
      ['the a', undefined],
      ['the s', undefined],
      ['the boxes', 'its results are read as numbers'],
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
    expect(error).toMatchObject({ code: 'MODEL_UNSUPPORTED', message: expect.stringContaining('2:4: depthwise') as string });
    const none = rejectionOf(prune([node('Relu', 'x', 'y')], []));
    expect(await none).toMatchObject({ code: 'MODEL_UNSUPPORTED', message: expect.stringContaining('no layer') as string });
  });

  it('are no longer pruned when that is aborted', async () => {
    const controller = new AbortController();
    const told: number[] = [];
    const error = await rejectionOf(
      pruneWeights(
        graphModel({
          inputs: { x: [1, 8, 8, 8] },
          nodes: [convolution('x', 'w', 'a'), convolution('a', 'w', 'y')],
          constants: [weights('w', [8, 8, 1, 1])],
        }),
        half,
        {
          signal: controller.signal,
          onProgress: (done) => {
            told.push(done);
            controller.abort();
          },
        },
      ),
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
