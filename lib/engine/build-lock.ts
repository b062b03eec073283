/** One builder at a time for one engine, across processes. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The holder shows that it lives by touching the lock so often; one that was not touched for longer is left over from a process that was killed. */
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
    const owner = await readFile(join(folder, 'owner'), 'utf8').catch(() => '');
    if (owner.endsWith(token)) await rm(folder, { recursive: true, force: true });
  }
}

/** Made elsewhere and renamed, so that a lock always has its owner in it. False where there is one already. */
async function take(folder: string, token: string): Promise<boolean> {
  const own = `${folder}.${randomUUID()}`;
  await mkdir(own);
  await writeFile(join(own, 'owner'), `${hostname()} ${process.pid} ${token}`);
  try {
    await rename(own, folder);
    return true;
  } catch (error) {
    await rm(own, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

async function isStale(folder: string): Promise<boolean> {
  try {
    const [host, pid] = (await readFile(join(folder, 'owner'), 'utf8')).split(' ');
    if (host === hostname() && !isAlive(Number(pid))) return true;
    return Date.now() - (await stat(folder)).mtimeMs > staleMs;
  } catch {
    return false; // given back meanwhile
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Of several that find it stale, one moves it away. Should it be a fresh one by then, which another took meanwhile, it is put back; were that to
 * fail, two would build the same engine, and the second would find the first's.
 */
async function discard(folder: string): Promise<void> {
  const away = `${folder}.${randomUUID()}`;
  try {
    await rename(folder, away);
  } catch {
    return; // another was faster
  }
  if (await isStale(away)) await rm(away, { recursive: true, force: true });
  else await rename(away, folder).catch(() => rm(away, { recursive: true, force: true }));
}
