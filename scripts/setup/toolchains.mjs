/**
 * Compilers. `zig` makes what is shipped and what runs in development: Linux binaries that need no newer glibc than
 * 2.28, for x64 and arm64 from either machine. `gcc` (the system's) makes the C++ tests with sanitizers, `clang` (the
 * system's) the fuzzers.
 */
import { chmodSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { contentHash, ensureEntry, projectRoot } from './cache.mjs';
import { output, SetupError } from './process.mjs';
import { ensureSystemPackages } from './system-packages.mjs';
import { pinnedVersion } from './tools.mjs';

/** Oldest glibc that the binaries run on; `scripts/check-binary.mjs` holds them to it. */
export const glibcVersion = '2.28';

/** What can be built, by the names that Node uses (`process.platform-process.arch`). */
export const targets = {
  'linux-x64': { triple: `x86_64-linux-gnu.${glibcVersion}`, processor: 'x86_64' },
  'linux-arm64': { triple: `aarch64-linux-gnu.${glibcVersion}`, processor: 'aarch64' },
};

/** The target that this machine can run. */
export const hostTarget = `${process.platform}-${process.arch}`;

/**
 * @param {string} name
 * @returns {keyof typeof targets}
 */
export function requireTarget(name) {
  if (Object.hasOwn(targets, name)) return name;
  throw new SetupError(`Expected the target to be one of ${Object.keys(targets).join(', ')}, received "${name}"`);
}

/**
 * @typedef {object} Toolchain
 * @property {string} id Part of the names of what it builds: `zig-linux-x64`, `gcc-linux-x64`.
 * @property {string} version Compiler and flags, for hashes.
 * @property {keyof typeof targets} target
 * @property {string} cc
 * @property {string} cxx
 * @property {string[]} cmakeArgs
 * @property {string} [libraryFlags] Compiler flags of the libraries, beyond those that all toolchains share.
 * @property {string[]} [libraryArgs] CMake arguments of the libraries, in place of those that a target has.
 */

/**
 * The zig toolchain of a target. zig is one program with subcommands, where CMake and cmake-js want one executable per
 * tool: four wrapper scripts in the cache.
 *
 * @param {import('./tools.mjs').Tools} tools
 * @param {keyof typeof targets} target
 * @returns {Promise<Toolchain>}
 */
export async function ensureZigToolchain(tools, target) {
  const { triple, processor } = targets[target];
  // Relative to the wrapper: a cache folder may be moved, and two toolchains may share one zig.
  const zig = `"\${0%/*}/../${tools.zig.slice(tools.zig.indexOf(basename(tools.folder)))}"`;
  const zigCache = 'export ZIG_GLOBAL_CACHE_DIR="${0%/*}/../zig-cache" ZIG_LOCAL_CACHE_DIR="${0%/*}/../zig-cache"';
  // Without -O zig switches UBSan on, and its run-time then misses at the link with CMake's own flags.
  const compile = `-target ${triple} -fno-sanitize=undefined`;
  const wrappers = {
    cc: `#!/bin/sh\n${zigCache}\nexec ${zig} cc ${compile} "$@"\n`,
    'c++': `#!/bin/sh\n${zigCache}\nexec ${zig} c++ ${compile} "$@"\n`,
    ar: `#!/bin/sh\nexec ${zig} ar "$@"\n`,
    ranlib: `#!/bin/sh\nexec ${zig} ranlib "$@"\n`,
  };
  const folder = await ensureEntry({
    name: `toolchain-zig-${target}-${contentHash(wrappers)}`,
    reason: `writing the compiler wrappers for ${target}`,
    build: async (partial) => {
      for (const [name, text] of Object.entries(wrappers)) {
        writeFileSync(join(partial, name), text);
        chmodSync(join(partial, name), 0o755);
      }
    },
  });
  return {
    id: `zig-${target}`,
    version: `zig ${pinnedVersion('ziglang')} ${compile}`,
    target,
    cc: join(folder, 'cc'),
    cxx: join(folder, 'c++'),
    cmakeArgs: [
      `-DCMAKE_TOOLCHAIN_FILE=${join(projectRoot, 'cmake/zig-toolchain.cmake')}`,
      `-DFOVEATE_TOOLCHAIN_DIR=${folder}`,
      `-DFOVEATE_PROCESSOR=${processor}`,
    ],
  };
}

/**
 * The system's gcc, for this machine.
 *
 * @returns {Promise<Toolchain>}
 */
export async function ensureGccToolchain() {
  await ensureSystemPackages(['g++']);
  return {
    id: `gcc-${hostTarget}`,
    version: `gcc ${output('g++', ['-dumpfullversion'])} ${output('g++', ['-dumpmachine'])}`,
    target: requireTarget(hostTarget),
    cc: 'gcc',
    cxx: 'g++',
    cmakeArgs: ['-DCMAKE_C_COMPILER=gcc', '-DCMAKE_CXX_COMPILER=g++'],
    // Tests alone are linked with these: a build of half the minutes is worth more than OpenCV's speed.
    libraryArgs: ['-DCPU_BASELINE=', '-DCPU_DISPATCH=', '-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG'],
  };
}

/**
 * The system's clang, for this machine: the compiler that has libFuzzer. The libraries are instrumented too, so that
 * the fuzzer sees which way an input takes through them, and AddressSanitizer what they read.
 *
 * @returns {Promise<Toolchain>}
 */
export async function ensureClangToolchain() {
  await ensureSystemPackages(['g++', 'clang', 'libclang-rt-dev']); // g++ brings the C++ standard library
  const libraryFlags = '-fsanitize=fuzzer-no-link,address -fno-omit-frame-pointer';
  return {
    id: `clang-${hostTarget}`,
    version: `clang ${output('clang++', ['-dumpversion'])} ${output('clang++', ['-dumpmachine'])} ${libraryFlags}`,
    target: requireTarget(hostTarget),
    cc: 'clang',
    cxx: 'clang++',
    cmakeArgs: ['-DCMAKE_C_COMPILER=clang', '-DCMAKE_CXX_COMPILER=clang++'],
    libraryFlags,
  };
}
