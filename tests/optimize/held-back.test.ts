/** Which pictures are calibrated with, and which are left to measure by. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { calibratedOf, calibratedPictures, heldBackPictures } from '../../lib/optimize/held-back.js';

it.each([
  [1, 16],
  [16, 16],
  [34, 17],
  [63, 31],
  [64, 32],
  [5000, 32],
])('of %i pictures %i are calibrated with', (pictures, calibrated) => {
  expect(calibratedOf(pictures)).toBe(calibrated);
});

it('a picture is calibrated with or held back by its content, and what cannot be read is neither', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'foveate-held-back-'));
  try {
    const pictures = ['a', 'b', 'c', 'd', 'missing'].map((name) => join(folder, name));
    for (const path of pictures.slice(0, 4)) writeFileSync(path, `of ${path}`);
    const hashOf = (path: string): string => createHash('sha256').update(`of ${path}`).digest('hex');
    const [a, b, c, d] = pictures as [string, string, string, string];
    const calibrated = new Set([b, c, d].map(hashOf));
    expect(await calibratedPictures([...pictures].reverse(), calibrated, 2, undefined)).toEqual([d, c]);
    expect(await calibratedPictures(pictures, calibrated, 9, undefined)).toEqual([b, c, d]);
    expect(await calibratedPictures([a], calibrated, 2, undefined)).toEqual([]);
    expect(await heldBackPictures(pictures, (sha256) => calibrated.has(sha256), 0, undefined)).toEqual([a]);
    await expect(calibratedPictures(pictures, calibrated, 2, AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
