import type { Dirent, Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';

import { fileIdentity } from './file-identity.js';

/** Files in a folder that are taken for pictures. */
export const pictureExtensions: ReadonlySet<string> = new Set([
  '.jpg',
  '.jpeg',
  '.png',
  '.webp',
  '.gif',
  '.tif',
  '.tiff',
  '.avif',
  '.svg',
]);

/** What was found in a folder. */
export interface FolderPictures {
  readonly pictures: string[];
  /** Folders that cannot be read, and why. */
  readonly unreadable: { readonly path: string; readonly cause: unknown }[];
  /** Files that are not pictures by their names. */
  passedOver: number;
  /** Whether there are folders within that were not looked into. */
  nested: boolean;
}

/**
 * The pictures of a folder and, if `recursive`, of those within: in no particular order, hidden files and folders left out. Links are followed, and
 * each folder is looked into once, whatever leads to it. A link that leads nowhere counts as the picture that it is named as.
 */
export async function picturesOfFolder(folder: string, recursive: boolean, signal: AbortSignal): Promise<FolderPictures> {
  const found: FolderPictures = { pictures: [], unreadable: [], passedOver: 0, nested: false };
  const seen = new Set<string | undefined>();
  const folders = [folder];
  for (let path = folders.pop(); path !== undefined; path = folders.pop()) {
    signal.throwIfAborted();
    const identity = await fileIdentity(path);
    if (seen.has(identity)) continue;
    seen.add(identity);
    let entries: Dirent[];
    try {
      entries = await readdir(path, { withFileTypes: true });
    } catch (cause) {
      found.unreadable.push({ path, cause });
      continue;
    }
    for (const entry of entries.filter(({ name }) => !name.startsWith('.'))) {
      const inner = join(path, entry.name);
      const target: Dirent | Stats | undefined = entry.isSymbolicLink() ? await stat(inner).catch(() => undefined) : entry;
      if (target?.isDirectory()) {
        if (recursive) folders.push(inner);
        else found.nested = true;
      } else if (pictureExtensions.has(extname(entry.name).toLowerCase()) && (target?.isFile() ?? true)) {
        found.pictures.push(inner);
      } else {
        found.passedOver++;
      }
    }
  }
  return found;
}
