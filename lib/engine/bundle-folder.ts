import { stat } from 'node:fs/promises';
import { resolve, sep } from 'node:path';

import { aborted } from '../binding/index.js';
import type { FoveateError } from '../errors/index.js';
import { sha256OfFile, type FileHash } from './file-hash.js';

/** The file of a bundle that tells of all others. */
export const manifestFile = 'manifest.json';

/** A file of a bundle. */
export interface BundleFile {
  /** Path within the bundle. */
  readonly file: string;
  readonly bytes: number;
  /** Of its content, in hexadecimal digits. */
  readonly sha256: string;
}

/** The files that a manifest tells of, held against those that are there. What is thrown is the bundle's own error for a damaged file. */
export class BundleFolder {
  readonly path: string;
  readonly files: readonly BundleFile[];
  readonly #damaged: (file: string, reason: string) => FoveateError;

  /** `path` is absolute. `damaged` makes the error for a file that is not as it was written. */
  constructor(path: string, files: readonly BundleFile[], damaged: (file: string, reason: string) => FoveateError) {
    this.path = path;
    this.files = files;
    this.#damaged = damaged;
  }

  damaged({ file }: BundleFile, reason: string): FoveateError {
    return this.#damaged(file, reason);
  }

  /** A manifest may come from anywhere: a file outside the folder is none of the bundle's. */
  pathOf(file: BundleFile): string {
    const path = resolve(this.path, file.file);
    if (!path.startsWith(this.path + sep)) throw this.damaged(file, 'it lies outside the bundle');
    return path;
  }

  /** Whether all files are there, and as long as they should be. */
  async checkLengths(): Promise<void> {
    for (const file of this.files) {
      const found = await stat(this.pathOf(file)).catch(() => undefined);
      if (found === undefined) throw this.damaged(file, 'it is missing');
      if (!found.isFile()) throw this.damaged(file, 'it is no regular file');
      if (found.size !== file.bytes) throw this.damaged(file, `expected ${file.bytes} bytes, received ${found.size}`);
    }
  }

  /** Compares the SHA-256 of files with the manifest; `hash` may know it without reading. Rejects with ABORTED too. */
  async verify(signal?: AbortSignal, hash: FileHash = sha256OfFile, files = this.files): Promise<void> {
    for (const file of files) {
      if (signal?.aborted) throw aborted(signal);
      const sha256 = await hash(this.pathOf(file), signal).catch((error: unknown) => {
        throw signal?.aborted ? aborted(signal) : error;
      });
      if (sha256 !== file.sha256)
        throw this.damaged(file, `its content is not what was written (sha256 ${sha256}, expected ${file.sha256})`);
    }
  }
}
