/** The licences of what others wrote and a file of ours holds. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { projectRoot } from './commands.mjs';

const rule = '='.repeat(80);

/** @param {readonly { title: string, text: string }[]} notices */
export function formatNotices(notices) {
  return notices.map(({ title, text }) => `${rule}\n${title}\n${rule}\n\n${text.trim()}\n`).join('\n');
}

/** The notices of the npm packages that these files are of, the package's own ones left out. */
export function packageNotices(files) {
  const marker = `${join(projectRoot, 'node_modules')}/`;
  const filesOf = new Map();
  for (const file of files.filter((path) => path.includes('node_modules/'))) {
    const [, scope, name] = /.*node_modules\/(?:(@[^/]+)\/)?([^/]+)/.exec(file);
    const folder = file.slice(0, file.lastIndexOf(marker) + marker.length) + (scope === undefined ? name : `${scope}/${name}`);
    filesOf.set(folder, [...(filesOf.get(folder) ?? []), file]);
  }
  return [...filesOf].sort().map(([folder, ofPackage]) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return { title: `${name} ${version} (${license})`, text: licenseOf(folder, license, ofPackage) };
  });
}

/** The text in the package. One that only names the Apache License tells the rest at the head of its files. */
function licenseOf(folder, license, files) {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  if (file !== undefined) return readFileSync(join(folder, file), 'utf8');
  if (!license.includes('Apache-2.0')) throw new Error(`${folder} holds no licence`);
  const heads = files.map((path) => /^(?:\s*\/\/.*\n)+/.exec(readFileSync(path, 'utf8'))?.[0] ?? '');
  const apache = readFileSync(join(projectRoot, 'node_modules/typescript/LICENSE.txt'), 'utf8');
  return [...new Set(heads.map((head) => head.replaceAll(/^\s*\/\/ ?/gm, '').trim())), apache.trim()].join('\n\n');
}
