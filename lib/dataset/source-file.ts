import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';

import { aborted } from '../binding/index.js';
import type { SourcePlace } from './dataset.js';
import { invalidAt, missingAt } from './source-place.js';

/** Files of labels beyond this are no lists of labels. COCO and CSV are streamed, without a limit. */
const maxTextBytes = 64 * 2 ** 20;

const utf8Hint = 'Save it as UTF-8.';

/** Throws ABORTED once the signal is. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted(signal);
}

/**
 * The text of a file, without a byte order mark. Rejects with DATASET_NOT_FOUND where it cannot be read, DATASET_INVALID where it is not UTF-8.
 * What file, and where that was asked for, is `place`: a list names its own line.
 */
export async function readText(path: string): Promise<string> {
  const place = { file: path };
  let bytes: Buffer;
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw missingAt(place, 'it is a folder, expected a file');
    if (found.size > maxTextBytes) {
      throw invalidAt(
        place,
        `it has ${found.size} bytes, and no such file has more than ${maxTextBytes}`,
        'Check what file it is.',
      );
    }
    bytes = await readFile(path);
  } catch (error) {
    throw unreadable(place, error);
  }
  checkStart(bytes, place);
  if (!isUtf8(bytes)) throw invalidAt({ ...place, line: firstLineNotUtf8(bytes) }, 'it is not UTF-8 text', utf8Hint);
  const text = bytes.toString('utf8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** DATASET_NOT_FOUND for what the file system says; other errors as they are. */
export function unreadable(place: SourcePlace, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string' || !/^E[A-Z]/.test(code)) return error;
  if (code === 'ENOENT' || code === 'ENOTDIR') return missingAt(place, 'there is no such file', undefined, error);
  if (code === 'EISDIR') return missingAt(place, 'it is a folder, expected a file', undefined, error);
  return missingAt(place, `it cannot be read: ${message}`, 'Check its permissions.', error);
}

/** Throws DATASET_INVALID where the first bytes are those of a text in UTF-16. */
export function checkStart(bytes: Uint8Array, place: SourcePlace): void {
  const [first, second] = bytes;
  const hasMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (hasMark || first === 0 || second === 0) throw invalidAt(place, 'expected UTF-8 text but received UTF-16', utf8Hint);
}

/** DATASET_INVALID for bytes that are no UTF-8. */
export function notUtf8(place: SourcePlace): Error {
  return invalidAt(place, 'it is not UTF-8 text', utf8Hint);
}

function firstLineNotUtf8(bytes: Buffer): number {
  let line = 1;
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start), line++) {
    if (!isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
  return line;
}
