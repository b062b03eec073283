/** The files of a bundle that is being made. */
import { constants } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, normalize, sep } from 'node:path';

import { ModelError } from '../errors/index.js';
import { changed, type SourceModel } from './build-model.js';
import { manifestFile, type BundleFile } from './bundle-folder.js';
import { sha256OfBytes, sha256OfFile } from './file-hash.js';

/** What every bundle has. */
export const bundleFiles = { engine: 'engine.plan', model: 'model.onnx', layers: 'layers.json' } as const;

export async function writeBundleFile(
  folder: string,
  file: (typeof bundleFiles)[keyof typeof bundleFiles],
  bytes: Uint8Array,
): Promise<BundleFile> {
  await writeFile(join(folder, file), bytes);
  return { file, bytes: bytes.byteLength, sha256: sha256OfBytes(bytes) };
}

/**
 * Puts the external data of a model beside it. Throws MODEL_UNSUPPORTED where it has the name of another file of a bundle, MODEL_INVALID where a file has
 * changed since it was looked at: all that is decided by now was decided by what it was.
 */
export async function copyExternalData(
  { externalData }: SourceModel,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<readonly BundleFile[]> {
  const taken: readonly string[] = [manifestFile, ...Object.values(bundleFiles)];
  for (const { file, path, sha256 } of externalData) {
    if (taken.includes(normalize(file).split(sep)[0]?.toLowerCase() ?? '')) {
      throw new ModelError('MODEL_UNSUPPORTED', {
        message: `The model keeps tensors in ${JSON.stringify(file)}, which a bundle has a file of its own by that name`,
        hint: 'Export the model with another name for its external data.',
      });
    }
    const copy = join(folder, file);
    await mkdir(dirname(copy), { recursive: true });
    await copyFile(path, copy, constants.COPYFILE_FICLONE);
    if ((await sha256OfFile(copy, signal)) !== sha256) throw changed(`The external data ${JSON.stringify(file)}`, path);
  }
  return externalData.map(({ file, bytes, sha256 }) => ({ file, bytes, sha256 }));
}
