/** The files of a bundle that is being made. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';

import { ModelError } from '../errors/index.js';
import type { SourceModel } from './build-model.js';
import { manifestFile } from './engine-bundle.js';
import type { BundleFile } from './engine-manifest.js';

/** What every bundle has. */
export const bundleFiles = { engine: 'engine.plan', model: 'model.onnx', layers: 'layers.json' } as const;

export async function writeBundleFile(
  folder: string,
  file: (typeof bundleFiles)[keyof typeof bundleFiles],
  bytes: Uint8Array,
): Promise<BundleFile> {
  await writeFile(join(folder, file), bytes);
  return { file, bytes: bytes.byteLength, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** Puts the external data of a model beside it. Throws MODEL_UNSUPPORTED where it has the name of another file of a bundle. */
export async function copyExternalData({ path, externalData }: SourceModel, folder: string): Promise<readonly BundleFile[]> {
  const taken: readonly string[] = [manifestFile, ...Object.values(bundleFiles)];
  for (const { file } of externalData) {
    if (taken.includes(normalize(file).toLowerCase())) {
      throw new ModelError('MODEL_UNSUPPORTED', {
        message: `The model keeps tensors in ${JSON.stringify(file)}, which a bundle has a file of its own by that name`,
        hint: 'Export the model with another name for its external data.',
      });
    }
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await copyFile(join(dirname(path as string), file), join(folder, file), constants.COPYFILE_FICLONE);
  }
  return externalData;
}
