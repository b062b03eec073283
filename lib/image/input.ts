import { addAbortSignal, Readable } from 'node:stream';

import { aborted, type LeaseHandle, type NativePictureSource } from '../binding/index.js';
import {
  ArgumentError,
  checkInteger,
  checkOneOf,
  checkOptions,
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

/** A picture as raw pixels, eight bits a channel, interleaved. A decoded `Picture` is one, too, and is read in place. */
export interface RawFrame {
  /** Rows of pixels, no byte more; or a uint8 tensor in native memory, which is read in place. */
  readonly data: Uint8Array | Uint8ClampedArray | Tensor<'uint8'>;
  readonly width: number;
  readonly height: number;
  readonly format: PixelFormat;
  /** Bytes from one row to the next, where there are gaps. The last row may end without one. */
  readonly stride?: number | undefined;
}

const frameKeys = ['data', 'width', 'height', 'format', 'stride'] as const satisfies (keyof RawFrame)[];

/**
 * A picture: a path or `file:` URL, the bytes of a picture file, a stream of them (of Node, of the web, or any async iterable), raw pixels, or
 * a `Picture` that was decoded before.
 * Bytes and pixels are read when it is the picture's turn: leave them as they are until the call has settled.
 */
export type PictureInput = string | URL | Uint8Array | ArrayBuffer | AsyncIterable<Uint8Array> | NodeJS.ReadableStream | RawFrame;

/** Pictures beyond this many pixels are refused before they are decoded, unless an option raises it (as sharp and Pillow do against bombs). */
export const defaultPixelLimit = 64_000_000;

/** Streams beyond this many bytes are refused: no compressed picture within the pixel limit is larger. */
const streamByteLimit = 512 * 2 ** 20;

const maxEdge = 65_535;

/** Linux opens no longer path. */
const maxPathLength = 4096;

const readOnceHint = 'A stream can be read only once: read it into a Buffer first, and pass that wherever the picture is needed.';

/** A raw frame whose data lies in native memory, without a tensor: a `Picture`. */
interface DecodedPicture extends RawFrame {
  readonly leaseHandle: LeaseHandle;
}

/** What the core is given, and what errors say of it. */
export interface ResolvedPicture {
  readonly source: NativePictureSource;
  /** What follows "the picture" in messages: a path, or where it lies. */
  readonly name: string;
  /** Of errors; undefined where the picture is no file. */
  readonly details?: { readonly path: string };
}

/**
 * Checks a picture and reads streams; files are left to the core. A promise for streams only.
 *
 * Throws INVALID_ARGUMENT, MEDIA_INVALID, and for streams MEDIA_NOT_FOUND, MEDIA_TOO_LARGE, ABORTED.
 */
export function resolvePicture(input: PictureInput, signal: AbortSignal | undefined): ResolvedPicture | Promise<ResolvedPicture> {
  if (typeof input === 'string' || input instanceof URL) return resolvePath(input);
  if (input instanceof Uint8Array) return resolveBytes(input, 'in the buffer');
  if (input instanceof ArrayBuffer) return resolveBytes(new Uint8Array(input), 'in the buffer');
  if (isReadableStream(input))
    return readStream(input, signal).then((bytes) => resolveBytes(bytes, 'in the stream', readOnceHint));
  if (input !== null && typeof input === 'object' && 'width' in input) return resolveFrame(input);
  throw invalidArgument(
    'image',
    'a path, file: URL, Buffer, stream or raw frame { data, width, height, format }',
    input,
    hintFor(input),
  );
}

/** What to pass instead of an object that holds a picture in a way of its own. */
function hintFor(input: unknown): string | undefined {
  if (input === null || typeof input !== 'object') return undefined;
  // A Response, Blob or File.
  if ('arrayBuffer' in input) return 'Pass its bytes: await image.arrayBuffer().';
  // What sharp gives with resolveWithObject.
  if ('data' in input && 'info' in input) {
    return "Pass raw pixels of sharp as { data, width: info.width, height: info.height, format: 'rgb' }, or 'rgba' where info.channels is 4.";
  }
  return undefined;
}

function resolvePath(input: string | URL): ResolvedPicture {
  const text = String(input);
  if (/^https?:\/\//i.test(text)) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `Expected a local picture but received ${describeValue(text)}`,
      hint: 'Fetch it first and pass the bytes: new Uint8Array(await (await fetch(url)).arrayBuffer()).',
    });
  }
  if (/^data:/i.test(text)) throw encodedPicture(text);
  const path = checkPath('image', input);
  if (path.length > maxPathLength) throw encodedPicture(path);
  return { source: { path }, name: shortened(path), details: { path } };
}

/** The error for a picture as text, in place of a path. */
function encodedPicture(text: string): ArgumentError {
  return new ArgumentError('INVALID_ARGUMENT', {
    message: `Expected a path or file: URL for image but received ${describeValue(text)} of ${text.length} characters`,
    hint: "Pass the bytes: Buffer.from(base64, 'base64'), where base64 is what follows the comma of a data: URL.",
  });
}

/** A path as it is shown in messages. Its end tells more than its start. */
function shortened(path: string): string {
  return path.length > 80 ? `...${path.slice(-77)}` : path;
}

function resolveBytes(bytes: Uint8Array, name: string, hint = 'Check how it was read.'): ResolvedPicture {
  if (bytes.byteLength === 0) {
    throw new MediaError('MEDIA_INVALID', { message: `The picture ${name} is empty (0 bytes)`, hint });
  }
  return { source: { bytes }, name };
}

function resolveFrame(frame: RawFrame): ResolvedPicture {
  if (frame.format === undefined) {
    const hint = "Name the order of its channels: 'rgba' for ImageData of a canvas, as { data, width, height, format: 'rgba' }.";
    throw invalidArgument('frame.format', `one of ${pixelFormats.join(', ')}`, undefined, hint);
  }
  checkOptions('frame', frame, frameKeys);
  const width = checkInteger('frame.width', frame.width, 1, maxEdge);
  const height = checkInteger('frame.height', frame.height, 1, maxEdge);
  const format = checkOneOf('frame.format', frame.format, pixelFormats);
  const row = width * channels[format];
  const stride = frame.stride === undefined ? row : checkInteger('frame.stride', frame.stride, row);
  const given = frame.data;
  if (given instanceof Tensor && given.dtype !== 'uint8') throw invalidArgument('frame.data', 'a tensor of uint8', given);
  const data = given instanceof Tensor ? given.data : given;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw invalidArgument('frame.data', 'a Uint8Array or a uint8 tensor', data);
  }
  const needed = stride * (height - 1) + row;
  const received = data.byteLength;
  if (frame.stride === undefined && received !== needed) {
    const hint = 'Where there are gaps between the rows, pass the option stride: the bytes from one row to the next.';
    throw invalidArgument('frame.data', `${needed} bytes (${width} x ${height} ${format})`, received, hint);
  }
  if (received < needed) {
    throw invalidArgument('frame.data', `at least ${needed} bytes (${width} x ${height} ${format}, stride ${stride})`, received);
  }
  const pixels = new Uint8Array(data.buffer, data.byteOffset, needed);
  const lease = given instanceof Tensor ? given.leaseHandle : (frame as Partial<DecodedPicture>).leaseHandle;
  return { source: { pixels, lease, width, height, stride, format }, name: 'in the frame' };
}

/**
 * Starts to read a stream at once, so that its errors are heard while the picture waits for its turn, and gives a stream of what was read.
 * Anything else is handed back as it is.
 */
export function startReading(image: PictureInput, signal: AbortSignal | undefined): PictureInput {
  if (!isReadableStream(image)) return image;
  const bytes = readStream(image, signal);
  bytes.catch(() => undefined); // whoever reads gets the error; until then it is not unhandled
  return (async function* () {
    yield await bytes;
  })();
}

function isReadableStream(value: unknown): value is AsyncIterable<Uint8Array> | NodeJS.ReadableStream {
  return value !== null && typeof value === 'object' && Symbol.asyncIterator in value;
}

/** All bytes of a stream. Throws INVALID_ARGUMENT for one of text, MEDIA_TOO_LARGE. */
export async function readStream(
  stream: AsyncIterable<Uint8Array> | NodeJS.ReadableStream,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    const readable = stream instanceof Readable ? stream : Readable.from(stream); // throws where it is locked
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
      hint: 'Check where the stream comes from. It can be read only once.',
      cause,
    });
  }
  return Buffer.concat(chunks);
}
