import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ResultCache, type ResultCacheOptions } from '../../lib/cache/index.js';
import { createError } from '../../lib/errors/index.js';
import { Classifier, createSession, Tensor, type ClassifyOptions, type PictureInput } from '../../lib/index.js';
import { FakeClock, settle } from '../batching/fakes.js';

interface Options {
  readonly topK?: number;
  readonly signal?: AbortSignal | undefined;
  readonly caller?: string;
  readonly deadlineMs?: number;
}

/** A cache over something that is answered by the test, and what it was called with. */
function heldCache(options: ResultCacheOptions = {}) {
  const clock = new FakeClock();
  const calls: {
    readonly item: unknown;
    readonly options: Options;
    readonly resolve: (result: object) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
  const compute = (item: unknown, given: Options): Promise<object> =>
    new Promise((resolve, reject) => calls.push({ item, options: given, resolve, reject }));
  return { cache: new ResultCache(compute, { paths: false, ...options }, clock), calls, clock };
}

/** A cache over something that answers at once, with a new object each time. */
function quickCache(options: ResultCacheOptions = {}) {
  const clock = new FakeClock();
  let computed = 0;
  const compute = async (item: unknown, given: Options): Promise<{ item: unknown; topK: unknown; count: number }> => ({
    item,
    topK: given.topK,
    count: ++computed,
  });
  return { cache: new ResultCache(compute, options, clock), clock, computed: () => computed };
}

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await settle();
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'foveate-cache-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('what makes a call the same', () => {
  const tensor = (data: number[], dims?: number[]): unknown => new Tensor('float32', Float32Array.from(data), dims);
  const shared = new Uint8Array(new SharedArrayBuffer(2 ** 19));
  const different: [string, unknown, unknown][] = [
    ['bytes', Uint8Array.of(1, 2), Uint8Array.of(1, 3)],
    ['lengths', Uint8Array.of(0), Uint8Array.of(0, 0)],
    ['large bytes', new Uint8Array(2 ** 20), new Uint8Array(2 ** 20).fill(1, 2 ** 19, 2 ** 19 + 1)],
    ['element types', Int8Array.of(1), Uint8Array.of(1)],
    ['buffers and their views', Uint8Array.of(1).buffer, Uint8Array.of(1)],
    ['shapes', tensor([1, 2, 3, 4], [2, 2]), tensor([1, 2, 3, 4], [4, 1])],
    ['tensors and arrays', tensor([1]), Float32Array.of(1)],
    ['numbers', 0, -0],
    ['a number and its text', 1, '1'],
    ['texts whose border moves', ['ab', 'c'], ['a', 'bc']],
    ['an array and its element', ['a'], 'a'],
    ['nesting', [['a'], 'b'], [['a', 'b']]],
    ['names of members', { a: 1 }, { b: 1 }],
    ['null and nothing', null, undefined],
    ['dates', new Date(0), new Date(1)],
    ['large integers', 1n, 1],
    ['frames of one size', { data: Uint8Array.of(1), width: 1 }, { data: Uint8Array.of(2), width: 1 }],
  ];
  it.each(different)('%s differ', async (_name, a, b) => {
    const { cache, computed } = quickCache({ paths: false });
    await cache.run(a);
    await cache.run(b);
    await cache.run(a);
    expect(computed()).toBe(2);
    expect(cache.statistics()).toMatchObject({ hits: 1, misses: 2, hitRate: 1 / 3 });
  });

  const equal: [string, unknown, unknown][] = [
    ['a Buffer and its bytes', Buffer.from('abc'), Uint8Array.from(Buffer.from('abc'))],
    ['a view into more', Uint8Array.of(9, 1, 2, 9).subarray(1, 3), Uint8Array.of(1, 2)],
    ['the order of members', { a: 1, b: 2 }, { b: 2, a: 1 }],
    ['members that are undefined', { a: 1, b: undefined }, { a: 1 }],
    ['objects without a prototype', Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
    ['NaN', Number.NaN, 0 / 0],
    ['memory that threads share', shared, new Uint8Array(2 ** 19)],
    ['tensors', tensor([1, 2]), tensor([1, 2], [2])],
  ];
  it.each(equal)('%s: no difference', async (_name, a, b) => {
    const { cache, computed } = quickCache({ paths: false });
    expect(await cache.run(a)).toBe(await cache.run(b));
    expect(computed()).toBe(1);
  });

  it('options count, but for the circumstances of a call', async () => {
    const { cache, computed } = quickCache();
    const { signal } = new AbortController();
    await cache.run(Uint8Array.of(1), { topK: 1 });
    await cache.run(Uint8Array.of(1), { topK: 2 });
    expect(computed()).toBe(2);
    const circumstances = { caller: 'a', deadlineMs: 5, requestId: 'r', signal };
    expect(await cache.run(Uint8Array.of(1), { topK: 1, ...circumstances })).toMatchObject({ count: 1 });
    await cache.run(Uint8Array.of(1));
    expect(computed()).toBe(3);
  });

  it('so does the version', async () => {
    let version = '1';
    const { cache, computed } = quickCache({ version: () => version });
    await cache.run(Uint8Array.of(1));
    version = '2';
    await cache.run(Uint8Array.of(1));
    expect(computed()).toBe(2);
  });

  it('what is no data is refused', async () => {
    const { cache } = quickCache();
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    for (const item of [() => 1, Symbol('a'), new (class Thing {})(), Readable.from([]), circle, { a: [() => 1] }]) {
      await expect(cache.run(item)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    await expect(cache.run(Readable.from([]))).rejects.toMatchObject({ hint: expect.stringContaining('Buffer') as string });
  });
});

describe('files', () => {
  it('count by what they hold, as bytes do', async () => {
    const { cache, computed } = quickCache();
    const [a, b] = [join(folder, 'a'), join(folder, 'b')];
    await writeFile(a, 'one');
    await writeFile(b, 'one');
    const first = await cache.run(a);
    expect(await cache.run(b)).toBe(first);
    expect(await cache.run(pathToFileURL(b))).toBe(first);
    expect(await cache.run(Buffer.from('one'))).toBe(first);
    expect(await cache.run([a])).not.toBe(first);
    expect(computed()).toBe(2);
  });

  it('are looked at again, though their length and time say that nothing has changed', async () => {
    const { cache, computed } = quickCache();
    const path = join(folder, 'changing');
    await writeFile(path, 'one');
    await utimes(path, 1000, 1000);
    await cache.run(path);
    await writeFile(path, 'two');
    await utimes(path, 1000, 1000);
    await cache.run(path);
    expect(computed()).toBe(2);
  });

  it.each([
    ['alone', (path: string) => path],
    ['as a URL', (path: string) => pathToFileURL(path)],
    ['in an array', (path: string) => [path, Uint8Array.of(1)]],
  ])('count as images of a request: %s', async (name, of) => {
    const { cache, computed } = quickCache();
    const path = join(folder, `request ${name}`);
    await writeFile(path, 'one');
    const first = await cache.run({ images: of(path), topK: 1 });
    expect(await cache.run({ topK: 1, images: of(path) })).toBe(first);
    await cache.run({ images: of(path), topK: 2 });
    await cache.run(of(path));
    expect(computed()).toBe(3);
    await writeFile(path, 'two');
    await cache.run({ images: of(path), topK: 1 });
    expect(computed()).toBe(4);
  });

  it('are as good as their bytes in a request, and left alone where paths are not read', async () => {
    const path = join(folder, 'request');
    await writeFile(path, 'one');
    const { cache } = quickCache();
    expect(await cache.run({ images: path })).toBe(await cache.run({ images: Buffer.from('one') }));
    await cache.run({ images: join(folder, 'nowhere') });
    expect(cache.statistics()).toMatchObject({ hits: 1, misses: 1, uncached: 1 });
    const { cache: texts } = quickCache({ paths: false });
    await texts.run({ images: join(folder, 'nowhere') });
    expect(texts.statistics()).toMatchObject({ misses: 1, uncached: 0 });
  });

  it('that change while they are computed leave nothing behind', async () => {
    const { cache, calls } = heldCache({ paths: true });
    const path = join(folder, 'meanwhile');
    await writeFile(path, 'before');
    const first = cache.run(path);
    while (calls.length === 0) await settle();
    await writeFile(path, 'after it');
    calls[0]?.resolve({ of: 'after it' });
    expect(await first).toEqual({ of: 'after it' });
    expect(cache.statistics().entries).toBe(0);
  });

  it('that cannot be read are left to what is cached', async () => {
    const { cache, computed } = quickCache();
    for (let i = 0; i < 2; i++) expect(await cache.run(join(folder, 'nowhere'))).toMatchObject({ count: i + 1 });
    await cache.run('http://somewhere/a.jpg');
    expect(computed()).toBe(3);
    expect(cache.statistics()).toMatchObject({ uncached: 3, entries: 0 });
  });
});

describe('what is kept', () => {
  it('is forgotten when its time is over, however often it was used', async () => {
    const { cache, clock, computed } = quickCache({ ttlMs: 100 });
    await cache.run(Uint8Array.of(1));
    await clock.advanceTo(99);
    await cache.run(Uint8Array.of(1));
    expect(computed()).toBe(1);
    await clock.advanceTo(100);
    expect(cache.statistics()).toMatchObject({ entries: 0, bytes: 0, expired: 1 });
    await cache.run(Uint8Array.of(1));
    expect(computed()).toBe(2);
    expect(clock.timers).toBe(0);
  });

  it('makes room in the order of its last use', async () => {
    const { cache, computed } = quickCache({ maxEntries: 2 });
    const [a, b, c] = [1, 2, 3].map((value) => Uint8Array.of(value)) as [Uint8Array, Uint8Array, Uint8Array];
    for (const item of [a, b, a, c]) await cache.run(item);
    expect(computed()).toBe(3);
    await cache.run(a);
    expect(computed()).toBe(3);
    await cache.run(b);
    expect(computed()).toBe(4);
    expect(cache.statistics()).toMatchObject({ entries: 2, evicted: 2 });
  });

  it('stays below its bound in bytes', async () => {
    const cache = new ResultCache(async (size: number) => new Uint8Array(size), { paths: false, maxBytes: 10_000 });
    for (let size = 1000; size < 9000; size += 100) {
      await cache.run(size);
      const { bytes, entries } = cache.statistics();
      expect(bytes).toBeLessThanOrEqual(10_000);
      expect(bytes).toBeGreaterThanOrEqual(size);
      expect(entries).toBeGreaterThan(0);
    }
    await cache.run(10_000);
    expect(cache.statistics()).toMatchObject({ tooLarge: 1 });
  });

  it('is all forgotten by clear, and what was begun before is not kept', async () => {
    const { cache, calls } = heldCache();
    const first = cache.run(1);
    await turns();
    cache.clear();
    const second = cache.run(1);
    await turns();
    expect(calls).toHaveLength(2);
    calls[0]?.resolve({ of: 'before' });
    expect(await first).toEqual({ of: 'before' });
    expect(cache.statistics().entries).toBe(0);
    calls[1]?.resolve({ of: 'after' });
    await second;
    expect(await cache.run(1)).toEqual({ of: 'after' });
  });

  it('is never what somebody has to dispose of', async () => {
    let disposed = 0;
    const cache = new ResultCache(async () => ({ dispose: () => disposed++ }), { paths: false });
    const answers = await Promise.allSettled([cache.run(1), cache.run(1)]);
    for (const answer of answers) expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'INVALID_ARGUMENT' } });
    expect(disposed).toBe(1);
  });

  it('is no error', async () => {
    const { cache, calls } = heldCache();
    const both = [cache.run(1), cache.run(1)];
    await turns();
    calls[0]?.reject(createError('ENGINE_FAILED', { message: 'no' }));
    for (const one of both) await expect(one).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    const again = cache.run(1);
    await turns();
    calls[1]?.resolve({});
    await again;
    expect(cache.statistics()).toMatchObject({ misses: 2, shared: 1, entries: 1 });
  });

  it('is no error of a function that throws at once either', async () => {
    const cache = new ResultCache(() => {
      throw new TypeError('at once');
    });
    await expect(cache.run(Uint8Array.of(1))).rejects.toThrow('at once');
    await expect(cache.run(Uint8Array.of(1))).rejects.toThrow('at once');
  });
});

describe('concurrent equal calls', () => {
  it('share one computation', async () => {
    const { cache, calls } = heldCache();
    const all = Array.from({ length: 10 }, () => cache.run(1));
    await turns();
    expect(calls).toHaveLength(1);
    const result = {};
    calls[0]?.resolve(result);
    for (const one of all) expect(await one).toBe(result);
    expect(cache.statistics()).toMatchObject({ misses: 1, shared: 9, hits: 0, hitRate: 0.9 });
  });

  it('are aborted each for itself', async () => {
    const { cache, calls } = heldCache();
    const controller = new AbortController();
    const first = cache.run(1);
    const second = cache.run(1, { signal: controller.signal });
    await turns();
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: 'ABORTED' });
    expect(calls).toHaveLength(1);
    calls[0]?.resolve({ of: 1 });
    expect(await first).toEqual({ of: 1 });
    expect(cache.statistics()).toMatchObject({ misses: 1, shared: 1, entries: 1 });
  });

  it('begin again with an item of theirs where the call that began is aborted', async () => {
    const { cache, calls } = heldCache();
    const controllers = Array.from({ length: 4 }, () => new AbortController());
    const items = controllers.map(() => Uint8Array.of(1));
    const waiting = controllers.map(({ signal }, i) => cache.run(items[i], { signal }));
    const outcomes = Promise.allSettled(waiting);
    await turns();
    controllers[0]?.abort();
    await expect(waiting[0]).rejects.toMatchObject({ code: 'ABORTED' });
    items[0]?.fill(2); // its owner may do so
    expect(calls[0]?.options.signal?.aborted).toBe(true);
    calls[0]?.resolve({ of: 2 });
    await turns();
    expect(cache.statistics().entries).toBe(0);
    expect(calls).toHaveLength(2);
    expect(calls[1]?.item).toBe(items[1]);
    controllers[1]?.abort();
    controllers[2]?.abort();
    const next = cache.run(Uint8Array.of(1));
    await turns();
    expect(calls).toHaveLength(3);
    expect(calls[2]?.item).toBe(items[3]);
    calls[2]?.resolve({ of: 1 });
    calls[1]?.reject(new Error('given up'));
    expect(await next).toEqual({ of: 1 });
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled']);
    expect(cache.statistics()).toMatchObject({ misses: 3, shared: 4, entries: 1 });
  });

  it('leave nothing behind where all are aborted, even if the computation goes on', async () => {
    const { cache, calls } = heldCache();
    const controller = new AbortController();
    const { signal } = controller;
    const outcomes = Promise.allSettled([cache.run(1, { signal }), cache.run(1, { signal })]);
    await turns();
    controller.abort();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    calls[0]?.resolve({});
    await turns();
    expect(calls).toHaveLength(1);
    expect(cache.statistics().entries).toBe(0);
  });

  it('that begin again have what is left of their deadline', async () => {
    const { cache, calls, clock } = heldCache();
    const controller = new AbortController();
    const first = cache.run(1, { deadlineMs: 100, signal: controller.signal });
    const second = cache.run(1, { deadlineMs: 100 });
    await turns();
    await clock.advanceTo(30);
    controller.abort();
    await expect(first).rejects.toMatchObject({ code: 'ABORTED' });
    await turns();
    expect(calls.map(({ options }) => options.deadlineMs)).toEqual([100, 70]);
    calls[1]?.resolve({ of: 1 });
    expect(await second).toEqual({ of: 1 });
  });

  it('that are aborted before or while their key is made begin nothing', async () => {
    const { cache, calls } = heldCache();
    await expect(cache.run(1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    const controller = new AbortController();
    const run = cache.run(1, { signal: controller.signal });
    controller.abort();
    await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(cache.run(1, { signal: {} as AbortSignal })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(calls).toHaveLength(0);
  });

  it('do not fail by a deadline that is not theirs', async () => {
    const { cache, calls, clock } = heldCache();
    const first = cache.run(1, { deadlineMs: 100 });
    await clock.advanceTo(60);
    const second = cache.run(1, { deadlineMs: 100 });
    const third = cache.run(1, { deadlineMs: 100 });
    const patient = cache.run(1); // has no deadline, and so a computation of its own
    await turns();
    expect(calls.map(({ options }) => options.deadlineMs)).toEqual([100, undefined]);
    await clock.advanceTo(100);
    calls[0]?.reject(createError('DEADLINE_EXCEEDED', { message: 'late' }));
    await expect(first).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await turns();
    expect(calls.map(({ options }) => options.deadlineMs)).toEqual([100, undefined, 60]);
    calls[2]?.resolve({ of: 2 });
    expect(await Promise.all([second, third])).toEqual([{ of: 2 }, { of: 2 }]);
    calls[1]?.resolve({ of: 1 });
    expect(await patient).toEqual({ of: 1 });
    expect(cache.statistics().entries).toBe(1);
  });
});

it('checks its options', () => {
  const compute = async (): Promise<object> => ({});
  const wrong: object[] = [
    { ttlMs: 0 },
    { ttlMs: Number.NaN },
    { maxBytes: 0 },
    { maxEntries: 0.5 },
    { version: 1 },
    { paths: 'no' },
  ];
  for (const options of wrong) {
    expect(() => new ResultCache(compute, options)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  }
  expect(() => new ResultCache(compute, { ttl: 1 } as object)).toThrowError(expect.objectContaining({ code: 'UNKNOWN_OPTION' }));
  expect(() => new ResultCache(undefined as never)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});

describe('over a real model', () => {
  const models = join(import.meta.dirname, '../../examples/models');
  const picture = join(import.meta.dirname, '../../examples/pictures/star.jpg');

  it('gives a task the picture once', async () => {
    await using classifier = await Classifier.load(join(models, 'shapes-classifier.onnx'), { device: 'cpu' });
    const cache = new ResultCache((image: PictureInput, options?: ClassifyOptions) => classifier.classify(image, options));
    const [first, second] = await Promise.all([cache.run(picture), cache.run(picture)]);
    expect(second).toBe(first);
    expect(first.top.label).toBe('star');
    expect(await cache.run(picture, { topK: 1 })).toHaveLength(1);
    const { bytes, entries } = cache.statistics();
    expect(entries).toBe(2);
    expect(bytes).toBeLessThan(2000);
    await expect(cache.run('nowhere.jpg')).rejects.toMatchObject({ code: 'MEDIA_NOT_FOUND' });
  });

  it('refuses the outputs of a session, which are disposed of', async () => {
    await using session = await createSession(join(models, 'shapes-classifier.onnx'), { device: 'cpu' });
    const [input] = session.inputs;
    const dims = (input?.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : 1));
    using tensor = Tensor.allocate('float32', dims);
    tensor.data.fill(0);
    const cache = new ResultCache((inputs: Record<string, Tensor>, options?: { signal?: AbortSignal }) =>
      session.run(inputs, options),
    );
    await expect(cache.run({ [input?.name ?? '']: tensor })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      hint: expect.stringContaining('Copy') as string,
    });
  });
});
