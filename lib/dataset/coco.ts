import nodePath from 'node:path';

import { cocoAnnotation } from './coco-annotation.js';
import type { Annotation, Category, Dataset, DatasetImage, SourcePlace } from './dataset.js';
import { checkId, checkName, checkSide, extraAttributes } from './field-checks.js';
import { imagesOf } from './images-of.js';
import { jsonElements } from './json-elements.js';
import { Notices } from './notices.js';
import { isDirectory, isFile, resolvePictureName } from './picture-files.js';
import { invalidAt, unexpected, within } from './source-place.js';

const boxOutside = {
  one: 'an annotation whose box reaches out of its picture',
  many: 'annotations whose boxes reach out of their pictures',
};
const sameName = { one: 'a category with the name of another', many: 'categories with the name of another' };
const nothingLabelled = { one: 'no annotations', many: 'no annotations' };
const picturesMissing = { one: 'the pictures were not found, looked for in', many: 'the pictures were not found, looked for in' };

/** An element of a list of the file, until all lists are read: they may come in any order. */
interface RawElement {
  readonly value: Readonly<Record<string, unknown>>;
  readonly place: SourcePlace;
}
type RawLists = Record<'images' | 'annotations' | 'categories', (RawElement | undefined)[]>;

/**
 * COCO's instances and keypoints. Everything is checked and held in memory, pictures are not opened.
 * Rejects with DATASET_NOT_FOUND, DATASET_INVALID, ABORTED.
 *
 * @param images The folder of the pictures; else looked for beside the file.
 */
export async function openCoco(path: string, images: string | undefined, signal: AbortSignal | undefined): Promise<Dataset> {
  const lists = await readLists(path, signal);
  const notices = new Notices();
  const categories = readCategories(lists.categories as RawElement[], notices);
  const folder = images ?? (await findPictures(path, lists.images[0]?.value['file_name']));
  const { pictures, places } = readImages(lists.images, folder);
  addAnnotations(lists.annotations, pictures, places, categories, notices);
  if (lists.annotations.length === 0) notices.add(nothingLabelled, { file: path, field: 'annotations' });
  const [first] = pictures;
  if (first !== undefined && !(await isFile(first.path))) notices.add(picturesMissing, { file: folder });
  return {
    format: 'coco',
    task: 'detect',
    path,
    categories: categories.map(({ category }) => category),
    size: pictures.length,
    notices: notices.list,
    images: (stop) => imagesOf(pictures, (picture) => picture, stop),
  };
}

async function readLists(path: string, signal: AbortSignal | undefined): Promise<RawLists> {
  const lists: Partial<RawLists> = {};
  for await (const elements of jsonElements(path, signal)) {
    for (const { key, index, value, line } of elements) {
      if (key !== 'images' && key !== 'annotations' && key !== 'categories') continue;
      const place = { file: path, line, field: key };
      if (index === undefined) {
        if (!Array.isArray(value)) throw unexpected(place, 'a list', value);
        if (lists[key] !== undefined) throw invalidAt(place, 'it is there twice');
        lists[key] = [];
        continue;
      }
      const at = within(place, `[${index}]`);
      if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unexpected(at, 'an object', value);
      (lists[key] as RawElement[]).push({ value: value as Record<string, unknown>, place: at });
    }
  }
  const { images, annotations = [], categories } = lists;
  if (images === undefined) throw unexpected({ file: path, field: 'images' }, 'a list', images);
  if (categories === undefined) throw unexpected({ file: path, field: 'categories' }, 'a list', categories);
  return { images, annotations, categories };
}

/** Remembers which element had an id or a name first. */
class Unique<K extends string | number> {
  readonly #first = new Map<K, string | undefined>();

  /** Throws DATASET_INVALID where another element has it. */
  add(key: K, place: SourcePlace, field: string): void {
    if (this.#first.has(key)) {
      throw invalidAt(
        within(place, field),
        `expected each once, but ${JSON.stringify(key)} is that of ${this.#first.get(key)} too`,
      );
    }
    this.#first.set(key, place.field);
  }
}

interface KnownCategory {
  readonly index: number;
  readonly category: Category;
}

/** By ascending id: the order of the classes of models that were trained on them. */
function readCategories(list: readonly RawElement[], notices: Notices): readonly KnownCategory[] {
  const ids = new Unique<number>();
  const names = new Set<string>();
  const categories = list.map(({ value, place }): Category => {
    const id = checkId(value['id'], within(place, 'id'));
    ids.add(id, place, 'id');
    const name = checkName(value['name'], 'a name', within(place, 'name'));
    if (names.has(name)) notices.add(sameName, within(place, 'name'));
    names.add(name);
    const { supercategory, keypoints, skeleton } = value;
    const points = keypoints === undefined || keypoints === null ? undefined : readNames(keypoints, within(place, 'keypoints'));
    return {
      id,
      name,
      supercategory: typeof supercategory === 'string' ? supercategory : undefined,
      keypoints: points,
      skeleton:
        skeleton === undefined || skeleton === null
          ? undefined
          : readSkeleton(skeleton, points?.length ?? 0, within(place, 'skeleton')),
    };
  });
  return categories.sort((a, b) => a.id - b.id).map((category, index) => ({ index, category }));
}

function readNames(value: unknown, place: SourcePlace): readonly string[] {
  if (!Array.isArray(value)) throw unexpected(place, 'a list of names', value);
  return value.map((name, i) => checkName(name, 'a name', within(place, `[${i}]`)));
}

/** COCO counts keypoints from 1. */
function readSkeleton(value: unknown, keypoints: number, place: SourcePlace): readonly (readonly [number, number])[] {
  if (!Array.isArray(value)) throw unexpected(place, 'a list of pairs', value);
  return value.map((pair: unknown, i) => {
    const isPair = Array.isArray(pair) && pair.length === 2;
    if (!isPair || !pair.every((end) => Number.isInteger(end) && end >= 1 && end <= keypoints)) {
      throw unexpected(within(place, `[${i}]`), `two keypoints, 1 to ${keypoints},`, pair);
    }
    return [(pair[0] as number) - 1, (pair[1] as number) - 1];
  });
}

const imageKeys = new Set(['id', 'file_name', 'width', 'height']);

interface HeldPicture extends DatasetImage {
  readonly annotations: Annotation[];
}

function readImages(
  list: (RawElement | undefined)[],
  folder: string,
): { readonly pictures: readonly HeldPicture[]; readonly places: ReadonlyMap<number, HeldPicture> } {
  const ids = new Unique<number>();
  const names = new Unique<string>();
  const places = new Map<number, HeldPicture>();
  const pictures = list.map((element, i): HeldPicture => {
    const { value, place } = element as RawElement;
    list[i] = undefined;
    const { id, file_name: fileName, width, height } = value;
    const imageId = checkId(id, within(place, 'id'));
    ids.add(imageId, place, 'id');
    const namePlace = within(place, 'file_name');
    const { path, name } = resolvePictureName(folder, checkName(fileName, 'the name of a file', namePlace), namePlace);
    names.add(name, place, 'file_name');
    const picture = {
      id: imageId,
      name,
      path,
      width: width === undefined || width === null ? undefined : checkSide(width, within(place, 'width')),
      height: height === undefined || height === null ? undefined : checkSide(height, within(place, 'height')),
      categories: [],
      annotations: [],
      attributes: extraAttributes(value, imageKeys),
    };
    places.set(imageId, picture);
    return picture;
  });
  return { pictures, places };
}

/** Turns raw annotations into those of their pictures, and lets go of each as it is done: both at once would fill the memory twice. */
function addAnnotations(
  list: (RawElement | undefined)[],
  pictures: readonly HeldPicture[],
  places: ReadonlyMap<number, HeldPicture>,
  categories: readonly KnownCategory[],
  notices: Notices,
): void {
  const byId = new Map(categories.map(({ index, category }) => [category.id, { index, of: category }]));
  const ids = new Unique<number>();
  for (let i = 0; i < list.length; i++) {
    const { value, place } = list[i] as RawElement;
    list[i] = undefined;
    const { image_id: imageId, category_id: categoryId } = value;
    const picture = places.get(imageId as number);
    if (picture === undefined) {
      throw unexpected(within(place, 'image_id'), `an id of one of the ${pictures.length} images`, imageId);
    }
    const category = byId.get(categoryId as number);
    if (category === undefined) {
      throw unexpected(within(place, 'category_id'), `an id of one of the ${byId.size} categories`, categoryId);
    }
    const annotation = cocoAnnotation(value, picture, category, place);
    if (annotation.id !== undefined) ids.add(annotation.id, place, 'id');
    if (reachesOut(annotation, picture)) notices.add(boxOutside, within(place, 'bbox'));
    picture.annotations.push(annotation);
  }
}

/** By more than a pixel: tools round. */
function reachesOut({ box }: Annotation, { width, height }: DatasetImage): boolean {
  if (box === undefined || width === undefined || height === undefined) return false;
  const [x, y, boxWidth, boxHeight] = box;
  return x < -1 || y < -1 || x + boxWidth > width + 1 || y + boxHeight > height + 1;
}

/** Where the first picture is: beside the file, or where COCO's own layout and exports of others have it. */
async function findPictures(path: string, first: unknown): Promise<string> {
  const folder = nodePath.dirname(path);
  if (typeof first !== 'string') return folder;
  const split = /(?:^|_)([A-Za-z]+\d*)$/.exec(nodePath.basename(path, nodePath.extname(path)))?.[1];
  const places = [
    '',
    'images',
    '..',
    '../images',
    ...(split === undefined ? [] : [split, `images/${split}`, `../${split}`, `../images/${split}`]),
  ];
  for (const place of places) {
    const candidate = nodePath.resolve(folder, place);
    if ((await isDirectory(candidate)) && (await isFile(nodePath.resolve(candidate, first)))) return candidate;
  }
  return folder;
}
