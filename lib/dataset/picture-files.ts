import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import nodePath from 'node:path';

import { unreadable } from './source-file.js';
import { invalidAt } from './source-place.js';
import type { SourcePlace } from './dataset.js';

/** Files that are taken for pictures, by their names. */
const pictureExtensions: ReadonlySet<string> = new Set([
  '.jpg',
  '.jpeg',
  '.png',
  '.bmp',
  '.webp',
  '.gif',
  '.tif',
  '.tiff',
  '.avif',
]);

export function isPictureName(name: string): boolean {
  return pictureExtensions.has(nodePath.extname(name).toLowerCase());
}

/** The name without its extension. */
export function stemOf(name: string): string {
  return name.slice(0, name.length - nodePath.extname(name).length);
}

/** By code points, as Python sorts: the order of classes in folders must be that of training. */
export function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export interface FolderEntries {
  /** Sorted, hidden ones left out; links count as what they lead to. */
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** What is in a folder. Rejects with DATASET_NOT_FOUND. */
export async function readFolder(folder: string): Promise<FolderEntries> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw unreadable({ file: folder }, error);
  }
  const files: string[] = [];
  const folders: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const isFolder = entry.isSymbolicLink() ? await isDirectory(nodePath.join(folder, entry.name)) : entry.isDirectory();
    (isFolder ? folders : files).push(entry.name);
  }
  return { files: files.sort(compareNames), folders: folders.sort(compareNames) };
}

export async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

export async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

/** Paths of all files in a folder and those within, with `/`, relative to it and sorted. Each folder is read once, whatever links lead to it. */
export async function filesWithin(folder: string): Promise<string[]> {
  const seen = new Set<string>();
  const found: string[] = [];
  const walk = async (prefix: string): Promise<void> => {
    const path = nodePath.join(folder, prefix);
    const { dev, ino } = await stat(path).catch((error: unknown) => {
      throw unreadable({ file: path }, error);
    });
    const identity = `${dev}:${ino}`;
    if (seen.has(identity)) return;
    seen.add(identity);
    const { files, folders } = await readFolder(path);
    found.push(...files.map((name) => prefix + name));
    for (const name of folders) await walk(`${prefix}${name}/`);
  };
  await walk('');
  return found.sort(compareNames);
}

/**
 * The path of a picture that a data set names, and that name with `/` and without `.` and `..`. Names that lead out of the folder of pictures are refused:
 * a data set from elsewhere is to open no file that is not its own. Throws DATASET_INVALID.
 */
export function resolvePictureName(
  folder: string,
  name: string,
  place: SourcePlace,
): { readonly path: string; readonly name: string } {
  const path = nodePath.resolve(folder, name);
  const relative = nodePath.relative(folder, path);
  if (name.includes('\0') || relative === '' || /^\.\.(?:\/|\\|$)/.test(relative) || nodePath.isAbsolute(relative)) {
    throw invalidAt(
      place,
      `${JSON.stringify(name)} leads out of the folder of pictures, ${JSON.stringify(folder)}`,
      'Name the folder that holds all pictures with the option images.',
    );
  }
  return { path, name: relative.split(nodePath.sep).join('/') };
}
