import { writeFile } from 'node:fs/promises';
import { extname } from 'node:path';

import { Lease, native, settle, type NativeMarks } from '../binding/index.js';
import {
  checkInteger,
  checkOneOf,
  checkOptions,
  checkSignal,
  FoveateError,
  invalidArgument,
  MediaError,
} from '../errors/index.js';
import { decodeGeneral, loadSharp } from './general-decoder.js';
import { defaultPixelLimit, resolvePicture, type PictureInput } from './input.js';

/** Formats that pictures are written in. */
export type EncodedFormat = 'jpeg' | 'png' | 'webp';

const formats: Readonly<Record<string, EncodedFormat>> = { '.jpg': 'jpeg', '.jpeg': 'jpeg', '.png': 'png', '.webp': 'webp' };

/** Raw pixels and their kind, ready to be written. */
interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/** A decoded picture in native memory: RGB, eight bits, EXIF orientation applied. */
export class Picture implements Disposable {
  readonly width: number;
  readonly height: number;
  readonly #lease: Lease;
  #encoding = 0;
  #disposed = false;

  private constructor(width: number, height: number, lease: Lease) {
    this.width = width;
    this.height = height;
    this.#lease = lease;
  }

  /** Decodes off the JavaScript thread. Throws MEDIA_NOT_FOUND, MEDIA_INVALID, MEDIA_UNSUPPORTED, MEDIA_TOO_LARGE, ABORTED. */
  static async read(
    image: PictureInput,
    options: { readonly pixelLimit?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Picture> {
    checkOptions('picture options', options, ['pixelLimit', 'signal']);
    const { signal } = options;
    checkSignal(signal);
    const pixelLimit = checkInteger('pixelLimit', options.pixelLimit ?? defaultPixelLimit, 1);
    const resolved = resolvePicture(image, signal);
    const picture = resolved instanceof Promise ? await resolved : resolved;
    let decoded;
    try {
      decoded = await settle((operation) => native().pictureDecode(picture.source, pixelLimit, operation), signal);
    } catch (error) {
      if (!(error instanceof FoveateError && error.code === 'MEDIA_UNSUPPORTED')) throw error;
      const frame = await decodeGeneral(picture, pixelLimit);
      decoded = await settle((operation) => native().pictureDecode(frame, pixelLimit, operation), signal);
    }
    return new Picture(decoded.width, decoded.height, new Lease(decoded.lease));
  }

  /** height * width * 3 bytes, rows without gaps. Throws DISPOSED. */
  get data(): Uint8Array {
    return new Uint8Array(this.#lease.buffer);
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

  /** Writes the picture; the extension (.jpg, .png, .webp) decides the format. Throws OUTPUT_NOT_WRITABLE. */
  async toFile(path: string): Promise<void> {
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

/** Raw pixels as a file's bytes. JPEG at quality 90. */
export async function encode(pixels: Pixels, format: EncodedFormat): Promise<Buffer> {
  checkOneOf('format', format, ['jpeg', 'png', 'webp']);
  const sharp = await loadSharp();
  const { data, width, height, channels } = pixels;
  const image = sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
  if (format === 'png') return (channels === 1 ? image.toColourspace('b-w') : image).png().toBuffer();
  return format === 'jpeg' ? image.jpeg({ quality: 90 }).toBuffer() : image.webp({ quality: 90 }).toBuffer();
}

/** The format that a file's extension stands for. Throws INVALID_ARGUMENT. */
export function formatOf(path: string): EncodedFormat {
  const format = typeof path === 'string' ? formats[extname(path).toLowerCase()] : undefined;
  if (format === undefined) throw invalidArgument('path', `a file name that ends in ${Object.keys(formats).join(', ')}`, path);
  return format;
}

/** Writes a picture's bytes. Throws OUTPUT_NOT_WRITABLE. */
export async function writePicture(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes);
  } catch (cause) {
    throw new MediaError('OUTPUT_NOT_WRITABLE', {
      message: `Cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'Check that the folder exists and may be written to.',
      cause,
    });
  }
}
