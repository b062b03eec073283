/**
 * Data sets that are broken in one place each, over all formats, and what the error must say of it. The readers were written against this list.
 *
 *     node tests/dataset/broken.mjs FOLDER     # writes every kind into a folder of its own
 *     node tests/dataset/broken.mjs --table    # writes broken-annotations.md
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { brokenCoco } from './broken-coco.mjs';
import { brokenCsv } from './broken-csv.mjs';
import { brokenFolders } from './broken-folders.mjs';
import { brokenVoc } from './broken-voc.mjs';
import { brokenYolo } from './broken-yolo.mjs';

/**
 * @typedef {object} Broken
 * @property {string} name
 * @property {string} format
 * @property {Record<string, string | Uint8Array | null>} files By path in the folder; null is an empty folder.
 * @property {string} open What is opened, in the folder; '' is the folder itself.
 * @property {Record<string, unknown>} [options] Of openDataset; `images` is a path in the folder.
 * @property {string} code
 * @property {string} file Path in the folder of the file that the error must name.
 * @property {number} [line]
 * @property {string} [field]
 * @property {string[]} says What must stand in the message, besides the place.
 */

/** @type {readonly Broken[]} */
export const broken = [...brokenCoco, ...brokenYolo, ...brokenVoc, ...brokenFolders, ...brokenCsv];

/** Writes one kind into the folder. */
export async function writeBroken(folder, { files }) {
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, path);
    await mkdir(content === null ? target : dirname(target), { recursive: true });
    if (content !== null) await writeFile(target, content);
  }
}

export function brokenTable() {
  const cell = (text) => String(text).replaceAll('|', '\\|');
  const rows = broken.map(({ name, format, code, file, line, field, says }) =>
    [name, format, code, file || '(the folder)', line ?? '', field ?? '', says.join(' · ')].map(cell).join(' | '),
  );
  return `# Broken annotations

${broken.length} kinds, made by \`broken.mjs\`. For each: the code of the error, the place that its \`details\` and its message name, and what else the
message must say. Written by \`node tests/dataset/broken.mjs --table\`.

| kind | format | code | file | line | field | says |
| --- | --- | --- | --- | --- | --- | --- |
${rows.map((row) => `| ${row} |`).join('\n')}
`;
}

if (process.argv[1] === import.meta.filename) {
  const target = process.argv[2];
  if (target === undefined) {
    console.error('Usage: broken.mjs FOLDER | --table');
    process.exitCode = 2;
  } else if (target === '--table') {
    await writeFile(join(import.meta.dirname, 'broken-annotations.md'), brokenTable());
  } else {
    for (const kind of broken) await writeBroken(join(target, kind.name), kind);
    console.log(`${broken.length} kinds in ${target}`);
  }
}
