import { createHash } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';

import { packageVersion } from '../binding/index.js';
import { externalDataOf, modelPath, readModel } from '../graph/index.js';
import { EngineBundle, manifestFile, ModelBundle, sha256OfFile } from '../engine/index.js';
import type { RunDestination } from './run-files.js';
import type { RunSettings } from './run-journal.js';
import type { TaskOptionValues } from './task-options.js';

/**
 * All that decides over the results of a picture: the model with its external data, the options, the labels. Files are told by their SHA-256, so that
 * what changed in them is noticed. Rejects where the model cannot be read, as `loadTask` does.
 */
export async function runSettings(
  model: string,
  options: TaskOptionValues,
  { format, output }: RunDestination,
  signal: AbortSignal,
): Promise<RunSettings> {
  const { labels } = options;
  return {
    foveate: packageVersion,
    model: await modelHash(modelPath('model', model), signal),
    format,
    '--output': output && resolve(output), // as it is called: an option of the library is named output too
    ...options,
    threads: undefined, // they change no result
    // A file that cannot be read is told where it is used.
    labels: typeof labels === 'string' ? await sha256OfFile(labels, signal).catch(() => labels) : undefined,
  };
}

async function modelHash(path: string, signal: AbortSignal): Promise<string> {
  const bundle = (await EngineBundle.at(path)) ?? (await ModelBundle.at(path));
  // It tells the content of all others.
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
