import { createReadStream } from 'node:fs';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

import { aborted } from '../binding/index.js';
import { modelFiles } from './model-bytes.js';

/** Bytes of a model's file and of the files that hold its tensors, each packed by gzip at its usual level. Rejects as `readModel` does, ABORTED. */
export async function packedBytes(path: string, signal: AbortSignal | undefined): Promise<number> {
  let bytes = 0;
  const counter = () =>
    new Writable({
      write: (chunk: Buffer, _, done) => {
        bytes += chunk.length;
        done();
      },
    });
  for (const file of (await modelFiles(path, signal)).keys()) {
    try {
      await pipeline(createReadStream(file), createGzip(), counter(), { signal });
    } catch (error) {
      if (signal?.aborted) throw aborted(signal);
      throw error;
    }
  }
  return bytes;
}
