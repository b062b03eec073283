/** Where a bundle is put that was asked for in a place of its own. */
import { constants } from 'node:fs';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { manifestFile } from './bundle-folder.js';
import { BundlePlace, type PlacedBundle } from './bundle-place.js';
import { EngineBundle, wholeBundle, writeManifest } from './engine-bundle.js';
import { parseManifest, type EngineManifest } from './engine-manifest.js';

const engineBundle: PlacedBundle = {
  noun: 'an engine bundle',
  hint: 'Check that its folder may be written to, and that there is space. An engine that was built is kept in the cache.',
  filesIn: async (folder) => {
    const { engine, model, layers } = parseManifest(await readFile(join(folder, manifestFile), 'utf8'), folder);
    return [manifestFile, ...[engine, model, layers, ...model.externalData].map(({ file }) => file)];
  },
};

/**
 * Throws OUTPUT_NOT_WRITABLE where something lies at `output` that is neither an empty folder nor an engine bundle and nothing else: what a bundle takes the
 * place of is deleted.
 */
export async function checkOutput(output: string): Promise<void> {
  await (await BundlePlace.of(output, engineBundle)).check();
}

/**
 * Copies a bundle of the cache to `output`, whole or not at all. The copy names `source` as the file that it was built from: the one in the cache names
 * the first with the same content. Throws OUTPUT_NOT_WRITABLE.
 */
export async function copyBundle(
  bundle: EngineBundle,
  source: string,
  output: string,
  signal: AbortSignal | undefined,
): Promise<EngineBundle> {
  const place = await BundlePlace.of(output, engineBundle);
  const present = await wholeBundle(place.path, signal);
  const manifest: EngineManifest = { ...bundle.manifest, model: { ...bundle.manifest.model, source } };
  if (isDeepStrictEqual(present?.manifest, manifest)) return present as EngineBundle;
  const isOther = (from: string): boolean => from !== join(bundle.path, manifestFile);
  await place.fill(async (folder) => {
    await cp(bundle.path, folder, { recursive: true, mode: constants.COPYFILE_FICLONE, filter: isOther });
    signal?.throwIfAborted();
    // Last: a folder without one is no bundle.
    await writeManifest(folder, manifest);
  }, signal);
  return EngineBundle.open(place.path);
}
