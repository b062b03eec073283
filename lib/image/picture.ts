import { writeFile } from 'node:fs/promises';
import { extname } from 'node:path';

import { Lease, native, settle, type LeaseHandle, type NativeMarks } from '../binding/index.js';
import { checkOneOf, checkOptions, checkPath, invalidArgument, MediaError } from '../errors/index.js';
import { decodeWith, iccProfiles, type DecodeOptions, type IccProfile } from './decode.js';
import { loadSharp } from './general-decoder.js';
import type { RawFrame } from './frame.js';
import type { PictureInput } from './input.js';

/** Formats that pictures are written in. */
export type EncodedFormat = 'jpeg' | 'png' | 'webp';

const formats: Readonly<Record<string, EncodedFormat>> = { '.jpg': 'jpeg', '.jpeg': 'jpeg', '.png': 'png', '.webp': 'webp' };

/** How a picture is read. */
export interface PictureOptions extends DecodeOptions {
  /** Default 'ignore'. */
  readonly iccProfile?: IccProfile | undefined;
}

/** Raw pixels and their kind, ready to be written. */
interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/**
 * A decoded picture in native memory: RGB, eight bits, EXIF orientation applied. Whatever takes a picture takes it, reads it in place, and
 * leaves it as it is.
 */
export class Picture implements RawFrame, Disposable {
  readonly width: number;
  readonly height: number;
  readonly format = 'rgb';
  readonly #copiedBytes: number;
  readonly #lease: Lease;
  #encoding = 0;
  #disposed = false;

  private constructor(width: number, height: number, copiedBytes: number, lease: Lease) {
    this.width = width;
    this.height = height;
    this.#copiedBytes = copiedBytes;
    this.#lease = lease;
  }

  /** Decodes off the JavaScript thread. Throws MEDIA_NOT_FOUND, MEDIA_INVALID, MEDIA_UNSUPPORTED, MEDIA_TOO_LARGE, ABORTED. */
  static async read(image: PictureInput, options: PictureOptions = {}): Promise<Picture> {
    checkOptions('picture options', options, ['iccProfile', 'pixelLimit', 'signal']);
    const iccProfile = checkOneOf('iccProfile', options.iccProfile ?? 'ignore', iccProfiles);
    const { result } = await decodeWith(
      (source, pixelLimit, operation) => native().pictureDecode(source, iccProfile, pixelLimit, operation),
      image,
      iccProfile,
      options,
    );
    return new Picture(result.width, result.height, result.copiedBytes, new Lease(result.lease, 'picture'));
  }

  /** height * width * 3 bytes, rows without gaps. Throws DISPOSED. */
  get data(): Uint8Array {
    return new Uint8Array(this.#lease.buffer);
  }

  /** @internal */
  get leaseHandle(): LeaseHandle {
    return this.#lease.handle;
  }

  /** @internal Bytes of what it was read from that were copied on the way. */
  get copiedBytes(): number {
    return this.#copiedBytes;
  }

  /** @internal A part of the picture, which shares its pixels: as a raw frame it is read in place. */
  window(x: number, y: number, width: number, height: number): RawFrame {
    return new PictureWindow(this, x, y, width, height);
  }

  /** @internal Draws in place. The same picture; where that fails, it is disposed of. */
  async draw(marks: NativeMarks, signal?: AbortSignal): Promise<this> {
    const { width, height } = this;
    const picture = { lease: this.#lease.handle, data: this.data, width, height };
    try {
      await settle((operation) => native().pictureDraw(picture, marks, operation), signal);
    } catch (error) {
      this.dispose();
      throw error;
    }
    return this;
  }

  /** The picture as a file's bytes. */
  async toBuffer(format: EncodedFormat = 'jpeg'): Promise<Buffer> {
    // The encoder reads the pixels on threads of its own: they must not serve another request meanwhile.
    const pixels = { data: this.data, width: this.width, height: this.height, channels: 3 } as const;
    this.#encoding++;
    try {
      return await encode(pixels, format);
    } finally {
      this.#encoding--;
      if (this.#disposed && this.#encoding === 0) this.#lease.release();
    }
  }

  /** Writes the picture to a path or `file:` URL; the extension (.jpg, .png, .webp) decides the format. Throws OUTPUT_NOT_WRITABLE. */
  async toFile(path: string | URL): Promise<void> {
    await writePicture(path, await this.toBuffer(formatOf(path)));
  }

  /** Gives the pixels' memory back, once what is being encoded is done. Not while others, such as a stream, still read {@link data}. Idempotent. */
  dispose(): void {
    this.#disposed = true;
    if (this.#encoding === 0) this.#lease.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Some columns and rows of a picture. */
class PictureWindow implements RawFrame {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly format = 'rgb';
  readonly stride: number;
  readonly #picture: Picture;

  constructor(picture: Picture, x: number, y: number, width: number, height: number) {
    this.stride = picture.width * 3;
    this.data = picture.data.subarray(y * this.stride + x * 3, (y + height - 1) * this.stride + (x + width) * 3);
    this.width = width;
    this.height = height;
    this.#picture = picture;
  }

  get leaseHandle(): LeaseHandle {
    return this.#picture.leaseHandle;
  }
}

/** Raw pixels as a file's bytes. JPEG at quality 90. */
export async function encode(pixels: Pixels, format: EncodedFormat): Promise<Buffer> {
  checkOneOf('format', format, ['jpeg', 'png', 'webp']);
  const sharp = await loadSharp();
  const { data, width, height, channels } = pixels;
  const image = sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
  if (format === 'png') return (channels === 1 ? image.toColourspace('b-w') : image).png().toBuffer();
  return format === 'jpeg' ? image.jpeg({ quality: 90 }).toBuffer() : image.webp({ quality: 90 }).toBuffer();
}

/** The format that the extension of a path or `file:` URL stands for. Throws INVALID_ARGUMENT. */
export function formatOf(path: string | URL): EncodedFormat {
  const format = formats[extname(checkPath('path', path)).toLowerCase()];
  if (format === undefined)
    throw invalidArgument('path', `a file name that ends in ${Object.keys(formats).join(', ')}`, String(path));
  return format;
}

/** Writes a picture's bytes to a path or `file:` URL. Throws INVALID_ARGUMENT, OUTPUT_NOT_WRITABLE. */
export async function writePicture(path: string | URL, bytes: Uint8Array): Promise<void> {
  const file = checkPath('path', path);
  try {
    await writeFile(file, bytes);
  } catch (cause) {
    throw new MediaError('OUTPUT_NOT_WRITABLE', {
      message: `Cannot write ${file}: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'Check that the folder exists and may be written to.',
      cause,
    });
  }
}
