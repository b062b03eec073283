import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

import { OutputStore, type OutputStoreOptions } from '../../lib/cache/index.js';
import { createSession, Tensor } from '../../lib/index.js';
import { Random } from '../../lib/metrics/random.js';
import { FakeClock, settle } from '../batching/fakes.js';
import { example } from '../session/fixtures.js';

function storeOf(options: OutputStoreOptions = {}) {
  const clock = new FakeClock();
  return { store: new OutputStore<unknown>(options, clock), clock };
}

/** A result that counts how often it was disposed of. */
function disposable(): { disposed: number; dispose(): void } {
  return {
    disposed: 0,
    dispose() {
      this.disposed++;
    },
  };
}

describe('an output store', () => {
  it('gives what was put under its id, as often as it is asked', () => {
    const { store } = storeOf();
    const result = { some: 'result' };
    const id = store.put(result);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(store.get(id)).toBe(result);
    expect(store.get(id)).toBe(result);
    expect(store.get('another')).toBeUndefined();
    expect(store.take(id)).toBe(result);
    expect(store.take(id)).toBeUndefined();
    expect(store.put(1, { id: 'mine' })).toBe('mine');
    expect(() => store.put(2, { id: 'mine' })).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(store.get('mine')).toBe(1);
    expect([store.delete('mine'), store.delete('mine')]).toEqual([true, false]);
    expect(store.statistics()).toEqual({ entries: 0, bytes: 0, put: 2, found: 4, missed: 2, expired: 0, refused: 0 });
  });

  it('keeps undefined, too', () => {
    const { store } = storeOf();
    store.put(undefined, { id: 'a' });
    expect(store.get('a')).toBeUndefined();
    expect(store.statistics()).toMatchObject({ entries: 1, found: 1, missed: 0 });
  });

  it('forgets when the time is over, and does not count it anew with each look', async () => {
    const { store, clock } = storeOf({ ttlMs: 100 });
    const result = disposable();
    const id = store.put(result);
    await clock.advanceTo(50);
    const later = store.put(1);
    await clock.advanceTo(99);
    expect(store.get(id)).toBe(result);
    await clock.advanceTo(100);
    expect(store.get(id)).toBeUndefined();
    expect(result.disposed).toBe(1);
    expect(store.get(later)).toBe(1);
    await clock.advanceTo(150);
    expect(store.statistics()).toMatchObject({ entries: 0, bytes: 0, expired: 2 });
    expect(clock.timers).toBe(0);
    store.put(2, { id }); // it is free again
  });

  it('refuses what it has no room for, and keeps the rest', async () => {
    const { store, clock } = storeOf({ ttlMs: 1000, maxBytes: 100, maxEntries: 3 });
    const first = store.put(1, { bytes: 60 });
    await clock.advanceTo(300);
    expect(() => store.put(2, { bytes: 41 })).toThrowError(
      expect.objectContaining({ code: 'STORE_FULL', details: { bytes: 41, keptBytes: 60, maxBytes: 100, retryAfterMs: 700 } }),
    );
    store.put(3, { bytes: 40 });
    store.put(4, { bytes: 0 });
    expect(() => store.put(5, { bytes: 0 })).toThrowError(expect.objectContaining({ code: 'STORE_FULL' }));
    expect(() => store.put(6, { bytes: 101 })).toThrowError(
      expect.objectContaining({
        hint: 'Raise maxBytes.',
        details: expect.objectContaining({ retryAfterMs: undefined }) as object,
      }),
    );
    expect(store.get(first)).toBe(1);
    await clock.advanceTo(1000);
    store.put(7, { bytes: 60 });
    expect(store.statistics()).toMatchObject({ entries: 3, bytes: 100, refused: 3 });
  });

  it('disposes of what is its own once, and never of what was taken or refused', async () => {
    const { store } = storeOf({ maxEntries: 3 });
    const [deleted, taken, left, refused] = [disposable(), disposable(), disposable(), disposable()];
    const ids = [deleted, taken, left].map((result) => store.put(result));
    expect(() => store.put(refused)).toThrow();
    store.delete(ids[0] as string);
    store.take(ids[1] as string);
    store.dispose();
    store.dispose();
    await settle();
    expect([deleted, taken, left, refused].map(({ disposed }) => disposed)).toEqual([1, 0, 1, 0]);
  });

  it('survives results that cannot be disposed of', async () => {
    const { store } = storeOf();
    store.put({ dispose: () => Promise.reject(new Error('no')) }, { id: 'a' });
    store.put({
      dispose: () => {
        throw new Error('no');
      },
    });
    store.delete('a');
    store.dispose();
    await settle();
    expect(store.statistics()).toMatchObject({ entries: 0 });
  });

  it('answers nothing any more when it was disposed of', () => {
    const { store } = storeOf();
    store.dispose();
    const calls = [() => store.put(1), () => store.get('a'), () => store.take('a'), () => store.delete('a')];
    for (const call of calls) expect(call).toThrowError(expect.objectContaining({ code: 'DISPOSED' }));
  });

  it('never holds more than it may, and loses nothing before its time (20,000 random steps)', async () => {
    const { store, clock } = storeOf({ ttlMs: 500, maxBytes: 1000, maxEntries: 20 });
    const random = new Random(1);
    const model = new Map<string, { value: number; bytes: number; until: number }>();
    for (let step = 0, now = 0; step < 20_000; step++) {
      const id = `${random.below(40)}`;
      for (const [key, { until }] of model) if (until <= now) model.delete(key);
      const bytes = [...model.values()].reduce((sum, one) => sum + one.bytes, 0);
      const action = random.below(5);
      if (action === 0) await clock.advanceTo((now += random.below(60)), () => Promise.resolve());
      else if (action === 1) expect(store.get(id)).toBe(model.get(id)?.value);
      else if (action === 2) {
        expect(store.take(id)).toBe(model.get(id)?.value);
        model.delete(id);
      } else if (!model.has(id)) {
        const size = random.below(200);
        const fits = model.size < 20 && bytes + size <= 1000;
        if (!fits)
          expect(() => store.put(step, { id, bytes: size })).toThrowError(expect.objectContaining({ code: 'STORE_FULL' }));
        else {
          store.put(step, { id, bytes: size });
          model.set(id, { value: step, bytes: size, until: now + 500 });
        }
      }
    }
    expect(store.statistics().put).toBeGreaterThan(1000);
  });

  it('checks what it is given', () => {
    for (const options of [{ ttlMs: 0 }, { ttlMs: Number.NaN }, { maxBytes: 0 }, { maxEntries: 1.5 }]) {
      expect(() => new OutputStore(options)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
    const { store } = storeOf();
    for (const id of ['', 1, null]) {
      expect(() => store.get(id as string)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
      expect(() => store.put(1, { id: id as string })).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
    expect(() => store.put(1, { bytes: -1 })).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

it('keeps outputs of a session alive until they are deleted', async () => {
  await using session = await createSession(example('models/shapes-classifier.onnx'), { device: 'cpu' });
  const [info] = session.inputs;
  using input = Tensor.allocate(
    'float32',
    (info?.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : 1)),
  );
  input.data.fill(0);
  const result = await session.run({ [info?.name as string]: input });
  const [output] = Object.values(result.outputs) as Tensor[];
  const store = new OutputStore<typeof result>();
  const id = store.put(result, { bytes: output?.byteLength });
  expect(store.get(id)?.outputs).toBe(result.outputs);
  expect(output?.disposed).toBe(false);
  store.delete(id);
  expect(output?.disposed).toBe(true);
});

it('does not keep a process alive', async () => {
  const index = new URL('../../dist/cache/index.js', import.meta.url).href;
  const script = `import { OutputStore } from ${JSON.stringify(index)}; new OutputStore({ ttlMs: 60_000 }).put(1);`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { timeout: 30_000 });
});
