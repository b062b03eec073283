import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

import { loadSharp } from '../image/index.js';
import type { SourcePlace } from './dataset.js';
import { throwIfAborted, unreadable } from './source-file.js';
import { invalidAt } from './source-place.js';

/** A mask as it was written: indices with one channel, colours with three. */
export interface MaskPixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const grey = 0;
const rgb = 2;
const palette = 3;
const rgba = 6;

/**
 * The pixels of a PNG as the file has them: of a palette the indices, not the colours, and of few bits the values, not what they are of 255.
 * Rejects with DATASET_NOT_FOUND, DATASET_INVALID, ABORTED.
 */
export async function readMask(path: string, signal: AbortSignal | undefined): Promise<MaskPixels> {
  const place = { file: path };
  throwIfAborted(signal);
  const bytes = await readFile(path).catch((error: unknown) => {
    throw unreadable(place, error);
  });
  throwIfAborted(signal);
  const { depth, isColored, plain } = plainPng(bytes, place);
  const decode = await loadSharp();
  const image = decode(plain, { failOn: 'warning' });
  const channels = isColored ? 3 : 1;
  const { data, info } = await image
    .removeAlpha()
    .toColourspace(isColored ? 'srgb' : 'b-w')
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw damaged(place, (cause as Error).message.split('\n')[0] as string, cause);
    });
  // libvips spreads one, two and four bits of grey over 0 to 255.
  const spread = isColored ? 1 : 255 / (2 ** depth - 1);
  if (spread !== 1) for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) / spread;
  return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), width: info.width, height: info.height, channels };
}

/**
 * The file with nothing in it but its size and its pixels, and told to be grey where it has a palette: any decoder then gives the indices as they are, and
 * no profile, gamma or transparency changes a value.
 */
function plainPng(
  bytes: Buffer,
  place: SourcePlace,
): { readonly depth: number; readonly isColored: boolean; readonly plain: Buffer } {
  if (!bytes.subarray(0, 8).equals(signature) || bytes.toString('latin1', 12, 16) !== 'IHDR' || bytes.length < 33) {
    throw invalidAt(
      place,
      'expected a PNG, whose pixels are as they were written, but it is none, or damaged',
      'Save masks as PNG.',
    );
  }
  const depth = bytes[24] as number;
  const type = bytes[25] as number;
  if (depth === 16) {
    throw invalidAt(
      place,
      'expected at most 8 bits a pixel but received 16',
      'Indices of classes fit into 8 bits: save the mask with as many.',
    );
  }
  if (type !== grey && type !== rgb && type !== palette && type !== rgba) {
    throw invalidAt(
      place,
      'expected indices or colours but received grey with transparency',
      'Save the mask without an alpha channel.',
    );
  }
  const header = Buffer.from(bytes.subarray(8, 33));
  if (type === palette) {
    header[17] = grey;
    header.writeUInt32BE(crc32(header.subarray(4, 21)), 21);
  }
  const chunks: Buffer[] = [signature, header];
  for (let at = 33; at + 12 <= bytes.length;) {
    const end = at + 12 + bytes.readUInt32BE(at);
    const kind = bytes.toString('latin1', at + 4, at + 8);
    if (kind === 'IDAT' || kind === 'IEND') chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return { depth, isColored: type === rgb || type === rgba, plain: Buffer.concat(chunks) };
}

function damaged(place: SourcePlace, reason: string, cause: unknown): Error {
  return invalidAt(place, `the picture is damaged: ${reason}`, 'Check that it was written and transferred whole.', cause);
}
