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

type ListName = 'images' | 'annotations' | 'categories';

/** An element of a list of the file, until all lists are read: they may come in any order. */
interface RawElement {
  readonly value: Readonly<Record<string, unknown>>;
  readonly line: number;
}

/** A list, whose elements are let go of as they are done: both forms at once would fill the memory twice. */
class RawList {
  readonly #file: string;
  readonly #name: ListName;
  readonly #elements: (RawElement | undefined)[] = [];

  constructor(file: string, name: ListName) {
    this.#file = file;
    this.#name = name;
  }

  get length(): number {
    return this.#elements.length;
  }

  /** Throws DATASET_INVALID where it is no object. */
  add(value: unknown, line: number): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw unexpected({ file: this.#file, line, field: `${this.#name}[${this.length}]` }, 'an object', value);
    }
    this.#elements.push({ value: value as Record<string, unknown>, line });
  }

  peek(index: number): RawElement['value'] | undefined {
    return this.#elements[index]?.value;
  }

  take(index: number): { readonly value: RawElement['value']; readonly place: SourcePlace } {
    const { value, line } = this.#elements[index] as RawElement;
    this.#elements[index] = undefined;
    return { value, place: { file: this.#file, line, field: `${this.#name}[${index}]` } };
  }

  map<T>(change: (value: RawElement['value'], place: SourcePlace, index: number) => T): T[] {
    return this.#elements.map((_, index) => {
      const { value, place } = this.take(index);
      return change(value, place, index);
    });
  }
}
type RawLists = Record<ListName, RawList>;

/**
 * COCO's instances and keypoints. Everything is checked and held in memory, pictures are not opened.
 * Rejects with DATASET_NOT_FOUND, DATASET_INVALID, ABORTED.
 *
 * @param images The folder of the pictures; else looked for beside the file.
 */
export async function openCoco(path: string, images: string | undefined, signal: AbortSignal | undefined): Promise<Dataset> {
  const lists = await readLists(path, signal);
  const notices = new Notices();
  const categories = readCategories(lists.categories, notices);
  const annotationCount = lists.annotations.length;
  const folder = images ?? (await findPictures(path, lists.images.peek(0)?.['file_name']));
  const { pictures, places } = readImages(lists.images, folder);
  addAnnotations(lists.annotations, pictures, places, categories, notices);
  if (annotationCount === 0) notices.add(nothingLabelled, { file: path, field: 'annotations' });
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
        lists[key] = new RawList(path, key);
        continue;
      }
      lists[key]?.add(value, line);
    }
  }
  const { images, annotations = new RawList(path, 'annotations'), categories } = lists;
  if (images === undefined) throw unexpected({ file: path, field: 'images' }, 'a list', images);
  if (categories === undefined) throw unexpected({ file: path, field: 'categories' }, 'a list', categories);
  return { images, annotations, categories };
}

/** Remembers which element had an id or a name first. */
class Unique<K extends string | number> {
  readonly #first = new Map<K, number>();

  /** Throws DATASET_INVALID where an earlier element has it. */
  add(key: K, index: number, place: SourcePlace, field: string): void {
    const first = this.#first.get(key);
    if (first !== undefined) {
      const other = `${(place.field as string).replace(/\[\d+\]$/, '')}[${first}]`;
      throw invalidAt(within(place, field), `expected each once, but ${JSON.stringify(key)} is that of ${other} too`);
    }
    this.#first.set(key, index);
  }
}

interface KnownCategory {
  readonly index: number;
  readonly category: Category;
}

/** By ascending id: the order of the classes of models that were trained on them. */
function readCategories(list: RawList, notices: Notices): readonly KnownCategory[] {
  const ids = new Unique<number>();
  const names = new Set<string>();
  const categories = list.map((value, place, index): Category => {
    const id = checkId(value['id'], place, 'id');
    ids.add(id, index, place, 'id');
    const name = checkName(value['name'], 'a name', place, 'name');
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
  return value.map((name, i) => checkName(name, 'a name', place, `[${i}]`));
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
  list: RawList,
  folder: string,
): { readonly pictures: readonly HeldPicture[]; readonly places: ReadonlyMap<number, HeldPicture> } {
  const ids = new Unique<number>();
  const names = new Unique<string>();
  const places = new Map<number, HeldPicture>();
  const pictures = list.map((value, place, index): HeldPicture => {
    const { id, file_name: fileName, width, height } = value;
    const imageId = checkId(id, place, 'id');
    ids.add(imageId, index, place, 'id');
    const namePlace = within(place, 'file_name');
    const { path, name } = resolvePictureName(folder, checkName(fileName, 'the name of a file', namePlace), namePlace);
    names.add(name, index, place, 'file_name');
    const picture = {
      id: imageId,
      name,
      path,
      width: width === undefined || width === null ? undefined : checkSide(width, place, 'width'),
      height: height === undefined || height === null ? undefined : checkSide(height, place, 'height'),
      categories: [],
      annotations: [],
      attributes: extraAttributes(value, imageKeys),
    };
    places.set(imageId, picture);
    return picture;
  });
  return { pictures, places };
}

/** Turns raw annotations into those of their pictures. */
function addAnnotations(
  list: RawList,
  pictures: readonly HeldPicture[],
  places: ReadonlyMap<number, HeldPicture>,
  categories: readonly KnownCategory[],
  notices: Notices,
): void {
  const byId = new Map(categories.map(({ index, category }) => [category.id, { index, of: category }]));
  const ids = new Unique<number>();
  for (let i = 0; i < list.length; i++) {
    const { value, place } = list.take(i);
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
    if (annotation.id !== undefined) ids.add(annotation.id, i, place, 'id');
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
