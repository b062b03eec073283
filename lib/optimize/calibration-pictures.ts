import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import nodePath from 'node:path';

import { glob, isDynamicPattern } from 'tinyglobby';

import { aborted } from '../binding/index.js';
import { openDataset, type Dataset } from '../dataset/index.js';
import { filesWithin, isPictureName } from '../dataset/picture-files.js';
import { checkPath, DatasetError, invalidArgument, MediaError, type FoveateError } from '../errors/index.js';

/** Pictures to calibrate with: a folder with all those within, a pattern, a labelled data set or its file, or the paths of pictures. */
export type CalibrationData = string | URL | readonly (string | URL)[] | Dataset;

/** Pictures in the order in which they are to be taken. */
export interface PictureOrder {
  /** Paths of files that differ. */
  readonly paths: readonly string[];
  /** Files with the same bytes as one of these. */
  readonly copies: number;
  /** Files that cannot be read. */
  readonly unreadable: readonly { readonly path: string; readonly error: FoveateError }[];
}

/** Of larger files, only parts are looked at to put them in order: data sets have gigabytes. */
const wholeBytes = 64 * 1024;
const partBytes = 16 * 1024;
/** Parts of a file, evenly spread. */
const parts = 4;
/** Files that are read at the same time: as many as Node has threads for them. */
const filesAtOnce = 4;

/** Paths of the pictures. Rejects with INVALID_ARGUMENT, DATASET_NOT_FOUND, and as {@link openDataset}. */
export async function listPictures(data: CalibrationData, signal: AbortSignal | undefined): Promise<string[]> {
  if (Array.isArray(data)) return data.map((path: string | URL, i) => checkPath(`data[${i}]`, path, 'the path of a picture'));
  if (typeof data === 'object' && data !== null && 'images' in data) return pathsOf(data, signal);
  const path = checkPath('data', data, 'a folder, a pattern, a data set or a list of pictures');
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) {
    const names = (await filesWithin(path)).filter(isPictureName);
    if (names.length === 0)
      throw noPictures(path, 'there is no picture in it', 'Pictures are known by their names, such as a.jpg.');
    return names.map((name) => nodePath.join(path, name));
  }
  if (found !== undefined) return isPictureName(path) ? [path] : pathsOf(await openDataset(path, { signal }), signal);
  if (!isDynamicPattern(path)) throw noPictures(path, 'there is no such file or folder', 'Check the path.');
  const paths = (await glob(path, { expandDirectories: false, absolute: nodePath.isAbsolute(path) })).filter(isPictureName);
  if (paths.length === 0) throw noPictures(path, 'no picture matches it', 'Check the pattern.');
  return paths;
}

async function pathsOf(dataset: Dataset, signal: AbortSignal | undefined): Promise<string[]> {
  if (typeof dataset.images !== 'function') throw invalidArgument('data', 'a folder, a pattern, a data set or a list', dataset);
  const paths: string[] = [];
  for await (const { path } of dataset.images(signal)) paths.push(path);
  return paths;
}

function noPictures(path: string, why: string, hint: string): DatasetError {
  return new DatasetError('DATASET_NOT_FOUND', {
    message: `Expected pictures to calibrate with but ${JSON.stringify(path)}: ${why}`,
    hint,
    details: { file: path },
  });
}

/**
 * The order in which pictures are taken: that of a hash of the seed and what is in the file. Names and places of files change nothing, and the first n of
 * two orders with one seed are the same pictures. Rejects with ABORTED.
 */
export async function orderPictures(
  paths: readonly string[],
  seed: number,
  signal: AbortSignal | undefined,
): Promise<PictureOrder> {
  const byKey = new Map<string, string>();
  const unreadable: { path: string; error: FoveateError }[] = [];
  const distinct = [...new Set(paths.map((path) => nodePath.resolve(path)))].sort();
  let next = 0;
  let copies = paths.length - distinct.length;
  const work = async (): Promise<void> => {
    for (let path = distinct[next++]; path !== undefined; path = distinct[next++]) {
      if (signal?.aborted === true) throw aborted(signal);
      try {
        const key = createHash('sha256')
          .update(`${seed} `)
          .update(await contentKey(path))
          .digest('hex');
        const known = byKey.get(key);
        if (known !== undefined) copies++;
        // Of copies, the one with the first path: whichever was read first.
        if (known === undefined || path < known) byKey.set(key, path);
      } catch (cause) {
        unreadable.push({ path, error: unreadablePicture(path, cause) });
      }
    }
  };
  await Promise.all(Array.from({ length: filesAtOnce }, work));
  const keys = [...byKey.keys()].sort();
  return { paths: keys.map((key) => byKey.get(key) as string), copies, unreadable };
}

function unreadablePicture(path: string, cause: unknown): MediaError {
  return new MediaError('MEDIA_NOT_FOUND', {
    message: `Cannot read the picture ${path}: ${(cause as Error).message}`,
    hint: 'Check that it is there and may be read.',
    details: { path },
    cause,
  });
}

/** What tells a file from others: its size, and all of its bytes or parts of them. */
async function contentKey(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const hash = createHash('sha256').update(`${size} `);
    const [count, length] = size <= wholeBytes ? [1, size] : [parts, partBytes];
    for (let part = 0; part < count; part++) {
      const position = count === 1 ? 0 : Math.floor(((size - length) * part) / (count - 1));
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
      hash.update(buffer.subarray(0, bytesRead));
    }
    return hash.digest();
  } finally {
    await file.close();
  }
}
