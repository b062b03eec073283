import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { filesWithin, isPictureName } from '../../dataset/picture-files.js';
import { checkPath, invalidArgument, MediaError } from '../../errors/index.js';

/**
 * The pictures that both models are shown: of a folder and those within, or of a list, `count` that are spread over all. One path is that picture.
 * Rejects with INVALID_ARGUMENT, MEDIA_NOT_FOUND where there is none.
 */
export async function comparedPictures(data: string | URL | readonly string[], count: number): Promise<readonly string[]> {
  const all = await allPictures(data);
  const step = all.length / Math.min(count, all.length);
  return Array.from({ length: Math.min(count, all.length) }, (_, i) => all[Math.floor(i * step)] as string);
}

async function allPictures(data: string | URL | readonly string[]): Promise<readonly string[]> {
  if (Array.isArray(data)) {
    if (data.length === 0) throw invalidArgument('data', 'at least one picture', data);
    return (data as readonly string[]).map((path, i) => checkPath(`data[${i}]`, path));
  }
  const path = checkPath('data', data, 'a folder of pictures, or their paths');
  const found = await stat(path).catch((cause: unknown) => {
    throw new MediaError('MEDIA_NOT_FOUND', {
      message: `There is no folder of pictures at ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'Name a folder with pictures that the models are made for.',
      cause,
    });
  });
  if (!found.isDirectory()) return [path];
  const pictures = (await filesWithin(path)).filter(isPictureName).map((name) => join(path, name));
  if (pictures.length > 0) return pictures;
  throw new MediaError('MEDIA_NOT_FOUND', {
    message: `There is no picture in the folder ${path}`,
    hint: 'Name a folder with pictures that the models are made for.',
  });
}
