import { describe, expect, it } from 'vitest';
import type { GpuStatistics } from '../../lib/index.js';
import { deviceGrowth, processMeter } from '../../lib/pool/memory.js';

const none = { liveBytes: 0, pooledBytes: 0, allocations: 0, reuses: 0 };
const noCopies = { count: 0, bytes: 0 };

function gpu(ordinal: number, freeBytes: number | undefined, ours = 0): GpuStatistics {
  return {
    ...{ gpu: ordinal, name: 'made up', totalBytes: 1000, ...(freeBytes !== undefined && { freeBytes }) },
    ...{ device: { ...none, liveBytes: ours, pooledBytes: ours }, pinned: none },
    ...{ toDevice: noCopies, toHost: noCopies, onDevice: noCopies },
  };
}

describe('what a model takes on GPUs', () => {
  it('is what became less there, of each', () => {
    expect(deviceGrowth([gpu(0, 900), gpu(1, 500)], [gpu(0, 700), gpu(1, 450)])).toBe(250);
  });
  it('is nothing where others gave more back', () => {
    expect(deviceGrowth([gpu(0, 500), gpu(1, 500)], [gpu(0, 900), gpu(1, 490)])).toBe(10);
  });
  it('is what is ours on one that nothing was opened on before', () => {
    expect(deviceGrowth([gpu(0, 900)], [gpu(0, 900), gpu(3, 100, 7)])).toBe(14);
  });
  it('is unknown, and nothing, of one that was lost', () => {
    expect(deviceGrowth([gpu(0, undefined)], [gpu(0, 900)])).toBe(0);
    expect(deviceGrowth([gpu(0, 900)], [gpu(0, undefined)])).toBe(0);
  });
});

it('sees memory that the process takes, but not the heap of JavaScript', async () => {
  const size = 64e6;
  const measureHeap = await processMeter();
  const heap = Array.from({ length: 4e6 }, (_, i) => [i]); // 64 MB and more
  const withHeap = (await measureHeap()).host;
  expect(heap).toHaveLength(4e6);
  expect(withHeap).toBeLessThan(size);
  const measure = await processMeter();
  const memory = Buffer.alloc(size, 1);
  const { host, device } = await measure();
  expect(memory[size - 1]).toBe(1);
  expect(host).toBeGreaterThan(size * 0.8);
  expect(host).toBeLessThan(size * 2);
  expect(device).toBe(0);
});
