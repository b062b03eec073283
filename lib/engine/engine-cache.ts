import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { FoveateError, MediaError } from '../errors/index.js';
import { EngineBundle, wholeBundle } from './engine-bundle.js';
import { withLock } from './folder-lock.js';
import { makeFolder, replaceFolder } from './folders.js';
import { userCacheFolder } from './user-cache.js';

/** Longer than anybody takes to make or give back a lock, and than anybody builds. */
const lockLeftoverMs = 60_000;
const leftoverMs = 24 * 60 * lockLeftoverMs;

/** Bundles that were built, each in a folder that is called by the key of all that decides it. Processes and threads share it. */
export class EngineCache {
  readonly folder = join(userCacheFolder(), 'engines');

  /** Undefined where there is none. A damaged one, or another, counts as none. */
  async find(key: string, signal: AbortSignal | undefined): Promise<EngineBundle | undefined> {
    // One from a manifest of somebody else's could lead anywhere.
    if (!/^[0-9a-f]{32}$/.test(key)) return undefined;
    const bundle = await wholeBundle(join(this.folder, key), signal);
    return bundle?.manifest.key === key ? bundle : undefined;
  }

  /** Whether there is a bundle that is wanted, by its manifest. */
  async has(isWanted: (bundle: EngineBundle) => boolean): Promise<boolean> {
    for await (const bundle of this.#bundles()) if (isWanted(bundle)) return true;
    return false;
  }

  /** Of the bundles that are wanted the one that was built last, whole; undefined where there is none. Rejects with ABORTED. */
  async newest(isWanted: (bundle: EngineBundle) => boolean, signal: AbortSignal | undefined): Promise<EngineBundle | undefined> {
    const found: { readonly key: string; readonly built: number }[] = [];
    for await (const bundle of this.#bundles()) {
      if (isWanted(bundle)) found.push({ key: basename(bundle.path), built: await modifiedAt(bundle.path) });
    }
    for (const { key } of found.sort((a, b) => b.built - a.built)) {
      const bundle = await this.find(key, signal);
      if (bundle !== undefined) return bundle;
    }
    return undefined;
  }

  /** All that can be opened. */
  async *#bundles(): AsyncGenerator<EngineBundle> {
    const names = await readdir(this.folder).catch((): string[] => []);
    for (const key of names.filter((name) => !name.includes('.'))) {
      const bundle = await EngineBundle.open(join(this.folder, key)).catch(() => undefined);
      if (bundle !== undefined) yield bundle;
    }
  }

  /**
   * Runs `work` while nobody else builds this key. `onWait` is told once, where somebody does. `put` has `write` fill a folder, and puts that in the place of
   * what is there, whole or not at all.
   *
   * Rejects with OUTPUT_NOT_WRITABLE where the cache cannot be written to.
   */
  async exclusively<T>(
    key: string,
    signal: AbortSignal | undefined,
    onWait: () => void,
    work: (put: (write: (folder: string) => Promise<void>) => Promise<EngineBundle>) => Promise<T>,
  ): Promise<T> {
    try {
      await makeFolder(this.folder);
      return await withLock(join(this.folder, key), signal, onWait, async () => {
        await this.#removeLeftovers(key);
        return work((write) => this.#put(key, write));
      });
    } catch (error) {
      throw this.#isOurs(error) ? this.#notWritable(error) : error;
    }
  }

  async #put(key: string, write: (folder: string) => Promise<void>): Promise<EngineBundle> {
    const place = join(this.folder, key);
    const part = `${place}.${randomUUID()}.part`;
    try {
      await mkdir(part);
      await write(part);
      await replaceFolder(part, place);
    } finally {
      await rm(part, { recursive: true, force: true });
    }
    return EngineBundle.open(place);
  }

  /** What those left that were killed: of this key at once, because its lock is held; of others after a day. */
  async #removeLeftovers(key: string): Promise<void> {
    for (const name of await readdir(this.folder)) {
      if (!name.includes('.')) continue;
      const path = join(this.folder, name);
      const age = Date.now() - (await modifiedAt(path));
      const isOwn = name.startsWith(`${key}.`);
      // Somebody may be about to take the lock with a folder of such a name.
      const isLeft = isOwn
        ? name.endsWith('.part') || (name.startsWith(`${key}.lock.`) && age > lockLeftoverMs)
        : age > leftoverMs;
      if (isLeft) await rm(path, { recursive: true, force: true });
    }
  }

  /** Whether the system refused something in the cache's folder; of a full disk it does not tell where. */
  #isOurs(error: unknown): boolean {
    const { code, syscall, path } = error as NodeJS.ErrnoException;
    if (error instanceof FoveateError || code === undefined || syscall === undefined) return false;
    return path === undefined || path.startsWith(this.folder) || this.folder.startsWith(path);
  }

  #notWritable(cause: unknown): MediaError {
    return new MediaError('OUTPUT_NOT_WRITABLE', {
      message: `Cannot write to foveate's cache ${this.folder}: ${(cause as Error).message}`,
      hint: 'Check that it may be written to, and that there is space, or name another folder with FOVEATE_CACHE_DIR.',
      details: { path: this.folder },
      cause,
    });
  }
}

async function modifiedAt(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now();
}
