/** One at a time, among threads, processes and machines that share a folder. */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The holder shows that it lives by touching the lock so often; one on another machine that was not seen to be touched for longer is left over. On this
 * machine its thread is asked for instead, because an event loop that something blocks touches nothing either, while its work goes on.
 */
const beatMs = 2000;
const staleMs = 60_000;
const pollMs = 100;

/**
 * Holds `<path>.lock`, a folder, while `work` runs. Whoever comes second waits, until the first is done, dead, or `signal` aborts the waiting.
 * `onWait` is told once, before the waiting begins.
 */
export async function withLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  onWait: () => void,
  work: () => Promise<T>,
): Promise<T> {
  const folder = `${path}.lock`;
  const token = randomUUID();
  const watch = new Watch(folder);
  for (let waited = false; !(await take(folder, token)); waited = true) {
    signal?.throwIfAborted();
    if (!waited) onWait();
    if (await watch.isLeftOver()) await discard(folder);
    else await sleep(pollMs);
  }
  const beat = setInterval(() => void touch(folder, token), beatMs);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await giveBack(folder, token);
  }
}

/** Made elsewhere and renamed, so that a lock always has its owner in it. False where there is one already. */
async function take(folder: string, token: string): Promise<boolean> {
  if ((await ownerOf(folder)) !== undefined) return false;
  const own = `${folder}.${randomUUID()}`;
  try {
    await mkdir(own);
    await writeFile(join(own, 'owner'), `${machine()} ${thisThread()} ${token}`);
    await rename(own, folder);
    return true;
  } catch (error) {
    await remove(own);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

/** Not another's, which took it for left over meanwhile. */
async function touch(folder: string, token: string): Promise<void> {
  if ((await ownerOf(folder))?.endsWith(token)) await utimes(folder, new Date(), new Date()).catch(() => undefined);
}

async function giveBack(folder: string, token: string): Promise<void> {
  const away = await moveAway(folder);
  if (away === undefined) return;
  // What was moved may be another's by now: then it is put back. Were that to fail, two would do the same work.
  if ((await ownerOf(away))?.endsWith(token) !== true) await rename(away, folder).catch(() => undefined);
  await remove(away);
}

/** Undefined where there is no lock. */
function ownerOf(folder: string): Promise<string | undefined> {
  return readFile(join(folder, 'owner'), 'utf8').catch(() => undefined);
}

/** Looks at a lock that somebody else holds. */
class Watch {
  readonly #folder: string;
  /** When it was touched last, by its holder's clock, and when that was first seen, by ours: clocks differ. */
  #touched: { readonly at: number; readonly seen: number } | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async isLeftOver(): Promise<boolean> {
    const [where, thread = ''] = (await ownerOf(this.#folder))?.split(' ') ?? [];
    const lives = where === machine() ? isAlive(thread) : undefined;
    if (lives !== undefined) return !lives;
    const at = (await stat(this.#folder).catch(() => undefined))?.mtimeMs;
    if (at === undefined) return false; // given back meanwhile
    if (this.#touched?.at !== at) this.#touched = { at, seen: performance.now() };
    return performance.now() - this.#touched.seen > staleMs;
  }
}

/** Where thread ids mean the same: containers of one pod have a host name in common, but not their processes. */
function machine(): string {
  return `${hostname()}/${linkText('/proc/self/ns/pid')}`;
}

/** `PID/task/TID:STARTED`: a worker may be terminated while its process lives on, and ids are used again. Empty where the system does not tell. */
function thisThread(): string {
  const id = linkText('/proc/thread-self');
  const started = startOf(id);
  return started === undefined ? '' : `${id}:${started}`;
}

/** Undefined where that cannot be told. */
function isAlive(thread: string): boolean | undefined {
  const [id = '', started] = thread.split(':');
  if (id === '') return undefined;
  try {
    return startOf(id) === started;
  } catch {
    return undefined; // not to be looked into
  }
}

/** When a thread was started, in ticks since the system was; undefined where there is none, or nothing but its exit code. */
function startOf(id: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${id}/stat`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
  // After the name in brackets, which may hold spaces: the state is the first field, the start the twentieth (proc(5)).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

function linkText(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Of several that find it left over, one moves it away. Should it be a fresh one by then, which another took meanwhile, it is put back. */
async function discard(folder: string): Promise<void> {
  const away = await moveAway(folder);
  if (away === undefined) return;
  const [where, thread = ''] = (await ownerOf(away))?.split(' ') ?? [];
  const isFresh = where === machine() && isAlive(thread) === true;
  if (isFresh) await rename(away, folder).catch(() => undefined);
  await remove(away);
}

/** At one go: of a folder that is deleted file by file, another could take the place meanwhile. Undefined where another was faster. */
async function moveAway(folder: string): Promise<string | undefined> {
  const away = `${folder}.${randomUUID()}`;
  return rename(folder, away).then(
    () => away,
    () => undefined,
  );
}

async function remove(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}
