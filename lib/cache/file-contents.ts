/** What files hold, by their hash, which is made anew only where a file may have changed. */
import { stat } from 'node:fs/promises';

import { sha256OfFile } from '../engine/file-hash.js';

/** Coarser than the times of any file system: a file that changed later than that before it was read may change again without a sign. */
const settledMs = 2000;

const mostFiles = 10_000;

/** What a file held when it was read. */
export interface FileContent {
  /** SHA-256, in hexadecimal. */
  readonly hash: string;
  /** Whether it is still the same, as far as the file system tells. */
  isStill(): Promise<boolean>;
}

interface FileState {
  readonly text: string;
  readonly changedMs: number;
}

/** Hashes of files, those of the last 10,000 that were asked for remembered. A look at a file that has not changed costs one `stat`. */
export class FileContents {
  readonly #hashes = new Map<string, { readonly state: string; readonly hash: string }>();

  /** Rejects as reading the file does. */
  async of(path: string): Promise<FileContent> {
    const state = await stateOf(path);
    const isStill = async (): Promise<boolean> => (await stateOf(path).catch(() => undefined))?.text === state.text;
    const known = this.#hashes.get(path);
    if (known?.state === state.text) {
      this.#hashes.delete(path);
      this.#hashes.set(path, known); // the newest
      return { hash: known.hash, isStill };
    }
    const began = Date.now();
    const hash = await sha256OfFile(path);
    if (began - state.changedMs > settledMs && (await isStill())) this.#remember(path, state.text, hash);
    return { hash, isStill };
  }

  #remember(path: string, state: string, hash: string): void {
    this.#hashes.delete(path);
    this.#hashes.set(path, { state, hash });
    for (const oldest of this.#hashes.keys()) {
      if (this.#hashes.size <= mostFiles) break;
      this.#hashes.delete(oldest);
    }
  }
}

/** Which file it is, its length, and the times of its content and of itself, which nobody sets back. */
async function stateOf(path: string): Promise<FileState> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return { text: [dev, ino, size, mtimeNs, ctimeNs].join(' '), changedMs: Number(ctimeNs / 1_000_000n) };
}
