import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { keepInCache, userCacheFolder } from '../../engine/user-cache.js';

/** What a search has measured so far, in a folder of its own, so that one that was ended goes on where it was. Where nothing can be kept, it begins anew. */
export class SearchJournal {
  readonly folder: string;
  readonly #entries: Map<string, unknown>;

  private constructor(folder: string, entries: Map<string, unknown>) {
    this.folder = folder;
    this.#entries = entries;
  }

  /** In the user's cache, in a folder named by `key`, which is all that the search depends on, and by the files: their paths, sizes and times. */
  static async open(key: object, files: readonly string[]): Promise<SearchJournal> {
    const hash = createHash('sha256').update(JSON.stringify(key));
    for (const file of files) {
      const found = await stat(file).catch(() => undefined);
      hash.update(`\n${file} ${found?.size} ${found?.mtimeMs}`);
    }
    const folder = join(userCacheFolder(), 'searches', hash.digest('hex').slice(0, 32));
    await mkdir(folder, { recursive: true }).catch(() => undefined);
    const text = await readFile(join(folder, fileName), 'utf8').catch(() => '{}');
    return new SearchJournal(folder, new Map(Object.entries(parsed(text))));
  }

  /** What was measured under a name; measures it where nothing was. */
  async get<T>(name: string, measure: () => Promise<T>): Promise<T> {
    if (this.#entries.has(name)) return this.#entries.get(name) as T;
    const value = await measure();
    this.#entries.set(name, value);
    await keepInCache(join(this.folder, fileName), JSON.stringify(Object.fromEntries(this.#entries)));
    return value;
  }

  /** Forgets it all. */
  async end(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

const fileName = 'search.json';

/** Nothing of a file that is damaged, as a disk that was full leaves it. */
function parsed(text: string): object {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
