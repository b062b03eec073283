/**
 * The build cache: everything that is downloaded or compiled lives outside the checkout, in folders whose names hold a
 * hash of what went into them. A folder appears under its final name by one rename, when it is finished; so a folder
 * that is there is complete, and a build that was interrupted leaves only something under `tmp/`.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError } from './process.mjs';

/** Root of the checkout. */
export const projectRoot = resolve(import.meta.dirname, '../..');

/** Root of the cache: FOVEATE_CACHE, else `foveate/build` in the user's cache folder. */
export const cacheRoot = resolve(
  process.env.FOVEATE_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'foveate', 'build'),
);

/**
 * Short hash of everything that decides the content of a cache folder.
 *
 * @param {unknown} inputs Anything that JSON can hold.
 * @returns {string} 12 hexadecimal digits.
 */
export function contentHash(inputs) {
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 12);
}

/**
 * One line for the person who waits.
 *
 * @param {string} line
 */
export function say(line) {
  // stderr, so that tools with a result on stdout can prepare what they need without spoiling it.
  console.error(`setup: ${line}`);
}

/**
 * Refuses to go on where installing is switched off.
 *
 * @param {string} what What would be installed or built, and why.
 * @param {string} [command] What to run instead.
 */
export function requirePermission(what, command = 'env -u FOVEATE_SETUP npm run setup -- --for test') {
  if (process.env.FOVEATE_SETUP !== 'never') return;
  throw new SetupError(`FOVEATE_SETUP=never, but something is not there yet: ${what}. Run:\n  ${command}`);
}

/**
 * Runs `action` while no other process of this machine runs one under the same name.
 *
 * The lock is an abstract Unix socket: the kernel frees it when its owner dies, so there is no stale lock file to judge.
 * It does not reach across containers that share a cache folder; there both build, and `ensureEntry` keeps the first.
 *
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} action
 * @returns {Promise<T>}
 */
export async function withLock(name, action) {
  // Abstract names are limited to 107 bytes, paths are not.
  const address = `\0foveate-setup-${createHash('sha256').update(`${cacheRoot}\n${name}`).digest('hex')}`;
  const server = createServer();
  for (let waiting = false; !(await tryListen(server, address)); waiting = true) {
    if (!waiting) say(`waiting for another process that prepares ${name}`);
    await sleep(500);
  }
  try {
    return await action();
  } finally {
    server.close();
  }
}

/** Resolves to false where another process listens on the address. */
function tryListen(server, address) {
  return new Promise((resolvePromise, reject) => {
    const onError = (error) => {
      server.off('listening', onListening);
      if (error.code === 'EADDRINUSE') resolvePromise(false);
      else reject(error);
    };
    const onListening = () => {
      server.off('error', onError);
      resolvePromise(true);
    };
    server.once('error', onError).once('listening', onListening).listen(address);
  });
}

/**
 * Path of a cache folder, made first where it is missing.
 *
 * @param {object} entry
 * @param {string} entry.name Folder name; must hold a hash of the inputs.
 * @param {string} entry.reason The line to say when it has to be made.
 * @param {(folder: string, aids: { log: string, scratch: string }) => Promise<void>} entry.build Fills an empty folder
 *   that will be renamed to `name`, so nothing in it may hold its own path. `log` is a file for the output of long
 *   commands; `scratch` is an empty folder that is removed afterwards.
 * @returns {Promise<string>}
 */
export async function ensureEntry({ name, reason, build }) {
  const folder = join(cacheRoot, name);
  if (existsSync(folder)) return folder;
  requirePermission(reason);
  await withLock(name, async () => {
    if (existsSync(folder)) return;
    say(reason);
    const tmp = join(cacheRoot, 'tmp');
    const logs = join(cacheRoot, 'logs');
    for (const parent of [tmp, logs]) mkdirSync(parent, { recursive: true });
    // The lock is ours, so whatever stands there under this name was left by a process that died.
    for (const left of readdirSync(tmp)) {
      if (left.startsWith(`${name}.`)) rmSync(join(tmp, left), { recursive: true, force: true });
    }
    const log = join(logs, `${name}.log`);
    rmSync(log, { force: true });
    const partial = mkdtempSync(join(tmp, `${name}.`));
    try {
      const content = join(partial, 'content');
      const scratch = join(partial, 'scratch');
      for (const child of [content, scratch]) mkdirSync(child);
      await build(content, { log, scratch });
      moveIntoPlace(content, folder);
    } finally {
      rmSync(partial, { recursive: true, force: true });
    }
  });
  return folder;
}

/** Renames; where another container has put the same folder there meanwhile, that one stays. */
function moveIntoPlace(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
  }
}
