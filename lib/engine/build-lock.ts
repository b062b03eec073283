/** One builder at a time for one engine, across processes. */
import { randomUUID } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The holder shows that it lives by touching the lock so often; one that was not touched for longer is left over. That is how the death of a holder on
 * another machine is noticed; on this one its thread tells at once. Not sooner: an event loop that something else blocks touches nothing either, while
 * its build goes on.
 */
const beatMs = 2000;
const staleMs = 60_000;
const pollMs = 100;

/**
 * Holds `<path>.lock`, a folder, while `work` runs. Whoever comes second waits, until the first is done, dead, or `signal` aborts the waiting.
 * `onWait` is told once, before the waiting begins.
 */
export async function withBuildLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  onWait: () => void,
  work: () => Promise<T>,
): Promise<T> {
  const folder = `${path}.lock`;
  const token = randomUUID();
  for (let waited = false; !(await take(folder, token)); waited = true) {
    signal?.throwIfAborted();
    if (!waited) onWait();
    if (await isStale(folder)) await discard(folder);
    else await sleep(pollMs);
  }
  const beat = setInterval(() => void utimes(folder, new Date(), new Date()).catch(() => undefined), beatMs);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    // Not another's, which took it for left over while this process stood still.
    if ((await ownerOf(folder))?.endsWith(token)) await remove(await moveAway(folder));
  }
}

/** Made elsewhere and renamed, so that a lock always has its owner in it. False where there is one already. */
async function take(folder: string, token: string): Promise<boolean> {
  if ((await ownerOf(folder)) !== undefined) return false;
  const own = `${folder}.${randomUUID()}`;
  try {
    await mkdir(own);
    await writeFile(join(own, 'owner'), `${machine()} ${process.pid} ${thread()} ${token}`);
    await rename(own, folder);
    return true;
  } catch (error) {
    await remove(own);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined where there is no lock. */
function ownerOf(folder: string): Promise<string | undefined> {
  return readFile(join(folder, 'owner'), 'utf8').catch(() => undefined);
}

async function isStale(folder: string): Promise<boolean> {
  const [where, pid, tid = ''] = (await ownerOf(folder))?.split(' ') ?? [];
  if (where === machine() && !isAlive(Number(pid), tid)) return true;
  const touched = await stat(folder).catch(() => undefined); // given back meanwhile
  return touched !== undefined && Date.now() - touched.mtimeMs > staleMs;
}

/** Where process and thread ids mean the same: containers of one pod have a host name in common, but not their processes. */
function machine(): string {
  return `${hostname()}/${linkText('/proc/self/ns/pid')}`;
}

/** The system's id of this thread: a worker may be terminated while its process lives on. Empty where the system does not tell. */
function thread(): string {
  return basename(linkText('/proc/thread-self'));
}

function linkText(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function isAlive(pid: number, tid: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  try {
    return tid === '' || readdirSync(`/proc/${pid}/task`).includes(tid);
  } catch {
    return true; // not to be looked into; where it is gone by now, the next look tells
  }
}

/**
 * Of several that find it stale, one moves it away. Should it be a fresh one by then, which another took meanwhile, it is put back; were that to
 * fail, two would build the same engine, and the second would find the first's.
 */
async function discard(folder: string): Promise<void> {
  const away = await moveAway(folder);
  if (away === undefined) return;
  if (await isStale(away)) await remove(away);
  else await rename(away, folder).catch(() => remove(away));
}

/** At one go: of a folder that is deleted file by file, another could take the place meanwhile. Undefined where another was faster. */
async function moveAway(folder: string): Promise<string | undefined> {
  const away = `${folder}.${randomUUID()}`;
  return rename(folder, away).then(
    () => away,
    () => undefined,
  );
}

async function remove(folder: string | undefined): Promise<void> {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
}
