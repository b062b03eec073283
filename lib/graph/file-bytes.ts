import type { Stats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { AbortedError, ModelError } from '../errors/index.js';

export interface ReadOptions {
  /** Ends the reading between two pieces. */
  readonly signal?: AbortSignal | undefined;
}

/** What is read in one go: large enough that the trips through the thread pool do not count, small enough to stop soon on abort. */
const pieceBytes = 32 * 2 ** 20;

/** Size of a file. Rejects with MODEL_NOT_FOUND, saying `what` was looked for, where there is no regular file. */
export async function fileSize(path: string, what: string): Promise<number> {
  let found: Stats;
  try {
    found = await stat(path);
  } catch (error) {
    throw notFound(path, what, reasonOf(error), error);
  }
  if (found.isDirectory()) throw notFound(path, what, 'it is a folder', undefined, await hintForFolder(path));
  if (!found.isFile()) throw notFound(path, what, 'it is not a regular file');
  return found.size;
}

/** Opens a file, which the caller closes. Rejects with MODEL_NOT_FOUND, saying `what` was looked for, where there is no readable file. */
export async function openFile(path: string, what: string): Promise<{ readonly file: FileHandle; readonly sizeBytes: number }> {
  // Asked before opening: to open a pipe would wait for its writer.
  const sizeBytes = await fileSize(path, what);
  try {
    return { file: await open(path, 'r'), sizeBytes };
  } catch (error) {
    throw notFound(path, what, reasonOf(error), error);
  }
}

/** Opens a file for `use` and closes it. Rejects as {@link openFile}. */
export async function withFile<T>(
  path: string,
  what: string,
  use: (file: FileHandle, sizeBytes: number) => Promise<T>,
): Promise<T> {
  const { file, sizeBytes } = await openFile(path, what);
  try {
    return await use(file, sizeBytes);
  } finally {
    await file.close();
  }
}

/** Reads `length` bytes from `offset` on into fresh memory, so that the result is aligned for every dtype. */
export async function readBytes(file: FileHandle, offset: number, length: number, options: ReadOptions): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const piece = bytes.subarray(done, done + pieceBytes);
    done += await readPiece(file, offset + done, piece, { done, length }, options);
  }
  return bytes;
}

/** Reads `length` bytes from `offset` on in pieces of 32 MiB or less, of which each overwrites the one before. */
export async function* readPieces(
  file: FileHandle,
  offset: number,
  length: number,
  options: ReadOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const memory = new Uint8Array(Math.min(pieceBytes, length));
  let done = 0;
  while (done < length) {
    const piece = memory.subarray(0, length - done);
    const count = await readPiece(file, offset + done, piece, { done, length }, options);
    yield piece.subarray(0, count);
    done += count;
  }
}

/** How many bytes were read into `piece`: one at least. */
async function readPiece(
  file: FileHandle,
  position: number,
  piece: Uint8Array,
  { done, length }: { readonly done: number; readonly length: number },
  { signal }: ReadOptions,
): Promise<number> {
  if (signal?.aborted) {
    throw new AbortedError('ABORTED', { message: 'Reading the model was aborted', cause: signal.reason });
  }
  const { bytesRead } = await file.read(piece, 0, piece.length, position);
  if (bytesRead > 0) return bytesRead;
  throw new ModelError('MODEL_INVALID', {
    message: `Expected ${length} bytes but the file ended after ${done}: it became shorter while it was read`,
    hint: 'Wait until the file is written completely.',
  });
}

/** What to do with a folder: bundles have models in them. */
async function hintForFolder(path: string): Promise<string> {
  const isThere = async (file: string): Promise<boolean> => (await stat(file).catch(() => undefined))?.isFile() === true;
  const model = join(path, 'model.onnx');
  if (await isThere(model)) {
    return `If this is an engine bundle, it is opened by createSession(folder) and loadTask(folder) alone. The model that it was built from is ${JSON.stringify(model)}.`;
  }
  return (await isThere(join(path, 'manifest.json')))
    ? "If this is the bundle of an optimised model: (await ModelBundle.open(folder)).form('onnxruntime') is the path of a model in it. To calibrate or to optimise, give the float model that it was made from."
    : 'Check the path: a folder is a model only where it is a bundle that foveate optimize made.';
}

function notFound(path: string, what: string, reason: string, cause?: unknown, hint?: string): ModelError {
  return new ModelError('MODEL_NOT_FOUND', {
    message: `Cannot read ${what} ${JSON.stringify(path)}: ${reason}`,
    hint: hint ?? 'Check the path; a relative one starts at the current folder of the process.',
    details: { path },
    cause,
  });
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission is denied';
  return error instanceof Error ? error.message : String(error);
}
