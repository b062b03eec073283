/**
 * Prints a folder in whose node_modules another version of onnxruntime-node lies, as some other package of a user may bring it along.
 * Only the parts for this platform are kept, in the build cache, so that the download (70 MB) happens once. Exits with 3 where it cannot
 * be had.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contentHash, ensureEntry } from '../../scripts/setup/cache.mjs';
import { run, runMain, SetupError } from '../../scripts/setup/process.mjs';

const version = '1.20.1';
const architecture = process.arch;

/** With the hashes that the registry published. */
const packages = [
  {
    name: 'onnxruntime-node',
    sha512: 'di/I4HDXRw+FLgq+TyHmQEDd3cEp9iFFZm0r4uJ1Wd7b/WE1VXtKWo8yemex347c6GNF/3Pv86ZfPhIWxORr0w==',
    parts: ['package/package.json', 'package/dist', `package/bin/napi-v3/linux/${architecture}`],
  },
  {
    name: 'onnxruntime-common',
    sha512: 'YiU0s0IzYYC+gWvqD1HzLc46Du1sXpSiwzKb63PACIJr6LfL27VsXSXQvt68EzD3V0D5Bc0vyJTjmMxp0ylQiw==',
    parts: ['package/package.json', 'package/dist/cjs'],
  },
];

await runMain(async () => {
  const folder = await ensureEntry({
    name: `other-onnxruntime-node-${version}-linux-${architecture}-${contentHash(packages)}`,
    reason: `fetching onnxruntime-node ${version}, to be loaded beside ours in a test (70 MB, once)`,
    build: async (entry, { log, scratch }) => {
      const names = packages.map(({ name }) => `${name}@${version}`);
      await run('npm', ['pack', ...names, '--ignore-scripts', '--pack-destination', scratch], { log, cwd: scratch });
      for (const { name, sha512, parts } of packages) {
        const tarball = join(
          scratch,
          readdirSync(scratch).find((file) => file.startsWith(name)),
        );
        const received = createHash('sha512').update(readFileSync(tarball)).digest('base64');
        if (received !== sha512) throw new SetupError(`${name} ${version} has another hash than the pinned one: ${received}`);
        const target = join(entry, 'node_modules', name);
        mkdirSync(target, { recursive: true });
        await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1', ...parts], { log });
      }
    },
  });
  console.log(folder);
});
