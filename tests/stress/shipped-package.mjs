/** The package as it is shipped, in a folder of its own: the prebuild, not the build folder, and no sources. */
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const projectRoot = join(import.meta.dirname, '../..');

/** A small model of tests/native/fixtures. */
export function fixture(name) {
  return join(projectRoot, 'tests/native/fixtures', name);
}

/** A file of examples/. */
export function example(name) {
  return join(projectRoot, 'examples', name);
}

/**
 * Copies what the package holds to a temporary folder; dependencies are those of the checkout.
 *
 * @returns {{ url: string, remove: () => void }} The `file:` URL to import, and the way to tidy up.
 */
export function shippedPackage() {
  const prebuild = join('prebuilds', `${process.platform}-${process.arch}`, 'foveate.glibc.node');
  for (const part of ['dist/index.js', prebuild]) {
    if (!existsSync(join(projectRoot, part)))
      throw new Error(`${part} is missing: run npm run build:ts and npm run build:prebuild`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'foveate-shipped-'));
  for (const part of ['dist', 'prebuilds', 'package.json'])
    cpSync(join(projectRoot, part), join(folder, part), { recursive: true });
  symlinkSync(join(projectRoot, 'node_modules'), join(folder, 'node_modules'));
  return {
    url: pathToFileURL(join(folder, 'dist/index.js')).href,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Whole numbers from the command line, `--rounds 20 --workers 16`, over defaults. */
export function numbersFrom(defaults) {
  const numbers = { ...defaults };
  for (let i = 2; i < process.argv.length; i += 2) {
    const name = process.argv[i].replace(/^--/, '');
    if (!(name in defaults)) throw new Error(`Unknown option ${process.argv[i]}; known: ${Object.keys(defaults).join(', ')}`);
    numbers[name] = Number(process.argv[i + 1]);
  }
  return numbers;
}
