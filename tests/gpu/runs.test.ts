/** How engines run: graphs, lanes, copies; and that opening them a thousand times takes no memory. */
import { execFileSync } from 'node:child_process';
import { afterAll, describe, expect, it } from 'vitest';

import { createSession, Tensor, type Session } from '../../lib/index.js';
import { standinCounts } from '../standin/standins.mjs';
import { copiesOf } from './copies.js';
import { gpu, removeWork, where } from './machine.js';
import { classifier, detector } from './models.js';
import { bitsOf, buildMs, enginePath, fill, inputOf } from './sessions.js';

afterAll(removeWork);

async function run(session: Session, images: Tensor): Promise<string> {
  using result = await session.run({ images });
  return bitsOf(result.outputs);
}

/** Of all processes, in bytes. */
async function deviceMemory(): Promise<number> {
  if (gpu!.onStandins) return (await standinCounts())['allocated-bytes']!;
  const text = execFileSync('nvidia-smi', ['--query-gpu=memory.used', '--format=csv,noheader,nounits', '--id=0'], {
    encoding: 'utf8',
  });
  return Number(text) * 2 ** 20;
}

describe.skipIf(gpu === undefined)(`runs ${where}`, () => {
  it('give the same bits with CUDA graphs and without', { timeout: buildMs }, async () => {
    const engine = await enginePath(detector.path);
    await using plain = await createSession(engine);
    await using graphs = await createSession(engine, { cudaGraphs: true });
    // Of each batch the first run is plain, the second is captured, the others are replayed.
    for (const batch of [1, 4, 1]) {
      for (let seed = 0; seed < 5; seed++) {
        using input = inputOf(plain, batch, seed);
        expect((await run(graphs, input)) === (await run(plain, input)), `batch ${batch}, input ${seed}`).toBe(true);
      }
    }
  });

  it('on four lanes at once answer each caller with its own', { timeout: buildMs }, async () => {
    const engine = await enginePath(detector.path);
    await using one = await createSession(engine);
    await using four = await createSession(engine, { lanes: 4, cudaGraphs: true });
    const inputs = Array.from({ length: 16 }, (_, seed) => inputOf(one, 1, seed));
    const expected: string[] = [];
    for (const input of inputs) expected.push(await run(one, input));
    expect(new Set(expected).size).toBe(inputs.length);
    for (let round = 0; round < 8; round++) {
      const received = await Promise.all(inputs.map((input) => run(four, input)));
      received.forEach((bits, i) => expect(bits === expected[i], `round ${round}, input ${i}`).toBe(true));
    }
    for (const input of inputs) input.dispose();
  });

  const dims = [2, 3, 256, 256];
  const places: readonly (readonly [place: string, input: (session: Session) => Tensor, copies: number])[] = [
    ['memory of the session', (session) => session.allocateInput('images', dims), 1],
    // Once into pinned memory, once to the GPU.
    ['other native memory', () => Tensor.allocate('float32', dims), 2],
    ['an array of the program', () => new Tensor('float32', new Float32Array(2 * 3 * 256 * 256), dims), 2],
  ];
  it.each(places)('from %s copy what they must and nothing else', { timeout: buildMs }, async (_, allocate, times) => {
    await using session = await createSession(await enginePath(detector.path));
    using images = allocate(session);
    fill(images, 1);
    const runs = 3;
    let outputBytes = 0;
    const { copies } = await copiesOf(async () => {
      for (let i = 0; i < runs; i++) {
        using result = await session.run({ images });
        const bytes = Object.values(result.outputs).reduce((sum, { byteLength }) => sum + byteLength, 0);
        expect(result.copiedBytes).toBe(times * images.byteLength + bytes);
        outputBytes += bytes;
      }
    });
    expect(copies).toEqual({
      toDevice: [runs, runs * images.byteLength],
      toHost: [runs * session.outputs.length, outputBytes],
      onDevice: [0, 0],
    });
  });

  it('leave no memory behind where engines are opened and closed again and again', { timeout: 1_200_000 }, async () => {
    const engine = await enginePath(classifier.path);
    const look = async (): Promise<{ device: number; resident: number }> => {
      globalThis.gc?.();
      return { device: await deviceMemory(), resident: process.memoryUsage.rss() };
    };
    const loads = gpu!.onStandins ? 300 : 1000;
    let before = { device: 0, resident: 0 };
    for (let load = 0; load < loads; load++) {
      const session = await createSession(engine, { lanes: 1 + (load % 2), cudaGraphs: load % 4 === 0 });
      using input = inputOf(session, 1, load);
      await run(session, input);
      await session.dispose();
      if (load === loads / 5) before = await look();
    }
    const after = await look();
    const mib = (bytes: number): number => bytes / 2 ** 20;
    console.log(
      `${loads} loads ${where}: ${mib(after.device - before.device)} MiB of the GPU, ${mib(after.resident - before.resident)} MiB resident`,
    );
    expect(mib(after.device - before.device)).toBeLessThan(8);
    expect(mib(after.resident - before.resident)).toBeLessThan(64);
  });
});
