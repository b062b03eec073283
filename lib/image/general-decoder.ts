/**
 * Every format but plain JPEG, and all encoding, through sharp: imported when first needed, its global settings untouched.
 */
import type sharp from 'sharp';

import type { NativePictureSource } from '../binding/index.js';
import { BackendError, MediaError } from '../errors/index.js';
import type { ResolvedPicture } from './input.js';

let loading: Promise<{ default: typeof sharp }> | undefined;

/** sharp itself. Throws BACKEND_NOT_FOUND where it cannot be loaded. */
export async function loadSharp(): Promise<typeof sharp> {
  try {
    const module = await (loading ??= import('sharp'));
    return module.default;
  } catch (cause) {
    loading = undefined;
    throw new BackendError('BACKEND_NOT_FOUND', {
      message: `sharp, which decodes everything but JPEG and writes pictures, could not be loaded: ${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)}`,
      hint: 'Install it for this platform: npm install sharp. JPEG pictures work without it.',
      cause,
    });
  }
}

/**
 * The picture as raw RGB: EXIF orientation applied, alpha dropped, 16 bits reduced to 8, first frame only. ICC profiles are ignored, as by
 * the core; CMYK is converted.
 * Throws MEDIA_NOT_FOUND, MEDIA_INVALID, MEDIA_UNSUPPORTED, MEDIA_TOO_LARGE.
 */
export async function decodeGeneral(picture: ResolvedPicture, pixelLimit: number): Promise<NativePictureSource> {
  const { source } = picture;
  if ('pixels' in source) return source;
  const decode = await loadSharp();
  const input = 'path' in source ? source.path : source.bytes;
  try {
    const { data, info } = await decode(input, { limitInputPixels: pixelLimit, failOn: 'error', ignoreIcc: true })
      .autoOrient()
      .removeAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const format = info.channels === 1 ? 'grey' : 'rgb';
    return { pixels: data, lease: undefined, width: info.width, height: info.height, stride: info.width * info.channels, format };
  } catch (cause) {
    throw mediaError(picture, pixelLimit, cause);
  }
}

function mediaError({ name, details }: ResolvedPicture, pixelLimit: number, cause: unknown): MediaError {
  const text = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
  const reason = details === undefined ? text : text.replaceAll(details.path, name);
  if (/missing|ENOENT|EACCES|EISDIR/i.test(reason)) {
    return new MediaError('MEDIA_NOT_FOUND', {
      message: `Cannot read the picture ${name}: ${reason}`,
      hint: 'Check the path.',
      details,
      cause,
    });
  }
  if (/pixel limit/i.test(reason)) {
    return new MediaError('MEDIA_TOO_LARGE', {
      message: `The picture ${name} has more than ${pixelLimit} pixels`,
      hint: 'Raise the option pixelLimit if you trust it.',
      details: { ...details, pixelLimit },
      cause,
    });
  }
  if (/unsupported image format/i.test(reason)) {
    return new MediaError('MEDIA_UNSUPPORTED', {
      message: `The picture ${name} is in no format that can be read`,
      hint: 'JPEG, PNG, WebP, GIF, TIFF, AVIF and SVG can be read. The content counts, not the extension.',
      details,
      cause,
    });
  }
  return new MediaError('MEDIA_INVALID', {
    message: `The picture ${name} is damaged: ${reason}`,
    hint: 'Check that it was written and transferred whole.',
    details,
    cause,
  });
}
