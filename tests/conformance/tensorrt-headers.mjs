#!/usr/bin/env node
/**
 * Proves the tables of native/runtime/tensorrt against NVIDIA's public headers: every slot, flag, structure and callback in use, for each release
 * whose headers are at hand.
 *
 *   node tests/conformance/tensorrt-headers.mjs [--headers FOLDER] [--only RELEASE] [--slots FILE]
 *
 * FOLDER holds a folder of headers for each release; without it FOVEATE_TRT_HEADERS, and without that they are loaded with cargo into the build
 * cache. `--only` takes the folder of one release, such as TRT-RTX-1.7, and `--slots` another table than native/runtime/tensorrt/slots.json. Exit codes: 0 proven, 1 a
 * mismatch, 3 something is missing here.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseCommandLine } from '../../scripts/setup/arguments.mjs';
import { projectRoot } from '../../scripts/setup/cache.mjs';
import { run, runMain, SetupError, which } from '../../scripts/setup/process.mjs';
import { tensorRtHeaders } from '../../scripts/setup/tensorrt-headers.mjs';

const native = join(projectRoot, 'native');
const tables = join(native, 'runtime/tensorrt');
/** What the logger, the version numbers and the functions of a library need. */
const sources = [
  'runtime/tensorrt/library.cc',
  'runtime/tensorrt/logger.cc',
  'runtime/library_file.cc',
  'runtime/log.cc',
  'runtime/cuda/driver.cc',
  'runtime/cuda/functions.cc',
];
const compile = ['-std=c++20', '-O0', '-w', `-I${native}`];

/** The folders that hold the headers of a release; of one, where `only` names it. */
function releaseFolders(folder, only) {
  const all = existsSync(folder) ? readdirSync(folder).sort() : [];
  const names = all.filter((name) => only === undefined || name === only);
  const found = names.map((name) => join(folder, name)).filter((release) => existsSync(join(release, 'NvInferVersion.h')));
  if (found.length === 0)
    throw new SetupError(
      `No headers of ${only ?? 'TensorRT'} in ${folder}: expected a folder with an NvInferVersion.h for each release.`,
    );
  return found;
}

const cppSlots = (slots) =>
  `{{${slots.map((slot) => (slot === null ? '{-1, 0}' : `{${slot.slot}, ${slot.since}}`)).join(', ')}}}`;

function headerClass(owner) {
  if (owner.startsWith('V')) return `nvinfer1::apiv::${owner}`;
  return owner.startsWith('IParser') ? `nvonnxparser::${owner}` : `nvinfer1::${owner}`;
}

/** Methods whose name several have: the type of the one that is meant. */
const overloads = {
  'VRuntime::deserializeCudaEngine': 'nvinfer1::ICudaEngine* (T::*)(void const*, std::size_t) noexcept',
};

function memberOf(owner, name) {
  const type = overloads[`${owner}::${name}`];
  return type === undefined ? `&T::${name}` : `static_cast<${type}>(&T::${name})`;
}

/** The member of a class or enumeration, null where there is none. */
const memberOrNull = (type, member, otherwise) =>
  `[]<typename T>(T*) { if constexpr (requires { ${member}; }) return ${member}; else return ${otherwise}; }(static_cast<${type}*>(nullptr))`;

/** The part of the program that comes from slots.json. */
function methodsText({ methods, flags }) {
  const lines = methods.map(({ owner, name, signature, slots }) => {
    const type = headerClass(owner);
    if (name === 'Delete') return `expect_slot("${owner}::${name}", ${cppSlots(slots)}, deleting_slot<${type}>());`;
    return `expect_method<${signature}>("${owner}::${name}", ${cppSlots(slots)}, ${memberOrNull(type, memberOf(owner, name), 'nullptr')});`;
  });
  for (const { name, slots } of flags) {
    const value = memberOrNull('nvinfer1::BuilderFlag', `static_cast<int>(T::k${name})`, '-1');
    lines.push(`expect_flag("BuilderFlag::k${name}", ${cppSlots(slots)}, ${value});`);
  }
  return `${lines.join('\n')}\n`;
}

/** What does not compile is a mismatch, not something that is missing here. */
async function gcc(args) {
  try {
    await run('g++', [...compile, ...args]);
  } catch (cause) {
    throw new SetupError(cause.message, { cause, exitCode: 1 });
  }
}

async function compileOurs(scratch) {
  const objects = sources.map((source) => join(scratch, `${basename(source)}.o`));
  for (const [i, source] of sources.entries()) await gcc(['-c', join(native, source), '-o', objects[i]]);
  return objects;
}

/** Compares one release; what the program says of it. */
async function compare(release, headers, objects, scratch) {
  const program = join(scratch, basename(release));
  const includes = [`-I${scratch}`, `-I${release}`, `-I${headers}`];
  const source = join(import.meta.dirname, 'tensorrt_headers.cc');
  // The functions of the library are declared by the headers, and only their types are looked at.
  const linking = ['-Wl,--unresolved-symbols=ignore-all', '-ldl', '-pthread'];
  await gcc([...includes, source, ...objects, ...linking, '-o', program]);
  const { stdout, status, signal } = spawnSync(program, { encoding: 'utf8' });
  const lines = stdout.trim().split('\n');
  const told = Object.fromEntries(lines.filter((line) => !line.startsWith('mismatch ')).map((line) => line.split(' ')));
  const mismatches = lines.filter((line) => line.startsWith('mismatch '));
  if (signal !== null || status !== (mismatches.length === 0 ? 0 : 1)) {
    throw new Error(`The program for ${basename(release)} ended with ${signal ?? status}:\n${stdout}`);
  }
  return { ...told, lines: mismatches };
}

await runMain(async () => {
  const { values } = parseCommandLine('tensorrt-headers.mjs [--headers FOLDER] [--only RELEASE] [--slots FILE]', {
    only: { type: 'string' },
    headers: { type: 'string' },
    slots: { type: 'string', default: join(tables, 'slots.json') },
  });
  const table = JSON.parse(readFileSync(values.slots, 'utf8'));
  const headers = await tensorRtHeaders(values.headers);
  const releases = releaseFolders(headers, values.only);
  if (which('g++') === undefined) throw new SetupError('g++ is missing, which compiles the headers.');

  const scratch = mkdtempSync(join(tmpdir(), 'foveate-headers-'));
  try {
    writeFileSync(join(scratch, 'methods.inc'), methodsText(table));
    const objects = await compileOurs(scratch);
    const checked = new Set();
    for (const release of releases) {
      const told = await compare(release, headers, objects, scratch);
      for (const line of told.lines) console.error(`${basename(release)}: ${line}`);
      if (told.lines.length > 0) process.exitCode = 1;
      checked.add(told.releases);
      const family = told.releases?.startsWith('rtx') ? 'rtx' : 'trt';
      const counts = `${told.slots} slots, ${told.flags} flags, ${told.structs} structs checked, ${told.mismatches} mismatches`;
      console.log(`${family} ${told.version} (${told.releases}): ${counts}`);
    }
    if (values.only !== undefined) return;
    for (const [i, profile] of table.profiles.entries()) {
      if (checked.has(profile)) continue;
      const count = (entries) => entries.filter(({ slots }) => slots[i] !== null).length;
      console.log(`${profile}: ${count(table.methods)} slots, ${count(table.flags)} flags taken from the table, unchecked`);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});
