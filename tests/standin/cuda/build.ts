/** The stand-in driver as a library, for processes that are to find it as libcuda.so.1. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { projectRoot } from '../../package/node-child.js';

const sources = join(projectRoot, 'tests/standin/cuda');
const native = join(projectRoot, 'native');

/**
 * Compiles it, once for as long as its sources stay the same: some seconds.
 *
 * @returns The folder of libcuda.so.1, for LD_LIBRARY_PATH. What it is told, it is told in FOVEATE_STANDIN_CUDA: see standin.h.
 */
export function standinCuda(): string {
  const names = readdirSync(sources).filter((name) => /\.(cc|h)$/.test(name));
  const read = [...names.map((name) => join(sources, name)), join(native, 'runtime/cuda/functions.h')];
  const hash = createHash('sha256');
  for (const file of read) hash.update(readFileSync(file));
  const build = join(projectRoot, 'build');
  const folder = join(build, `standin-cuda-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(build, { recursive: true });
  const partial = mkdtempSync(join(build, 'standin-cuda-'));
  execFileSync('g++', [
    ...['-std=c++20', '-O1', '-g', '-shared', '-fPIC', '-pthread', `-I${native}`],
    ...names.filter((name) => name.endsWith('.cc')).map((name) => join(sources, name)),
    ...['-Wl,-soname,libcuda.so.1', '-o', join(partial, 'libcuda.so.1')],
  ]);
  try {
    renameSync(partial, folder); // whole, or not there
  } catch (error) {
    rmSync(partial, { recursive: true });
    if (!existsSync(folder)) throw error; // else another process was faster
  }
  return folder;
}
