import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';

import { externalDataOf, readModel } from '../graph/index.js';
import { manifestFile } from './bundle-folder.js';
import { EngineBundle } from './engine-bundle.js';
import { sha256OfFile } from './file-hash.js';
import { ModelBundle } from './model-bundle.js';

/** The SHA-256 of all that a model is: its file and the external data beside it, or the manifest of its bundle, which tells the content of all others. Rejects where the model cannot be read. */
export async function sha256OfModel(path: string, signal: AbortSignal | undefined): Promise<string> {
  const bundle = (await EngineBundle.at(path)) ?? (await ModelBundle.at(path));
  if (bundle !== undefined) return sha256OfFile(join(bundle.path, manifestFile), signal);
  const { proto } = await readModel(path, { signal });
  const own = await sha256OfFile(path, signal);
  const byLocation = new Map(externalDataOf(proto, dirname(path)).map((external) => [external.location, external]));
  if (byLocation.size === 0) return own;
  const hash = createHash('sha256').update(own);
  for (const location of [...byLocation.keys()].sort()) {
    // Where one is missing, the engine tells.
    const file = await byLocation
      .get(location)
      ?.file()
      .catch(() => undefined);
    hash.update(file === undefined ? 'missing' : await sha256OfFile(file.path, signal));
  }
  return hash.digest('hex');
}
