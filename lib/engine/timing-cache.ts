import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { Lease, native, settle, type NativeTensorRt } from '../binding/index.js';
import { FoveateError } from '../errors/index.js';
import { withLock } from './folder-lock.js';
import { makeFolder } from './folders.js';
import { keepInCache, userCacheFolder } from './user-cache.js';

/**
 * What builds learned about the speed of kernels, for those that come after them with the same library on the same GPU: the libraries take none of another card. What is timed is timed on a GPU, so there is
 * none without one. Losing it costs time only.
 */
export class TimingCache {
  readonly #library: NativeTensorRt;
  readonly #path: string | undefined;
  /** As this build was given it. */
  #read: Buffer | undefined;
  #learned: Uint8Array | undefined;

  constructor(library: NativeTensorRt) {
    this.#library = library;
    const { family, version, gpu } = library;
    this.#path = gpu && join(userCacheFolder(), 'timing', `${family}-${version}-${fileNameOf(gpu.name)}-${gpu.uuid}.cache`);
  }

  async read(): Promise<Uint8Array | undefined> {
    return (this.#read = this.#path === undefined ? undefined : await readFile(this.#path).catch(() => undefined));
  }

  /** What a build knows now. */
  learn(times: Uint8Array): void {
    this.#learned = times.slice();
  }

  /** Keeps what was learned, if anything, together with what others have learned meanwhile. */
  async keep(signal: AbortSignal | undefined): Promise<void> {
    const [path, times] = [this.#path, this.#learned];
    if (path === undefined || times === undefined) return;
    const keepLocked = async (): Promise<void> => {
      const present = await readFile(path).catch(() => undefined);
      const isOurs = present === undefined || (this.#read !== undefined && present.equals(this.#read));
      await keepInCache(path, isOurs ? times : await this.#combined(times, present));
    };
    try {
      await makeFolder(dirname(path));
      await withLock(path, signal, () => undefined, keepLocked);
    } catch (error) {
      // The engine is there all the same, aborted or not.
      if (!(error instanceof FoveateError) && (error as NodeJS.ErrnoException).syscall === undefined && !signal?.aborted)
        throw error;
    }
  }

  async #combined(times: Uint8Array, others: Uint8Array): Promise<Uint8Array> {
    const combined = await settle(() => native().timingCacheCombine(this.#library.handle, times, others));
    // One that the library does not take is damaged, or of another release: ours takes its place.
    if (combined === undefined) return times;
    using lease = new Lease(combined);
    return new Uint8Array(lease.buffer).slice();
  }
}

/** 'nvidia-h200' */
function fileNameOf(gpu: string): string {
  return gpu.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}
