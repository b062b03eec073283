import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RawFrame } from '../../lib/image/index.js';
import type { Classification } from '../../lib/results/index.js';
import { Classifier } from '../../lib/tasks/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { example } from '../session/fixtures.js';
import { classes, labelled } from './labelled-pictures.js';
import { averageColor, constantModel, DataType, node } from './made-models.js';

const pictures = labelled('classify');
const paths = pictures.map(({ path }) => path);
/** The colours themselves, as scores: no normalisation, no activation. */
const plain = { preprocess: { fit: 'stretch', mean: [0, 0, 0], std: [1, 1, 1], scale: 1 / 255 }, activation: 'none' } as const;

/** A frame of one colour. */
function frame(red: number, green: number, blue: number): RawFrame {
  const data = Uint8Array.from({ length: 10 * 10 * 3 }, (_, i) => [red, green, blue][i % 3] as number);
  return { data, width: 10, height: 10, format: 'rgb' };
}

const scoresOf = (result: Classification): Record<string, number> =>
  Object.fromEntries([...result].map(({ label, score }) => [label, Number(score.toFixed(4))]));

describe('the example classifier', () => {
  let classifier: Classifier;
  beforeAll(async () => {
    classifier = await Classifier.load(example('models/shapes-classifier.onnx'));
  });
  afterAll(() => classifier.dispose());

  it('is recognised from the model', () => {
    expect(classifier.labels).toEqual(classes);
    expect(classifier.labelSource).toBe('metadata');
    expect(classifier.activation).toBe('softmax');
    expect(classifier.preprocess.options).toMatchObject({ width: 96, height: 96, fit: 'crop', mean: [0.485, 0.456, 0.406] });
  });

  it('tells what most pictures show', async () => {
    const results = await classifier.classify(paths);
    const right = results.filter((result, i) => result.top.label === pictures[i]?.label);
    expect(right.length / pictures.length).toBeGreaterThanOrEqual(0.65);
    results.forEach((result, i) => expect([result.width, result.height]).toEqual([pictures[i]?.width, pictures[i]?.height]));
  });

  it('gives probabilities, highest first', async () => {
    const result = await classifier.classify(paths[0] as string, { topK: 6 });
    const scores = [...result.scores];
    expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 5);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(new Set(result.classIds).size).toBe(6);
  });

  it('tells five classes by default, and no more than there are', async () => {
    expect(await classifier.classify(paths[0] as string)).toHaveLength(5);
    expect(await classifier.classify(paths[0] as string, { topK: 1 })).toHaveLength(1);
    expect(await classifier.classify(paths[0] as string, { topK: 1000 })).toHaveLength(6);
    await using one = await Classifier.load(example('models/shapes-classifier.onnx'), { topK: 1 });
    expect(await one.classify(paths[0] as string)).toHaveLength(1);
    expect(await one.classify(paths[0] as string, { topK: 2 })).toHaveLength(2);
  });

  it('gives the same for one, for several, and in batches', async () => {
    const several = await classifier.classify(paths);
    const single = await Promise.all(paths.map((path) => classifier.classify(path)));
    expect(several.map((result) => result.toJSON())).toEqual(single.map((result) => result.toJSON()));
    await using batched = await Classifier.load(example('models/shapes-classifier.onnx'), { batchSize: 4 });
    const batches = await batched.classify(paths);
    batches.forEach((result, i) => {
      expect([...result.classIds]).toEqual([...(several[i] as Classification).classIds]);
      result.scores.forEach((score, j) => expect(score).toBeCloseTo((several[i] as Classification).scores[j] as number, 4));
    });
  });

  it.each([
    [{ topk: 3 }, 'UNKNOWN_OPTION', /"topk"/, /"topK"/],
    [{ topK: 0 }, 'INVALID_ARGUMENT', /at least 1 for topK/],
    [{ scoreThreshold: 0.5 }, 'UNKNOWN_OPTION', /"scoreThreshold" in classify options/],
  ] as const)('refuses %o', async (options, code, message, hint?: RegExp) => {
    expectFailure(await rejectionOf(classifier.classify(paths[0] as string, options as never)), code, message, hint);
  });
});

describe('a model made for it', () => {
  it('gives the scores that the picture has', async () => {
    await using classifier = await Classifier.load(averageColor(), plain);
    const result = await classifier.classify(frame(51, 255, 102));
    expect(scoresOf(result)).toEqual({ red: 0.2, green: 1, blue: 0.4 });
    expect(result.top).toMatchObject({ label: 'green', classId: 1 });
  });

  it('in every layout and element type of its input', async () => {
    const frames = [frame(51, 255, 102), frame(255, 0, 51)];
    const expected = [
      { red: 0.2, green: 1, blue: 0.4 },
      { red: 1, green: 0, blue: 0.2 },
    ];
    const pool = (from: string) => [node('GlobalAveragePool', from, 'mean'), node('Flatten', 'mean', 'y')];
    const nhwc = averageColor({
      input: ['n', 8, 8, 3],
      nodes: [node('Transpose', 'x', 'chw', { perm: [0, 3, 1, 2] }), ...pool('chw')],
    });
    const half = averageColor({
      inputType: DataType.FLOAT16,
      nodes: [node('Cast', 'x', 'wide', { to: DataType.FLOAT }), ...pool('wide')],
    });
    for (const model of [nhwc, half]) {
      await using classifier = await Classifier.load(model, plain);
      const results = await classifier.classify(frames);
      results.forEach((result, i) =>
        expect(Object.entries(scoresOf(result)).map(([label, score]) => [label, Number(score.toFixed(2))])).toEqual(
          Object.entries(expected[i] as object).sort(([, a], [, b]) => (b as number) - (a as number)),
        ),
      );
    }
    const bytes = averageColor({
      inputType: DataType.UINT8,
      nodes: [node('Cast', 'x', 'wide', { to: DataType.FLOAT }), ...pool('wide')],
    });
    await using classifier = await Classifier.load(bytes, { ...plain, preprocess: { ...plain.preprocess, scale: 1 } });
    expect(scoresOf(await classifier.classify(frames[0] as RawFrame))).toEqual({ red: 51, green: 255, blue: 102 });
  });

  it('of a fixed batch takes any number of pictures', async () => {
    const model = averageColor({ input: [4, 3, 8, 8], output: [4, 3] });
    await using classifier = await Classifier.load(model, plain);
    for (const count of [1, 3, 4, 6]) {
      const frames = Array.from({ length: count }, (_, i) => frame(i * 40, 0, 255));
      const results = await classifier.classify(frames);
      expect(results.map((result) => scoresOf(result)['red'])).toEqual(frames.map((_, i) => Number(((i * 40) / 255).toFixed(4))));
    }
    expectFailure(
      await rejectionOf(Classifier.load(model, { ...plain, batchSize: 2 })),
      'INVALID_ARGUMENT',
      /batchSize 4, which the model was exported with, but received 2/,
      /dynamic batch/,
    );
  });

  it('of any picture size takes the size it is told, or that of each picture', async () => {
    const model = averageColor({ input: ['n', 3, 'h', 'w'] });
    await using told = await Classifier.load(model, { ...plain, preprocess: { ...plain.preprocess, width: 20, height: 30 } });
    expect(told.preprocess.shape).toEqual([3, 30, 20]);
    await using own = await Classifier.load(model, { ...plain, batchSize: 4, preprocess: { ...plain.preprocess, fit: 'none' } });
    for (const classifier of [told, own]) {
      const results = await classifier.classify([
        frame(255, 51, 0),
        { ...frame(0, 51, 255), width: 5, height: 20 },
        frame(51, 51, 51),
      ]);
      expect(results.map(scoresOf)).toEqual([
        { red: 1, green: 0.2, blue: 0 },
        { blue: 1, green: 0.2, red: 0 },
        { red: 0.2, green: 0.2, blue: 0.2 },
      ]);
    }
  });

  it('is left its own activation, and given one where it has none', async () => {
    const nodes = [node('GlobalAveragePool', 'x', 'mean'), node('Flatten', 'mean', 'flat')];
    const normalized = averageColor({ nodes: [...nodes, node('Softmax', 'flat', 'y', { axis: 1 })] });
    const raw = averageColor({ nodes: [...nodes, node('Identity', 'flat', 'y')] });
    const { preprocess } = plain;
    await using own = await Classifier.load(normalized, { preprocess });
    await using given = await Classifier.load(raw, { preprocess });
    await using sigmoid = await Classifier.load(raw, { preprocess, activation: 'sigmoid' });
    expect([own.activation, given.activation, sigmoid.activation]).toEqual(['none', 'softmax', 'sigmoid']);
    const picture = frame(255, 0, 0);
    const e = Math.E;
    for (const classifier of [own, given]) {
      const scores = scoresOf(await classifier.classify(picture));
      expect(scores['red']).toBeCloseTo(e / (e + 2), 4);
      expect(scores['green']).toBeCloseTo(1 / (e + 2), 4);
    }
    expect(scoresOf(await sigmoid.classify(picture))).toMatchObject({ red: Number((e / (1 + e)).toFixed(4)), green: 0.5 });
    expectFailure(await rejectionOf(Classifier.load(raw, { activation: 'relu' as never })), 'INVALID_ARGUMENT', /for activation/);
  });

  it('of one class is given a sigmoid: a softmax of one is always 1', async () => {
    const model = constantModel({ input: [1, 3, 8, 8], outputs: [{ name: 'y', shape: [1, 1], values: Float32Array.of(-1) }] });
    await using classifier = await Classifier.load(model, { labels: ['nsfw'] });
    expect(classifier.activation).toBe('sigmoid');
    expect((await classifier.classify(frame(0, 0, 0))).top.score).toBeCloseTo(1 / (1 + Math.E), 5);
  });

  it('reads the logits where there are other vectors', async () => {
    const values = (name: string, ...numbers: number[]) => ({
      name,
      shape: [1, numbers.length],
      values: Float32Array.from(numbers),
    });
    const outputs = [values('pooler_output', 9, 0), values('logits', 0, 1, 5)];
    await using classifier = await Classifier.load(constantModel({ input: [1, 3, 8, 8], outputs }));
    expect((await classifier.classify(frame(0, 0, 0))).top.classId).toBe(2);
    expectFailure(
      await rejectionOf(Classifier.load(constantModel({ input: [1, 3, 8, 8], outputs: [values('a', 1), values('b', 1)] }))),
      'MODEL_UNSUPPORTED',
      /one classification output/,
    );
  });

  it('without names has numbers', async () => {
    await using classifier = await Classifier.load(averageColor({ metadata: {} }), plain);
    expect(classifier.labels).toEqual(['0', '1', '2']);
    expect(classifier.labelSource).toBe('numbers');
  });

  it('with names that do not fit is refused', async () => {
    const model = averageColor({ metadata: { names: "['a', 'b']" } });
    expectFailure(await rejectionOf(Classifier.load(model)), 'LABELS_INVALID', /names.*3 classes.*2/);
    await using classifier = await Classifier.load(model, { labels: ['r', 'g', 'b'] });
    expect(classifier.labels).toEqual(['r', 'g', 'b']);
  });

  it('that gives [N, C, 1, 1] is a classifier too', async () => {
    const model = averageColor({ output: ['n', 3, 1, 1], nodes: [node('GlobalAveragePool', 'x', 'y')] });
    await using classifier = await Classifier.load(model, plain);
    expect(scoresOf(await classifier.classify(frame(0, 0, 255)))).toEqual({ blue: 1, red: 0, green: 0 });
  });

  it.each([
    [{ input: ['n', 3, 8] as const, nodes: [node('ReduceMean', 'x', 'y', { axes: [2], keepdims: 0 })] }, /one picture input/],
    [{ input: ['n', 4, 8, 8] as const }, /one or three channels/],
    [
      {
        inputType: DataType.INT64,
        nodes: [
          node('Cast', 'x', 'wide', { to: DataType.FLOAT }),
          node('GlobalAveragePool', 'wide', 'mean'),
          node('Flatten', 'mean', 'y'),
        ],
      },
      /input "x" is of int64/,
    ],
  ])('that takes no picture is refused: %#', async (change, message) => {
    expectFailure(await rejectionOf(Classifier.load(averageColor(change))), 'MODEL_UNSUPPORTED', message);
  });
});
