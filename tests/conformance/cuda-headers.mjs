#!/usr/bin/env node
/**
 * Proves native/runtime/cuda/functions.h against NVIDIA's cuda.h: every function in use exists under that very name, with that signature, and every
 * number in use is the header's.
 *
 *   node tests/conformance/cuda-headers.mjs [--headers FOLDER] [--functions FILE]
 *
 * FOLDER holds a folder with a cuda.h for each release; without it FOVEATE_CUDA_HEADERS, and without that they are loaded with pip's index into the
 * build cache. `--functions` takes another table than native/runtime/cuda/functions.h. Exit codes: 0 proven, 1 a mismatch, 3 something is
 * missing here.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseCommandLine } from '../../scripts/setup/arguments.mjs';
import { projectRoot } from '../../scripts/setup/cache.mjs';
import { cudaHeaders } from '../../scripts/setup/cuda-headers.mjs';
import { run, runMain, SetupError, which } from '../../scripts/setup/process.mjs';
import { ensureTools } from '../../scripts/setup/tools.mjs';

const native = join(projectRoot, 'native');

/** A check of each name in the table: the preprocessor cannot take a version off a name, or look at a macro from inside of one. */
function namesText(table) {
  const names = [...table.matchAll(/^ +F\((\w+), /gm)].map(([, name]) => name);
  if (names.length === 0) throw new SetupError('There is no function in the table.', { exitCode: 1 });
  const lines = names.map((name) => {
    const base = name.replace(/_v\d+$/, '');
    return `expect_name("${name}", "${base}", EXPANDED(${base}));`;
  });
  return `${lines.join('\n')}\n`;
}

/** Compiles one view of the header and runs it; what it says. What does not compile is a mismatch: a function that is not declared. */
async function compare(headers, scratch, defines) {
  const program = join(scratch, 'program');
  const source = join(import.meta.dirname, 'cuda_headers.cc');
  try {
    const includes = [`-I${scratch}`, `-I${native}`, `-I${headers}`];
    await run('g++', ['-std=c++20', '-O0', '-w', ...defines, ...includes, source, '-o', program]);
  } catch (cause) {
    throw new SetupError(cause.message, { cause, exitCode: 1 });
  }
  const { stdout, status, signal } = spawnSync(program, { encoding: 'utf8' });
  const lines = stdout.trim().split('\n');
  const mismatches = lines.filter((line) => line.startsWith('mismatch '));
  if (signal !== null || status !== (mismatches.length === 0 ? 0 : 1))
    throw new Error(`The program for ${basename(headers)} ended with ${signal ?? status}:\n${stdout}`);
  const told = lines.filter((line) => !line.startsWith('mismatch ')).map((line) => line.split(' '));
  return { ...Object.fromEntries(told), lines: mismatches };
}

await runMain(async () => {
  const { values } = parseCommandLine('cuda-headers.mjs [--headers FOLDER] [--functions FILE]', {
    headers: { type: 'string' },
    functions: { type: 'string', default: join(native, 'runtime/cuda/functions.h') },
  });
  if (which('g++') === undefined) throw new SetupError('g++ is missing, which compiles the header.');
  const releases = await cudaHeaders(await ensureTools(), values.headers);
  if (releases.length === 0)
    throw new SetupError(
      `No header of CUDA in ${values.headers ?? process.env.FOVEATE_CUDA_HEADERS}: expected folders with a cuda.h.`,
    );

  const scratch = mkdtempSync(join(tmpdir(), 'foveate-cuda-'));
  try {
    // Found before our own of that name.
    mkdirSync(join(scratch, 'runtime/cuda'), { recursive: true });
    cpSync(values.functions, join(scratch, 'runtime/cuda/functions.h'));
    writeFileSync(join(scratch, 'names.inc'), namesText(readFileSync(values.functions, 'utf8')));
    for (const headers of releases) {
      const names = await compare(headers, scratch, []);
      const signatures = await compare(headers, scratch, ['-D__CUDA_API_VERSION_INTERNAL']);
      const mismatches = [...names.lines, ...signatures.lines];
      for (const line of mismatches) console.error(`cuda ${names.version}: ${line}`);
      if (mismatches.length > 0) process.exitCode = 1;
      const counts = `${signatures.functions} functions, ${names.names} names, ${names.values} values checked`;
      console.log(`cuda ${names.version}: ${counts}, ${mismatches.length} mismatches`);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});
