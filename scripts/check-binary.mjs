/**
 * `check-binary.mjs FILE...`: is an addon fit to ship? It must load on any Linux with glibc 2.28, depend on nothing else,
 * show nothing but Node's two entry points, and stay mapped. Prints a table; exits with 1 and the reasons otherwise.
 */
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { DF_1_NODELETE, readElf } from './elf.mjs';
import { SetupError, runMain } from './setup/process.mjs';
import { glibcVersion } from './setup/toolchains.mjs';

const sizeBudgetBytes = 8_000_000;

/** All part of glibc, so of every machine the binary is for. */
const allowedLibraries = ['libc.so.6', 'libm.so.6', 'libpthread.so.0', 'libdl.so.2', 'librt.so.1'];
const allowedLoader = { x64: 'ld-linux-x86-64.so.2', arm64: 'ld-linux-aarch64.so.1' };

/** Node defines these itself, without versions. */
const nodeApi = /^(?:napi|node_api)_/;

const allowedExports = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

/**
 * @typedef {object} Finding
 * @property {string} check
 * @property {string} found
 * @property {string} [violation] What is wrong; absent where the check passes.
 */

/**
 * @param {Buffer} bytes The whole addon.
 * @param {string} [arch] The processor it must be for, `x64` or `arm64`; either where absent.
 * @returns {Finding[]}
 * @throws {Error} where the bytes are not an ELF shared library.
 */
export function checkBinary(bytes, arch) {
  const elf = readElf(bytes);
  const allowed = [...allowedLibraries, allowedLoader[elf.machine]];
  const foreign = elf.needed.filter((name) => !allowed.includes(name));
  const missing = allowedExports.filter((name) => !elf.exports.includes(name));
  const extra = elf.exports.filter((name) => !allowedExports.includes(name));
  const versions = elf.versionNeeds.flatMap((need) => need.versions);
  const highest =
    versions
      .filter((version) => /^GLIBC_\d/.test(version))
      .sort(compareVersions)
      .at(-1) ?? 'none';
  const notGlibc = versions.filter((version) => !version.startsWith('GLIBC_'));
  // The linker takes any name for one of Node's. One of glibc's without a version is newer than the glibc that was linked against.
  const unversioned = elf.imports.filter(({ weak, versioned }) => !weak && !versioned).map(({ name }) => name);
  const unknown = unversioned.filter((name) => !nodeApi.test(name));
  const searchPath = elf.rpath ?? elf.runpath;
  const symbolTables = elf.sections.filter((name) => name === '.symtab' || name.startsWith('.debug_'));
  const tooNew = highest !== 'none' && compareVersions(highest, `GLIBC_${glibcVersion}`) > 0;
  const archs = arch ? [arch] : Object.keys(allowedLoader);
  const list = (names) => names.join(', ') || 'none';
  const when = (condition, text) => (condition ? text : undefined);
  return [
    {
      check: 'processor',
      found: elf.machine,
      violation: when(!archs.includes(elf.machine), `expected ${archs.join(' or ')}`),
    },
    {
      check: 'needed libraries',
      found: list(elf.needed),
      violation: when(foreign.length > 0, `only glibc's own libraries may be needed, found ${list(foreign)}`),
    },
    {
      check: 'exports',
      found: `${elf.exports.length} symbols`,
      violation: when(
        missing.length + extra.length > 0,
        `expected exactly ${list(allowedExports)}; missing: ${list(missing)}; too many: ${list(extra.slice(0, 5))}`,
      ),
    },
    {
      check: 'highest glibc version',
      found: highest,
      violation: when(tooNew, `expected at most GLIBC_${glibcVersion}: older systems could not load it`),
    },
    {
      check: 'other symbol versions',
      found: list(notGlibc),
      violation: when(notGlibc.length > 0, 'expected none: the C++ library must be inside'),
    },
    {
      check: 'symbols of no version',
      found: `${unversioned.length} symbols`,
      violation: when(unknown.length > 0, `expected only Node-API's, found ${list(unknown)}: older systems may not have them`),
    },
    {
      check: 'stays mapped (nodelete)',
      found: elf.flags1 & DF_1_NODELETE ? 'yes' : 'no',
      violation: when(!(elf.flags1 & DF_1_NODELETE), 'expected -z nodelete: a worker thread that ends last would crash'),
    },
    {
      check: 'search path',
      found: searchPath ?? 'none',
      violation: when(searchPath !== undefined, 'expected no RPATH and no RUNPATH'),
    },
    {
      check: 'stripped',
      found: symbolTables.length > 0 ? 'no' : 'yes',
      violation: when(symbolTables.length > 0, `expected no ${list(symbolTables)}`),
    },
    {
      check: 'size',
      found: `${bytes.length} bytes`,
      violation: when(bytes.length > sizeBudgetBytes, `expected at most ${sizeBudgetBytes} bytes`),
    },
  ];
}

/** Orders `GLIBC_2.9` before `GLIBC_2.17`. */
function compareVersions(left, right) {
  const numbers = (text) => text.replace(/^\D+/, '').split('.').map(Number);
  const [a, b] = [numbers(left), numbers(right)];
  const index = a.findIndex((number, position) => number !== (b[position] ?? 0));
  if (index < 0) return a.length - b.length;
  return a[index] - (b[index] ?? 0);
}

/**
 * Checks files, prints a table of each. A file in a folder named like a prebuild's (linux-arm64) must be for that processor.
 *
 * @param {string[]} files
 * @throws {SetupError} that names every violation; exit code 1.
 */
export function checkBinaries(files) {
  const violations = [];
  for (const file of files) {
    console.log(file);
    for (const { check, found, violation } of readFindings(file)) {
      console.log(`  ${violation ? 'FAIL' : 'ok  '}  ${check.padEnd(24)}${found}`);
      if (violation) violations.push(`${basename(file)}: ${check}: ${violation}`);
    }
  }
  if (violations.length > 0) throw new SetupError(violations.join('\n'), { exitCode: 1 });
}

function readFindings(file) {
  try {
    const [, folderArch] = /^linux-(\w+)$/.exec(basename(dirname(file))) ?? [];
    return checkBinary(readFileSync(file), folderArch);
  } catch (error) {
    return [{ check: 'file', found: 'unreadable', violation: error.message }];
  }
}

if (process.argv[1] === import.meta.filename) {
  await runMain(() => {
    const files = process.argv.slice(2);
    if (files.length === 0) throw new SetupError('Usage: check-binary.mjs FILE...', { exitCode: 2 });
    checkBinaries(files);
  });
}
