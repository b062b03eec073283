import { describe, expect, it } from 'vitest';
import type { RawFrame } from '../../lib/image/index.js';
import { Classifier, Embedder, loadTask, type EmbedderOptions } from '../../lib/tasks/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { averageColor, constantModel, DataType, type ConstantOutput } from './made-models.js';

const frame: RawFrame = { data: new Uint8Array(12), width: 2, height: 2, format: 'rgb' };
const output = (name: string, shape: readonly number[], ...values: number[]): ConstantOutput => ({
  name,
  shape,
  values: Float32Array.from(values),
});
const load = (outputs: readonly ConstantOutput[], options: EmbedderOptions = {}, batch = 1): Promise<Embedder> =>
  Embedder.load(constantModel({ input: [batch, 3, 8, 8], outputs }), { threads: 1, preprocess: 'imagenet', ...options });

/** The vector that a model with these outputs gives. */
async function vectorOf(outputs: readonly ConstantOutput[], options: EmbedderOptions = {}): Promise<number[]> {
  await using embedder = await load(outputs, options);
  const { vector } = await embedder.embed(frame);
  expect(embedder.dimensions).toBe(vector.length);
  return [...vector];
}

function expectVector(received: readonly number[], ...expected: number[]): void {
  expect(received).toHaveLength(expected.length);
  received.forEach((value, i) => expect(value).toBeCloseTo(expected[i] as number, 6));
}

describe('an embedder', () => {
  it.each([
    ['[N, D]', [1, 2]],
    ['[N, D, 1, 1]', [1, 2, 1, 1]],
  ])('gives a vector of length 1 of an output %s', async (_, shape) => {
    expectVector(await vectorOf([output('y', shape, 3, -4)]), 0.6, -0.8);
  });

  const patches = output('y', [1, 3, 2], 3, 4, 1, 0, 5, 8);

  it('pools patches as it is told: the first, the mean of all, or that of those behind the first', async () => {
    expectVector(await vectorOf([patches], { pooling: 'cls' }), 0.6, 0.8);
    expectVector(await vectorOf([patches], { pooling: 'mean-patches' }), 0.6, 0.8); // of (1, 0) and (5, 8): (3, 4)
    const all = output('y', [1, 3, 2], 3, 0, 1, 0, 5, 12);
    expectVector(await vectorOf([all], { pooling: 'mean' }), 0.6, 0.8); // of (3, 0), (1, 0) and (5, 12): (3, 4)
    expectVector(await vectorOf([all], { pooling: 'mean-patches' }), 3 / Math.hypot(3, 6), 6 / Math.hypot(3, 6));
    expectVector(await vectorOf([output('y', [1, 1, 2], 3, 4)], { pooling: 'mean' }), 0.6, 0.8);
  });

  it('does not guess how', async () => {
    const error = await rejectionOf(load([patches]));
    expectFailure(error, 'MODEL_AMBIGUOUS', /"y" \[1, 3, 2\] holds a vector for each patch/, /pooling: 'cls'.*pooling: 'mean'/);
    expect(error.details).toEqual({ candidates: ['cls', 'mean', 'mean-patches'] });
    expectFailure(
      await rejectionOf(load([patches], { pooling: 'max' as 'cls' })),
      'INVALID_ARGUMENT',
      /one of cls, mean, mean-patches/,
    );
  });

  it('refuses pooling for what is pooled already, rather than leave it out', async () => {
    const error = await rejectionOf(load([output('y', [1, 2], 3, 4)], { pooling: 'mean' }));
    expectFailure(error, 'MODEL_UNSUPPORTED', /of patches \[N, T, D\] for pooling 'mean' but .* y \[1, 2\]/, /Leave pooling out/);
  });

  it('refuses the mean of none', async () => {
    const error = await rejectionOf(load([output('y', [1, 1, 2], 3, 4)], { pooling: 'mean-patches' }));
    expectFailure(error, 'MODEL_UNSUPPORTED', /"y" \[1, 1, 2\] holds one vector/, /pooling: 'cls'/);
    expectVector(await vectorOf([output('y', [1, 1, 2], 3, 4)], { pooling: 'cls' }), 0.6, 0.8);
  });

  it('does not guess its preprocessing, which nothing in a vector tells', async () => {
    const error = await rejectionOf(load([output('y', [1, 2], 3, 4)], { preprocess: undefined }));
    expectFailure(error, 'MODEL_AMBIGUOUS', /what preprocessing the embedder was trained with/, /preprocess: 'clip'.*'imagenet'/);
    await using named = await load([output('y', [1, 2], 3, 4)], { preprocess: { mean: [0.5, 0.5, 0.5] } });
    expect(named.preprocess.options.mean).toEqual([0.5, 0.5, 0.5]);
  });

  it('reads float16', async () => {
    expectVector(await vectorOf([{ ...output('y', [1, 2], 3, 4), type: DataType.FLOAT16 }]), 0.6000000238, 0.8);
  });

  const hidden = output('last_hidden_state', [1, 2, 2], 0, 1, 1, 0);
  const pooled = output('pooler_output', [1, 2], 3, 4);

  it('takes of several outputs the vectors, of several vectors the one with the name', async () => {
    expectVector(await vectorOf([hidden, pooled]), 0.6, 0.8);
    expectVector(await vectorOf([output('logits', [1, 3], 1, 2, 3), pooled]), 0.6, 0.8);
    expectVector(await vectorOf([pooled, output('image_embeds', [1, 2], 1, 0)]), 1, 0);
  });

  it('takes the output that is named, and the patches where pooling is', async () => {
    expectVector(await vectorOf([hidden, pooled], { output: 'last_hidden_state', pooling: 'cls' }), 0, 1);
    expectVector(await vectorOf([hidden, pooled], { pooling: 'cls' }), 0, 1);
  });

  it.each([
    ['several that may be meant', [output('a', [1, 2], 1, 1), output('b', [1, 2], 1, 1)], {}, 'MODEL_AMBIGUOUS', /output: "a"/],
    ['none', [output('a', [1, 2, 2, 1], 1, 1, 1, 1)], {}, 'MODEL_UNSUPPORTED', /createSession/],
    ['another than the one named', [output('a', [1, 2], 1, 1)], { output: 'b' }, 'MODEL_UNSUPPORTED', /output: "a"/],
  ] as const)('refuses a model with %s', async (_, outputs, options, code, hint) => {
    expectFailure(await rejectionOf(load(outputs, options)), code, /the model's outputs are a \[1, 2/, hint);
  });

  it.each([
    ['0', 0, 0],
    ['NaN', 1, NaN],
    ['Infinity', 1, Infinity],
  ])('fails where the vector has no direction: of length %s', async (length, ...values) => {
    await using embedder = await load([output('y', [1, 2], ...values)]);
    const error = await rejectionOf(embedder.embed(frame));
    expectFailure(error, 'ENGINE_FAILED', /Output "y" cannot be used: the vector has no direction/, /preprocessing/);
    expect(error.message).toContain(`length is ${length}`);
    expect(error.details).toEqual({ output: 'y' });
    const several = await rejectionOf(embedder.embed([frame, frame]));
    expectFailure(several, 'ENGINE_FAILED', /^Picture 0: Output "y"/);
    expect(several.details).toEqual({ output: 'y', index: 0 });
  });

  it('gives each picture of a batch its own vector, whatever other outputs there are', async () => {
    await using embedder = await load([hidden, output('pooler_output', [2, 2], 3, 4, 0, -2)], {}, 2);
    const [a, b, c] = await embedder.embed([frame, frame, frame]);
    expectVector([...a!.vector], 0.6, 0.8);
    expectVector([...b!.vector], 0, -1);
    expectVector([...c!.vector], 0.6, 0.8);
  });

  it('refuses options it does not know', async () => {
    await using embedder = await load([pooled]);
    expectFailure(await rejectionOf(embedder.embed(frame, { topK: 1 } as never)), 'UNKNOWN_OPTION', /"topK" in embed options/);
    expectFailure(await rejectionOf(load([pooled], { poling: 'cls' } as never)), 'UNKNOWN_OPTION', /"poling"/, /"pooling"/);
    expectFailure(await rejectionOf(embedder.embed(frame, { signal: AbortSignal.abort() })), 'ABORTED', /aborted/);
  });
});

describe('pictures that are embedded by their colour', () => {
  const plain = { preprocess: { fit: 'stretch', mean: [0, 0, 0], std: [1, 1, 1], scale: 1 / 255 } } as const;
  const colored = (red: number, green: number, blue: number): RawFrame => ({
    data: Uint8Array.from({ length: 27 }, (_, i) => [red, green, blue][i % 3] as number),
    width: 3,
    height: 3,
    format: 'rgb',
  });

  it('are alike where their colours are, however bright', async () => {
    await using embedder = await Embedder.load(averageColor(), plain);
    const [red, dark, blue, violet] = await embedder.embed([
      colored(250, 0, 0),
      colored(25, 0, 0),
      colored(0, 0, 200),
      colored(90, 0, 90),
    ]);
    expect(red!.similarity(dark!)).toBeCloseTo(1, 5);
    expect(red!.similarity(blue!)).toBeCloseTo(0, 5);
    expect(violet!.similarity(red!)).toBeCloseTo(Math.SQRT1_2, 5);
    expect([red!.width, red!.height]).toEqual([3, 3]);
    expect(red!.timing.computeMs).toBeGreaterThan(0);
    expect(red!.classify({ rouge: [1, 0, 0], bleu: [0, 0, 1] }).top.label).toBe('rouge');
  });

  it('in batches as one by one', async () => {
    await using one = await Embedder.load(averageColor(), plain);
    await using three = await Embedder.load(averageColor(), { ...plain, batchSize: 3 });
    const pictures = [10, 60, 110, 160].map((red) => colored(red, 100, 20));
    const [single, batched] = await Promise.all([one.embed(pictures), three.embed(pictures)]);
    batched.forEach(({ vector }, i) => expectVector([...vector], ...single[i]!.vector));
  });

  it('are the embedder of loadTask where the task is named', async () => {
    await using embedder = await loadTask(averageColor({ metadata: {} }), { task: 'embed', preprocess: 'imagenet' });
    expect(embedder).toBeInstanceOf(Embedder);
    await using classifier = await loadTask(averageColor({ metadata: {} }), { task: 'classify' });
    expect(classifier).toBeInstanceOf(Classifier);
  });
});
