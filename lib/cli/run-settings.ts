import { createHash } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';

import { packageVersion } from '../binding/index.js';
import { modelPath, readModel } from '../graph/index.js';
import { sha256OfFile } from '../engine/index.js';
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
  const { initializers } = await readModel(path, { signal });
  const own = await sha256OfFile(path, signal);
  const locations = new Set([...initializers.values()].flatMap(({ external }) => (external ? [external.location] : [])));
  if (locations.size === 0) return own;
  const hash = createHash('sha256').update(own);
  for (const location of [...locations].sort()) {
    // Where one is missing, the engine tells.
    hash.update(await sha256OfFile(join(dirname(path), location), signal).catch(() => 'missing'));
  }
  return hash.digest('hex');
}
