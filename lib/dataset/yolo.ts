import nodePath from 'node:path';

import { FoveateError } from '../errors/index.js';
import type { Category, Dataset, DatasetImage, SourcePlace } from './dataset.js';
import { imagesOf } from './images-of.js';
import { Notices, type NoticeKind } from './notices.js';
import { filesWithin, isDirectory, isFile, isPictureName, readFolder, stemOf } from './picture-files.js';
import { pictureSize } from './picture-size.js';
import { readText, throwIfAborted } from './source-file.js';
import { invalidAt, missingAt, unexpected } from './source-place.js';
import { chooseSplit } from './splits.js';
import { readYaml, type YamlFile } from './yaml-file.js';
import { yoloAnnotations, type KeypointShape } from './yolo-lines.js';

const withoutLabels = { one: 'a picture without a label file', many: 'pictures without label files' };
const emptyLabels = { one: 'an empty label file', many: 'empty label files' };
const withoutPicture = { one: 'a label file without a picture', many: 'label files without pictures' };

interface YoloImage {
  readonly name: string;
  readonly path: string;
  readonly labels: string;
}

interface Described {
  readonly categories: readonly Category[];
  readonly keypoints: KeypointShape | undefined;
}

/**
 * YOLO's data.yaml and the pictures and label files that it leads to. Label files, and the sizes of pictures that turn fractions into pixels, are read as pictures
 * are asked for. Rejects with DATASET_NOT_FOUND, DATASET_INVALID, ABORTED.
 */
export async function openYolo(path: string, split: string | undefined, signal: AbortSignal | undefined): Promise<Dataset> {
  const yaml = readYaml(await readText(path), path);
  const described = describe(yaml);
  const root = await rootOf(yaml, path);
  const notices = new Notices();
  const pictures = await listPictures(yaml, root, chosenSplit(yaml, split), signal);
  await noticeLabels(pictures, notices);
  return {
    format: 'yolo',
    task: 'detect',
    path,
    categories: described.categories,
    size: pictures.length,
    get notices() {
      return notices.list;
    },
    images: (stop) => readImages(pictures, described, notices, stop),
  };
}

function describe(yaml: YamlFile): Described {
  const categories = yaml.names('names').map(({ id, name }) => ({ id, name: name as string }));
  const count = yaml.get('nc');
  if (count !== undefined && count !== categories.length) {
    throw unexpected(yaml.place('nc'), `${categories.length}, for ${categories.length} names,`, count);
  }
  const shape = yaml.get('kpt_shape');
  if (shape === undefined) return { categories, keypoints: undefined };
  const isShape =
    Array.isArray(shape) &&
    shape.length === 2 &&
    Number.isInteger(shape[0]) &&
    shape[0] > 0 &&
    (shape[1] === 2 || shape[1] === 3);
  if (!isShape) throw unexpected(yaml.place('kpt_shape'), 'the number of keypoints, and 2 or 3 numbers for each,', shape);
  return { categories, keypoints: { count: shape[0] as number, values: shape[1] as 2 | 3 } };
}

/** The folder that `path` names, from where the file is. */
async function rootOf(yaml: YamlFile, file: string): Promise<string> {
  const folder = nodePath.dirname(file);
  const path = yaml.get('path');
  if (path === undefined) return folder;
  if (typeof path !== 'string' || path === '') throw unexpected(yaml.place('path'), 'a path', path);
  const root = nodePath.resolve(folder, path);
  // Ultralytics looks in a folder of data sets of its own: then the file lies in the data set's folder, or beside it.
  return (await isDirectory(root)) ? root : folder;
}

function chosenSplit(yaml: YamlFile, split: string | undefined): string {
  const known = ['train', 'val', 'test'];
  if (split !== undefined) {
    if (yaml.get(split) === undefined)
      throw missingAt(yaml.place(split), `expected the pictures of the split ${JSON.stringify(split)} but it is not there`);
    return split;
  }
  const there = known.filter((name) => yaml.get(name) !== undefined);
  if (there.length === 0)
    throw invalidAt(yaml.place('val'), 'expected one of the keys train, val or test, with a folder of pictures');
  return chooseSplit(there);
}

async function listPictures(
  yaml: YamlFile,
  root: string,
  split: string,
  signal: AbortSignal | undefined,
): Promise<readonly YoloImage[]> {
  const place = yaml.place(split);
  const value = yaml.get(split);
  const sources: unknown[] = Array.isArray(value) ? value : [value];
  const paths = new Set<string>();
  for (const source of sources) {
    throwIfAborted(signal);
    if (typeof source !== 'string' || source === '')
      throw unexpected(place, 'a folder of pictures, a list of them, or a file with a list', source);
    for (const path of await picturesOf(source, root, place)) paths.add(path);
  }
  return [...paths].map((path) => {
    const relative = nodePath.relative(root, path).split(nodePath.sep).join('/');
    return { name: relative.startsWith('../') ? path.split(nodePath.sep).join('/') : relative, path, labels: labelPath(path) };
  });
}

async function picturesOf(source: string, root: string, place: SourcePlace): Promise<readonly string[]> {
  // Roboflow writes ../train/images for train/images.
  for (const candidate of source.startsWith('../') ? [source, source.slice(3)] : [source]) {
    const path = nodePath.resolve(root, candidate);
    if (await isDirectory(path)) return (await filesWithin(path)).filter(isPictureName).map((name) => nodePath.join(path, name));
    if (await isFile(path)) return picturesOfList(path, root);
  }
  throw missingAt(place, `there is neither a folder nor a file ${JSON.stringify(nodePath.resolve(root, source))}`);
}

/** One path per line; `./` is the folder of the list, other relative ones start from the root. */
async function picturesOfList(list: string, root: string): Promise<readonly string[]> {
  const lines = (await readText(list)).split(/\r\n|\r|\n/).map((line, i) => ({ name: line.trim(), line: i + 1 }));
  const paths: string[] = [];
  for (const { name, line } of lines) {
    if (name === '') continue;
    const path = nodePath.resolve(name.startsWith('./') ? nodePath.dirname(list) : root, name);
    if (!(await isFile(path))) throw missingAt({ file: list, line }, `there is no picture ${JSON.stringify(path)}`);
    paths.push(path);
  }
  return paths;
}

/** The last folder `images` of the path becomes `labels`; where there is none, the label file lies beside the picture. */
function labelPath(path: string): string {
  const folders = `${nodePath.sep}images${nodePath.sep}`;
  const at = path.lastIndexOf(folders);
  const labels = at === -1 ? path : `${path.slice(0, at)}${nodePath.sep}labels${nodePath.sep}${path.slice(at + folders.length)}`;
  return `${stemOf(labels)}.txt`;
}

async function noticeLabels(pictures: readonly YoloImage[], notices: Notices): Promise<void> {
  const wanted = new Set(pictures.map(({ labels }) => labels));
  const folders = new Set(
    pictures.filter(({ path, labels }) => stemOf(path) !== stemOf(labels)).map(({ labels }) => nodePath.dirname(labels)),
  );
  for (const folder of folders) {
    for (const name of (await isDirectory(folder)) ? (await readFolder(folder)).files : []) {
      const file = nodePath.join(folder, name);
      if (name.endsWith('.txt') && name !== 'classes.txt' && !wanted.has(file)) notices.add(withoutPicture, { file });
    }
  }
}

interface ReadImage {
  readonly image: DatasetImage;
  /** What is to be said of it. */
  readonly notice: readonly [kind: NoticeKind, place: SourcePlace] | undefined;
}

async function* readImages(
  pictures: readonly YoloImage[],
  described: Described,
  notices: Notices,
  signal: AbortSignal | undefined,
): AsyncGenerator<DatasetImage> {
  for await (const { image, notice } of imagesOf(pictures, (picture, id) => readImage(picture, id, described), signal)) {
    // Not while pictures are read ahead: which of them is first would be chance.
    if (notice !== undefined) notices.add(...notice);
    yield image;
  }
}

async function readImage(
  { name, path, labels }: YoloImage,
  id: number,
  { categories, keypoints }: Described,
): Promise<ReadImage> {
  const [size, text] = await Promise.all([pictureSize(path), readLabels(labels)]);
  const annotations = text === undefined ? [] : yoloAnnotations(text, labels, categories, keypoints, size);
  const image: DatasetImage = { id, name, path, ...size, categories: [], annotations, attributes: {} };
  if (text === undefined) return { image, notice: [withoutLabels, { file: path }] };
  return { image, notice: text.trim() === '' ? [emptyLabels, { file: labels }] : undefined };
}

/** undefined where there is no such file: nothing is labelled in the picture. */
async function readLabels(path: string): Promise<string | undefined> {
  try {
    return await readText(path);
  } catch (error) {
    const cause = error instanceof FoveateError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
    if (cause?.code === 'ENOENT') return undefined;
    throw error;
  }
}
