import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, rename, rm } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';

import { aborted } from '../binding/index.js';
import { checkPath, MediaError } from '../errors/index.js';
import { sha256OfFile } from './file-hash.js';
import { makeFolder } from './folders.js';
import type { ModelBundle } from './model-bundle.js';
import { formNames } from './model-manifest.js';
import { formFileName } from './write-model-bundle.js';

/** A file that is to be copied. */
interface Exported {
  readonly from: string;
  readonly to: string;
  readonly sha256: string;
}

/**
 * Writes the forms of a bundle as plain ONNX files into `folder`, which is made: `yolov8n.onnxruntime.int8.onnx`, `yolov8n.tensorrt.int8.onnx`, with their
 * external data beside them. The paths of the two, in that order. Each file is whole or not there.
 *
 * Throws BUNDLE_INVALID where a form was changed, OUTPUT_NOT_WRITABLE, also where a file of that name is there with another content, ABORTED.
 */
export async function exportOnnx(bundle: ModelBundle, folder: string | URL, signal?: AbortSignal): Promise<readonly string[]> {
  const place = checkPath('folder', folder, 'the path of a folder');
  const { source, forms } = bundle.manifest;
  const models: string[] = [];
  const wanted = new Map<string, Exported>();
  for (const name of formNames) {
    const path = await bundle.wholeForm(name, signal);
    const form = forms[name];
    const model = join(place, formFileName(source.name, name, form.precision));
    models.push(model);
    const data = form.externalData.map(({ file, sha256 }) => {
      const location = posix.relative(posix.dirname(form.file), file);
      return { from: join(dirname(path), location), to: join(place, location), sha256 };
    });
    for (const file of [{ from: path, to: model, sha256: form.sha256 }, ...data]) {
      const other = wanted.get(file.to);
      if (other !== undefined && other.sha256 !== file.sha256) throw inTheWay(file.to, 'which both forms keep tensors in');
      wanted.set(file.to, file);
    }
  }
  const missing: Exported[] = [];
  for (const file of wanted.values()) {
    const present = await sha256OfFile(file.to, signal).catch((cause: NodeJS.ErrnoException) => {
      if (signal?.aborted) throw aborted(signal);
      if (cause.code === 'ENOENT') return undefined;
      throw notWritable(file.to, cause);
    });
    if (present === undefined) missing.push(file);
    else if (present !== file.sha256) throw inTheWay(file.to, 'which is there with another content');
  }
  for (const file of missing) await copyWhole(file, signal);
  return models;
}

async function copyWhole({ from, to }: Exported, signal: AbortSignal | undefined): Promise<void> {
  const part = `${to}.${randomUUID()}.part`;
  try {
    await makeFolder(dirname(to));
    await copyFile(from, part, constants.COPYFILE_FICLONE);
    if (signal?.aborted) throw aborted(signal);
    await rename(part, to);
  } catch (cause) {
    if (signal?.aborted) throw aborted(signal);
    throw notWritable(to, cause);
  } finally {
    await rm(part, { force: true }).catch(() => undefined);
  }
}

function inTheWay(path: string, which: string): MediaError {
  return new MediaError('OUTPUT_NOT_WRITABLE', {
    message: `The export would overwrite ${path}, ${which}`,
    hint: 'Name another folder.',
    details: { path },
  });
}

function notWritable(path: string, cause: unknown): MediaError {
  return new MediaError('OUTPUT_NOT_WRITABLE', {
    message: `Cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: 'Check that its folder may be written to, and that there is space.',
    details: { path },
    cause,
  });
}
