import { resolve } from 'node:path';

import { packageVersion } from '../binding/index.js';
import { modelPath } from '../graph/index.js';
import { sha256OfFile, sha256OfModel } from '../engine/index.js';
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
    model: await sha256OfModel(modelPath('model', model), signal),
    format,
    '--output': output && resolve(output), // as it is called: an option of the library is named output too
    ...options,
    threads: undefined, // they change no result
    // A file that cannot be read is told where it is used.
    labels: typeof labels === 'string' ? await sha256OfFile(labels, signal).catch(() => labels) : undefined,
  };
}
