/**
 * A user's project: an empty folder into which the packed package, its carrier and its dependencies are installed from local tarballs, with
 * no network, no scripts and no compiler in reach.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { carrierPackage } from '../../lib/engine/index.js';
import { projectRoot, runProgram, type ChildResult } from './node-child.js';

export interface Consumer {
  readonly folder: string;
  readonly packageTarball: string;
  /** Runs Node in the folder, with nothing but Node and the system's basic commands on PATH. */
  run(args: readonly string[]): Promise<ChildResult>;
  remove(): void;
}

/** The path of a program, or undefined. */
function which(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** npm itself, as a script for Node: what is on PATH is a link to it. */
function npmScript(): string {
  const npm = which('npm');
  if (npm === undefined) throw new Error('npm is not on PATH');
  return realpathSync(npm);
}

/** A bin folder of exactly these programs. */
function sparseBin(folder: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  for (const name of ['sh', 'env', 'cat', 'ls', 'mkdir', 'rm', 'cp', 'dirname', 'uname']) {
    const program = which(name);
    if (program !== undefined) symlinkSync(program, join(bin, name));
  }
  return bin;
}

/** The folders of all packages that the library needs, by name. */
function dependencies(): Map<string, string> {
  const lock = JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>;
  };
  const found = new Map<string, string>();
  for (const [path, { dev }] of Object.entries(lock.packages)) {
    const folder = join(projectRoot, path);
    if (path === '' || dev === true || !existsSync(folder)) continue;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (found.has(name)) throw new Error(`The library needs two versions of ${name}; this test installs one of each package`);
    found.set(name, folder);
  }
  return found;
}

async function run(program: string, args: readonly string[], cwd = projectRoot, env = {}): Promise<string> {
  const { code, signal, stdout, stderr } = await runProgram(program, args, { cwd, env, timeoutMs: 250_000 });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${signal ?? code}\n${stdout}\n${stderr}`);
  return stdout.trim();
}

/** Packs everything and installs it. */
export async function installConsumer(): Promise<Consumer> {
  const root = mkdtempSync(join(tmpdir(), 'foveate-consumer-'));
  const tarballs = join(root, 'tarballs');
  const folder = join(root, 'project');
  for (const made of [tarballs, folder]) mkdirSync(made);

  await run(process.execPath, ['scripts/pack-package.mjs', '-o', tarballs]);
  const packageTarball = join(tarballs, readdirSync(tarballs)[0] as string);
  const carrier = (await run(process.execPath, ['scripts/pack-carrier.mjs', '-o', tarballs])).split('\n').at(-1) as string;
  const needed = dependencies();
  const packed = JSON.parse(
    await run(process.execPath, [
      npmScript(),
      'pack',
      '--json',
      '--ignore-scripts',
      '--pack-destination',
      tarballs,
      ...needed.values(),
    ]),
  ) as { name: string; filename: string }[];

  const files = { foveate: packageTarball, [carrierPackage]: carrier };
  for (const { name, filename } of packed) files[name] = join(tarballs, filename.replace('@', '').replace('/', '-'));
  const wanted = Object.fromEntries(Object.entries(files).map(([name, file]) => [name, `file:${file}`]));
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'consumer', private: true, type: 'module', dependencies: wanted }),
  );

  const bin = sparseBin(root);
  // No registry answers there, and the cache of the user is out of reach: what is not in a tarball is not installed.
  const env = {
    PATH: bin,
    npm_config_registry: 'http://127.0.0.1:9/',
    npm_config_cache: join(root, 'cache'),
    FOVEATE_ONNXRUNTIME_PATH: undefined,
    NODE_PATH: undefined,
  };
  await run(process.execPath, [npmScript(), 'install', '--ignore-scripts', '--offline', '--no-audit', '--no-fund'], folder, env);
  return {
    folder,
    packageTarball,
    run: (args) => runProgram(process.execPath, args, { cwd: folder, env }),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
