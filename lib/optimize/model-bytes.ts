import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { externalDataOf, readModel } from '../graph/index.js';

/** Bytes of a model's file and of the files that hold its tensors. Rejects as `readModel` does. */
export async function modelBytes(path: string, signal: AbortSignal | undefined): Promise<number> {
  return [...(await modelFiles(path, signal)).values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Paths of these files, and the bytes of each. Rejects as `readModel` does. */
export async function modelFiles(path: string, signal: AbortSignal | undefined): Promise<ReadonlyMap<string, number>> {
  const { proto } = await readModel(path, { signal });
  const files = new Map([[path, (await stat(path)).size]]);
  for (const data of externalDataOf(proto, dirname(path))) {
    const file = await data.file();
    files.set(file.path, file.sizeBytes);
  }
  return files;
}
