import { addAbortSignal, Readable } from 'node:stream';

import { aborted, type NativePictureSource } from '../binding/index.js';
import {
  ArgumentError,
  checkInteger,
  checkOneOf,
  checkPath,
  describeValue,
  FoveateError,
  invalidArgument,
  MediaError,
} from '../errors/index.js';
import { Tensor } from '../tensor/index.js';

/** Order of the channels of raw pixels. */
export type PixelFormat = 'grey' | 'rgb' | 'bgr' | 'rgba';

const channels = { grey: 1, rgb: 3, bgr: 3, rgba: 4 } as const satisfies Record<PixelFormat, number>;
const pixelFormats = Object.keys(channels) as PixelFormat[];

/** A picture as raw pixels, eight bits a channel, interleaved. */
export interface RawFrame {
  /** Rows of pixels; or a uint8 tensor in native memory, which is read in place. */
  readonly data: Uint8Array | Uint8ClampedArray | Tensor<'uint8'>;
  readonly width: number;
  readonly height: number;
  readonly format: PixelFormat;
  /** Bytes from one row to the next. Default: rows without gaps. */
  readonly stride?: number | undefined;
}

/**
 * A picture: a path or `file:` URL, the bytes of a picture file, a stream of them (of Node, of the web, or any async iterable), or raw pixels.
 * Bytes and pixels are read when it is the picture's turn: leave them as they are until the call has settled.
 */
export type PictureInput = string | URL | Uint8Array | ArrayBuffer | AsyncIterable<Uint8Array> | NodeJS.ReadableStream | RawFrame;

/** Pictures beyond this many pixels are refused before they are decoded, unless an option raises it (as sharp and Pillow do against bombs). */
export const defaultPixelLimit = 64_000_000;

/** Streams beyond this many bytes are refused: no compressed picture within the pixel limit is larger. */
const streamByteLimit = 512 * 2 ** 20;

const maxEdge = 65_535;

/** What the core is given, and what the picture is called in messages. */
export interface ResolvedPicture {
  readonly source: NativePictureSource;
  readonly name: string;
}

/**
 * Checks a picture and reads streams; files are left to the core. A promise for streams only.
 *
 * Throws INVALID_ARGUMENT, MEDIA_INVALID, and for streams MEDIA_NOT_FOUND, MEDIA_TOO_LARGE, ABORTED.
 */
export function resolvePicture(input: PictureInput, signal: AbortSignal | undefined): ResolvedPicture | Promise<ResolvedPicture> {
  if (typeof input === 'string' || input instanceof URL) return resolvePath(input);
  if (input instanceof Uint8Array) return resolveBytes(input, 'the buffer');
  if (input instanceof ArrayBuffer) return resolveBytes(new Uint8Array(input), 'the buffer');
  if (isReadableStream(input)) return readStream(input, signal).then((bytes) => resolveBytes(bytes, 'the stream'));
  if (input !== null && typeof input === 'object' && 'width' in input) return resolveFrame(input);
  throw invalidArgument('image', 'a path, file: URL, Buffer, stream or raw frame { data, width, height, format }', input);
}

function resolvePath(input: string | URL): ResolvedPicture {
  if (/^https?:\/\//i.test(String(input))) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `Expected a local picture but received ${describeValue(String(input))}`,
      hint: 'Fetch it first and pass the bytes: new Uint8Array(await (await fetch(url)).arrayBuffer()).',
    });
  }
  const path = checkPath('image', input);
  return { source: { path }, name: path };
}

function resolveBytes(bytes: Uint8Array, name: string): ResolvedPicture {
  if (bytes.byteLength === 0) {
    throw new MediaError('MEDIA_INVALID', {
      message: `The picture in ${name} is empty (0 bytes)`,
      hint: 'Check how it was read.',
    });
  }
  return { source: { bytes }, name };
}

function resolveFrame(frame: RawFrame): ResolvedPicture {
  const width = checkInteger('frame.width', frame.width, 1, maxEdge);
  const height = checkInteger('frame.height', frame.height, 1, maxEdge);
  const format = checkOneOf('frame.format', frame.format, pixelFormats);
  const row = width * channels[format];
  const stride = frame.stride === undefined ? row : checkInteger('frame.stride', frame.stride, row);
  const tensor = frame.data instanceof Tensor ? frame.data : undefined;
  if (tensor !== undefined && tensor.dtype !== 'uint8') throw invalidArgument('frame.data', 'a tensor of uint8', tensor);
  const data = tensor === undefined ? (frame.data as Uint8Array | Uint8ClampedArray) : tensor.data;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw invalidArgument('frame.data', 'a Uint8Array or a uint8 tensor', data);
  }
  const needed = stride * (height - 1) + row;
  if (data.byteLength < needed) {
    throw invalidArgument(
      'frame.data',
      `at least ${needed} bytes (${width} x ${height} ${format}, stride ${stride})`,
      data.byteLength,
    );
  }
  const pixels = new Uint8Array(data.buffer, data.byteOffset, needed);
  return { source: { pixels, lease: tensor?.leaseHandle, width, height, stride, format }, name: 'the frame' };
}

/** Starts to read a stream at once, so that its errors are heard while the picture waits for its turn; anything else is handed back as it is. */
export function startReading(image: PictureInput, signal: AbortSignal | undefined): PictureInput | Promise<PictureInput> {
  if (!isReadableStream(image)) return image;
  const bytes = readStream(image, signal);
  bytes.catch(() => undefined); // whoever awaits it gets the error; until then it is not unhandled
  return bytes;
}

function isReadableStream(value: unknown): value is AsyncIterable<Uint8Array> | NodeJS.ReadableStream {
  return value !== null && typeof value === 'object' && Symbol.asyncIterator in value;
}

/** All bytes of a stream. Throws INVALID_ARGUMENT for one of text, MEDIA_TOO_LARGE. */
export async function readStream(
  stream: AsyncIterable<Uint8Array> | NodeJS.ReadableStream,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const readable = stream instanceof Readable ? stream : Readable.from(stream);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of signal === undefined ? readable : addAbortSignal(signal, readable)) {
      if (!(chunk instanceof Uint8Array))
        throw invalidArgument('image', 'a stream of bytes', chunk, 'Do not set an encoding on it.');
      bytes += chunk.byteLength;
      if (bytes > streamByteLimit) {
        throw new MediaError('MEDIA_TOO_LARGE', { message: `The stream has more than ${streamByteLimit} bytes` });
      }
      chunks.push(chunk);
    }
  } catch (cause) {
    if (signal?.aborted) throw aborted(signal);
    if (cause instanceof FoveateError) throw cause;
    throw new MediaError('MEDIA_NOT_FOUND', {
      message: `Cannot read the picture from the stream: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'Check where the stream comes from.',
      cause,
    });
  }
  return Buffer.concat(chunks);
}
