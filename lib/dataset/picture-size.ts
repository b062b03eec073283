import { loadSharp } from '../image/index.js';
import { invalidAt, missingAt } from './source-place.js';

/**
 * Width and height of a picture in pixels, as it is seen: turned as its EXIF data say. Only the header is read.
 * Rejects with DATASET_NOT_FOUND, DATASET_INVALID.
 */
export async function pictureSize(path: string): Promise<{ readonly width: number; readonly height: number }> {
  const decode = await loadSharp();
  try {
    const { autoOrient } = await decode(path).metadata();
    return { width: autoOrient.width, height: autoOrient.height };
  } catch (cause) {
    const reason = (cause as Error).message.split('\n')[0] as string;
    if (/missing|ENOENT/.test(reason)) throw missingAt({ file: path }, 'there is no such picture', undefined, cause);
    throw invalidAt(
      { file: path },
      `the picture is damaged: ${reason}`,
      'Check that it was written and transferred whole.',
      cause,
    );
  }
}
