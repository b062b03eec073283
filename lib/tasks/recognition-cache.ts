import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { packageVersion } from '../binding/index.js';
import { keepInCache, userCacheFolder } from '../engine/index.js';

/**
 * What `recognize` makes of a model, from the user's cache where it was made before: to tell, a model has to be opened in an engine, which takes longer than
 * all else of a build that is in the cache. `evidence` has to hold all that it depends on; where `isSame` tells that it does not any more, nothing is kept. It is
 * kept as JSON; what `recognize` throws is not kept.
 */
export async function recalled<T extends object>(
  evidence: Readonly<Record<string, unknown>>,
  recognize: () => Promise<T>,
  isSame: () => Promise<boolean>,
): Promise<T> {
  const key = createHash('sha256')
    .update(JSON.stringify({ foveate: packageVersion, ...evidence }))
    .digest('hex')
    .slice(0, 32);
  const place = join(userCacheFolder(), 'recognized', `${key}.json`);
  const known = await read(place);
  if (known !== undefined) return known as T;
  const made = await recognize();
  if (await isSame()) await keepInCache(place, JSON.stringify(made));
  return made;
}

/** Undefined where there is nothing that can be read. */
async function read(place: string): Promise<object | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(place, 'utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
