import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { userCacheFolder } from '../../engine/user-cache.js';
import { writeWhole } from '../../text/index.js';

/** What a search has measured so far, in a folder of its own, so that one that was ended goes on where it was. */
export class SearchJournal {
  readonly folder: string;
  readonly #entries: Map<string, unknown>;

  private constructor(folder: string, entries: Map<string, unknown>) {
    this.folder = folder;
    this.#entries = entries;
  }

  /** In the user's cache, in a folder named by `key`, which is all that the search depends on, and by the pictures: their paths, sizes and times. */
  static async open(key: object, pictures: readonly string[]): Promise<SearchJournal> {
    const hash = createHash('sha256').update(JSON.stringify(key));
    for (const picture of pictures) {
      const found = await stat(picture).catch(() => undefined);
      hash.update(`\n${picture} ${found?.size} ${found?.mtimeMs}`);
    }
    const folder = join(userCacheFolder(), 'searches', hash.digest('hex').slice(0, 32));
    await mkdir(folder, { recursive: true });
    const text = await readFile(join(folder, file), 'utf8').catch(() => '{}');
    return new SearchJournal(folder, new Map(Object.entries(JSON.parse(text) as object)));
  }

  /** What was measured under a name; measures it where nothing was. */
  async get<T>(name: string, measure: () => Promise<T>): Promise<T> {
    if (this.#entries.has(name)) return this.#entries.get(name) as T;
    const value = await measure();
    this.#entries.set(name, value);
    const text = JSON.stringify(Object.fromEntries(this.#entries));
    await writeWhole(join(this.folder, file), (path) => writeFile(path, text));
    return value;
  }

  /** Forgets it all. */
  async end(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

const file = 'search.json';
