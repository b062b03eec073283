/** What the garbage collector does with native memory that was never disposed of. */
import { describe, expect, it } from 'vitest';
import { builtBinding, builtLibrary, runScript } from '../package/node-child.js';

/** Runs `body` in a child that can collect at will; what it prints as JSON. */
async function withCollector(body: string): Promise<unknown> {
  const script = `
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Tensor } from '${builtLibrary}';
    import { native } from '${builtBinding}';
    /** Finalisers run some time after the collection. */
    async function collect(done) {
      for (let i = 0; i < 200 && !done(); i++) { globalThis.gc(); await sleep(5); }
    }
    const statistics = () => native().memoryStatistics();
    ${body}`;
  const { code, signal, stdout, stderr } = await runScript(script, ['--expose-gc']);
  expect(signal).toBeNull();
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

describe('a tensor that is forgotten', () => {
  it('is freed, and its memory serves nobody else', async () => {
    const result = await withCollector(`
      (() => { for (let i = 0; i < 20; i++) Tensor.allocate('uint8', [1 << 20]).data.fill(i); })();
      const live = statistics().liveBytes;
      await collect(() => statistics().liveBytes === 0);
      const { liveBytes, pooledBytes } = statistics();
      Tensor.allocate('uint8', [1 << 20]);
      console.log(JSON.stringify({ live, liveBytes, pooledBytes, reuses: statistics().reuses }));`);
    expect(result).toEqual({ live: 20 << 20, liveBytes: 0, pooledBytes: 0, reuses: 0 });
  });

  it('lives as long as an array over it', async () => {
    const result = await withCollector(`
      const kept = (() => Tensor.allocate('uint8', [1 << 20]).data.fill(7))();
      for (let i = 0; i < 10; i++) { globalThis.gc(); await sleep(5); }
      for (let i = 0; i < 8; i++) Tensor.allocate('uint8', [1 << 20]).data.fill(9);
      console.log(JSON.stringify({ sum: kept.reduce((sum, value) => sum + value, 0) / kept.length, length: kept.length }));`);
    expect(result).toEqual({ sum: 7, length: 1 << 20 });
  });

  it('is known to V8, which collects before memory runs out', async () => {
    // 8 GB in pieces that are dropped at once: without a word to V8 none would be collected, as the heap hardly grows.
    const result = await withCollector(`
      let highest = 0;
      for (let i = 0; i < 512; i++) {
        Tensor.allocate('uint8', [16 << 20]);
        highest = Math.max(highest, statistics().liveBytes);
        await sleep(0);
      }
      console.log(JSON.stringify(highest));`);
    expect(result).toBeLessThan(2 ** 31);
  });

  it('disposed of in time is reused, and is not freed a second time', async () => {
    const result = await withCollector(`
      (() => { for (let i = 0; i < 100; i++) Tensor.allocate('uint8', [1 << 16]).dispose(); })();
      for (let i = 0; i < 20; i++) { globalThis.gc(); await sleep(1); }
      const { allocations, reuses, liveBytes, pooledBytes } = statistics();
      console.log(JSON.stringify({ allocations, reuses, liveBytes, pooledBytes }));`);
    expect(result).toEqual({ allocations: 1, reuses: 99, liveBytes: 0, pooledBytes: 1 << 16 });
  });
});
