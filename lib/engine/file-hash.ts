import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** Finds the SHA-256 of a file, in hexadecimal. */
export type FileHash = (path: string, signal?: AbortSignal) => Promise<string>;

/** The SHA-256 of a file, in hexadecimal. Rejects as reading it does. */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  // Each piece is memory of its own: of many small files, whole megabytes would pile up.
  const { size } = await stat(path);
  const highWaterMark = Math.min(Math.max(size + 1, 2 ** 16), 2 ** 20);
  await pipeline(createReadStream(path, { highWaterMark }), hash, signal === undefined ? {} : { signal });
  return hash.digest('hex');
}

/** More than a hash takes at once. */
const pieceBytes = 2 ** 30;

/** The SHA-256 of bytes, in hexadecimal. */
export function sha256OfBytes(bytes: Uint8Array): string {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) hash.update(bytes.subarray(at, at + pieceBytes));
  return hash.digest('hex');
}
