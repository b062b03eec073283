/**
 * Pinned source files, kept in the cache. Each comes through the ordinary client of its registry, with the mirror and
 * the credentials that the user has set up for that client, and is checked against the pinned hash here.
 */
import { createHash } from 'node:crypto';
import { cpSync, createReadStream, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ensureEntry } from './cache.mjs';
import { output, run, SetupError, which } from './process.mjs';

/**
 * A file of a PyPI release. `pip download` would run the build system of a source release only to read its metadata;
 * unearth takes the file and nothing else.
 *
 * @param {import('./tools.mjs').Tools} tools
 * @param {object} source
 * @param {string} source.requirement `name==version`
 * @param {string[]} source.select Options of unearth that select one file of the release.
 * @param {string} source.sha256 Hexadecimal.
 * @param {string} source.reason
 * @returns {Promise<string>} Path of the file.
 */
export async function ensurePyPiFile(tools, { requirement, select, sha256, reason }) {
  const folder = await ensureEntry({
    name: `download-${requirement.replace('==', '-')}-${sha256.slice(0, 12)}`,
    reason,
    build: async (partial, { log }) => {
      const mirror = output(tools.python, ['-m', 'pip', 'config', 'get', 'global.index-url']);
      const index = process.env.PIP_INDEX_URL || mirror;
      const args = ['-m', 'unearth', ...(index ? ['--index-url', index] : []), ...select, '-d', partial, requirement];
      await run(tools.python, args, { log });
      await checkDigest(onlyFile(partial), 'sha256', 'hex', sha256);
    },
  });
  return onlyFile(folder);
}

/**
 * The tarball of an npm package.
 *
 * @param {object} source
 * @param {string} source.name
 * @param {string} source.version
 * @param {string} source.integrity As in package-lock.json: `sha512-` and base64.
 * @param {string} source.reason
 * @returns {Promise<string>} Path of the file.
 */
export async function ensureNpmTarball({ name, version, integrity, reason }) {
  const [algorithm, digest] = integrity.split(/-(.*)/s);
  const folder = await ensureEntry({
    name: `download-${name}-${version}-${Buffer.from(digest, 'base64').toString('hex').slice(0, 12)}`,
    reason,
    build: async (partial, { log }) => {
      const args = ['pack', `${name}@${version}`, '--ignore-scripts', '--pack-destination', partial];
      // In an empty folder: no .npmrc and no workspace of the checkout may steer it.
      await run('npm', args, { log, cwd: partial });
      await checkDigest(onlyFile(partial), algorithm, 'base64', digest);
    },
  });
  return onlyFile(folder);
}

/**
 * A file of a Maven artifact.
 *
 * @param {object} source
 * @param {string} source.coordinates `group:name:version:type:classifier`
 * @param {string} source.sha256 Hexadecimal.
 * @param {string} source.reason
 * @returns {Promise<string>} Path of the file.
 */
export async function ensureMavenFile({ coordinates, sha256, reason }) {
  const [, name, version] = coordinates.split(':');
  const folder = await ensureEntry({
    name: `download-${name}-${version}-${sha256.slice(0, 12)}`,
    reason,
    build: async (partial, { log, scratch }) => {
      if (which('mvn') === undefined)
        throw new SetupError(`Maven is missing, which fetches ${coordinates}. Run:\n  apt-get install -y maven`);
      // A repository of its own: the file would lie in the user's as well.
      const options = [`-Dartifact=${coordinates}`, `-DoutputDirectory=${partial}`, `-Dmaven.repo.local=${scratch}`];
      const args = ['-B', '-ntp', 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy', ...options];
      await run('mvn', args, { log, cwd: scratch });
      await checkDigest(onlyFile(partial), 'sha256', 'hex', sha256);
    },
  });
  return onlyFile(folder);
}

/**
 * A folder of a Rust crate. Cargo has no command that loads one crate alone: those that it depends on come along, and are
 * thrown away.
 *
 * @param {object} source
 * @param {string} source.name
 * @param {string} source.version
 * @param {string} source.sha256 Of the crate, hexadecimal: what Cargo has checked the file against.
 * @param {string} source.folder Path in the crate.
 * @param {string} source.reason
 * @returns {Promise<string>} Path of the folder.
 */
export async function ensureCrateFolder({ name, version, sha256, folder, reason }) {
  return ensureEntry({
    name: `download-${name}-${version}-${sha256.slice(0, 12)}`,
    reason,
    build: async (partial, { log, scratch }) => {
      const manifest = `[package]\nname = "download"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n`;
      writeFileSync(join(scratch, 'Cargo.toml'), `${manifest}[dependencies]\n${name} = "=${version}"\n`);
      writeFileSync(join(scratch, 'lib.rs'), '');
      await run('cargo', ['vendor', '--quiet', '--versioned-dirs', 'crates'], { log, cwd: scratch });
      const crate = join(scratch, 'crates', `${name}-${version}`);
      const received = JSON.parse(readFileSync(join(crate, '.cargo-checksum.json'), 'utf8')).package;
      expectDigest(crate, 'sha256', sha256, received);
      cpSync(join(crate, folder), partial, { recursive: true });
    },
  });
}

function onlyFile(folder) {
  const names = readdirSync(folder);
  if (names.length !== 1) throw new SetupError(`Expected one downloaded file in ${folder}, found ${names.length}`);
  return join(folder, names[0]);
}

async function checkDigest(file, algorithm, encoding, expected) {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(file), hash);
  expectDigest(file, algorithm, expected, hash.digest(encoding));
}

function expectDigest(file, algorithm, expected, received) {
  if (received !== expected) {
    throw new SetupError(`${file} is not the pinned one.\n  expected ${algorithm} ${expected}\n  received ${received}`);
  }
}
