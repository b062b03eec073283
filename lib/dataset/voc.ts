import nodePath from 'node:path';

import { voc20, voc21 } from '../labels/index.js';
import { invalidArgument } from '../errors/index.js';
import type { NamedClass } from './class-names.js';
import type { Category, Dataset, DatasetTask } from './dataset.js';
import { imagesOf } from './images-of.js';
import { MaskClasses } from './label-map.js';
import { Notices } from './notices.js';
import { compareNames, isDirectory, isPictureName, readFolder, stemOf } from './picture-files.js';
import { readText, throwIfAborted } from './source-file.js';
import { invalidAt, missingAt, unexpected } from './source-place.js';
import { chooseSplit } from './splits.js';
import { readVocAnnotation, type VocAnnotation } from './voc-annotation.js';

const withoutAnnotation = { one: 'a picture without an annotation file', many: 'pictures without annotation files' };
const withoutPicture = { one: 'an annotation file without a picture', many: 'annotation files without pictures' };

export interface VocOptions {
  readonly split: string | undefined;
  readonly labels: readonly NamedClass[] | undefined;
  readonly task: DatasetTask | undefined;
  readonly signal: AbortSignal | undefined;
}

/** A picture that is to be read: its name without an extension, and what listed it. */
interface Listed {
  readonly stem: string;
  readonly list: string | undefined;
  readonly line: number | undefined;
}

/** How many files are read at once. */
const filesAtOnce = 8;

/**
 * A folder as PASCAL VOC has it: Annotations, JPEGImages, ImageSets, SegmentationClass. Annotation files are all read here: nothing else names the classes.
 * Rejects with DATASET_NOT_FOUND, DATASET_INVALID, ABORTED.
 */
export async function openVoc(path: string, options: VocOptions): Promise<Dataset> {
  const { task } = options;
  if (task === 'classify') throw invalidArgument('task', 'detect or segment', task);
  const hasObjects = await isDirectory(nodePath.join(path, 'Annotations'));
  return task === 'segment' || (task === undefined && !hasObjects) ? openPixels(path, options) : openObjects(path, options);
}

async function openObjects(path: string, { split, labels, signal }: VocOptions): Promise<Dataset> {
  const notices = new Notices();
  const pictures = await picturesByStem(path);
  const folder = nodePath.join(path, 'Annotations');
  const files = new Set((await readFolder(folder)).files);
  const listed = (await listOfSplit(path, 'Main', split)) ?? [...files].filter((name) => /\.xml$/i.test(name)).map(unlisted);
  const read: { file: string; stem: string; annotation: VocAnnotation }[] = [];
  for (let at = 0; at < listed.length; at += filesAtOnce) {
    throwIfAborted(signal);
    read.push(...(await Promise.all(listed.slice(at, at + filesAtOnce).map((entry) => readListed(entry, folder, files)))));
  }
  const categories = categoriesOf(
    read.map(({ annotation }) => annotation),
    labels,
  );
  const placeOf = new Map(categories.map(({ name }, place) => [name, place]));
  const stems = new Set(read.map(({ stem }) => stem));
  for (const { stem, file } of read) if (!pictures.has(stem)) notices.add(withoutPicture, { file });
  for (const [stem, name] of pictures) {
    if (!stems.has(stem) && !files.has(`${stem}.xml`))
      notices.add(withoutAnnotation, { file: nodePath.join(path, 'JPEGImages', name) });
  }
  const images = read.map(({ stem, annotation: { filename, width, height, objects, attributes } }, id) => {
    const name =
      pictures.get(stem) ?? (filename === undefined ? `${stem}.jpg` : nodePath.posix.basename(filename.replaceAll('\\', '/')));
    return {
      id,
      name,
      path: nodePath.join(path, 'JPEGImages', name),
      width,
      height,
      categories: [],
      annotations: objects.map(({ name: className, namePlace, ...object }) => {
        const category = placeOf.get(className);
        if (category === undefined) throw unexpected(namePlace, `one of the ${categories.length} classes in labels`, className);
        return { ...object, category };
      }),
      attributes,
    };
  });
  return {
    format: 'voc',
    task: 'detect',
    path,
    categories,
    size: images.length,
    notices: notices.list,
    images: (stop) => imagesOf(images, (image) => image, stop),
  };
}

async function openPixels(path: string, { split, labels }: VocOptions): Promise<Dataset> {
  const folder = nodePath.join(path, 'SegmentationClass');
  const pictures = await picturesByStem(path);
  const masks = (await readFolder(folder)).files.filter((name) => /\.png$/i.test(name));
  const listed = (await listOfSplit(path, 'Segmentation', split)) ?? masks.map(unlisted);
  const there = new Set(masks);
  for (const { stem, list, line } of listed) {
    if (!there.has(`${stem}.png`))
      throw missingAt({ file: list ?? folder, line }, `there is no mask ${JSON.stringify(nodePath.join(folder, `${stem}.png`))}`);
  }
  const classes = new MaskClasses(labels ?? voc21.map((name, id) => ({ id, name })), { file: path, field: 'labels' });
  return {
    format: 'voc',
    task: 'segment',
    path,
    categories: classes.categories,
    size: listed.length,
    notices: [],
    images: (stop) =>
      imagesOf(
        listed,
        ({ stem }, id) => {
          const name = pictures.get(stem) ?? `${stem}.jpg`;
          return {
            id,
            name,
            path: nodePath.join(path, 'JPEGImages', name),
            width: undefined,
            height: undefined,
            categories: [],
            annotations: [],
            labelMap: (signal) => classes.read(nodePath.join(folder, `${stem}.png`), signal),
            attributes: {},
          };
        },
        stop,
      ),
  };
}

const unlisted = (name: string): Listed => ({ stem: stemOf(name), list: undefined, line: undefined });

async function picturesByStem(path: string): Promise<ReadonlyMap<string, string>> {
  const folder = nodePath.join(path, 'JPEGImages');
  const names = (await isDirectory(folder)) ? (await readFolder(folder)).files : [];
  return new Map(names.filter(isPictureName).map((name) => [stemOf(name), name]));
}

/** The pictures of a split, as ImageSets lists them; undefined where there are no lists. */
async function listOfSplit(
  path: string,
  kind: 'Main' | 'Segmentation',
  split: string | undefined,
): Promise<readonly Listed[] | undefined> {
  const folder = nodePath.join(path, 'ImageSets', kind);
  // Lists of one class (`cat_val.txt`) say of each picture whether it has the class.
  const names = (await isDirectory(folder))
    ? (await readFolder(folder)).files.filter((name) => /^[^_]+\.txt$/.test(name)).map(stemOf)
    : [];
  if (names.length === 0 && split === undefined) return undefined;
  const chosen = split ?? chooseSplit(names);
  if (!names.includes(chosen)) {
    throw missingAt(
      { file: folder },
      `expected a list of the split ${JSON.stringify(chosen)} but found ${names.join(', ') || 'none'}`,
      'Name one that is there.',
    );
  }
  const list = nodePath.join(folder, `${chosen}.txt`);
  const lines = (await readText(list)).split(/\r\n|\r|\n/);
  const listed = lines
    .map((text, i) => ({ stem: text.trim().split(/\s+/)[0] as string, list, line: i + 1 }))
    .filter(({ stem }) => stem !== '');
  for (const { stem, line } of listed) {
    if (/[/\\\0]/.test(stem))
      throw invalidAt({ file: list, line }, `expected a name of a picture but received ${JSON.stringify(stem)}`);
  }
  return listed;
}

async function readListed(
  { stem, list, line }: Listed,
  folder: string,
  files: ReadonlySet<string>,
): Promise<{ file: string; stem: string; annotation: VocAnnotation }> {
  const name = files.has(`${stem}.XML`) ? `${stem}.XML` : `${stem}.xml`;
  const file = nodePath.join(folder, name);
  if (!files.has(name)) throw missingAt({ file: list ?? folder, line }, `there is no annotation file ${JSON.stringify(file)}`);
  return { file, stem, annotation: readVocAnnotation(await readText(file), file) };
}

/** Those of the option; else VOC's own, where there are no others; else those in the files, sorted. */
function categoriesOf(annotations: readonly VocAnnotation[], labels: readonly NamedClass[] | undefined): readonly Category[] {
  if (labels !== undefined) return labels.map(({ id, name }) => ({ id, name: name ?? String(id) }));
  const names = new Set(annotations.flatMap(({ objects }) => objects.map(({ name }) => name)));
  const isVoc = [...names].every((name) => voc20.includes(name));
  return (isVoc && names.size > 0 ? voc20 : [...names].sort(compareNames)).map((name, id) => ({ id, name }));
}
