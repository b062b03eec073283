import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { AbortedError, invalidArgument, MediaError } from '../errors/index.js';
import type { Task } from '../tasks/index.js';
import { runTask } from './picture-workload.js';

/** What can be read again and again: a path, a `file:` URL, or the bytes of a picture. */
export type BenchPicture = string | URL | Uint8Array;

/** Pictures in memory that a task can read. */
export interface UsablePictures {
  readonly pictures: readonly Uint8Array[];
  readonly leftOut: number;
  /** Of all of them, in their order. */
  readonly sha256: string;
}

/** Reads pictures and runs each once; those that cannot be read are left out. Rejects with INVALID_ARGUMENT where none is left, and as the task. */
export async function usablePictures(
  task: Task,
  given: readonly BenchPicture[],
  signal: AbortSignal | undefined,
): Promise<UsablePictures> {
  const pictures: Uint8Array[] = [];
  const hash = createHash('sha256');
  let first: unknown;
  for (const picture of given) {
    try {
      const bytes = picture instanceof Uint8Array ? picture : await bytesOf(picture, signal);
      await runTask(task, [bytes], signal);
      pictures.push(bytes);
      hash.update(bytes);
    } catch (error) {
      if (!(error instanceof MediaError)) throw error;
      first ??= error;
    }
  }
  if (pictures.length === 0) {
    const why = first instanceof Error ? first.message : undefined;
    throw invalidArgument('pictures', 'at least one picture that can be read', `${given.length} of which none can`, why);
  }
  return { pictures, leftOut: given.length - pictures.length, sha256: hash.digest('hex') };
}

async function bytesOf(path: string | URL, signal: AbortSignal | undefined): Promise<Uint8Array> {
  try {
    return await readFile(path, { signal });
  } catch (cause) {
    if (signal?.aborted) throw new AbortedError('ABORTED', { message: 'The benchmark was aborted', cause });
    throw new MediaError('MEDIA_NOT_FOUND', { message: `Cannot read ${String(path)}: ${(cause as Error).message}`, cause });
  }
}
