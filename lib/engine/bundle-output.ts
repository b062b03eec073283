/** Where a bundle is put that was asked for in a place of its own. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { cp, lstat, readdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { aborted } from '../binding/index.js';
import { MediaError } from '../errors/index.js';
import { EngineBundle, manifestFile, wholeBundle, writeManifest } from './engine-bundle.js';
import { parseManifest, type EngineManifest } from './engine-manifest.js';
import { makeFolder, replaceFolder } from './folders.js';

/** Longer than anybody copies. */
const leftoverMs = 60 * 60_000;

/**
 * Throws OUTPUT_NOT_WRITABLE where something lies at `output` that is neither an empty folder nor an engine bundle and nothing else: what a bundle takes the
 * place of is deleted.
 */
export async function checkOutput(output: string): Promise<void> {
  const place = await placeOf(output);
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
    hint: 'Name a folder that is not there, in option output.',
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
  const place = await placeOf(output);
  const present = await wholeBundle(place, signal);
  const manifest: EngineManifest = { ...bundle.manifest, model: { ...bundle.manifest.model, source } };
  if (isDeepStrictEqual(present?.manifest, manifest)) return present as EngineBundle;
  await checkOutput(output);
  const part = join(dirname(place), `.~${basename(place)}.${randomUUID()}.part`);
  try {
    // An empty folder is filled: it may be somebody's current one, or where something is mounted.
    if (await isEmptyFolder(place)) {
      await fill(place, bundle, manifest, signal);
    } else {
      await makeFolder(dirname(place));
      await removeLeftovers(place);
      await fill(part, bundle, manifest, signal);
      await replaceFolder(part, place);
    }
  } catch (cause) {
    if (signal?.aborted) throw aborted(signal);
    throw notWritable(output, cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    await rm(part, { recursive: true, force: true }).catch(() => undefined);
  }
  return EngineBundle.open(place);
}

/** Where an output really is: a link stays, and leads there. Throws OUTPUT_NOT_WRITABLE for one that leads nowhere. */
async function placeOf(output: string): Promise<string> {
  const place = resolve(output);
  const isLink = (await lstat(place).catch(() => undefined))?.isSymbolicLink() === true;
  if (!isLink) return place;
  return realpath(place).catch((cause: unknown) => {
    throw notWritable(output, 'it is a link that leads nowhere', cause);
  });
}

async function isEmptyFolder(place: string): Promise<boolean> {
  return (await readdir(place).catch(() => undefined))?.length === 0;
}

/** Copies a bundle into a folder, the manifest last: a folder without one is no bundle. What was copied is removed where it fails. */
async function fill(
  folder: string,
  bundle: EngineBundle,
  manifest: EngineManifest,
  signal: AbortSignal | undefined,
): Promise<void> {
  const isOther = (from: string): boolean => from !== join(bundle.path, manifestFile);
  try {
    await cp(bundle.path, folder, { recursive: true, mode: constants.COPYFILE_FICLONE, filter: isOther });
    signal?.throwIfAborted();
    await writeManifest(folder, manifest);
  } catch (error) {
    for (const name of await readdir(folder).catch((): string[] => []))
      await rm(join(folder, name), { recursive: true, force: true });
    throw error;
  }
}

/** What copies to the same place left that were killed long ago. */
async function removeLeftovers(place: string): Promise<void> {
  const folder = dirname(place);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`.~${basename(place)}.`) || !name.endsWith('.part')) continue;
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > leftoverMs) await rm(path, { recursive: true, force: true });
  }
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
