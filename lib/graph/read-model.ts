import nodePath from 'node:path';
import { checkOptions, ModelError } from '../errors/index.js';
import { readBytes, withFile, type ReadOptions } from './file-bytes.js';
import { modelPath } from './model-path.js';
import { parseModel, type OnnxModel } from './onnx-model.js';

export interface ReadModelOptions extends ReadOptions {
  /** Folder in which external data is looked for; by default that of the file. */
  readonly folder?: string | undefined;
}

/** Protobuf counts in signed 32-bit integers; larger models keep their tensors in external data. */
export const maxModelBytes = 2 ** 31 - 1;

/**
 * Reads an ONNX model from a path, a `file:` URL or bytes. External data is not read, only located.
 *
 * Rejects with MODEL_NOT_FOUND where there is no readable file, MODEL_INVALID where it is not a whole ONNX model, ABORTED.
 */
export async function readModel(source: string | URL | Uint8Array, options: ReadModelOptions = {}): Promise<OnnxModel> {
  checkOptions('readModel options', options, ['folder', 'signal']);
  const { bytes, path } = await readModelBytes(source, options);
  return parseModelAt(path, bytes, options.folder);
}

/** {@link parseModel} for the bytes of a file, which errors name; undefined for bytes that are from no file. */
export function parseModelAt(path: string | undefined, bytes: Uint8Array, folder?: string): OnnxModel {
  if (path === undefined) return parseModel(bytes, { folder });
  try {
    return parseModel(bytes, { folder: folder ?? nodePath.dirname(path) });
  } catch (error) {
    throw error instanceof ModelError ? withPath(error, path) : error;
  }
}

/** The bytes of a model's file, and its path; undefined where the bytes were given. Rejects as {@link readModel}, but for what is in them. */
export async function readModelBytes(
  source: string | URL | Uint8Array,
  options: ReadOptions = {},
): Promise<{ readonly bytes: Uint8Array; readonly path: string | undefined }> {
  if (source instanceof Uint8Array) {
    checkSize(source.byteLength, 'it');
    return { bytes: source, path: undefined };
  }
  const path = modelPath('source', source);
  const bytes = await withFile(path, 'the model', async (file, sizeBytes) => {
    checkSize(sizeBytes, JSON.stringify(path));
    return readBytes(file, 0, sizeBytes, options);
  });
  return { bytes, path };
}

function checkSize(sizeBytes: number, what: string): void {
  if (sizeBytes <= maxModelBytes) return;
  throw new ModelError('MODEL_INVALID', {
    message: `Expected an ONNX model of at most ${maxModelBytes} bytes, the limit of its file format, but ${what} has ${sizeBytes}`,
    hint: 'Export the model with its tensors in external data.',
    details: { sizeBytes },
  });
}

function withPath(error: ModelError, path: string): ModelError {
  return new ModelError(error.code, {
    message: `${JSON.stringify(path)}: ${error.message}`,
    hint: error.hint,
    details: { ...error.details, path },
    cause: error.cause,
  });
}
