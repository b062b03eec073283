import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { packageVersion } from '../binding/index.js';
import { keepInCache, userCacheFolder } from '../engine/index.js';

/**
 * What `recognize` makes of a model, from the user's cache where it was made before: to tell, a model has to be opened in an engine, which takes longer than
 * all else of a build that is in the cache. `evidence` has to hold all that it depends on. It is kept as JSON; what `recognize` throws is not kept.
 */
export async function recalled<T extends object>(
  evidence: Readonly<Record<string, unknown>>,
  recognize: () => Promise<T>,
): Promise<T> {
  const key = createHash('sha256')
    .update(JSON.stringify({ foveate: packageVersion, ...evidence }))
    .digest('hex')
    .slice(0, 32);
  const place = join(userCacheFolder(), 'recognized', `${key}.json`);
  try {
    return JSON.parse(await readFile(place, 'utf8')) as T;
  } catch {
    const made = await recognize();
    await keepInCache(place, JSON.stringify(made));
    return made;
  }
}
