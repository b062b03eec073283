/**
 * NVIDIA's header of the CUDA driver, for what compares our declarations with it. It is never copied into the project.
 */
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ensureEntry } from './cache.mjs';
import { ensurePyPiFile } from './downloads.mjs';
import { run } from './process.mjs';

/** The last release of CUDA 12, and one of CUDA 13: NVIDIA's Python packages carry the header, under a licence of NVIDIA's own. */
const wheels = [
  {
    requirement: 'nvidia-cuda-runtime-cu12==12.9.79',
    release: 'cuda-12.9',
    header: 'nvidia/cuda_runtime/include/cuda.h',
    sha256: '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
  },
  {
    requirement: 'nvidia-cuda-runtime==13.5.37',
    release: 'cuda-13.5',
    header: 'nvidia/cu13/include/cuda.h',
    sha256: 'df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d',
  },
];

/**
 * @param {import('./tools.mjs').Tools} tools
 * @param {string} [given] A folder that is already there; without it FOVEATE_CUDA_HEADERS, and without that they are loaded
 *   into the build cache.
 * @returns {Promise<string[]>} Folders with a cuda.h each, named like cuda-12.9.
 */
export async function cudaHeaders(tools, given) {
  const named = given ?? process.env.FOVEATE_CUDA_HEADERS;
  if (named) {
    const all = existsSync(named) ? readdirSync(named).sort() : [];
    return all.map((name) => resolve(named, name)).filter((folder) => existsSync(join(folder, 'cuda.h')));
  }
  const folders = [];
  for (const wheel of wheels) folders.push(await unpacked(tools, wheel));
  return folders;
}

async function unpacked(tools, { requirement, release, header, sha256 }) {
  const entry = await ensureEntry({
    name: `${release}-header-${sha256.slice(0, 12)}`,
    reason: `unpacking the header of ${release}, for a comparison with it`,
    build: async (folder, { log, scratch }) => {
      const wheel = await ensurePyPiFile(tools, {
        requirement,
        // The header is the same for all processors.
        select: ['--only-binary', '--python-version', '3.12', '--platforms', 'manylinux_2_17_x86_64'],
        sha256,
        reason: `fetching the header of ${release} by NVIDIA, under its own licence (4 MB, once)`,
      });
      await run(tools.python, ['-m', 'zipfile', '-e', wheel, scratch], { log });
      renameSync(join(scratch, header), join(folder, 'cuda.h'));
    },
  });
  return entry;
}
