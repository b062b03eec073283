/**
 * TensorRT-RTX for the tests: NVIDIA's Python package, which is under a licence of NVIDIA's own. It builds engines on any machine, so the
 * tests that need a TensorRT need no GPU. Nothing of it is shipped.
 */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { ensureEntry, say } from './cache.mjs';
import { ensurePyPiFile } from './downloads.mjs';
import { run, SetupError } from './process.mjs';

const version = '1.7.1.116';

/** lib/engine/tensorrt-rtx-wheel.ts has the same; a test compares them. */
export const wheels = {
  'linux-x64': {
    platform: 'manylinux_2_28_x86_64',
    sha256: 'e3fd45fed001240d63304e77a2d4006319b839994237cb294b6e7ad72acaabcd',
  },
  'linux-arm64': {
    platform: 'manylinux_2_35_aarch64',
    sha256: 'ec8b6cb95a8ea61e31d544dbc5039d35219b311999f92c518a3889aaae74359c',
  },
};

export const requirement = `tensorrt-rtx-cu13-libs==${version}`;

/**
 * The unpacked libraries in the cache, for `FOVEATE_TENSORRT_PATH`.
 *
 * @param {import('./tools.mjs').Tools} tools
 * @param {keyof typeof wheels} target
 * @returns {Promise<string | undefined>} Folder of the libraries. undefined where they cannot be had, which is said; with
 *   FOVEATE_REQUIRE_RTX=1 that is an error.
 */
export async function ensureTensorRtRtx(tools, target) {
  try {
    const { platform, sha256 } = wheels[target];
    return await ensureEntry({
      name: `tensorrt-rtx-${version}-${sha256.slice(0, 12)}`,
      reason: `unpacking TensorRT-RTX ${version}, for the tests that build engines`,
      build: async (folder, { log, scratch }) => {
        const wheel = await ensurePyPiFile(tools, {
          requirement,
          select: ['--only-binary', '--python-version', '3.12', '--platforms', platform],
          sha256,
          reason: `fetching TensorRT-RTX ${version} by NVIDIA, under its own licence (95 MB, once)`,
        });
        await run(tools.python, ['-m', 'zipfile', '-e', wheel, scratch], { log });
        renameSync(join(scratch, 'tensorrt_rtx_libs'), join(folder, 'tensorrt_rtx_libs'));
      },
    }).then((folder) => join(folder, 'tensorrt_rtx_libs'));
  } catch (error) {
    if (!(error instanceof SetupError) || process.env.FOVEATE_REQUIRE_RTX === '1') throw error;
    say(`SKIPPED: there is no TensorRT-RTX, so tests that build engines are skipped.\n${error.message}`);
    return undefined;
  }
}
