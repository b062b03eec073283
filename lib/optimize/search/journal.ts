import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { aborted } from '../../binding/index.js';
import { withLock } from '../../engine/folder-lock.js';
import { keepInCache, userCacheFolder } from '../../engine/user-cache.js';
import { FoveateError } from '../../errors/index.js';

/** What a search has measured so far, in a folder of its own, so that one that was ended goes on where it was. Where nothing can be kept, it begins anew. */
export class SearchJournal {
  /** Absent where nothing can be kept. */
  readonly folder: string | undefined;
  readonly #entries: Map<string, unknown>;

  private constructor(folder: string | undefined, entries: Map<string, unknown>) {
    this.folder = folder;
    this.#entries = entries;
  }

  /**
   * Does work with a journal in the user's cache, in a folder named by `key`, which is all that the search depends on, and by the files: their paths, sizes and times.
   * Of two that have the same, the second waits until the first is done, which `onWait` is told. When the work is done it is forgotten, also where it found that
   * nothing keeps to the budget. Rejects as `work` does, and with ABORTED while it waits.
   */
  static async during<T>(
    key: object,
    files: readonly string[],
    { signal, onWait }: { readonly signal: AbortSignal | undefined; readonly onWait: () => void },
    work: (journal: SearchJournal) => Promise<T>,
  ): Promise<T> {
    const hash = createHash('sha256').update(JSON.stringify(key));
    for (const file of files) {
      const found = await stat(file).catch(() => undefined);
      hash.update(`\n${file} ${found?.size} ${found?.mtimeMs}`);
    }
    const folder = join(userCacheFolder(), 'searches', hash.digest('hex').slice(0, 32));
    if (!(await isMade(folder))) return await work(new SearchJournal(undefined, new Map()));
    const begin = async (): Promise<T> => {
      // Whoever was first has removed it.
      await isMade(folder);
      const text = await readFile(join(folder, fileName), 'utf8').catch(() => '{}');
      return await new SearchJournal(folder, new Map(Object.entries(parsed(text)))).#whole(work);
    };
    try {
      return await withLock(folder, signal, onWait, begin);
    } catch (error) {
      throw signal?.aborted === true && !(error instanceof FoveateError) ? aborted(signal) : error;
    }
  }

  async #whole<T>(work: (journal: SearchJournal) => Promise<T>): Promise<T> {
    try {
      const result = await work(this);
      await this.#forget();
      return result;
    } catch (error) {
      if (error instanceof FoveateError && error.code === 'BUDGET_NOT_MET') await this.#forget();
      throw error;
    }
  }

  /** What was measured under a name; measures it where nothing was. */
  async get<T>(name: string, measure: () => Promise<T>): Promise<T> {
    if (this.#entries.has(name)) return this.#entries.get(name) as T;
    const value = await measure();
    this.#entries.set(name, value);
    if (this.folder !== undefined)
      await keepInCache(join(this.folder, fileName), JSON.stringify(Object.fromEntries(this.#entries)));
    return value;
  }

  async #forget(): Promise<void> {
    if (this.folder !== undefined) await rm(this.folder, { recursive: true, force: true });
  }
}

const fileName = 'search.json';

function isMade(folder: string): Promise<boolean> {
  return mkdir(folder, { recursive: true }).then(
    () => true,
    () => false,
  );
}

/** Nothing of a file that is damaged, as a disk that was full leaves it. */
function parsed(text: string): object {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
