import { open } from 'node:fs/promises';
import nodePath from 'node:path';

import type { DatasetFormat } from './dataset.js';
import { wnidOf } from './imagenet.js';
import { findMaskFolders } from './masks.js';
import { filesWithin, isDirectory, isPictureName, readFolder, type FolderEntries } from './picture-files.js';
import { missingAt, unsupportedAt } from './source-place.js';
import { splitNames } from './splits.js';

/** What a data set is read as, and from which file or folder. */
export interface Recognized {
  readonly format: DatasetFormat;
  readonly path: string;
}

const formats =
  'COCO (a .json), YOLO (data.yaml), PASCAL VOC (Annotations), ImageNet (a folder per class), pictures and masks (images, masks), CSV (image,label)';

/** The files of a format in a folder, by the name's ending; more than one are told apart by the split in their names. */
const filePatterns: readonly (readonly [DatasetFormat, RegExp])[] = [
  ['yolo', /\.ya?ml$/i],
  ['coco', /\.json$/i],
  ['csv', /\.csv$/i],
];

/**
 * What there is at a path. Rejects with DATASET_NOT_FOUND, and with DATASET_UNSUPPORTED where that is no data set, or several.
 *
 * @param format Only this one is looked for.
 */
export async function recognize(path: string, format: DatasetFormat | undefined, split: string | undefined): Promise<Recognized> {
  if (!(await isDirectory(path))) return recognizeFile(path, format);
  const all = await candidatesIn(path, split);
  const found = format === undefined ? all : all.filter((candidate) => candidate.format === format);
  const [first] = found;
  // Folders of any names may be those of classes: only where there is nothing else.
  const fitting = found.length > 1 ? found.filter(({ format: name }) => name !== 'imagenet') : found;
  if (first !== undefined && fitting.length === 1) return fitting[0] as Recognized;
  if (first === undefined) {
    if (format !== undefined && !filePatterns.some(([name]) => name === format)) return { format, path };
    const what = format === undefined ? 'no data set that is known' : `nothing of the format ${format}`;
    throw unsupportedAt({ file: path }, `there is ${what} in the folder`, `Known are ${formats}.`);
  }
  const names = fitting.map(({ format: name, path: file }) => `${name} (${nodePath.relative(path, file) || 'the folder'})`);
  throw unsupportedAt(
    { file: path },
    `it is more than one data set: ${names.join(', ')}`,
    'Open one of the files, or name the format with the option format, or the split with the option split.',
  );
}

async function recognizeFile(path: string, format: DatasetFormat | undefined): Promise<Recognized> {
  if (format !== undefined) return { format, path };
  const known = filePatterns.find(([, pattern]) => pattern.test(path));
  if (known !== undefined) return { format: known[0], path };
  const handle = await open(path).catch((error: unknown) => {
    throw missingAt({ file: path }, 'there is no such file or folder', undefined, error);
  });
  await handle.close();
  throw unsupportedAt({ file: path }, 'it is no file of a data set that is known', `Known are ${formats}.`);
}

async function candidatesIn(path: string, split: string | undefined): Promise<readonly Recognized[]> {
  const entries = await readFolder(path);
  const found: Recognized[] = [];
  for (const [format, pattern] of filePatterns) {
    const files = await filesOf(path, entries, pattern, format);
    const named =
      split === undefined ? [] : files.filter((file) => nodePath.basename(file).toLowerCase().includes(split.toLowerCase()));
    found.push(...(named.length > 0 ? named : files).map((file) => ({ format, path: file })));
  }
  if (await isVoc(path, entries)) found.push({ format: 'voc', path });
  else if (await hasMasks(path, entries)) found.push({ format: 'masks', path });
  if (found.length === 0 && (await hasClasses(path, entries))) found.push({ format: 'imagenet', path });
  return found;
}

/** COCO's lie in a folder `annotations` too. */
async function filesOf(
  path: string,
  { files, folders }: FolderEntries,
  pattern: RegExp,
  format: DatasetFormat,
): Promise<string[]> {
  const paths = files.filter((name) => pattern.test(name)).map((name) => nodePath.join(path, name));
  if (format === 'coco' && folders.includes('annotations')) {
    const inside = await readFolder(nodePath.join(path, 'annotations'));
    paths.push(...inside.files.filter((name) => pattern.test(name)).map((name) => nodePath.join(path, 'annotations', name)));
  }
  const sure: string[] = [];
  for (const file of paths) if (await looksLike(file, format)) sure.push(file);
  return sure;
}

const startBytes = 2 ** 16;

/** What the beginnings of such files have, and others of the extension have not. */
const marks: Readonly<Partial<Record<DatasetFormat, RegExp>>> = {
  coco: /^\s*\{[^]*"(?:images|annotations|categories)"\s*:\s*\[/,
  yolo: /^(?:names|train|val|test)[ ]*:/m,
};

/** What is named so is meant to be one, whatever is wrong with it. */
const sureNames = /^(?:data\.ya?ml|_annotations\.coco\.json)$/i;

async function looksLike(file: string, format: DatasetFormat): Promise<boolean> {
  const mark = marks[format];
  if (mark === undefined || sureNames.test(nodePath.basename(file))) return true;
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return true; // its reader says what is wrong
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(startBytes), 0, startBytes, 0);
    return mark.test(buffer.toString('utf8', 0, bytesRead).replace(/^\ufeff/, ''));
  } catch {
    return true;
  } finally {
    await handle.close();
  }
}

/** Objects, or pixels alone. */
async function isVoc(path: string, { folders }: FolderEntries): Promise<boolean> {
  if (folders.includes('SegmentationClass')) return true;
  if (!folders.includes('Annotations')) return false;
  return (await readFolder(nodePath.join(path, 'Annotations'))).files.some((name) => /\.xml$/i.test(name));
}

async function hasMasks(path: string, { folders }: FolderEntries): Promise<boolean> {
  if ((await findMaskFolders(path)) !== undefined) return true;
  for (const name of folders.filter((folder) => splitNames.has(folder.toLowerCase()))) {
    if ((await findMaskFolders(nodePath.join(path, name))) !== undefined) return true;
  }
  return false;
}

/** Folders that hold parts of a data set of another format, and are no classes. */
const partNames: ReadonlySet<string> = new Set(['images', 'labels', 'masks', 'annotations', 'jpegimages', 'imagesets']);

/** Whether there are pictures in folders, as of classes, or with identifiers of classes in their names. */
async function hasClasses(path: string, { files, folders }: FolderEntries): Promise<boolean> {
  if (files.some((name) => isPictureName(name) && wnidOf(name) !== undefined)) return true;
  for (const folder of folders.filter((name) => !partNames.has(name.toLowerCase()))) {
    if ((await filesWithin(nodePath.join(path, folder))).some(isPictureName)) return true;
  }
  return false;
}
