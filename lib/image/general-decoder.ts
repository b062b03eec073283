/**
 * Every format but plain JPEG, and all encoding, through sharp: imported when first needed, its global settings untouched.
 */
import { open as openFile, readFile } from 'node:fs/promises';

import type sharp from 'sharp';
import type { Metadata, Sharp } from 'sharp';

import type { NativePictureSource } from '../binding/index.js';
import { BackendError, FoveateError, MediaError } from '../errors/index.js';
import type { IccProfile } from './decode.js';
import { maxEdge } from './frame.js';
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
      hint: 'Install it for this platform: npm install sharp. JPEG pictures work without it, but for the conversion of their colours.',
      cause,
    });
  }
}

/**
 * The picture as raw pixels: EXIF orientation applied, alpha dropped, of 16 bits the upper eight, of an animation or a document the first
 * frame or page. Colours as `iccProfile` says; ignoring profiles, CMYK is handed on as inks.
 * Throws MEDIA_NOT_FOUND, MEDIA_INVALID, MEDIA_UNSUPPORTED, MEDIA_TOO_LARGE.
 */
export async function decodeGeneral(
  picture: ResolvedPicture,
  pixelLimit: number,
  iccProfile: IccProfile,
): Promise<NativePictureSource> {
  const { source } = picture;
  if ('pixels' in source) return source;
  const decode = await loadSharp();
  // A copy: sharp reads where the bytes lie, and whoever gave them may have an answer, such as that it was aborted, and transfer them before sharp is done.
  const input = 'path' in source ? source.path : Buffer.from(source.bytes);
  const ignoreIcc = iccProfile === 'ignore';
  const open = (from: string | Uint8Array): Sharp => decode(from, { limitInputPixels: pixelLimit, failOn: 'error', ignoreIcc });
  try {
    let image = open(input);
    const metadata = await image.metadata();
    checkDepth(picture, metadata);
    checkSides(picture, metadata);
    // Without a folder of its own, an SVG can draw in no other file.
    if (metadata.format === 'svg' && typeof input === 'string') image = open(await readFile(input));
    const { working, output } = colorSpaces(metadata, ignoreIcc);
    if (working !== undefined) image = image.pipelineColourspace(working);
    const { data, info } = await image
      .autoOrient()
      .removeAlpha()
      .toColourspace(output)
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    const format = channels === 1 ? 'grey' : output === 'cmyk' ? 'cmyk' : 'rgb';
    if (channels !== { grey: 1, rgb: 3, cmyk: 4 }[format]) {
      throw unsupported(picture, channelsMessage, channelsHint);
    }
    return { pixels: data, lease: undefined, width, height, stride: width * channels, format };
  } catch (error) {
    if (error instanceof FoveateError) throw error;
    throw mediaError(picture, pixelLimit, await startOf(input), error);
  }
}

const channelsMessage = 'has channels that are neither grey, RGB nor CMYK';
const channelsHint = 'Save those that show the picture as RGB.';

/** What sharp calls them, told to the user. */
const depthNames: Readonly<Record<string, string>> = {
  char: 'signed 8 bits',
  short: 'signed 16 bits',
  ushort: '16 bits',
  int: '32-bit integers',
  uint: '32-bit integers',
  float: '32-bit floats',
  double: '64-bit floats',
};

/** A file of a kilobyte can hold a picture of a million rows. */
function checkSides({ name, details }: ResolvedPicture, { width, height }: Metadata): void {
  if (width <= maxEdge && height <= maxEdge) return;
  throw new MediaError('MEDIA_TOO_LARGE', {
    message: `The picture ${name} is ${width} x ${height}, expected at most ${maxEdge} pixels a side`,
    hint: 'Cut the picture into parts.',
    details: { ...details, width, height },
  });
}

/** Eight and 16 bits have one meaning; what range floating point numbers and wide integers fill, only their maker knows. */
function checkDepth(picture: ResolvedPicture, { depth, space }: Metadata): void {
  if (depth === 'uchar' || (depth === 'ushort' && space !== 'cmyk')) return;
  const kind = `${space === 'cmyk' ? 'CMYK ' : ''}values of ${depthNames[depth as string] ?? String(depth)}`;
  const hint = 'Save it with 8 or 16 unsigned bits a channel, or scale the values yourself and pass them as a raw frame.';
  throw unsupported(picture, `has ${kind}`, hint);
}

/** What sharp works in, where that must be said, and what it puts out. */
function colorSpaces({ depth, space, hasProfile }: Metadata, ignoreIcc: boolean): { working?: string; output: 'srgb' | 'cmyk' } {
  if (space === 'cmyk' && ignoreIcc) return { working: 'cmyk', output: 'cmyk' };
  // Left alone, sharp converts 16 bits to Display P3, and in grey not at all.
  if (depth === 'ushort' && hasProfile && !ignoreIcc) return { working: space === 'grey16' ? 'b-w' : 'srgb', output: 'srgb' };
  return { output: 'srgb' };
}

/** How pictures start, in Latin-1, for those that sharp does not recognise when they are cut short. */
const signatures: readonly (readonly [string, RegExp])[] = [
  ['PNG', /^\x89PNG/],
  ['TIFF', /^(II[*+]\0|MM\0[*+])/],
  ['WebP', /^RIFF[^]{4}WEBP/],
  ['GIF', /^GIF8/],
  ['AVIF or HEIC', /^[^]{4}ftyp(avi|hei|hev|mif|msf)/],
];

/** The first bytes, which tell the format. Nothing where they cannot be read. */
async function startOf(input: string | Uint8Array): Promise<string> {
  const bytes = Buffer.alloc(16);
  if (typeof input !== 'string') return Buffer.from(input.subarray(0, bytes.length)).toString('latin1');
  const file = await openFile(input).catch(() => undefined);
  await file?.read(bytes).catch(() => undefined);
  await file?.close();
  return bytes.toString('latin1');
}

function unsupported({ name, details }: ResolvedPicture, what: string, hint: string, cause?: unknown): MediaError {
  return new MediaError('MEDIA_UNSUPPORTED', { message: `The picture ${name} ${what}`, hint, details, cause });
}

function mediaError(picture: ResolvedPicture, pixelLimit: number, start: string, cause: unknown): MediaError {
  const { name, details } = picture;
  // Of AVIF, what went wrong comes after lines on where the reader looked.
  const lines = cause instanceof Error ? cause.message.split('\n') : [String(cause)];
  const text = lines.find((line) => !line.includes('bad seek')) ?? (lines[0] as string);
  const reason = details === undefined ? text : text.replaceAll(details.path, name);
  if (/missing|ENOENT|EACCES|EISDIR/i.test(reason)) {
    return new MediaError('MEDIA_NOT_FOUND', {
      message: `Cannot read the picture ${name}: ${reason}`,
      hint: 'Check the path.',
      details,
      cause,
    });
  }
  if (/SVG image exceeds/i.test(reason)) {
    return new MediaError('MEDIA_TOO_LARGE', {
      message: `The picture ${name} is an SVG with more than 32767 pixels a side`,
      hint: 'Its width and height, or its viewBox, say how large it is drawn: make them smaller.',
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
  if (/channel limit/i.test(reason)) return unsupported(picture, channelsMessage, channelsHint, cause);
  if (/HEVC|decoder plugin|compression format has not been built in/i.test(reason)) {
    const hint =
      'The sharp that npm installs cannot decode HEVC, for its patents. Save the picture as JPEG or AVIF, or build sharp against a libvips with libheif and libde265.';
    return unsupported(picture, 'is HEIC, for which there is no decoder', hint, cause);
  }
  if (/unsupported image format/i.test(reason)) {
    const format = signatures.find(([, signature]) => signature.test(start))?.[0];
    if (format === undefined) {
      return unsupported(
        picture,
        'is in no format that can be read',
        'JPEG, PNG, WebP, GIF, TIFF, AVIF and SVG can be read. The content counts, not the extension.',
        cause,
      );
    }
    return new MediaError('MEDIA_INVALID', {
      message: `The picture ${name} starts as ${format} does, but cannot be read: it is damaged, or of a rare kind`,
      hint: 'Check that it was written and transferred whole; else save it as PNG or JPEG.',
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
