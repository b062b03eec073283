/** The lock of a build, among threads and processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { withLock } from '../../lib/engine/folder-lock.js';

const built = new URL('../../dist/engine/folder-lock.js', import.meta.url).href;
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-lock-'));
  path = join(folder, 'engine');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Whether the lock is given within half a second. */
async function isGiven(): Promise<boolean> {
  return withLock(
    path,
    AbortSignal.timeout(500),
    () => undefined,
    () => Promise.resolve(true),
  ).catch(() => false);
}

/** A thread that holds the lock until it ends; `then` is what it does while it holds it. */
async function holdingWorker(then: string): Promise<Worker> {
  const script = `
    import(${JSON.stringify(built)}).then(({ withLock }) =>
      withLock(${JSON.stringify(path)}, undefined, () => undefined, () => {
        require('node:worker_threads').parentPort.postMessage('held');
        ${then}
        return new Promise((resolve) => setTimeout(resolve, 1e6));
      }));`;
  const worker = new Worker(script, { eval: true });
  await once(worker, 'message');
  return worker;
}

describe('the lock of a build', () => {
  it('is held by one at a time, told of once to those that wait, and given back', async () => {
    let holders = 0;
    let waits = 0;
    const use = async (): Promise<void> => {
      expect(++holders).toBe(1);
      await sleep(30);
      holders--;
    };
    await Promise.all([1, 2, 3, 4].map(() => withLock(path, undefined, () => waits++, use)));
    expect(waits).toBe(3);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is given back by work that fails', async () => {
    const fault = new Error('a fault');
    await expect(
      withLock(
        path,
        undefined,
        () => undefined,
        () => Promise.reject(fault),
      ),
    ).rejects.toBe(fault);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is waited for without touching the folder', async () => {
    await withLock(
      path,
      undefined,
      () => undefined,
      async () => {
        const before = statSync(folder).mtimeMs;
        expect(await isGiven()).toBe(false);
        expect(statSync(folder).mtimeMs).toBe(before);
      },
    );
  });

  it('of a worker that was terminated is taken at once, while its process lives on', async () => {
    const worker = await holdingWorker('');
    expect(await isGiven()).toBe(false);
    await worker.terminate();
    expect(await isGiven()).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('of a worker whose event loop is blocked stays its own', async () => {
    const worker = await holdingWorker('setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));');
    const longAgo = Date.now() / 1000 - 3600;
    utimesSync(`${path}.lock`, longAgo, longAgo);
    expect(await isGiven()).toBe(false);
    await worker.terminate();
    expect(await isGiven()).toBe(true);
  });

  it('of a process that was killed is taken at once', async () => {
    const script = `
      import { withLock } from ${JSON.stringify(built)};
      await withLock(${JSON.stringify(path)}, undefined, () => undefined, () => process.kill(process.pid, 'SIGKILL'));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
    await once(child, 'exit');
    expect(readdirSync(folder)).toEqual(['engine.lock']);
    expect(await isGiven()).toBe(true);
  });

  it('of a thread whose id another has by now is taken', async () => {
    const worker = await holdingWorker('');
    const owner = join(`${path}.lock`, 'owner');
    const [machine, thread, token] = readFileSync(owner, 'utf8').split(' ') as [string, string, string];
    writeFileSync(owner, `${machine} ${thread.replace(/:\d+$/, ':1')} ${token}`);
    expect(await isGiven()).toBe(true);
    await worker.terminate();
  });

  it('of another machine is waited for, whatever its clock says', async () => {
    mkdirSync(`${path}.lock`);
    writeFileSync(join(`${path}.lock`, 'owner'), 'elsewhere/pid:[1] 1/task/1:1 token');
    const longAgo = Date.now() / 1000 - 3600;
    utimesSync(`${path}.lock`, longAgo, longAgo);
    expect(await isGiven()).toBe(false);
    expect(readdirSync(folder)).toEqual(['engine.lock']);
  });

  it('is taken where one was left without its owner', async () => {
    mkdirSync(`${path}.lock`);
    expect(await isGiven()).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });
});
