/** Where a bundle is put. */
import { randomUUID } from 'node:crypto';
import { lstat, mkdtemp, readdir, realpath, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';

import { aborted } from '../binding/index.js';
import { FoveateError, MediaError } from '../errors/index.js';
import { makeFolder, replaceFolder } from './folders.js';

/** Longer than anybody writes. */
const leftoverMs = 60 * 60_000;

/** What is put there: of what it may take the place, and what is said where it may not. */
export interface PlacedBundle {
  /** 'an engine bundle' */
  readonly noun: string;
  /** What to do about a place that cannot be written to. */
  readonly hint: string;
  /** The files that a bundle of this kind, damaged or not, has in this folder, by their paths within it. Rejects where it is none. */
  readonly filesIn: (folder: string) => Promise<readonly string[]>;
}

/** A folder that takes the place of a bundle of the same kind, of an empty folder or of none, and of nothing else: what it takes the place of is deleted. */
export class BundlePlace {
  /** Where it really is: a link stays, and leads there. */
  readonly path: string;
  readonly #output: string;
  readonly #bundle: PlacedBundle;

  private constructor(path: string, output: string, bundle: PlacedBundle) {
    this.path = path;
    this.#output = output;
    this.#bundle = bundle;
  }

  /** Throws OUTPUT_NOT_WRITABLE for a link that leads nowhere. */
  static async of(output: string, bundle: PlacedBundle): Promise<BundlePlace> {
    const place = resolve(output);
    const isLink = (await lstat(place).catch(() => undefined))?.isSymbolicLink() === true;
    if (!isLink) return new BundlePlace(place, output, bundle);
    const path = await realpath(place).catch((cause: unknown) => {
      throw new BundlePlace(place, output, bundle).#notWritable('it is a link that leads nowhere', cause);
    });
    return new BundlePlace(path, output, bundle);
  }

  /**
   * Throws OUTPUT_NOT_WRITABLE where something lies there that is neither an empty folder nor a bundle of the same kind and nothing else, and where nothing can
   * be written.
   */
  async check(): Promise<void> {
    const names = await this.#namesThere();
    if (names === undefined || names.length === 0 || (await this.#isBundleAlone())) {
      return await this.#tryToWrite(names?.length === 0 ? this.path : dirname(this.path));
    }
    throw new MediaError('OUTPUT_NOT_WRITABLE', {
      message: `The bundle would take the place of ${this.#output}, which is not ${this.#bundle.noun}, or holds other files too`,
      hint: 'Name a folder that is not there, in option output.',
      details: { path: this.#output },
    });
  }

  /**
   * Puts there what `write` makes in a folder, whole or not at all. Throws as {@link check}, OUTPUT_NOT_WRITABLE, ABORTED, and errors of ours as `write` throws
   * them.
   */
  async fill(write: (folder: string) => Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    await this.check();
    const part = join(dirname(this.path), `.~${basename(this.path)}.${randomUUID()}.part`);
    try {
      // An empty folder is filled: it may be somebody's current one, or where something is mounted.
      if (await isEmptyFolder(this.path)) {
        await writeOrEmpty(this.path, write);
      } else {
        await makeFolder(dirname(this.path));
        await this.#removeLeftovers();
        await makeFolder(part);
        await write(part);
        await replaceFolder(part, this.path);
      }
    } catch (cause) {
      if (signal?.aborted) throw aborted(signal);
      if (cause instanceof FoveateError) throw cause;
      throw this.#notWritable(cause instanceof Error ? cause.message : String(cause), cause);
    } finally {
      await rm(part, { recursive: true, force: true }).catch(() => undefined);
    }
  }

  /** undefined where no folder is. */
  async #namesThere(): Promise<string[] | undefined> {
    try {
      return await readdir(this.path);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'ENOENT') return undefined;
      throw this.#notWritable(code === 'ENOTDIR' ? 'a file is in the way' : (cause as Error).message, cause);
    }
  }

  /** In the folder, or in the next above it that is there: only trying tells, of a file system that is read-only too. */
  async #tryToWrite(folder: string): Promise<void> {
    try {
      await rmdir(await mkdtemp(join(folder, '.~foveate-')));
    } catch (cause) {
      const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
      const isThere = await stat(folder).then(
        () => true,
        () => false,
      );
      if (isMissing && !isThere && dirname(folder) !== folder) return await this.#tryToWrite(dirname(folder));
      throw this.#notWritable((cause as Error).message, cause);
    }
  }

  /** What bundles left that were to be put here by processes killed long ago. */
  async #removeLeftovers(): Promise<void> {
    const folder = dirname(this.path);
    for (const name of await readdir(folder)) {
      if (!name.startsWith(`.~${basename(this.path)}.`) || !name.endsWith('.part')) continue;
      const path = join(folder, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
      if (Date.now() - mtimeMs > leftoverMs) await rm(path, { recursive: true, force: true });
    }
  }

  async #isBundleAlone(): Promise<boolean> {
    const place = this.path;
    try {
      const own = new Set((await this.#bundle.filesIn(place)).map((file) => relative(place, join(place, file))));
      const entries = await readdir(place, { recursive: true, withFileTypes: true });
      return entries.every(
        (entry) => entry.isDirectory() || (entry.isFile() && own.has(relative(place, join(entry.parentPath, entry.name)))),
      );
    } catch {
      return false;
    }
  }

  #notWritable(reason: string, cause: unknown): MediaError {
    return new MediaError('OUTPUT_NOT_WRITABLE', {
      message: `Cannot write the bundle ${this.#output}: ${reason}`,
      hint: this.#bundle.hint,
      cause,
    });
  }
}

async function isEmptyFolder(place: string): Promise<boolean> {
  return (await readdir(place).catch(() => undefined))?.length === 0;
}

/** What was written is removed where it fails. */
async function writeOrEmpty(folder: string, write: (folder: string) => Promise<void>): Promise<void> {
  try {
    await write(folder);
  } catch (error) {
    for (const name of await readdir(folder).catch((): string[] => []))
      await rm(join(folder, name), { recursive: true, force: true });
    throw error;
  }
}
