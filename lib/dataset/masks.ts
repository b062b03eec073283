import nodePath from 'node:path';

import { classesOfFile, type NamedClass } from './class-names.js';
import type { Dataset } from './dataset.js';
import { imagesOf } from './images-of.js';
import { MaskClasses } from './label-map.js';
import { Notices } from './notices.js';
import { filesWithin, isDirectory, isFile, isPictureName, readFolder, stemOf } from './picture-files.js';
import { invalidAt, missingAt } from './source-place.js';
import { chooseSplit } from './splits.js';

const withoutMask = { one: 'a picture without a mask, left out', many: 'pictures without masks, left out' };
const withoutPicture = { one: 'a mask without a picture', many: 'masks without pictures' };

const maskFolders = ['masks', 'mask', 'annotations', 'labels'];
const pictureFolders = ['images', 'image', 'imgs'];

/** Files that name the classes, the first that is there counts. */
const classFiles = ['classes.json', 'classes.txt', 'labels.txt', 'labelmap.txt', 'label_colors.txt'];

const maskSuffix = /[-_.](?:mask|labels?|seg)$/i;

export interface MaskFolders {
  readonly pictures: string;
  readonly masks: string;
}

/** The folders of pictures and of masks; those of a split lie within each, or around both. One and the same where masks lie beside pictures. */
export async function findMaskFolders(path: string): Promise<MaskFolders | undefined> {
  const { folders, files } = await readFolder(path);
  const pictures = pictureFolders.find((name) => folders.includes(name));
  if (pictures !== undefined) {
    for (const masks of maskFolders.filter((name) => folders.includes(name))) {
      const inside = await filesWithin(nodePath.join(path, masks));
      if (inside.some((name) => name.toLowerCase().endsWith('.png'))) {
        return { pictures: nodePath.join(path, pictures), masks: nodePath.join(path, masks) };
      }
    }
  }
  return files.some(isMaskBeside) ? { pictures: path, masks: path } : undefined;
}

function isMaskBeside(name: string): boolean {
  return name.toLowerCase().endsWith('.png') && maskSuffix.test(stemOf(name));
}

/**
 * Pictures and masks of one name (or `name-mask`, `name_mask`) in two folders or side by side. Pixels are indices of classes, or colours.
 * Rejects with DATASET_NOT_FOUND, DATASET_INVALID, ABORTED.
 */
export async function openMasks(
  path: string,
  split: string | undefined,
  labels: readonly NamedClass[] | undefined,
): Promise<Dataset> {
  const folders = await foldersOfSplit(path, split);
  const classes = await readClasses(path, folders, labels);
  const notices = new Notices();
  const pairs = await findPairs(folders, notices);
  return {
    format: 'masks',
    task: 'segment',
    path,
    categories: classes.categories,
    size: pairs.length,
    notices: notices.list,
    images: (stop) =>
      imagesOf(
        pairs,
        ({ name, mask }, id) => ({
          id,
          name,
          path: nodePath.join(folders.pictures, name),
          width: undefined,
          height: undefined,
          categories: [],
          annotations: [],
          labelMap: (signal) => classes.read(nodePath.join(folders.masks, mask), signal),
          attributes: {},
        }),
        stop,
      ),
  };
}

async function foldersOfSplit(path: string, split: string | undefined): Promise<MaskFolders> {
  const around = await findMaskFolders(path);
  if (around === undefined) {
    const { folders } = await readFolder(path);
    const inSplits: string[] = [];
    for (const name of folders) if ((await findMaskFolders(nodePath.join(path, name))) !== undefined) inSplits.push(name);
    const chosen = split ?? (inSplits.length > 0 ? chooseSplit(inSplits) : undefined);
    const found =
      chosen !== undefined && inSplits.includes(chosen) ? await findMaskFolders(nodePath.join(path, chosen)) : undefined;
    if (found !== undefined) return found;
    throw missingAt(
      { file: path },
      `expected folders ${pictureFolders[0]} and ${maskFolders[0]}${split === undefined ? '' : ` of the split ${JSON.stringify(split)}`}, or masks named picture-mask.png beside the pictures`,
    );
  }
  const { folders } = await readFolder(around.masks);
  const splits = around.masks === around.pictures ? [] : folders;
  const chosen = split ?? (splits.length > 0 ? chooseSplit(splits) : undefined);
  if (chosen === undefined) return around;
  const inside = { pictures: nodePath.join(around.pictures, chosen), masks: nodePath.join(around.masks, chosen) };
  if ((await isDirectory(inside.masks)) && (await isDirectory(inside.pictures))) return inside;
  if (split === undefined) return around;
  throw missingAt({ file: path }, `expected folders ${JSON.stringify(split)} of the split among the pictures and the masks`);
}

async function readClasses(
  path: string,
  { masks }: MaskFolders,
  labels: readonly NamedClass[] | undefined,
): Promise<MaskClasses> {
  if (labels !== undefined) return new MaskClasses(labels, { file: path, field: 'labels' });
  for (const folder of new Set([path, nodePath.dirname(masks), masks])) {
    for (const name of classFiles) {
      const file = nodePath.join(folder, name);
      if (await isFile(file)) return new MaskClasses(await classesOfFile(file), { file });
    }
  }
  throw invalidAt(
    { file: path },
    `nothing names the classes: expected ${classFiles.slice(0, 2).join(' or ')} there, or the option labels`,
    'One name per line, the first that of 0; or in JSON the name of each index or the colour of each name.',
  );
}

interface Pair {
  readonly name: string;
  readonly mask: string;
}

async function findPairs({ pictures, masks }: MaskFolders, notices: Notices): Promise<readonly Pair[]> {
  const isOneFolder = pictures === masks;
  const names = isOneFolder ? (await readFolder(pictures)).files : await filesWithin(pictures);
  const stems = new Set(names.map(stemOf));
  const maskOf = new Map<string, string>();
  for (const name of isOneFolder ? names.filter(isMaskBeside) : await filesWithin(masks)) {
    if (!isPictureName(name)) continue;
    const whole = stemOf(name);
    const stem = stems.has(whole) && !isOneFolder ? whole : whole.replace(maskSuffix, '');
    const other = maskOf.get(stem);
    if (other !== undefined) {
      throw invalidAt(
        { file: nodePath.join(masks, name) },
        `expected one mask of a picture, but ${JSON.stringify(nodePath.join(masks, other))} is another`,
      );
    }
    maskOf.set(stem, name);
  }
  const pairs: Pair[] = [];
  const used = new Set<string>();
  for (const name of names) {
    if (!isPictureName(name) || (isOneFolder && isMaskBeside(name))) continue;
    const mask = maskOf.get(stemOf(name));
    if (mask === undefined) notices.add(withoutMask, { file: nodePath.join(pictures, name) });
    else {
      pairs.push({ name, mask });
      used.add(mask);
    }
  }
  for (const mask of maskOf.values()) if (!used.has(mask)) notices.add(withoutPicture, { file: nodePath.join(masks, mask) });
  return pairs;
}
