import { appendFileSync, closeSync, fstatSync, ftruncateSync, openSync, statSync } from 'node:fs';
import { open, realpath, type FileHandle } from 'node:fs/promises';

import { MediaError } from '../errors/index.js';
import { notWritable, writeWhole } from '../text/index.js';

/** From this byte up to that one. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The file that --results names. It only grows, but for what is taken out of it before anything is appended. What was appended stays there whatever ends the process; the process leaves it open until it ends,
 * so that a call that fails can say so in it.
 */
export class ResultsFile {
  readonly path: string;
  #descriptor: number;
  #length: number;
  #failed = false;

  private constructor(path: string, descriptor: number, length: number) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#length = length;
  }

  /** A new file; one that is there must be empty, unless told to `overwrite`. Throws OUTPUT_NOT_WRITABLE. */
  static create(path: string, overwrite: boolean): ResultsFile {
    const { descriptor, size } = openToAppend(path);
    if (size > 0 && !overwrite) {
      throw new MediaError('OUTPUT_NOT_WRITABLE', {
        message: `The results would overwrite ${path}`,
        hint: 'Name another file with --results, or give --overwrite; --resume goes on with a run that was interrupted.',
      });
    }
    ftruncateSync(descriptor, 0);
    return new ResultsFile(path, descriptor, 0);
  }

  /** A file that was written up to `length`; what follows is cut off. Throws OUTPUT_NOT_WRITABLE, also where it is shorter. */
  static reopen(path: string, length: number): ResultsFile {
    const { descriptor, size } = openToAppend(path);
    if (size < length) {
      throw new MediaError('OUTPUT_NOT_WRITABLE', {
        message: `Expected at least ${length} bytes in ${path}, which the run to go on with has written, but found ${size}`,
        hint: 'Put the file back as it was, or begin anew: --overwrite without --resume.',
        details: { path, expected: length, received: size },
      });
    }
    ftruncateSync(descriptor, length);
    return new ResultsFile(path, descriptor, length);
  }

  /** Size in bytes. */
  get length(): number {
    return this.#length;
  }

  /** Takes these parts out, in their order: all of them, or none where the process is ended. Throws OUTPUT_NOT_WRITABLE. */
  async remove(spans: readonly Span[], signal: AbortSignal): Promise<void> {
    // A link stays one.
    const path = await realpath(this.path);
    await writeWhole(path, async (partialPath) => {
      await using from = await open(path, 'r');
      await using to = await open(partialPath, 'w');
      let start = 0;
      for (const span of [...spans, { start: this.#length, end: this.#length }]) {
        await copy(from, to, { start, end: span.start }, signal);
        start = span.end;
      }
    });
    closeSync(this.#descriptor);
    const { descriptor, size } = openToAppend(path);
    this.#descriptor = descriptor;
    this.#length = size;
  }

  /** Throws OUTPUT_NOT_WRITABLE; after that it takes nothing more. */
  append(text: string): void {
    if (this.#failed) return;
    try {
      appendFileSync(this.#descriptor, text);
    } catch (error) {
      this.#failed = true;
      throw notWritable(this.path, error);
    }
    this.#length += Buffer.byteLength(text);
  }
}

function openToAppend(path: string): { readonly descriptor: number; readonly size: number } {
  try {
    // Asked before opening: to open a pipe would wait for its reader.
    const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
    if (!isFile) throw new Error('it is no regular file');
    const descriptor = openSync(path, 'a');
    return { descriptor, size: fstatSync(descriptor).size };
  } catch (error) {
    throw notWritable(path, error);
  }
}

async function copy(from: FileHandle, to: FileHandle, { start, end }: Span, signal: AbortSignal): Promise<void> {
  const piece = Buffer.allocUnsafe(Math.min(2 ** 20, end - start));
  for (let position = start; position < end;) {
    signal.throwIfAborted();
    const { bytesRead } = await from.read(piece, 0, Math.min(piece.length, end - position), position);
    if (bytesRead === 0) throw new Error('it became shorter while it was read');
    await to.writeFile(piece.subarray(0, bytesRead));
    position += bytesRead;
  }
}
