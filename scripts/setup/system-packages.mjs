/**
 * Debian and Ubuntu packages, installed only where apt-get is there and this user may use it; everywhere else the
 * command is printed for the person to run.
 */
import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { requirePermission, say, withLock } from './cache.mjs';
import { output, run, SetupError, which } from './process.mjs';

/** Sources of GoogleTest as Debian's package `googletest` installs them. */
export const googletestFolder = '/usr/src/googletest';

const processor = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

/**
 * What can be asked for: how to see that it is there, and why it is needed.
 *
 * @type {Record<string, { present: () => boolean, reason: string }>}
 */
const packages = {
  'python3-venv': {
    present: () => output('python3', ['-c', 'import ensurepip, venv; print(1)']) !== undefined,
    reason: 'gives the build tools (zig, cmake, ninja, clang-format) a Python environment of their own',
  },
  'python3-pip': {
    present: () => output('python3', ['-m', 'pip', '--version']) !== undefined,
    reason: 'is what `foveate install` downloads with, in its test',
  },
  nasm: {
    present: () => which('nasm') !== undefined,
    reason: 'assembles the SIMD code of libjpeg-turbo for x64',
  },
  'g++': {
    present: () => which('g++') !== undefined && which('gcc') !== undefined,
    reason: 'compiles the C++ tests with sanitizers',
  },
  clang: {
    present: () => which('clang++') !== undefined,
    reason: 'compiles the fuzzers of tests/fuzz',
  },
  'libclang-rt-dev': {
    present: () => isAbsolute(output('clang++', [`--print-file-name=libclang_rt.fuzzer-${processor}.a`]) ?? ''),
    reason: "holds clang's sanitizers and libFuzzer, which the fuzzers link",
  },
  googletest: {
    present: () => existsSync(`${googletestFolder}/googletest/CMakeLists.txt`),
    reason: 'is the framework of the C++ tests',
  },
};

/**
 * Installs those of the named packages whose purpose is not yet served on this machine.
 *
 * @param {(keyof typeof packages)[]} names
 */
export async function ensureSystemPackages(names) {
  const missing = () => names.filter((name) => !packages[name].present());
  if (missing().length === 0) return;
  await withLock('system packages', async () => {
    const wanted = missing();
    if (wanted.length === 0) return;
    const command = `apt-get update && apt-get install -y --no-install-recommends ${wanted.join(' ')}`;
    const explained = wanted.map((name) => `${name} (${packages[name].reason})`).join(', ');
    requirePermission(explained, command);
    if (!which('apt-get')) {
      throw new SetupError(
        `Missing: ${explained}. This machine has no apt-get; install the same with its package manager. ` +
          `On Debian and Ubuntu it would be:\n  ${command}`,
      );
    }
    if (process.getuid() !== 0) {
      throw new SetupError(`Missing: ${explained}. Installing needs root; run:\n  sudo sh -c '${command}'`);
    }
    for (const name of wanted) say(`installing the system package ${name}: it ${packages[name].reason}`);
    await install(wanted);
    const still = missing();
    if (still.length > 0) throw new SetupError(`apt-get installed ${still.join(', ')}, but it is still not usable`);
  });
}

/** The package lists are fetched only where the ones at hand do not do: that is the slow half of an installation. */
async function install(names) {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const args = ['install', '-y', '--no-install-recommends', ...names];
  try {
    await run('apt-get', args, { env });
  } catch {
    await run('apt-get', ['update'], { env });
    await run('apt-get', args, { env });
  }
}
