/** What tests need that build with the real TensorRT-RTX. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll } from 'vitest';

import { tensorRtCandidates } from '../../lib/engine/index.js';

/** Whether the library is there; `npm test` brings it, and says loudly where it cannot. */
export const rtxPresent = tensorRtCandidates().some(({ family }) => family === 'tensorrt-rtx');
if (!rtxPresent) console.warn('SKIPPED: TensorRT-RTX was not found, so no engine is built.');

export const models = fileURLToPath(new URL('../../examples/models/', import.meta.url));
export const detector = join(models, 'shapes-detector.onnx');
export const segmenter = join(models, 'shapes-segmenter.onnx');

/** What every build needs to be told: the library, and one kind of GPU. */
export const rtx = { device: 'tensorrt-rtx', computeCapability: 89 } as const;

/** A cache of the tests' own, for a whole file. */
export interface OwnCache {
  readonly folder: () => string;
  /** What it holds beside whole engines. */
  readonly leftovers: () => string[];
}

export function useOwnCache(): OwnCache {
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
  const leftovers = (): string[] => {
    const engines = join(folder, 'engines');
    return existsSync(engines) ? readdirSync(engines).filter((name) => !/^[0-9a-f]{32}$/.test(name)) : [];
  };
  return { folder: () => folder, leftovers };
}
