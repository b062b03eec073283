import { describe, expect, it } from 'vitest';
import { BatchSizes } from '../../lib/batching/batch-sizes.js';

/** Runs batches as a batcher with enough requests waiting does; `ms` of a batch. Gives the sizes that were run. */
function drive(sizes: BatchSizes, batches: number, ms: (size: number) => number, waiting = 64): number[] {
  const run: number[] = [];
  for (let i = 0; i < batches; i++) {
    const size = Math.max(...sizes.sizes(waiting).filter((candidate) => candidate <= waiting), 0) || waiting;
    run.push(size);
    sizes.record(size, ms(size));
  }
  return run;
}

/** Reproducible, from 0 to 1. */
function noise(): () => number {
  let state = 7;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

const cpu = (size: number): number => 20 * size;
const gpu = (size: number): number => 5 + 0.2 * size;
const saturated = (size: number): number => 2 + Math.max(8, size);

describe('what is learned', () => {
  it('is batches of one where a larger one does not pay, after few runs', () => {
    const sizes = new BatchSizes(32);
    expect(drive(sizes, 9, cpu)).toEqual([1, 1, 1, 2, 2, 2, 4, 4, 4]);
    expect(sizes.target).toBe(1);
    expect(sizes.sizes(64)).toEqual([1]);
  });

  it('is nothing of runs whose time is not told', () => {
    const sizes = new BatchSizes(8);
    drive(sizes, 40, () => NaN);
    expect(sizes.costs().filter(({ msPerSample }) => msPerSample !== undefined)).toEqual([]);
  });

  it('is the largest where it pays', () => {
    const sizes = new BatchSizes(32);
    expect(drive(sizes, 18, gpu).at(-1)).toBe(32);
    expect(sizes.target).toBe(32);
  });

  it('is the smallest of those that are as good', () => {
    const sizes = new BatchSizes(64);
    drive(sizes, 30, saturated);
    expect(sizes.target).toBe(8);
  });

  it.each([
    ['one', cpu, [1]],
    ['the largest', gpu, [32]],
    ['a middle one', saturated, [8, 16]],
  ])('holds for %s in noise', (_, ms, expected) => {
    const next = noise();
    // A tenth of the runs takes several times as long; the others differ by a few per cent.
    const noisy = (size: number): number => ms(size) * (next() < 0.1 ? 1 + 4 * next() : 1 + 0.04 * next());
    for (let trial = 0; trial < 50; trial++) {
      const sizes = new BatchSizes(32);
      drive(sizes, 1200, noisy);
      expect(expected).toContain(sizes.target);
    }
  });

  it('needs no size that what waits does not fill, and waits for the largest meanwhile', () => {
    const sizes = new BatchSizes(8);
    drive(sizes, 3, cpu, 1);
    expect(sizes.sizes(1)).toEqual([8]);
    expect(sizes.sizes(2)).toEqual([2]);
  });

  it('is looked at again once in a while, when the machine has changed', () => {
    const sizes = new BatchSizes(8);
    drive(sizes, 100, cpu);
    expect(sizes.target).toBe(1);
    const run = drive(sizes, 10_000, gpu);
    expect(sizes.target).toBe(8);
    expect(run.slice(0, 150).every((size) => size === 1)).toBe(true);
  });

  it('costs little once it is known', () => {
    const sizes = new BatchSizes(32);
    drive(sizes, 100, cpu);
    expect(drive(sizes, 10_000, cpu).filter((size) => size !== 1).length).toBeLessThan(45);
  });
});

describe('sizes of the user', () => {
  it('are used as they are', () => {
    const sizes = new BatchSizes(32, [4, 16]);
    drive(sizes, 100, cpu);
    expect(sizes.sizes(3)).toEqual([4, 16]);
    expect(sizes.target).toBe(16);
  });
});

describe('memory that ran out', () => {
  it('bounds the sizes', () => {
    const sizes = new BatchSizes(32);
    drive(sizes, 50, gpu);
    sizes.ranTooMany(32);
    expect(sizes.target).toBe(16);
    sizes.ranTooMany(5);
    expect(sizes.target).toBe(4);
    expect(Math.max(...drive(sizes, 2000, gpu))).toBe(4);
  });

  it('leaves what has not failed where no size of the user is small enough', () => {
    const sizes = new BatchSizes(32, [16]);
    sizes.ranTooMany(16);
    expect(sizes.sizes(20)).toEqual([15]);
  });
});

describe('what a run is expected to take', () => {
  it('is what the nearest smaller size took per sample, and never less than a smaller batch', () => {
    const sizes = new BatchSizes(8);
    expect(sizes.expectedMs(3)).toBe(0);
    drive(sizes, 12, gpu);
    expect(sizes.expectedMs(1)).toBeCloseTo(5.2);
    expect(sizes.expectedMs(3)).toBeCloseTo((3 * 5.4) / 2);
    expect(sizes.expectedMs(8)).toBeCloseTo(6.6);
  });
});
