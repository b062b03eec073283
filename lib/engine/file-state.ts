/** What is known of files, remembered as long as they are the same: to read and hash a model and its engine takes longer than all else of a build that is in the cache. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { packageVersion } from '../binding/index.js';
import { sha256OfFile } from './file-hash.js';
import { keepInCache, userCacheFolder } from './user-cache.js';

/** Coarser than the times of any file system. A file that changed later than that before it was read may change again without a sign. */
const settledMs = 2000;

/** A file as it was at one moment, by what changes with every write: which file it is, its length, and the times of its content and of itself. */
export class FileState {
  readonly #path: string;
  readonly #text: string;
  readonly #changedMs: number;

  private constructor(path: string, text: string, changedMs: number) {
    this.#path = path;
    this.#text = text;
    this.#changedMs = changedMs;
  }

  /** Rejects as `stat` does. */
  static async of(path: string): Promise<FileState> {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    // The time of a file itself is the system's: nobody sets it back.
    const text = [packageVersion, dev, ino, size, mtimeNs, ctimeNs].join(' ');
    return new FileState(resolve(path), text, Number(ctimeNs / 1_000_000n));
  }

  /**
   * What `make` finds out by reading the file: from earlier, where the file was then as it is here, and still is. `make` must not have read it before this
   * state was taken. `what` tells facts of several kinds apart; they are kept as JSON, in the user's cache.
   */
  async recall<Fact>(what: string, make: () => Promise<Fact>): Promise<Fact> {
    const key = createHash('sha256').update(`${what} ${this.#path}`).digest('hex').slice(0, 32);
    const place = join(userCacheFolder(), 'files', `${key}.json`);
    const known = await read(place);
    if (known?.state === this.#text && (await this.#isStill())) return known.fact as Fact;
    const began = Date.now();
    const fact = await make();
    if (began - this.#changedMs > settledMs && (await this.#isStill())) {
      await keepInCache(place, JSON.stringify({ path: this.#path, state: this.#text, fact }));
    }
    return fact;
  }

  async #isStill(): Promise<boolean> {
    const now = await FileState.of(this.#path).catch(() => undefined);
    return now !== undefined && now.#text === this.#text;
  }
}

/** The SHA-256 of a file, in hexadecimal, which is read only where it may have changed since. Rejects as reading it does. */
export async function rememberedSha256(path: string, signal?: AbortSignal): Promise<string> {
  const state = await FileState.of(path);
  return state.recall('sha256', () => sha256OfFile(path, signal));
}

/** Undefined where there is nothing that can be read. */
async function read(place: string): Promise<{ readonly state?: unknown; readonly fact?: unknown } | undefined> {
  try {
    return JSON.parse(await readFile(place, 'utf8')) as object;
  } catch {
    return undefined;
  }
}
