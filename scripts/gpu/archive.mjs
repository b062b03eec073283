/** Archives in parts: a tar, packed with gzip, cut where a part is full, with the SHA-256 of each part in the form that sha256sum reads. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { SetupError } from '../setup/process.mjs';

/** Of a part, in bytes. */
const partBytes = 50 * 2 ** 20;

/**
 * What an archive is made of: files and whole folders of the folder `from`, and where they are unpacked to.
 *
 * @typedef {{ from: string, paths: readonly string[], to: string }} Content
 */

/** Path, bytes and time of each file, links included. */
function filesOf({ from, paths }) {
  const inside = (path) => {
    const stat = lstatSync(join(from, path), { throwIfNoEntry: false });
    if (stat === undefined) throw new SetupError(`${join(from, path)} is missing`);
    if (!stat.isDirectory()) return [[path, stat.size, stat.mtimeMs]];
    return readdirSync(join(from, path))
      .sort()
      .flatMap((name) => inside(join(path, name)));
  };
  return paths.flatMap(inside);
}

/** @param {Content} content */
export function bytesOf(content) {
  return filesOf(content).reduce((sum, [, bytes]) => sum + bytes, 0);
}

/**
 * Writes `<name>.part-000` and so on and, when all are there, `<name>.sha256`. Where they are there already, of the same files, nothing is done.
 *
 * @param {string} folder
 * @param {string} name
 * @param {Content} content
 * @returns {Promise<{ parts: number, bytes: number, fresh: boolean }>} `fresh`: they were written now.
 */
export async function writeArchive(folder, name, content) {
  const list = join(folder, `${name}.sha256`);
  const files = filesOf(content);
  const key = createHash('sha256')
    .update(JSON.stringify([content.to, files]))
    .digest('hex');
  const present = existsSync(list) ? readFileSync(list, 'utf8').trim().split('\n') : [];
  const isWhole = present.every((line) => existsSync(join(folder, line.split('  ')[1])));
  const keyFile = join(folder, `${name}.key`);
  if (present.length > 0 && isWhole && existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key)
    return { ...sizeOf(folder, present), fresh: false };
  removeArchive(folder, name);
  const lines = await cut(
    folder,
    name,
    content,
    files.map(([path]) => path),
  );
  writeFileSync(keyFile, key);
  writeFileSync(list, `${lines.join('\n')}\n`);
  return { ...sizeOf(folder, lines), fresh: true };
}

/** Removes what `writeArchive` wrote. */
export function removeArchive(folder, name) {
  const isOurs = new RegExp(`^${name}\\.(?:part-\\d+|sha256|key)$`);
  for (const file of readdirSync(folder)) if (isOurs.test(file)) rmSync(join(folder, file));
}

function sizeOf(folder, lines) {
  const bytes = lines.reduce((sum, line) => sum + statSync(join(folder, line.split('  ')[1])).size, 0);
  return { parts: lines.length, bytes };
}

/** Packs and cuts; a line for sha256sum for each part. */
async function cut(folder, name, { from, to }, paths) {
  // Links keep what they point to: only names are moved.
  const moved = to === '' ? [] : ['--transform', `s,^,${to}/,rSH`];
  const steady = ['--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--no-recursion'];
  const tar = spawn('tar', ['-C', from, ...steady, ...moved, '--null', '--files-from=-', '-cz'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve, reject) => {
    tar.on('error', reject);
    tar.on('close', (code) =>
      code === 0 ? resolve() : reject(new SetupError(`tar ended with exit code ${code} at the archive ${name}`)),
    );
  });
  tar.stdin.end(paths.map((path) => `${relative(from, join(from, path))}\0`).join(''));
  const lines = [];
  let part;
  const finish = async () => {
    await part.file.close();
    lines.push(`${part.hash.digest('hex')}  ${part.name}`);
    part = undefined;
  };
  for await (let chunk of tar.stdout) {
    while (chunk.length > 0) {
      if (part === undefined) {
        const next = `${name}.part-${String(lines.length).padStart(3, '0')}`;
        part = { name: next, file: await open(join(folder, next), 'w'), hash: createHash('sha256'), left: partBytes };
      }
      const piece = chunk.subarray(0, part.left);
      await part.file.write(piece);
      part.hash.update(piece);
      part.left -= piece.length;
      chunk = chunk.subarray(piece.length);
      if (part.left === 0) await finish();
    }
  }
  if (part !== undefined) await finish();
  await ended;
  return lines;
}
