import nodePath from 'node:path';

import { imagenet1000, imagenetWnids } from '../labels/index.js';
import type { NamedClass } from './class-names.js';
import type { Category, Dataset } from './dataset.js';
import { imagesOf } from './images-of.js';
import { Notices } from './notices.js';
import { compareNames, filesWithin, isFile, isPictureName, readFolder } from './picture-files.js';
import { readText, throwIfAborted } from './source-file.js';
import { invalidAt, missingAt, unexpected } from './source-place.js';
import { chooseSplit, splitNames } from './splits.js';

const otherFile = { one: 'a file that is no picture', many: 'files that are no pictures' };
const emptyClass = { one: 'a folder of a class without pictures', many: 'folders of classes without pictures' };

/** WordNet's identifier in a name: ILSVRC's own `n01440764_10026.JPEG`, or one with something before it. */
const wnidPattern = /(?:^|_)(n\d{8})(?=[_.])/;

export function wnidOf(fileName: string): string | undefined {
  return wnidPattern.exec(fileName)?.[1];
}

interface Labelled {
  readonly name: string;
  readonly key: string;
}

/**
 * A folder for each class, whose name is a WordNet identifier or the class's own; or pictures in one folder with the identifiers in their names. Folders train,
 * val and test may lie around those of the classes. Rejects with DATASET_NOT_FOUND, DATASET_INVALID, ABORTED.
 */
export async function openImageNet(
  path: string,
  split: string | undefined,
  labels: readonly NamedClass[] | undefined,
  signal: AbortSignal | undefined,
): Promise<Dataset> {
  const folder = await folderOfSplit(path, split);
  const notices = new Notices();
  const { keys, pictures } = await listPictures(folder, notices, signal);
  const { categories, placeOf } = await categoriesOf(path, folder, keys, pictures, labels);
  return {
    format: 'imagenet',
    task: 'classify',
    path,
    categories,
    size: pictures.length,
    notices: notices.list,
    images: (stop) =>
      imagesOf(
        pictures,
        ({ name, key }, id) => ({
          id,
          name,
          path: nodePath.join(folder, name),
          width: undefined,
          height: undefined,
          categories: [placeOf.get(key) as number],
          annotations: [],
          attributes: {},
        }),
        stop,
      ),
  };
}

async function folderOfSplit(path: string, split: string | undefined): Promise<string> {
  const { folders } = await readFolder(path);
  const splits = folders.filter((name) => splitNames.has(name.toLowerCase()));
  // A class may be called test; folders within it are none.
  const around = await Promise.all(splits.map(async (name) => (await readFolder(nodePath.join(path, name))).folders.length > 0));
  const isSplit = splits.length > 0 && (splits.length === folders.length || around.every(Boolean));
  if (split === undefined) return isSplit ? nodePath.join(path, chooseSplit(splits)) : path;
  if (!folders.includes(split)) {
    throw missingAt(
      { file: path },
      `expected a folder ${JSON.stringify(split)} for the split but found ${splits.join(', ') || 'none'}`,
    );
  }
  return nodePath.join(path, split);
}

async function listPictures(
  folder: string,
  notices: Notices,
  signal: AbortSignal | undefined,
): Promise<{ readonly keys: readonly string[]; readonly pictures: readonly Labelled[] }> {
  const { files, folders } = await readFolder(folder);
  const flat = files.filter((name) => isPictureName(name) && wnidOf(name) !== undefined);
  const pictures: Labelled[] = flat.map((name) => ({ name, key: wnidOf(name) as string }));
  const [firstFlat] = flat;
  for (const key of folders) {
    throwIfAborted(signal);
    const inside = await filesWithin(nodePath.join(folder, key));
    const found = inside.filter(isPictureName);
    if (firstFlat !== undefined && found.length > 0) {
      throw invalidAt(
        { file: nodePath.join(folder, firstFlat) },
        `expected pictures in folders of classes, as in ${JSON.stringify(key)}, or in none`,
      );
    }
    if (found.length === 0) notices.add(emptyClass, { file: nodePath.join(folder, key) });
    for (const name of inside) {
      if (isPictureName(name)) pictures.push({ name: `${key}/${name}`, key });
      else notices.add(otherFile, { file: nodePath.join(folder, key, name) });
    }
  }
  const keys = firstFlat === undefined ? folders : [...new Set(pictures.map(({ key }) => key))].sort(compareNames);
  return { keys, pictures };
}

interface ImageNetCategories {
  readonly categories: readonly Category[];
  readonly placeOf: ReadonlyMap<string, number>;
}

async function categoriesOf(
  root: string,
  folder: string,
  keys: readonly string[],
  pictures: readonly Labelled[],
  labels: readonly NamedClass[] | undefined,
): Promise<ImageNetCategories> {
  if (labels !== undefined) return categoriesOfLabels(folder, keys, labels);
  // Those of ILSVRC 2012 are all there, in its order: a part of it labels the same classes as the whole.
  if (keys.length > 0 && keys.every((key) => imagenetWnids.includes(key))) {
    return {
      categories: imagenetWnids.map((wnid, id) => ({ id, name: imagenet1000[id] as string, wnid })),
      placeOf: new Map(imagenetWnids.map((wnid, id) => [wnid, id])),
    };
  }
  const names = await readWordNetNames(root, folder);
  const categories = keys.map((key, id): Category => {
    if (!/^n\d{8}$/.test(key)) return { id, name: key };
    return { id, name: names.get(key) ?? nameInFile(pictures, key) ?? key, wnid: key };
  });
  return { categories, placeOf: new Map(keys.map((key, id) => [key, id])) };
}

/** Classes in the order of the option, which names what the folders are called. */
function categoriesOfLabels(folder: string, keys: readonly string[], labels: readonly NamedClass[]): ImageNetCategories {
  const categories = labels.map(({ id, name }) => ({ id, name: name ?? String(id) }));
  const placeOf = new Map(categories.map(({ name }, place) => [name, place]));
  // As many as ILSVRC 2012 has are those: two names of it stand for two classes each.
  const isIlsvrc = labels.length === imagenetWnids.length;
  for (const key of keys) {
    const index = imagenetWnids.indexOf(key);
    const ofIlsvrc = isIlsvrc ? index : placeOf.get(imagenet1000[index] as string);
    const place = index === -1 ? placeOf.get(key) : ofIlsvrc;
    if (place === undefined) {
      throw invalidAt(
        { file: nodePath.join(folder, key) },
        `the class ${JSON.stringify(key)} is none of the ${labels.length} in labels`,
      );
    }
    placeOf.set(key, place);
  }
  return { categories, placeOf };
}

/** What stands behind the identifier in the name of a picture: `0000_n01440764_tench.JPEG`. */
function nameInFile(pictures: readonly Labelled[], key: string): string | undefined {
  const first = pictures.find((picture) => picture.key === key);
  const behind = first === undefined ? undefined : /_?n\d{8}_([^.]*[A-Za-z][^.]*)\.\w+$/.exec(first.name)?.[1];
  return behind?.replaceAll('_', ' ');
}

/** Names of WordNet identifiers beside the pictures, one in a line: `n01440764 tench, Tinca tinca`. */
async function readWordNetNames(root: string, folder: string): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const name of ['synset_words.txt', 'LOC_synset_mapping.txt', 'words.txt']) {
    for (const inFolder of new Set([root, folder])) {
      const file = nodePath.join(inFolder, name);
      if (!(await isFile(file))) continue;
      const lines = (await readText(file)).trimEnd().split(/\r?\n/);
      lines.forEach((line, i) => {
        const match = /^(n\d{8})\s+(\S.*)$/.exec(line);
        if (match === null) throw unexpected({ file, line: i + 1 }, 'an identifier such as n00000001, and a name,', line);
        names.set(match[1] as string, (match[2] as string).trim());
      });
      return names;
    }
  }
  return names;
}
