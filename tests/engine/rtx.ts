/** What tests need that build with the real TensorRT-RTX. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll } from 'vitest';

import { tensorRtCandidates } from '../../lib/engine/index.js';

/** Whether the library is there; `npm test` brings it, and says loudly where it cannot. */
export const rtxPresent = tensorRtCandidates().some(({ family }) => family === 'tensorrt-rtx');
if (!rtxPresent) console.warn('SKIPPED: TensorRT-RTX was not found, so no engine is built.');

/** A cache of the tests' own, for a whole file. */
export function useOwnCache(): { readonly folder: () => string } {
  let folder = '';
  const before = process.env['FOVEATE_CACHE_DIR'];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'foveate-engines-'));
    process.env['FOVEATE_CACHE_DIR'] = folder;
  });
  afterAll(() => {
    if (before === undefined) delete process.env['FOVEATE_CACHE_DIR'];
    else process.env['FOVEATE_CACHE_DIR'] = before;
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder: () => folder };
}
