/**
 * `npm run fuzz -- jpeg|frames|heads|onnx [--minutes 1] [--seed N] [--keep]`: runs one fuzzer of tests/fuzz for a time. See tests/fuzz/README.md.
 *
 * What it finds is written to `tests/fuzz/cases/<target>/`, and ends it with exit code 1. Inputs that reach something new gather in
 * `build/fuzz/corpus/<target>/`; with `--keep`, the smallest of them that reach as much become `tests/fuzz/corpus/<target>/`.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildTypeScript } from './build-typescript.mjs';
import { runVisibly } from './commands.mjs';
import { ensureConfigured } from './setup/build-folder.mjs';
import { projectRoot, withLock } from './setup/cache.mjs';
import { ensureLibraries } from './setup/libraries.mjs';
import { ensureNodeModules } from './setup/node-modules.mjs';
import { run, runMain, SetupError } from './setup/process.mjs';
import { ensureClangToolchain } from './setup/toolchains.mjs';
import { ensureTools } from './setup/tools.mjs';

const fuzzFolder = join(projectRoot, 'tests/fuzz');
const buildFolder = join(projectRoot, 'build/fuzz');

/** Own pictures in the repository that the first run begins with, and what an input may be as long as. */
const nativeTargets = {
  jpeg: {
    maxBytes: 4096,
    seeds: ['tests/reference/fixtures/pictures/synthetic'],
    args: [`-dict=${join(fuzzFolder, 'native/jpeg.dict')}`],
  },
  frames: { maxBytes: 512, seeds: [], args: [] },
  heads: { maxBytes: 4096, seeds: [], args: [] },
};

/** What the kept corpus of one target may take. */
const keptBytes = 96 * 1024;

const sanitizerOptions = { ASAN_OPTIONS: 'detect_leaks=1', UBSAN_OPTIONS: 'print_stacktrace=1' };

const usage = 'npm run fuzz -- jpeg|frames|heads|onnx [--minutes 1] [--seed N] [--keep]';

await runMain(async () => {
  const { target, minutes, seed, keep } = commandLine();
  for (const folder of [foundIn(target), keptIn(target), grownIn(target)]) mkdirSync(folder, { recursive: true });
  const seconds = Math.round(60 * minutes);
  process.exitCode = target === 'onnx' ? await fuzzOnnx(seconds, seed, keep) : await fuzzNative(target, seconds, seed, keep);
});

function commandLine() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        minutes: { type: 'string', default: '1' },
        seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
        keep: { type: 'boolean', default: false },
      },
    });
    const [target] = positionals;
    const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
    if (positionals.length !== 1 || ![...Object.keys(nativeTargets), 'onnx'].includes(target)) {
      throw new Error(`Expected one target, received "${positionals.join(' ')}"`);
    }
    if (!(minutes > 0) || !Number.isInteger(seed)) throw new Error('Expected a number of minutes and an integer seed');
    return { target, minutes, seed, keep: values.keep };
  } catch (cause) {
    throw new SetupError(`${cause.message}\nUsage: ${usage}`, { cause, exitCode: 2 });
  }
}

function foundIn(target) {
  return join(fuzzFolder, 'cases', target);
}

function keptIn(target) {
  return join(fuzzFolder, 'corpus', target);
}

function grownIn(target) {
  return join(buildFolder, 'corpus', target);
}

async function fuzzNative(target, seconds, seed, keep) {
  const program = await buildNative(target);
  const { maxBytes, seeds, args } = nativeTargets[target];
  const limits = [`-max_len=${maxBytes}`, '-timeout=10', '-rss_limit_mb=2048'];
  const output = [`-artifact_prefix=${foundIn(target)}/`, '-print_final_stats=1'];
  const corpora = [grownIn(target), keptIn(target), ...seeds.map((folder) => join(projectRoot, folder))];
  const exitCode = await runVisibly(
    program,
    [`-max_total_time=${seconds}`, `-seed=${seed}`, ...limits, ...output, ...args, ...corpora],
    { mayFail: true, env: sanitizerOptions },
  );
  if (keep) {
    await keepSmallest(target, (folder) =>
      run(program, ['-merge=1', '-use_counters=0', folder, ...corpora], { env: sanitizerOptions }),
    );
  }
  return exitCode === 0 ? 0 : 1;
}

/** The targets of tests/fuzz/native, built by clang. Returns the program. */
async function buildNative(target) {
  await ensureNodeModules();
  const tools = await ensureTools();
  const toolchain = await ensureClangToolchain();
  const libraries = await ensureLibraries(tools, toolchain);
  const folder = join(buildFolder, 'native');
  const args = [
    ...['-G', 'Ninja', '-S', join(fuzzFolder, 'native'), '-B', folder, `-DCMAKE_MAKE_PROGRAM=${tools.ninja}`],
    ...toolchain.cmakeArgs,
    ...['-DCMAKE_BUILD_TYPE=Debug', '-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g', `-DFOVEATE_DEPS_ROOT=${libraries}`],
  ];
  await withLock(`fuzzers ${folder}`, async () => {
    await ensureConfigured(folder, args, () => run(tools.cmake, args));
    await run(tools.ninja, ['-C', folder, '--quiet', '-j', String(availableParallelism())], {
      onLine: (line) => line !== 'ninja: no work to do.' && console.log(line),
    });
  });
  return join(folder, `fuzz_${target}`);
}

/** Of all inputs, those that together reach every place, however often, the smallest first, as far as they fit. */
async function keepSmallest(target, write) {
  const merged = mkdtempSync(join(tmpdir(), 'foveate-fuzz-'));
  try {
    await write(merged);
    replaceKept(target, merged);
  } finally {
    rmSync(merged, { recursive: true });
  }
}

function replaceKept(target, folder) {
  const files = readdirSync(folder).map((name) => ({ name, bytes: statSync(join(folder, name)).size }));
  rmSync(keptIn(target), { recursive: true });
  mkdirSync(keptIn(target));
  let total = 0;
  for (const { name, bytes } of files.sort((left, right) => left.bytes - right.bytes)) {
    if ((total += bytes) > keptBytes) break;
    copyFileSync(join(folder, name), join(keptIn(target), name));
  }
  console.log(`kept ${readdirSync(keptIn(target)).length} of ${files.length} inputs in ${keptIn(target)}`);
}

async function fuzzOnnx(seconds, seed, keep) {
  await ensureNodeModules();
  await buildTypeScript();
  const fuzzer = [join(fuzzFolder, 'onnx/fuzz.mjs'), '--corpus', grownIn('onnx')];
  const exitCode = await runVisibly('node', [...fuzzer, '--seconds', String(seconds), '--seed', String(seed)], { mayFail: true });
  if (keep) await keepSmallest('onnx', (folder) => run('node', [...fuzzer, '--keep', folder]));
  return exitCode;
}
