import { describe, expect, it } from 'vitest';

import { mapInOrder } from '../../lib/evaluation/in-order.js';

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function collect<T>(results: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const result of results) all.push(result);
  return all;
}

describe('mapInOrder', () => {
  it('gives results in the order of the items, whichever is ready first', async () => {
    const work = async (ms: number): Promise<number> => (await after(ms), ms);
    expect(await collect(mapInOrder([30, 1, 20, 2, 10], 3, work))).toEqual([30, 1, 20, 2, 10]);
  });

  it.each([1, 2, 5])('works on %i at a time, and is no further ahead of its reader', async (places) => {
    let started = 0;
    let running = 0;
    let most = 0;
    const work = async (item: number): Promise<number> => {
      started++;
      most = Math.max(most, ++running);
      await after(item % 3);
      running--;
      return item;
    };
    let read = 0;
    for await (const item of mapInOrder(
      Array.from({ length: 40 }, (_, i) => i),
      places,
      work,
    )) {
      expect(item).toBe(read++);
      expect(started).toBeLessThanOrEqual(read + places);
    }
    expect({ read, most }).toEqual({ read: 40, most: places });
  });

  it('throws the failure of an item in its turn, when all work has come to its end', async () => {
    let finished = 0;
    const work = async (item: number): Promise<number> => {
      await after(item === 1 ? 1 : 20);
      finished++;
      if (item === 1) throw new Error('item 1');
      return item;
    };
    const results: number[] = [];
    await expect(async () => {
      for await (const result of mapInOrder([0, 1, 2, 3, 4, 5], 3, work)) results.push(result);
    }).rejects.toThrow('item 1');
    expect(results).toEqual([0]);
    expect(finished).toBe(4);
  });

  it('of nothing is nothing', async () => {
    expect(await collect(mapInOrder([], 2, async (item) => item))).toEqual([]);
  });
});
