import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import { makeFolder } from './folders.js';

/** Where foveate keeps what a user had it install, and what it made: `FOVEATE_CACHE_DIR`, else `foveate` in the user's cache folder. It need not exist. */
export function userCacheFolder(): string {
  const { FOVEATE_CACHE_DIR: own, XDG_CACHE_HOME: ofUser } = process.env;
  return resolve(own || join(ofUser || join(homedir(), '.cache'), 'foveate'));
}

/** Puts a file of the cache in place, whole or not at all. Losing it costs time only, so a failure to write is nobody's. */
export async function keepInCache(path: string, content: Uint8Array | string): Promise<void> {
  const part = `${path}.${randomUUID()}.part`;
  try {
    await makeFolder(dirname(path));
    await writeFile(part, content);
    await rename(part, path);
  } catch {
    await rm(part, { force: true }).catch(() => undefined);
  }
}
