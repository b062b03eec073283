import { lstat, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { MediaError } from '../errors/index.js';

/** The error for a file that cannot be written. */
export function notWritable(path: string, cause: unknown): MediaError {
  return new MediaError('OUTPUT_NOT_WRITABLE', {
    message: `Cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: 'Check that its folder exists and may be written to, and that there is space.',
    cause,
  });
}

/**
 * Puts a file in place whole or not at all, whatever ends the process meanwhile: `write` writes it under the name it is given, beside the
 * real one and with the same extension. What was there before is replaced, a link too. Throws OUTPUT_NOT_WRITABLE.
 */
export async function writeWhole(path: string, write: (partialPath: string) => Promise<unknown>): Promise<void> {
  const partialPath = join(dirname(path), `.~${basename(path)}`);
  try {
    const found = await lstat(path).catch(() => undefined);
    // To rename over a device would replace it.
    if (found !== undefined && !found.isFile() && !found.isSymbolicLink()) throw new Error('it is no regular file');
    await write(partialPath);
    await rename(partialPath, path);
  } catch (error) {
    await rm(partialPath, { force: true }).catch(() => {});
    throw error instanceof MediaError ? error : notWritable(path, error);
  }
}
