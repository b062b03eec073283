/** What happens around a call: failures, aborts, disposal, and the memory of many calls at once. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { native } from '../../lib/binding/index.js';
import type { MediaError } from '../../lib/errors/index.js';
import { Session } from '../../lib/session/index.js';
import { Classifier, Detector, Segmenter } from '../../lib/tasks/index.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';
import { example } from '../session/fixtures.js';
import { labelled } from './labelled-pictures.js';
import { averageColor, brightness, node } from './made-models.js';

const paths = labelled('detect').map(({ path }) => path);
const [first] = paths as [string];
const openDetector = (options = {}): Promise<Detector> => Detector.load(example('models/shapes-detector.onnx'), options);
let detector: Detector;

beforeAll(async () => {
  detector = await openDetector();
});
afterAll(() => detector.dispose());

describe('one bad picture among several', () => {
  it.each([1, 3])('is told by its index, with %i a batch, and the others do no harm', async (batchSize) => {
    await using batched = await openDetector({ batchSize });
    const error = await rejectionOf(batched.detect([...paths, 'missing.jpg', first]));
    expectFailure(error, 'MEDIA_NOT_FOUND', /^Picture 4: .*missing\.jpg/, /path/);
    expect(error.details).toMatchObject({ index: 4 });
    expect(error.name).toBe('MediaError');
    expect((error.cause as MediaError).code).toBe('MEDIA_NOT_FOUND');
    expect(await batched.detect(paths)).toHaveLength(paths.length);
  });

  it('of several bad ones is the first', async () => {
    // Both are refused before anything is awaited.
    const error = await rejectionOf(detector.detect([new Uint8Array(0), 5 as never, first, 'missing.jpg']));
    expectFailure(error, 'MEDIA_INVALID', /^Picture 0: /);
    expect(error.details).toMatchObject({ index: 0 });
  });

  it.each([1, 3])('ends the others at once, with %i a batch: none is told as aborted, and few are run', async (batchSize) => {
    await using other = await openDetector({ batchSize });
    let runs = 0;
    const count = (): number => runs++;
    subscribe('foveate:session.run', count);
    try {
      const many = Array.from({ length: 200 }, (_, i) => (i === 3 ? 'missing.jpg' : (paths[i % paths.length] as string)));
      const error = await rejectionOf(other.detect(many));
      expectFailure(error, 'MEDIA_NOT_FOUND', /^Picture 3: /);
      // Those that had a place before picture 3 failed, which takes no time, not all that come after it.
      expect(runs).toBeLessThan(many.length / batchSize / 2);
    } finally {
      unsubscribe('foveate:session.run', count);
    }
    expect(await other.detect(paths)).toHaveLength(paths.length);
  });

  it('leaves nothing on the signal of the caller', async () => {
    const stop = new AbortController();
    await rejectionOf(detector.detect([first, 'missing.jpg', first], { signal: stop.signal }));
    await detector.detect([first, first], { signal: stop.signal });
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    expect(stop.signal.aborted).toBe(false);
  });

  it('alone is told without an index', async () => {
    const error = await rejectionOf(detector.detect('missing.jpg'));
    expectFailure(error, 'MEDIA_NOT_FOUND', /^(?!Picture)/);
    expect(error.details).not.toHaveProperty('index');
  });

  it.each([undefined, null, 5, {}])('%o is refused', async (image) => {
    expectFailure(await rejectionOf(detector.detect(image as never)), 'INVALID_ARGUMENT', /for image/);
    expectFailure(await rejectionOf(detector.detect([first, image as never])), 'INVALID_ARGUMENT', /^Picture 1: .*for image/);
  });

  it('leaves no memory behind, and no place taken', async () => {
    const bad = readFileSync(first).subarray(0, 5000);
    const before = native().memoryStatistics().liveBytes;
    const failed = await Promise.allSettled(
      Array.from({ length: 50 }, (): Promise<unknown>[] => [detector.detect(bad), detector.detect([first, bad])]).flat(),
    );
    expect(failed.every(({ status }) => status === 'rejected')).toBe(true);
    expect((await detector.detect(first)).length).toBeGreaterThan(0);
    expect(native().memoryStatistics().liveBytes).toBeLessThanOrEqual(before);
  });
});

describe('a frame that is used again right after the call', () => {
  it('has been read, where a place is free', async () => {
    const frame = { data: new Uint8Array(64 * 64 * 3).fill(255), width: 64, height: 64, format: 'rgb' } as const;
    await using classifier = await Classifier.load(averageColor(), {
      preprocess: { fit: 'stretch', mean: [0, 0, 0], std: [1, 1, 1], scale: 1 / 255 },
      activation: 'none',
    });
    for (const options of [{}, { signal: new AbortController().signal }]) {
      frame.data.fill(255);
      const running = classifier.classify(frame, options);
      frame.data.fill(0);
      expect((await running).top.score).toBeCloseTo(1, 5);
    }
  });

  it('and so has a JPEG', async () => {
    const bytes = readFileSync(first);
    const running = detector.detect(bytes);
    bytes.fill(0);
    expect((await running).toJSON()).toEqual((await detector.detect(first)).toJSON());
  });
});

describe('an output without a finite number', () => {
  /** The mean colour divided by nothing: NaN, or for a channel that is not black infinite. */
  const divided = [node('Sub', ['x', 'x'], 'zero'), node('Div', ['x', 'zero'], 'broken')];
  const black = { data: new Uint8Array(64 * 64 * 3), width: 64, height: 64, format: 'rgb' } as const;
  const white = { ...black, data: black.data.slice().fill(255) };

  it('fails for every task, and names the output', async () => {
    await using classifier = await Classifier.load(
      averageColor({ nodes: [...divided, node('GlobalAveragePool', 'broken', 'mean'), node('Flatten', 'mean', 'y')] }),
    );
    await using segmenter = await Segmenter.load(
      brightness({ nodes: [...divided, node('ReduceMean', 'broken', 'y', { axes: [1], keepdims: 1 })] }),
    );
    await using detecting = await Detector.load(
      brightness({ output: ['n', 16, 16], nodes: [...divided, node('ReduceMean', 'broken', 'y', { axes: [1], keepdims: 0 })] }),
      { head: 'yolov8' },
    );
    for (const call of [
      () => classifier.classify(black),
      () => classifier.classify(white),
      () => segmenter.segment(black),
      () => detecting.detect(black),
    ]) {
      const error = await rejectionOf(call());
      expectFailure(error, 'ENGINE_FAILED', /^Output "y" cannot be used: no .* finite number/, /float16.*preprocessing/);
      expect(error.details).toEqual({ output: 'y' });
    }
    const error = await rejectionOf(classifier.classify([white, black]));
    expectFailure(error, 'ENGINE_FAILED', /^Picture 0: Output "y"/);
  });

  it('is told from one with some: a class that is NaN is not reported', async () => {
    // Red is 0 / 0, the others are as they are.
    const model = averageColor({
      nodes: [
        node('GlobalAveragePool', 'x', 'mean'),
        node('Flatten', 'mean', 'flat'),
        node('Sign', 'flat', 'sign'),
        node('Div', ['flat', 'sign'], 'y'),
      ],
    });
    await using classifier = await Classifier.load(model, {
      preprocess: { fit: 'stretch', mean: [0, 0, 0], std: [1, 1, 1], scale: 1 / 255 },
      activation: 'softmax',
    });
    const green = { ...black, data: Uint8Array.from(black.data, (_, i) => (i % 3 === 1 ? 255 : 0)) };
    const result = await classifier.classify(green);
    expect([...result].map(({ label, score }) => [label, score])).toEqual([['green', 1]]);
  });
});

describe('abort', () => {
  it('before the call', async () => {
    const reason = new Error('no longer needed');
    const error = await rejectionOf(detector.detect(first, { signal: AbortSignal.abort(reason) }));
    expectFailure(error, 'ABORTED', /aborted/);
    expect(error.cause).toBe(reason);
  });

  it.each([0, 1, 5, 30])('of many pictures after %i ms', async (ms) => {
    const stop = new AbortController();
    const before = native().memoryStatistics().liveBytes;
    const running = rejectionOf(
      detector.detect(
        Array.from({ length: 200 }, (_, i) => paths[i % paths.length] as string),
        { signal: stop.signal },
      ),
    );
    if (ms === 0) stop.abort();
    else setTimeout(() => stop.abort(), ms);
    expectFailure(await running, 'ABORTED', /aborted/);
    expect(native().memoryStatistics().liveBytes).toBeLessThanOrEqual(before);
    expect((await detector.detect(first)).length).toBeGreaterThan(0);
  });

  it('of one call leaves the others alone', async () => {
    const stop = new AbortController();
    const calls = Array.from({ length: 20 }, (_, i) => detector.detect(first, i % 2 === 0 ? { signal: stop.signal } : {}));
    stop.abort();
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(10);
    outcomes.forEach(({ status }, i) => i % 2 === 1 && expect(status).toBe('fulfilled'));
  });

  it('of loading', async () => {
    expectFailure(await rejectionOf(openDetector({ signal: AbortSignal.abort() })), 'ABORTED', /aborted/);
  });

  it('by the signal of load does not reach later calls', async () => {
    const stop = new AbortController();
    await using other = await openDetector({ signal: stop.signal });
    stop.abort();
    expect((await other.detect(first)).length).toBeGreaterThan(0);
  });
});

describe('dispose', () => {
  it('waits for the calls in flight, whatever they are at', async () => {
    const other = await openDetector();
    const calls = Array.from({ length: 30 }, () => other.detect(paths));
    const ended: string[] = [];
    const all = Promise.all(calls).then((results) => {
      ended.push('calls');
      return results;
    });
    await other.dispose().then(() => ended.push('dispose'));
    expect(ended).toEqual(['calls', 'dispose']);
    for (const results of await all) expect(results).toHaveLength(paths.length);
  });

  it('refuses calls from then on', async () => {
    const other = await openDetector();
    const disposing = other.dispose();
    expectFailure(await rejectionOf(other.detect(first)), 'DISPOSED', /model was disposed/, /last use/);
    await Promise.all([disposing, other.dispose(), other[Symbol.asyncDispose]()]);
    expectFailure(await rejectionOf(other.detect([])), 'DISPOSED', /model was disposed/);
    expect(other.session.disposed).toBe(true);
  });

  it('of the session under it is noticed', async () => {
    const other = await openDetector();
    await other.session.dispose();
    expectFailure(await rejectionOf(other.detect(first)), 'DISPOSED', /disposed/);
    await other.dispose();
  });

  it('is the same for every task', async () => {
    const tasks = [
      { task: await Classifier.load(averageColor()), call: (task: Classifier) => task.classify(first) },
      { task: await Segmenter.load(example('models/shapes-segmenter.onnx')), call: (task: Segmenter) => task.segment(first) },
    ];
    for (const { task, call } of tasks) {
      const running = (call as (task: unknown) => Promise<unknown>)(task);
      await task.dispose();
      await running;
      expectFailure(await rejectionOf((call as (task: unknown) => Promise<unknown>)(task)), 'DISPOSED', /model was disposed/);
    }
  });
});

it.each([
  ['Session', Session, /createSession\(model\)/],
  ['Classifier', Classifier, /Classifier\.load\(model\)/],
  ['Detector', Detector, /Detector\.load\(model\)/],
  ['Segmenter', Segmenter, /Segmenter\.load\(model\)/],
] as const)('new %s() from JavaScript says how one is made', (name, type, instead) => {
  for (const argument of ['model.onnx', undefined, null, {}]) {
    const error = thrownBy(() => Reflect.construct(type, [argument]));
    expectFailure(error, 'INVALID_ARGUMENT', new RegExp(`${name} is not made with new`), instead);
  }
});

describe('many calls at once', () => {
  it('hold no more memory than the places at work', async () => {
    await using other = await openDetector({ lanes: 1 });
    const places = 1 + native().visionLanes();
    native().memoryTrim();
    const before = native().memoryStatistics().liveBytes; // masks of cases above, until they are collected
    let highest = 0;
    const watch = setInterval(() => (highest = Math.max(highest, native().memoryStatistics().liveBytes)), 0);
    const results = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const result = await other.detect(paths[i % paths.length] as string);
        highest = Math.max(highest, native().memoryStatistics().liveBytes);
        return result;
      }),
    );
    clearInterval(watch);
    expect(results.every(({ length }) => length > 0)).toBe(true);
    // The largest picture has 1280 x 720 pixels: file, pixels, input and output come to less than 4.5 MB.
    expect(highest - before).toBeLessThan(places * 4_500_000);
    expect(highest - before).toBeGreaterThan(500_000);
    const { liveBytes, pooledBytes } = native().memoryStatistics();
    expect(liveBytes).toBeLessThanOrEqual(before);
    expect(pooledBytes).toBeLessThan(places * 4_500_000);
  });

  it('give each picture its own result', async () => {
    const alone = new Map(await Promise.all(paths.map(async (path) => [path, (await detector.detect(path)).toJSON()] as const)));
    const many = Array.from({ length: 60 }, (_, i) => paths[(i * 7) % paths.length] as string);
    const together = await Promise.all(many.map((path) => detector.detect(path)));
    together.forEach((result, i) => expect(result.toJSON()).toEqual(alone.get(many[i] as string)));
  });
});
