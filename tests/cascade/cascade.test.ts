import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { Cascade, detectionCertainty, topMargin, topScore } from '../../lib/cascade/index.js';
import { Classification, Classifier, Detections, Detector } from '../../lib/index.js';
import { FakeClock } from '../batching/fakes.js';
import { example } from '../session/fixtures.js';
import { labelled } from '../tasks/labelled-pictures.js';

type Options = { readonly signal?: AbortSignal; readonly deadlineMs?: number; readonly caller?: string } | undefined;

/** Models that take 10 and 100 ms; the small one is as sure as the item says. */
function cascadeOf(threshold: number, fail: Partial<Record<'small' | 'large', Error>> = {}) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const disposed: string[] = [];
  const given: Options[] = [];
  const model = (name: 'small' | 'large', ms: number) => async (item: number, options: Options) => {
    asked.push(name);
    given.push(options);
    await clock.advanceTo(clock.now() + ms);
    const error = fail[name];
    if (error !== undefined) throw error;
    return { name, item, dispose: (): unknown => disposed.push(name) };
  };
  const cascade = new Cascade<number, { name: string; item: number }, Options>(
    { small: model('small', 10), large: model('large', 100) },
    {
      confidence: ({ item }) => {
        if (item === -1) throw new Error('no confidence');
        return item;
      },
      threshold,
    },
    clock,
  );
  return { cascade, asked, given, disposed };
}

describe('a cascade', () => {
  it('asks the large model where the small one is not sure', async () => {
    const { cascade, asked, disposed } = cascadeOf(0.8);
    expect(await cascade.run(0.8)).toMatchObject({ name: 'small' });
    expect(await cascade.run(0.79)).toMatchObject({ name: 'large' });
    expect(await cascade.run(Number.NaN)).toMatchObject({ name: 'large' });
    expect(asked).toEqual(['small', 'small', 'large', 'small', 'large']);
    expect(disposed).toEqual(['small', 'small']); // what nobody was given
  });

  it('tells what it saved', async () => {
    const { cascade } = cascadeOf(0.5);
    expect(cascade.statistics()).toMatchObject({ hitRate: Number.NaN, savedMs: Number.NaN });
    for (const confidence of [0.9, 0.9, 0.9, 0.1]) await cascade.run(confidence);
    // Four times 100 ms, less four times 10 and once 100.
    expect(cascade.statistics()).toEqual({
      small: 3,
      large: 1,
      failed: 0,
      hitRate: 0.75,
      smallMs: 10,
      largeMs: 100,
      savedMs: 260,
    });
  });

  it('takes none or all at the ends', async () => {
    expect(await cascadeOf(Infinity).cascade.run(Infinity)).toMatchObject({ name: 'large' });
    expect(await cascadeOf(-Infinity).cascade.run(-1e9)).toMatchObject({ name: 'small' });
    expect(await cascadeOf(-Infinity).cascade.run(Number.NaN)).toMatchObject({ name: 'large' });
  });

  it('fails as its models do', async () => {
    const small = cascadeOf(0.5, { small: new Error('small') });
    await expect(small.cascade.run(1)).rejects.toThrow('small');
    expect(small.asked).toEqual(['small']);
    const large = cascadeOf(0.5, { large: new Error('large') });
    await expect(large.cascade.run(0)).rejects.toThrow('large');
    expect(large.disposed).toEqual(['small']);
    await expect(large.cascade.run(-1)).rejects.toThrow('no confidence');
    expect(large.disposed).toEqual(['small', 'small']);
    expect(large.cascade.statistics()).toMatchObject({ failed: 2, small: 0, large: 0 });
  });

  it('gives the large model what is left of the time', async () => {
    const { cascade, given } = cascadeOf(0.5);
    await cascade.run(0, { deadlineMs: 200, caller: 'a' });
    expect(given).toEqual([
      { deadlineMs: 200, caller: 'a' },
      { deadlineMs: 190, caller: 'a' },
    ]);
  });

  it.each([10, 5])('does not go on after a deadline of %i ms', async (deadlineMs) => {
    const { cascade, asked, disposed } = cascadeOf(0.5);
    await expect(cascade.run(0, { deadlineMs })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      details: { deadlineMs, stage: 'run' },
    });
    expect({ asked, disposed }).toEqual({ asked: ['small'], disposed: ['small'] });
    expect(cascade.statistics()).toMatchObject({ failed: 1, large: 0 });
  });

  it('does not go on after an abort', async () => {
    const controller = new AbortController();
    const asked: string[] = [];
    const cascade = new Cascade(
      {
        small: async (): Promise<number> => {
          asked.push('small');
          controller.abort();
          return 0;
        },
        large: async (): Promise<number> => asked.push('large'),
      },
      { confidence: (result) => result, threshold: 1 },
    );
    await expect(cascade.run(1 as never, { signal: controller.signal } as never)).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(cascade.run(1 as never, { signal: controller.signal } as never)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(asked).toEqual(['small']);
  });

  it('checks what it is made of', () => {
    const models = { small: async () => 1, large: async () => 2 };
    const confidence = (): number => 1;
    for (const options of [{ confidence }, { threshold: 1 }, { confidence, threshold: Number.NaN }, undefined]) {
      expect(() => new Cascade(models, options as never)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
    expect(() => new Cascade({ small: models.small } as never, { confidence, threshold: 1 })).toThrowError(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});

const rest = { width: 1, height: 1, timing: {} as never };

describe('confidence', () => {
  const classification = (scores: number[], labels = ['a', 'b', 'c']): Classification =>
    new Classification({ scores: Float32Array.from(scores), classIds: Int32Array.from(scores.keys()), labels, ...rest });

  it('of a classification', () => {
    expect(topScore(classification([0.75, 0.25]))).toBe(0.75);
    expect(topScore(classification([]))).toBeNaN();
    expect(topMargin(classification([0.75, 0.25]))).toBe(0.5);
    expect(topMargin(classification([0.25], ['a']))).toBe(0.5);
    expect(topMargin(classification([]))).toBeNaN();
    expect(() => topMargin(classification([0.75]))).toThrowError(
      expect.objectContaining({ hint: expect.stringContaining('topK') as string }),
    );
  });

  it('of detections', () => {
    const detections = (...scores: number[]): Detections =>
      new Detections({
        scores: Float32Array.from(scores),
        boxes: new Float32Array(4 * scores.length),
        classIds: new Int32Array(scores.length),
        labels: ['a'],
        ...rest,
      });
    expect(detectionCertainty(detections())).toBe(1);
    expect(detectionCertainty(detections(1, 0.5))).toBe(0);
    expect(detectionCertainty(detections(1, 0.75))).toBe(0.5);
    expect(detectionCertainty(detections(1, 0.25))).toBe(0.5);
    expect(detectionCertainty(detections(1, 0.0625))).toBe(1);
    expect(detectionCertainty(detections(1, 0.0625), 0)).toBe(0.875);
  });
});

describe('over real models', () => {
  it('gives the large model what the small one is unsure of', async () => {
    await using classifier = await Classifier.load(example('models/shapes-classifier.onnx'), { device: 'cpu' });
    const pictures = labelled('classify');
    const scores = await Promise.all(pictures.map(async ({ path }) => topScore(await classifier.classify(path))));
    const threshold = [...scores].sort((a, b) => a - b)[2] as number;
    const cascade = new Cascade(
      {
        small: (picture: string, options?: { signal?: AbortSignal }) => classifier.classify(picture, { ...options, topK: 1 }),
        large: (picture: string, options?: { signal?: AbortSignal }) => classifier.classify(picture, { ...options, topK: 3 }),
      },
      { confidence: topScore, threshold },
    );
    for (const [i, { path, label }] of pictures.entries()) {
      const result = await cascade.run(path);
      expect(result.top.label).toBe(label);
      expect(result).toHaveLength((scores[i] as number) >= threshold ? 1 : 3);
    }
    expect(cascade.statistics()).toMatchObject({ large: 2, small: pictures.length - 2, failed: 0 });
    await expect(cascade.run(join('no', 'where.jpg'))).rejects.toMatchObject({ code: 'MEDIA_NOT_FOUND' });
  });

  it('knows doubtful detections', async () => {
    await using detector = await Detector.load(example('models/shapes-detector.onnx'), { device: 'cpu', scoreThreshold: 0.1 });
    const [picture] = labelled('detect');
    const certainty = detectionCertainty(await detector.detect(picture?.path as string));
    const grey = { data: new Uint8Array(64 * 64 * 3).fill(128), width: 64, height: 64, format: 'rgb' } as const;
    expect(certainty).toBeGreaterThanOrEqual(0);
    expect(certainty).toBeLessThanOrEqual(1);
    expect(detectionCertainty(await detector.detect(grey))).toBe(1);
  });
});
