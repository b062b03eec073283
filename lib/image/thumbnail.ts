import { loadSharp } from './general-decoder.js';
import type { Picture } from './picture.js';

/** A picture file to be shown small. */
export interface Thumbnail {
  /** WebP. */
  readonly bytes: Buffer;
  readonly width: number;
  readonly height: number;
}

/** Whole pixels of a picture. */
export interface PixelRegion {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** From good to bad: the first whose file is small enough is taken, else the last. */
const qualities = [80, 50, 20, 5];

/**
 * A part of a picture, made smaller until it fits into `size` x `size`, never larger, in `byteLimit` bytes if a quality can do that.
 * The region must lie in the picture.
 */
export async function thumbnail(picture: Picture, region: PixelRegion, size: number, byteLimit: number): Promise<Thumbnail> {
  const sharp = await loadSharp();
  const { data, width, height } = picture;
  const small = await sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .extract({ left: region.x, top: region.y, width: region.width, height: region.height })
    .resize({ width: size, height: size, fit: 'inside', withoutEnlargement: true })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const raw = { width: small.info.width, height: small.info.height, channels: 3 } as const;
  let bytes = Buffer.alloc(0);
  for (const quality of qualities) {
    bytes = await sharp(small.data, { raw }).webp({ quality }).toBuffer();
    if (bytes.length <= byteLimit) break;
  }
  return { bytes, width: raw.width, height: raw.height };
}
