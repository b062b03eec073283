/** The npm packages that the suite needs, with all that these need, as they are installed. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/**
 * @param {string} root Folder of the checkout.
 * @param {readonly string[]} names
 * @returns {string[]} Folders of the packages, from `root` on; those inside others come with them.
 */
export function installedPackages(root, names) {
  const found = new Set();
  const visit = (name, from) => {
    const folder = folderOf(root, name, from);
    if (folder === undefined || found.has(folder)) return;
    found.add(folder);
    const {
      dependencies = {},
      optionalDependencies = {},
      peerDependencies = {},
    } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    for (const other of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) visit(other, folder);
  };
  for (const name of names) visit(name, root);
  const folders = [...found].map((folder) => relative(root, folder)).sort();
  // What is installed inside another package comes with it.
  return folders.filter((folder) => !folders.some((other) => folder.startsWith(`${other}/`)));
}

/** Where Node would find it from a folder; undefined for an optional one that is not for this machine. */
function folderOf(root, name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const place = join(folder, 'node_modules', name);
    if (existsSync(join(place, 'package.json'))) return place;
    if (folder === root) return undefined;
  }
}
