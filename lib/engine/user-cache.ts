import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where foveate keeps what a user had it install: `FOVEATE_CACHE_DIR`, else `foveate` in the user's cache folder. It need not exist. */
export function userCacheFolder(): string {
  const { FOVEATE_CACHE_DIR: own, XDG_CACHE_HOME: ofUser } = process.env;
  return resolve(own || join(ofUser || join(homedir(), '.cache'), 'foveate'));
}
