/** A batcher over a fake, with the time in the test's hands. Each test makes its own. */
import { afterEach, beforeEach, expect } from 'vitest';
import { DynamicBatcher, type BatchRequestOptions, type DynamicBatcherOptions, type Seat } from '../../lib/batching/index.js';
import { FakeBatchable, FakeClock, fakeItem, settle, type FakeItem } from './fakes.js';

export let clock: FakeClock;
export let batchable: FakeBatchable;
export let batcher: DynamicBatcher<FakeBatchable>;
let nextId = 0;

/** To be called once in each file. */
export function useFakes(): void {
  beforeEach(() => {
    clock = new FakeClock();
    nextId = 0;
  });
  afterEach(async () => {
    const closing = batcher.dispose({ drain: false });
    await clock.advanceTo(clock.now() + 100_000);
    await closing;
    expect(batchable.openArenas).toBe(0);
    expect(clock.timers).toBe(0);
  });
}

/** Batches of 4 or of `maxBatch`, unless the options tell otherwise. */
export function make(options: DynamicBatcherOptions = {}, lanes = 1, runMs?: (seats: readonly Seat<FakeItem>[]) => number): void {
  batchable = new FakeBatchable(clock, lanes, runMs);
  batcher = new DynamicBatcher(batchable, { maxBatch: 4, preferredSizes: [options.maxBatch ?? 4], ...options }, clock);
}

/** Items are numbered from 0. */
export function send(item: Partial<FakeItem> = {}, options?: BatchRequestOptions) {
  const promise = batcher.run(fakeItem({ id: nextId++, ...item }), options);
  promise.catch(() => undefined);
  return promise;
}

/** 'pending', 'resolved' or the code of the error. */
export async function stateOf(promise: Promise<unknown>): Promise<string> {
  const settled = promise.then(
    () => 'resolved',
    (error: { code?: string }) => error.code ?? 'rejected',
  );
  return await Promise.race([settled, settle().then(() => 'pending')]);
}
