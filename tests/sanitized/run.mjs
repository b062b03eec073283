/**
 * Node, with the addon and the stand-ins of driver and TensorRT built with a sanitizer. Node itself, and ONNX Runtime, are not instrumented, and of what
 * their own threads do with locks nothing is reported. Leaks are looked for in the C++ tests alone, since Node leaves its own behind.
 *
 *     node scripts/setup/build-native-tests.mjs --sanitizer address && node tests/sanitized/run.mjs address
 */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { onnxRuntimeLibrary, projectRoot } from '../../scripts/commands.mjs';
import { programs } from './programs.mjs';

const timeoutMs = 120_000;
const preloaded = { address: ['libasan.so', 'libstdc++.so.6'], thread: ['libtsan.so', 'libstdc++.so.6'] };

/**
 * @param {'address' | 'thread'} sanitizer That the native tests were built with.
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
export async function runSanitizedPrograms(sanitizer) {
  const folder = mkdtempSync(join(tmpdir(), `foveate-${sanitizer}-`));
  try {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const machine = machineOf(folder, sanitizer);
    for (const name of Object.keys(programs)) {
      const failure = await run(name, machine);
      counts[failure === undefined ? 'passed' : 'failed']++;
      if (failure !== undefined) console.error(`Node under the ${sanitizer} sanitizer, ${name}: ${failure}`);
    }
    return counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The library with that addon, and the stand-ins under the names that are looked for. */
function machineOf(folder, sanitizer) {
  const built = join(projectRoot, `build/native-tests-${sanitizer}`);
  const library = join(folder, 'library');
  mkdirSync(join(library, 'build/Release'), { recursive: true });
  cpSync(join(projectRoot, 'dist'), join(library, 'dist'), { recursive: true });
  cpSync(join(projectRoot, 'package.json'), join(library, 'package.json'));
  symlinkSync(join(projectRoot, 'node_modules'), join(library, 'node_modules'));
  symlinkSync(join(built, 'foveate.node'), join(library, 'build/Release/foveate.node'));
  const tensorrt = join(folder, 'tensorrt');
  mkdirSync(tensorrt);
  for (const file of ['libnvinfer.so.10', 'libnvonnxparser.so.10'])
    cpSync(join(built, 'standin/libtrt10.so'), join(tensorrt, file));
  const preload = preloaded[sanitizer].map((file) =>
    realpathSync(execFileSync('g++', [`-print-file-name=${file}`], { encoding: 'utf8' }).trim()),
  );
  return {
    entry: pathToFileURL(join(library, 'dist/index.js')).href,
    folder,
    env: {
      ...process.env,
      LD_PRELOAD: preload.join(' '),
      LD_LIBRARY_PATH: join(built, 'standin'),
      FOVEATE_TENSORRT_PATH: tensorrt,
      FOVEATE_ONNXRUNTIME_PATH: onnxRuntimeLibrary(),
      ASAN_OPTIONS: 'detect_leaks=0',
      UBSAN_OPTIONS: 'print_stacktrace=1',
      TSAN_OPTIONS: `suppressions=${join(projectRoot, 'tests/native/tsan.supp')} halt_on_error=1 ignore_noninstrumented_modules=1`,
    },
  };
}

/** Why the program failed; undefined where it did not. */
function run(name, { entry, folder, env }) {
  const given = {
    model: join(projectRoot, 'tests/native/fixtures/dynamic.onnx'),
    detector: join(projectRoot, 'examples/models/shapes-detector.onnx'),
    picture: join(projectRoot, 'examples/pictures/shapes-640x480.jpg'),
    folder,
  };
  const injected = name === 'lost' ? { FOVEATE_STANDIN_TENSORRT: 'lose-enqueue=12' } : {};
  const child = spawn(process.execPath, [join(import.meta.dirname, 'child.mjs'), entry, name, JSON.stringify(given)], {
    env: { ...env, ...injected, FOVEATE_CACHE_DIR: join(folder, `cache-${name}`) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => (text += part));
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const isClean = code === 0 && !/Sanitizer|runtime error:/.test(text);
      resolve(isClean ? undefined : `it ended with ${signal ?? code}\n${text}`);
    });
  });
}

if (process.argv[1] === import.meta.filename) {
  const [, , sanitizer] = process.argv;
  const counts = await runSanitizedPrograms(sanitizer);
  console.log(counts);
  process.exitCode = counts.failed === 0 ? 0 : 1;
}
