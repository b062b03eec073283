/** The stand-ins as libraries, for processes that are to find them in place of the vendor's. For tests and benchmarks alike. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';

const projectRoot = join(import.meta.dirname, '../..');

/** The folder of libcuda.so.1, for LD_LIBRARY_PATH. What it is told, it is told in FOVEATE_STANDIN_CUDA: see cuda/standin.h. */
export function standinCuda() {
  return compiled({
    name: 'cuda',
    files: ['libcuda.so.1'],
    sources: ['tests/standin/cuda'],
    headers: ['native/runtime/cuda'],
  });
}

/**
 * The folder of libnvinfer.so.10 and its parser, those of TensorRT 10, for FOVEATE_TENSORRT_PATH. What they are told, they are told in
 * FOVEATE_STANDIN_TENSORRT: see tensorrt/standin.h.
 */
export function standinTensorRt() {
  const own = ['driver', 'engine', 'execution', 'injection', 'network', 'onnx_file', 'plan', 'table_build', 'table_run'];
  return compiled({
    name: 'tensorrt',
    files: ['libnvinfer.so.10', 'libnvonnxparser.so.10'],
    sources: [
      ...own.map((name) => `tests/standin/tensorrt/${name}.cc`),
      ...['native/core', 'native/runtime', 'native/runtime/onnxruntime', 'native/runtime/tensorrt/dims.cc'],
    ],
    flags: [
      '-DSTANDIN_RELEASES=1',
      `-I${join(projectRoot, 'tests/standin/tensorrt')}`,
      `-Wl,--version-script=${join(projectRoot, 'tests/standin/tensorrt/exports.map')}`,
    ],
  });
}

/**
 * What the stand-in driver of this process counts at this moment, where FOVEATE_STANDIN_CUDA has `reports=FOLDER`.
 *
 * @returns {Promise<Readonly<Record<string, number>>>}
 */
export async function standinCounts() {
  const [, folder] = /reports=([^,]+)/.exec(process.env.FOVEATE_STANDIN_CUDA ?? '') ?? [];
  let text = '';
  for await (const part of createConnection(join(folder, String(process.pid))).setEncoding('utf8')) text += part;
  const lines = text.trim().split('\n');
  return Object.fromEntries(lines.map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]));
}

/**
 * Whether this process runs on the stand-ins, told by what it has loaded and not by what anybody said: so that a number of theirs is never taken for one of
 * a GPU. To be asked once a driver or a TensorRT was used.
 *
 * @returns {boolean} Throws where one is a stand-in and the other is not.
 */
export function runsOnStandins() {
  const maps = readFileSync('/proc/self/maps', 'utf8');
  const loaded = new Set(maps.match(/\/\S*\/lib(?:cuda|nvinfer|tensorrt_rtx)\.so\S*/g) ?? []);
  const standins = [...loaded].filter((path) => /standin_(?:tensorrt_)?count/.test(readFileSync(path, 'latin1')));
  if (standins.length > 0 && standins.length < loaded.size)
    throw new Error(`A stand-in runs beside a library that is none: ${[...loaded].join(', ')}`);
  return standins.length > 0;
}

/**
 * Compiles a library, once for as long as its sources and the headers beside them stay the same: some seconds.
 *
 * @param {object} library
 * @param {string} library.name Of its folder: 'cuda'.
 * @param {readonly string[]} library.files As the vendor's library is called; the others are links to it.
 * @param {readonly string[]} library.sources Folders of the project, or files; of a folder, all sources.
 * @param {readonly string[]} [library.headers] Folders of headers that they include, besides their own.
 * @param {readonly string[]} [library.flags]
 * @returns {string} The folder of its files.
 */
function compiled({ name, files, sources, headers: others = [], flags = [] }) {
  const all = sources.flatMap((source) =>
    source.endsWith('.cc')
      ? [source]
      : readdirSync(join(projectRoot, source))
          .filter((file) => file.endsWith('.cc'))
          .map((file) => `${source}/${file}`),
  );
  const folders = [...new Set(all.map((file) => file.slice(0, file.lastIndexOf('/'))))];
  const headers = [...folders, ...others].flatMap((folder) =>
    readdirSync(join(projectRoot, folder))
      .filter((file) => file.endsWith('.h'))
      .map((file) => `${folder}/${file}`),
  );
  const [file, ...links] = files;
  const args = [
    ...['-std=c++20', '-g', '-shared', '-fPIC', '-pthread', `-I${join(projectRoot, 'native')}`, ...flags],
    ...all.map((source) => join(projectRoot, source)),
    ...[`-Wl,-soname,${file}`, '-Wl,--no-undefined', '-ldl'],
  ];
  const hash = createHash('sha256').update(JSON.stringify([files, args]));
  for (const read of [...all, ...headers]) hash.update(readFileSync(join(projectRoot, read)));
  const build = join(projectRoot, 'build');
  const folder = join(build, `standin-${name}-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(build, { recursive: true });
  const partial = mkdtempSync(join(build, `standin-${name}-`));
  execFileSync('g++', [...args, '-o', join(partial, file)]);
  for (const link of links) symlinkSync(file, join(partial, link));
  try {
    renameSync(partial, folder); // whole, or not there
  } catch (error) {
    rmSync(partial, { recursive: true });
    if (!existsSync(folder)) throw error; // else another process was faster
  }
  return folder;
}
