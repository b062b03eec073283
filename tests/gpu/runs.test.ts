/** How engines run: graphs, lanes, copies; and that opening them a thousand times takes no memory. */
import { execFileSync } from 'node:child_process';
import { afterAll, describe, expect, it } from 'vitest';

import { buildEngine, createSession, Tensor, type Session } from '../../lib/index.js';
import { standinCounts } from '../standin/standins.mjs';
import { gpu, removeWork, where } from './machine.js';
import { classifier, detector, type GpuModel } from './models.js';

afterAll(removeWork);

const buildMs = 600_000;

/** The path of an engine of the model, for 1 to 4 pictures. */
async function enginePath({ path }: GpuModel): Promise<string> {
  const { bundle } = await buildEngine(path, { device: gpu!.device, bake: false, batch: { min: 1, opt: 1, max: 4 } });
  return bundle.path;
}

/** In native memory; another seed gives other values. */
function inputOf({ inputs }: Session, batch: number, seed: number): Tensor<'float32'> {
  const tensor = Tensor.allocate('float32', [batch, ...(inputs[0]!.shape.slice(1) as number[])]);
  tensor.data.forEach((_, i) => (tensor.data[i] = ((i * 7919 + seed * 104_729) % 251) / 250));
  return tensor;
}

/** The bits of all outputs. */
async function bitsOf(session: Session, input: Tensor): Promise<string> {
  using result = await session.run({ images: input });
  return Object.values(result.outputs)
    .map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'))
    .join();
}

/** Of all processes, in bytes. */
async function deviceMemory(): Promise<number> {
  if (gpu!.onStandins) return (await standinCounts())['allocated-bytes']!;
  const text = execFileSync('nvidia-smi', ['--query-gpu=memory.used', '--format=csv,noheader,nounits', '--id=0'], {
    encoding: 'utf8',
  });
  return Number(text) * 2 ** 20;
}

/** What the driver itself counts, which only the stand-in tells. */
async function driverCopies(): Promise<Readonly<Record<string, number>> | undefined> {
  return gpu!.onStandins ? await standinCounts() : undefined;
}

describe.skipIf(gpu === undefined)(`runs ${where}`, () => {
  it('give the same bits with CUDA graphs and without', { timeout: buildMs }, async () => {
    const engine = await enginePath(detector);
    await using plain = await createSession(engine);
    await using graphs = await createSession(engine, { cudaGraphs: true });
    // Of each batch the first run is plain, the second is captured, the others are replayed.
    for (const batch of [1, 4, 1]) {
      for (let seed = 0; seed < 5; seed++) {
        using input = inputOf(plain, batch, seed);
        expect((await bitsOf(graphs, input)) === (await bitsOf(plain, input)), `batch ${batch}, input ${seed}`).toBe(true);
      }
    }
  });

  it('on four lanes at once answer each caller with its own', { timeout: buildMs }, async () => {
    const engine = await enginePath(detector);
    await using one = await createSession(engine);
    await using four = await createSession(engine, { lanes: 4, cudaGraphs: true });
    const inputs = Array.from({ length: 16 }, (_, seed) => inputOf(one, 1, seed));
    const expected: string[] = [];
    for (const input of inputs) expected.push(await bitsOf(one, input));
    expect(new Set(expected).size).toBe(inputs.length);
    for (let round = 0; round < 8; round++) {
      const received = await Promise.all(inputs.map((input) => bitsOf(four, input)));
      received.forEach((bits, i) => expect(bits === expected[i], `round ${round}, input ${i}`).toBe(true));
    }
    for (const input of inputs) input.dispose();
  });

  it('copy inputs once into pinned memory, to the GPU, and outputs back, and nothing else', { timeout: buildMs }, async () => {
    await using session = await createSession(await enginePath(detector));
    using input = inputOf(session, 2, 1);
    const before = await driverCopies();
    let outputBytes = 0;
    for (let run = 0; run < 3; run++) {
      using result = await session.run({ images: input });
      const outputs = Object.values(result.outputs).reduce((bytes, { data }) => bytes + data.byteLength, 0);
      expect(result.copiedBytes).toBe(2 * input.data.byteLength + outputs);
      outputBytes += outputs;
    }
    const after = await driverCopies();
    if (before === undefined || after === undefined) return;
    const past = (name: string): number => (after[name] as number) - (before[name] as number);
    expect([past('uploads'), past('uploaded-bytes')]).toEqual([3, 3 * input.data.byteLength]);
    expect([past('downloads'), past('downloaded-bytes')]).toEqual([3 * session.outputs.length, outputBytes]);
    expect(past('device-copies')).toBe(0);
  });

  it('leave no memory behind where engines are opened and closed again and again', { timeout: 1_200_000 }, async () => {
    const engine = await enginePath(classifier);
    const look = async (): Promise<{ device: number; resident: number }> => {
      globalThis.gc?.();
      return { device: await deviceMemory(), resident: process.memoryUsage.rss() };
    };
    const loads = gpu!.onStandins ? 300 : 1000;
    let before = { device: 0, resident: 0 };
    for (let load = 0; load < loads; load++) {
      const session = await createSession(engine, { lanes: 1 + (load % 2), cudaGraphs: load % 4 === 0 });
      using input = inputOf(session, 1, load);
      await bitsOf(session, input);
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
