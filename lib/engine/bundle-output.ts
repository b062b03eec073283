/** Where a bundle is put that was asked for in a place of its own. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { cp, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { MediaError } from '../errors/index.js';
import { EngineBundle, manifestFile, wholeBundle, writeManifest } from './engine-bundle.js';
import { parseManifest, type EngineManifest } from './engine-manifest.js';
import { makeFolder, replaceFolder } from './folders.js';

/**
 * Throws OUTPUT_NOT_WRITABLE where something lies at `output` that is neither an empty folder nor an engine bundle and nothing else: what a bundle takes the
 * place of is deleted.
 */
export async function checkOutput(output: string): Promise<void> {
  const place = resolve(output);
  let names: string[];
  try {
    names = await readdir(place);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    throw notWritable(output, code === 'ENOTDIR' ? 'a file is in the way' : (cause as Error).message, cause);
  }
  if (names.length === 0 || (await isBundleAlone(place))) return;
  throw new MediaError('OUTPUT_NOT_WRITABLE', {
    message: `The bundle would take the place of ${output}, which is not an engine bundle, or holds other files too`,
    hint: 'Name another folder with output (--output), or delete this one.',
    details: { path: output },
  });
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
  const place = resolve(output);
  const present = await wholeBundle(place, signal);
  const manifest: EngineManifest = { ...bundle.manifest, model: { ...bundle.manifest.model, source } };
  if (isDeepStrictEqual(present?.manifest, manifest)) return present as EngineBundle;
  await checkOutput(output);
  const part = join(dirname(place), `.~${basename(place)}.${randomUUID()}.part`);
  try {
    await makeFolder(dirname(place));
    await cp(bundle.path, part, { recursive: true, mode: constants.COPYFILE_FICLONE });
    await writeManifest(part, manifest);
    signal?.throwIfAborted();
    await replaceFolder(part, place);
  } catch (cause) {
    signal?.throwIfAborted();
    throw notWritable(output, cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    await rm(part, { recursive: true, force: true }).catch(() => undefined);
  }
  return EngineBundle.open(place);
}

/** Whether a folder holds the files of a bundle, damaged or not, and nothing else. */
async function isBundleAlone(place: string): Promise<boolean> {
  try {
    const { engine, model, layers } = parseManifest(await readFile(join(place, manifestFile), 'utf8'), place);
    const own = new Set([
      manifestFile,
      ...[engine, model, layers, ...model.externalData].map(({ file }) => relative(place, join(place, file))),
    ]);
    const entries = await readdir(place, { recursive: true, withFileTypes: true });
    return entries.every(
      (entry) => entry.isDirectory() || (entry.isFile() && own.has(relative(place, join(entry.parentPath, entry.name)))),
    );
  } catch {
    return false;
  }
}

function notWritable(output: string, reason: string, cause: unknown): MediaError {
  return new MediaError('OUTPUT_NOT_WRITABLE', {
    message: `Cannot write the bundle ${output}: ${reason}`,
    hint: 'Check that its folder may be written to, and that there is space. An engine that was built is kept in the cache.',
    cause,
  });
}
