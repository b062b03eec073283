/**
 * The carrier: a package that says where its one file to open is, the ONNX Runtime library of Microsoft's npm package, under another
 * SONAME. glibc gives a library that asks for `libonnxruntime.so.1` whatever is loaded under that name; with the original
 * name, another version of onnxruntime-node in the same process would get ours and fail to load.
 */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { renameSoname } from '../elf.mjs';
import { contentHash, ensureEntry, projectRoot, say } from './cache.mjs';
import { ensureNpmTarball, ensurePyPiFile } from './downloads.mjs';
import { run } from './process.mjs';

const onnxRuntimeVersion = '1.30.0';
/** Raise when the content of the package changes for the same ONNX Runtime. */
const revision = 1;
/** npm drops build metadata (+1), so the revision is a prerelease number: dependents must name the version exactly. */
export const carrierVersion = `${onnxRuntimeVersion}-${revision}`;

const tarball = {
  name: 'onnxruntime-node',
  version: onnxRuntimeVersion,
  integrity: 'sha512-twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==',
};

/** The npm tarball holds no licence texts; the Python wheel of the same release does, alike for every platform. */
const wheel = {
  requirement: `onnxruntime==${onnxRuntimeVersion}`,
  select: ['--only-binary', '--python-version', '3.12', '--platforms', 'manylinux_2_28_x86_64'],
  sha256: 'fa688e7891a6aa206636fe7372e27ee75fd17713289f6b4fc7b190e0a7de9328',
};

const originalName = 'libonnxruntime.so.1';
const carriedName = 'libfoveate_ort.so.1';
const notices = ['LICENSE', 'ThirdPartyNotices.txt'];

/**
 * Name of the package for a target.
 *
 * @param {keyof typeof import('./toolchains.mjs').targets} target
 */
export function carrierPackage(target) {
  return `@foveate/onnxruntime-${target}`;
}

/**
 * The unpacked carrier in the cache.
 *
 * @param {import('./tools.mjs').Tools} tools
 * @param {keyof typeof import('./toolchains.mjs').targets} target
 * @returns {Promise<string>} Folder of the package.
 */
export async function ensureCarrier(tools, target) {
  const manifest = JSON.stringify(packageJson(target), null, 2);
  const readme = readmeText(target);
  const inputs = { recipe: 1, manifest, readme, entry, integrity: tarball.integrity, notices: wheel.sha256 };
  return ensureEntry({
    name: `carrier-${carrierVersion}-${target}-${contentHash(inputs)}`,
    reason: `making ${carrierPackage(target)}: ONNX Runtime ${onnxRuntimeVersion} under a SONAME of its own`,
    build: async (folder, { log, scratch }) => {
      const [, arch] = target.split('-');
      const member = `package/bin/napi-v6/linux/${arch}/${originalName}`;
      const source = await ensureNpmTarball({
        ...tarball,
        reason: `fetching ${tarball.name} ${tarball.version}, which holds the library (114 MB, once)`,
      });
      await run('tar', ['-xzf', source, '-C', scratch, member], { log });
      const library = readFileSync(join(scratch, member));
      renameSoname(library, originalName, carriedName);
      writeFileSync(join(folder, carriedName), library);

      const reason = `fetching the licence texts of ONNX Runtime ${onnxRuntimeVersion} (24 MB, once)`;
      await extractNotices(tools, await ensurePyPiFile(tools, { ...wheel, reason }), folder, log);
      writeFileSync(join(folder, 'package.json'), `${manifest}\n`);
      writeFileSync(join(folder, 'README.md'), readme);
      writeFileSync(join(folder, 'index.cjs'), entry);
      // The packed bytes hold the modes, which would otherwise follow the umask of whoever packs.
      for (const name of [carriedName, 'index.cjs', ...notices, 'package.json', 'README.md'])
        chmodSync(join(folder, name), 0o644);
    },
  });
}

/** All code that the package holds. In this form, file tracers (@vercel/nft) see that the library is needed, and carry it. */
const entry = `module.exports = require('node:path').join(__dirname, '${carriedName}');\n`;

/** Debian's minimal systems have no unzip; Python is there anyway. */
async function extractNotices(tools, wheelFile, folder, log) {
  const script = [
    'import sys, zipfile',
    'wheel, folder, *names = sys.argv[1:]',
    'archive = zipfile.ZipFile(wheel)',
    'for name in names: open(f"{folder}/{name}", "wb").write(archive.read(f"onnxruntime/{name}"))',
  ];
  await run(tools.python, ['-c', script.join('\n'), wheelFile, folder, ...notices], { log });
}

/**
 * Puts the unpacked carrier where a checkout finds it like an installed package. `npm ci` and `npm install` remove what
 * they do not know, so this runs after them, and every time.
 *
 * @param {string} folder From `ensureCarrier`.
 * @param {keyof typeof import('./toolchains.mjs').targets} target
 */
export function linkCarrier(folder, target) {
  const link = join(projectRoot, 'node_modules', carrierPackage(target));
  const present = lstatSync(link, { throwIfNoEntry: false });
  if (present?.isSymbolicLink() && readlinkSync(link) === folder && existsSync(link)) return;
  say(`linking ${carrierPackage(target)} ${carrierVersion} into node_modules, for the checkout to run models`);
  rmSync(link, { recursive: true, force: true });
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(folder, link, 'dir');
}

function packageJson(target) {
  const [os, cpu] = target.split('-');
  return {
    name: carrierPackage(target),
    version: carrierVersion,
    description: `ONNX Runtime ${onnxRuntimeVersion} for foveate on ${os} ${cpu}: one library and its path.`,
    license: 'MIT',
    os: [os],
    cpu: [cpu],
    libc: ['glibc'],
    exports: { '.': './index.cjs', './package.json': './package.json' },
    files: [carriedName, 'index.cjs', ...notices],
    publishConfig: { access: 'public' },
  };
}

function readmeText(target) {
  return `# ${carrierPackage(target)}

The ONNX Runtime library that the package foveate opens on this platform, as its optional dependency.
\`require('${carrierPackage(target)}')\` is its path.

| | |
| --- | --- |
| ONNX Runtime | ${onnxRuntimeVersion}, by Microsoft, MIT licence |
| taken from | npm package \`${tarball.name}@${tarball.version}\`, file \`bin/napi-v6/linux/${target.split('-')[1]}/${originalName}\` |
| integrity of that package | \`${tarball.integrity}\` |
| what was changed | the SONAME, \`${originalName}\` to \`${carriedName}\` (with the version definition that repeats it) |
| licence texts | from the PyPI wheel \`${wheel.requirement}\`, SHA-256 \`${wheel.sha256}\` |

Why the SONAME: the dynamic loader reuses any loaded library of the same SONAME, so with the original name a second
version of ONNX Runtime in one process, such as another package's onnxruntime-node, could not load.
`;
}
