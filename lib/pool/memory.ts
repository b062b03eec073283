import { readFile, stat } from 'node:fs/promises';

import { native } from '../binding/index.js';
import { gpuStatistics, type GpuStatistics } from '../engine/index.js';
import type { Bytes } from './options.js';
import { most } from './room.js';

/** Begins to measure; what that gives tells by how much the memory in use has grown. */
export type MemoryMeter = () => Promise<() => Promise<Bytes>>;

/** Measures this process. Nothing else should be loaded meanwhile. */
export const processMeter: MemoryMeter = async () => {
  const host = await hostBytes();
  const gpus = await gpuStatistics();
  return async () => ({
    host: Math.max(0, (await hostBytes()) - host),
    device: deviceGrowth(gpus, await gpuStatistics()),
  });
};

/** What the process holds, but for the heap of JavaScript and for tensors, which come and go with requests. */
async function hostBytes(): Promise<number> {
  const { liveBytes, pooledBytes } = native().memoryStatistics();
  return (await privateBytes()) - process.memoryUsage().heapTotal - liveBytes - pooledBytes;
}

/** On Linux without pages of files, which the system can take back: most of those are code. */
async function privateBytes(): Promise<number> {
  const status = process.platform === 'linux' ? await readFile('/proc/self/status', 'utf8') : '';
  const [, kibibytes] = /^RssAnon:\s+(\d+) kB$/m.exec(status) ?? [];
  return kibibytes === undefined ? process.memoryUsage.rss() : Number(kibibytes) * 1024;
}

/** Of a GPU that was in use before, what is free less; of one that was not, what lies there of ours: others may use it too. */
export function deviceGrowth(before: readonly GpuStatistics[], after: readonly GpuStatistics[]): number {
  let grown = 0;
  for (const { gpu, freeBytes, device } of after) {
    const then = before.find((one) => one.gpu === gpu);
    if (then === undefined) grown += device.liveBytes + device.pooledBytes;
    else if (then.freeBytes !== undefined && freeBytes !== undefined) grown += Math.max(0, then.freeBytes - freeBytes);
  }
  return grown;
}

/** How many bytes the files have; those that cannot be read count for nothing, as loading will tell. */
export async function bytesOfFiles(paths: readonly string[]): Promise<number> {
  const sizes = await Promise.all(paths.map(sizeOf));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function sizeOf(path: string): Promise<number> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() ? stats.size : 0;
}

/** The six models of `bench/micro/pool.mjs` take 1.6 to 10 times the bytes of their files: what is guessed of one is rather too much. */
const usualRatio = 10;

/** What the models of a pool have taken for each byte of their files, for a guess at one that was never loaded. */
export class MemoryExperience {
  #ratio: Bytes = { host: usualRatio, device: usualRatio };

  add({ host, device }: Bytes, fileBytes: number): void {
    if (fileBytes > 0) this.#ratio = most(this.#ratio, { host: host / fileBytes, device: device / fileBytes });
  }

  /** Infinity where no files are known: the model has all the room while it is loaded for the first time. */
  guess(fileBytes: number): Bytes {
    if (fileBytes === 0) return { host: Infinity, device: Infinity };
    return { host: Math.ceil(fileBytes * this.#ratio.host), device: Math.ceil(fileBytes * this.#ratio.device) };
  }
}
