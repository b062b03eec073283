/** Pictures through a batcher: the same results as from the task itself, whatever shares a batch. */
import { createReadStream, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DynamicBatcher } from '../../lib/batching/index.js';
import { Classifier, Detector, Embedder, Segmenter } from '../../lib/tasks/index.js';
import { rejectionOf } from '../errors/failure.js';
import { example } from '../session/fixtures.js';
import { labelled } from '../tasks/labelled-pictures.js';

const paths = labelled('detect').map(({ path }) => path);
const [first, second] = paths as [string, string];

/** What does not tell of times. */
function plain(result: object): unknown {
  return JSON.parse(JSON.stringify(result, (name, value: unknown) => (name === 'timing' ? undefined : value)));
}

describe('a batcher over a detector', () => {
  let detector: Detector;
  beforeAll(async () => {
    detector = await Detector.load(example('models/shapes-detector.onnx'));
  });
  afterAll(() => detector.dispose());

  it('gives what the detector gives, in batches', async () => {
    await using batcher = new DynamicBatcher(detector, { maxBatch: 8, preferredSizes: [4], maxDelayMs: 20 });
    const expected = await detector.detect(paths);
    const answers = await Promise.all(paths.map((images) => batcher.run({ images })));
    expect(answers.map(({ results }) => results.map(plain))).toEqual(expected.map((detections) => [plain(detections)]));
    expect(Math.max(...answers.map(({ batch }) => batch.size))).toBe(4);
    for (const { results, computeMs, preprocessMs, queueMs } of answers) {
      expect(results[0]).toBeInstanceOf(Object);
      expect(Math.min(computeMs, preprocessMs, queueMs + 1)).toBeGreaterThan(0);
      expect(results[0]?.timing.computeMs).toBe(computeMs);
    }
  });

  it('has options for each request, and counts each picture', async () => {
    await using batcher = new DynamicBatcher(detector, { maxBatch: 4, preferredSizes: [4] });
    const [all, few] = await Promise.all([
      batcher.run({ images: [first, second, first], scoreThreshold: 0.01 }),
      batcher.run({ images: second, scoreThreshold: 0.01, maxDetections: 1 }),
    ]);
    expect(all.batch).toEqual(few.batch);
    expect(all.batch).toMatchObject({ size: 4, reason: 'full' });
    expect(all.results.map(plain)).toEqual((await detector.detect([first, second, first], { scoreThreshold: 0.01 })).map(plain));
    expect(few.results).toHaveLength(1);
    expect(few.results[0]).toHaveLength(1);
  });

  it('splits what is larger than a batch, and joins its results in order', async () => {
    await using batcher = new DynamicBatcher(detector, { maxBatch: 3 });
    const images = [...paths, ...paths].slice(0, 8);
    const { results, batches } = await batcher.run({ images });
    expect(batches.map(({ size }) => size).reduce((a, b) => a + b)).toBe(8);
    expect(results.map(plain)).toEqual((await detector.detect(images)).map(plain));
  });

  it('answers a picture that cannot be read by itself', async () => {
    await using batcher = new DynamicBatcher(detector, { maxBatch: 4, preferredSizes: [4] });
    const broken = readFileSync(first).subarray(0, 300);
    const given = [{ images: first }, { images: 'missing.jpg' }, { images: [second, broken] }, { images: second }];
    const answers = await Promise.allSettled(given.map((request) => batcher.run(request)));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect((answers[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'MEDIA_NOT_FOUND' });
    expect((answers[2] as PromiseRejectedResult).reason).toMatchObject({ code: 'MEDIA_INVALID', details: { index: 1 } });
  });

  it('gives a place that an aborted request has left to nobody who would see its picture', async () => {
    await using batcher = new DynamicBatcher(detector, { maxBatch: 4, preferredSizes: [4], maxDelayMs: 10 });
    const expected = (await detector.detect([first, second])).map(plain);
    for (let i = 0; i < 20; i++) {
      const stop = new AbortController();
      const aborted = rejectionOf(batcher.run({ images: second }, { signal: stop.signal }));
      const kept = [batcher.run({ images: first }), batcher.run({ images: second })];
      if (i % 2 === 0) stop.abort();
      else setImmediate(() => stop.abort());
      const [a, b] = await Promise.all(kept);
      expect([a?.results[0], b?.results[0]].map((result) => plain(result as object))).toEqual(expected);
      if (i % 2 === 0) expect((await aborted).code).toBe('ABORTED');
      else await aborted.catch(() => undefined);
    }
  });

  it('takes a request as it is when it is submitted', async () => {
    await using batcher = new DynamicBatcher(detector, { maxBatch: 8, preferredSizes: [8], maxDelayMs: 10_000 });
    const images = [first];
    const request = { images, maxDetections: 1 };
    const calls = [batcher.run(request)];
    request.maxDetections = 100;
    images.push(second);
    calls.push(batcher.run(request));
    (request as { threshold?: number }).threshold = 1;
    const refused = rejectionOf(batcher.run(request));
    await batcher.flush();
    const [one, other] = await Promise.all(calls);
    expect(one?.results.map(({ length }) => length)).toEqual([1]);
    expect(other?.results.map(plain)).toEqual((await detector.detect([first, second], { maxDetections: 100 })).map(plain));
    expect((await refused).code).toBe('UNKNOWN_OPTION');
  });

  it('hears errors of streams that wait', async () => {
    await using batcher = new DynamicBatcher(detector, { maxBatch: 2, preferredSizes: [1] });
    const uncaught: unknown[] = [];
    const listen = (error: unknown): unknown => uncaught.push(error);
    process.on('uncaughtException', listen);
    const good = Array.from({ length: 6 }, () => batcher.run({ images: createReadStream(first) }));
    const missing = batcher.run({ images: createReadStream('missing.jpg') });
    expect((await rejectionOf(missing)).code).toBe('MEDIA_NOT_FOUND');
    const expected = plain((await detector.detect(first)) as object);
    for (const { results } of await Promise.all(good)) expect(plain(results[0] as object)).toEqual(expected);
    process.off('uncaughtException', listen);
    expect(uncaught).toEqual([]);
  });

  it('lets go of bytes that it answers for, whoever still decodes them', async () => {
    await using batcher = new DynamicBatcher(detector, { maxBatch: 2, preferredSizes: [1] });
    const png = await sharp(first).png().toBuffer();
    for (let i = 0; i < 20; i++) {
      const bytes = Uint8Array.from(png);
      const stop = new AbortController();
      const aborted = rejectionOf(batcher.run({ images: bytes }, { signal: stop.signal }));
      setTimeout(() => stop.abort(), i % 5);
      await aborted.catch(() => undefined); // it may have been answered before
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    }
    expect((await batcher.run({ images: png })).results).toHaveLength(1);
  });

  it('refuses at once what no run could take', async () => {
    await using batcher = new DynamicBatcher(detector);
    const refused = async (request: unknown, code: string): Promise<void> =>
      expect(await rejectionOf(batcher.run(request as { images: string }))).toMatchObject({ code });
    await refused(undefined, 'INVALID_ARGUMENT');
    await refused('street.jpg', 'INVALID_ARGUMENT');
    await refused({ images: [] }, 'INVALID_ARGUMENT');
    await refused({ images: first, scoreThreshold: 2 }, 'INVALID_ARGUMENT');
    await refused({ images: first, threshold: 0.5 }, 'UNKNOWN_OPTION');
    await refused({ images: first, pixelLimit: 0 }, 'INVALID_ARGUMENT');
    await refused({ images: first, slices: {} }, 'INVALID_ARGUMENT');
    await refused({ images: first, signal: new AbortController().signal }, 'INVALID_ARGUMENT');
    await refused({ images: first, requestId: 'r' }, 'INVALID_ARGUMENT');
    expect(batcher.statistics().batches).toBe(0);
  });

  it('tells where the detector was disposed of', async () => {
    const own = await Detector.load(example('models/shapes-detector.onnx'));
    const batcher = new DynamicBatcher(own);
    const running = batcher.run({ images: first });
    await running;
    await own.dispose();
    expect((await rejectionOf(batcher.run({ images: first }))).code).toBe('DISPOSED');
    await batcher.dispose();
  });
});

describe('a batcher over any task', () => {
  const options = { maxBatch: 4, preferredSizes: [4] } as const;

  it('classifies', async () => {
    await using classifier = await Classifier.load(example('models/shapes-classifier.onnx'));
    await using batcher = new DynamicBatcher(classifier, options);
    const answers = await Promise.all([0, 1, 2, 3].map((i) => batcher.run({ images: paths[i] as string, topK: 2 })));
    const expected = await classifier.classify(paths.slice(0, 4), { topK: 2 });
    expect(answers.map(({ results: [one] }) => plain(one as object))).toEqual(expected.map(plain));
  });

  it('segments, and the masks outlive the batch', async () => {
    await using segmenter = await Segmenter.load(example('models/shapes-segmenter.onnx'));
    const batcher = new DynamicBatcher(segmenter, options);
    const answers = await Promise.all([0, 1, 2, 3].map((i) => batcher.run({ images: paths[i] as string })));
    await batcher.dispose();
    const expected = await segmenter.segment(paths.slice(0, 4));
    expect(answers.map(({ results: [one] }) => Buffer.from(one?.mask as Uint8Array).toString('base64'))).toEqual(
      expected.map(({ mask }) => Buffer.from(mask).toString('base64')),
    );
  });

  it('gives vectors', async () => {
    await using embedder = await Embedder.load(example('models/shapes-classifier.onnx'), { preprocess: 'imagenet' });
    await using batcher = new DynamicBatcher(embedder, options);
    const answers = await Promise.all([0, 1, 2, 3].map((i) => batcher.run({ images: paths[i] as string })));
    const expected = await embedder.embed(paths.slice(0, 4));
    answers.forEach(({ results: [one] }, i) =>
      expect(one?.similarity(expected[i] as (typeof expected)[number])).toBeCloseTo(1, 5),
    );
  });
});
