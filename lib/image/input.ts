import { addAbortSignal, Readable } from 'node:stream';

import { aborted, type NativePictureSource } from '../binding/index.js';
import { ArgumentError, checkPath, describeValue, FoveateError, invalidArgument, MediaError } from '../errors/index.js';
import { resolveFrame, type RawFrame } from './frame.js';

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

/** Linux opens no longer path. */
const maxPathLength = 4096;

const readOnceHint = 'A stream can be read only once: read it into a Buffer first, and pass that wherever the picture is needed.';

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
  if (input !== null && typeof input === 'object' && 'width' in input)
    return { source: resolveFrame(input), name: 'in the frame' };
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

/**
 * Starts to read a stream at once, so that its errors are heard while the picture waits for its turn, and gives what was read, as often as it is asked for.
 * Anything else is handed back as it is.
 */
export function startReading(image: PictureInput, signal: AbortSignal | undefined): PictureInput {
  if (!isReadableStream(image)) return image;
  const bytes = readStream(image, signal);
  bytes.catch(() => undefined); // whoever reads gets the error; until then it is not unhandled
  return {
    async *[Symbol.asyncIterator]() {
      yield await bytes;
    },
  };
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
