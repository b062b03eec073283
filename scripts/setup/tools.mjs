/**
 * The build tools: zig, cmake, ninja and clang-format from PyPI, pinned and hash-checked, in a Python environment in the
 * cache. Run as a program it starts one of them: `node scripts/setup/tools.mjs clang-format --version`.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contentHash, ensureEntry } from './cache.mjs';
import { output, run, runMain, SetupError } from './process.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

const requirementsFile = join(import.meta.dirname, 'requirements.txt');

/**
 * @typedef {object} Tools Absolute paths.
 * @property {string} folder The environment's folder in the cache.
 * @property {string} python
 * @property {string} zig
 * @property {string} cmake
 * @property {string} ctest
 * @property {string} ninja
 * @property {string} clangFormat
 */

/**
 * Prepares the build tools.
 *
 * @returns {Promise<Tools>}
 */
export async function ensureTools() {
  const version = output('python3', ['-c', 'import sys; print(sys.version_info[:3], sys.base_prefix)']);
  if (!version) throw new SetupError('python3 is missing (version 3.10 or later). Run:\n  apt-get install -y python3');
  const requirements = readFileSync(requirementsFile, 'utf8');
  const folder = await ensureEntry({
    // The environment links to this very interpreter, so another one needs another environment.
    name: `tools-${contentHash({ recipe: 1, version, requirements })}`,
    reason: 'installing zig, cmake, ninja and clang-format, which build and format the C++ core (130 MB to load, once)',
    build: async (partial, { log }) => {
      await ensureSystemPackages(['python3-venv']);
      await run('python3', ['-m', 'venv', partial], { log });
      const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'];
      await run(join(partial, 'bin/python'), [...pip, '--require-hashes', '-r', requirementsFile], { log });
    },
  });
  return locate(folder);
}

/**
 * The programs inside the packages. The start scripts in `bin/` name the folder in which pip ran, which was renamed
 * since; starting the programs directly is also faster.
 */
function locate(folder) {
  const [version] = readdirSync(join(folder, 'lib'));
  const packages = join(folder, 'lib', version, 'site-packages');
  return {
    folder,
    python: join(folder, 'bin/python'),
    zig: join(packages, 'ziglang/zig'),
    cmake: join(packages, 'cmake/data/bin/cmake'),
    ctest: join(packages, 'cmake/data/bin/ctest'),
    ninja: join(folder, 'bin/ninja'),
    clangFormat: join(packages, 'clang_format/data/bin/clang-format'),
  };
}

/**
 * Version of a pinned package.
 *
 * @param {string} name
 * @returns {string}
 */
export function pinnedVersion(name) {
  const match = new RegExp(`^${name}==(\\S+)`, 'm').exec(readFileSync(requirementsFile, 'utf8'));
  if (!match) throw new Error(`${name} is not pinned in ${requirementsFile}`);
  return match[1];
}

/** `tools.mjs NAME ARG...`: NAME as in `Tools`, or in its usual spelling (clang-format). */
async function main() {
  const [name = '', ...args] = process.argv.slice(2);
  const tools = await ensureTools();
  const tool = tools[name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase())];
  if (!tool) throw new SetupError(`Expected one of ${Object.keys(tools).join(', ')}, received "${name}"`);
  const { status, error } = spawnSync(tool, args, { stdio: 'inherit' });
  if (error) throw error;
  process.exitCode = status ?? 1;
}

if (process.argv[1] === import.meta.filename) await runMain(main);
