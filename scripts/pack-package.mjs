/**
 * `npm run build:package [-- -o DIR]`: the npm package as it is published.
 *
 * The published package.json differs from the checkout's: it names the carriers as optional dependencies (the checkout links its own,
 * which may not be published yet), and leaves out what only a checkout uses.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { projectRoot, runVisibly } from './commands.mjs';
import { carrierPackage, carrierVersion } from './setup/carrier.mjs';
import { targets } from './setup/toolchains.mjs';

const { values } = parseArgs({ options: { output: { type: 'string', short: 'o', default: 'build/package' } } });
const output = resolve(values.output);

const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
for (const field of ['scripts', 'devDependencies', 'binary']) delete manifest[field];
manifest.optionalDependencies = Object.fromEntries(
  Object.keys(targets).map((target) => [carrierPackage(target), carrierVersion]),
);

const staging = mkdtempSync(join(tmpdir(), 'foveate-package-'));
try {
  // What is left out of a folder, npm leaves out.
  for (const entry of [...manifest.files.filter((name) => !name.startsWith('!')), 'README.md']) {
    if (!existsSync(join(projectRoot, entry)))
      throw new Error(`${entry} is missing: run npm run build and npm run build:prebuild first`);
    cpSync(join(projectRoot, entry), join(staging, entry), { recursive: true });
  }
  writeFileSync(join(staging, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  mkdirSync(output, { recursive: true });
  await runVisibly('npm', ['pack', staging, '--pack-destination', output, '--loglevel', 'error']);
} finally {
  rmSync(staging, { recursive: true, force: true });
}
