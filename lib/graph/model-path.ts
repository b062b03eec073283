import { ArgumentError, checkPath, describeValue } from '../errors/index.js';
import { fileSize } from './file-bytes.js';

/** The path of a model that is a path or `file:` URL. Throws INVALID_ARGUMENT. */
export function modelPath(name: string, source: unknown): string {
  if (/^https?:/i.test(source instanceof URL ? source.href : typeof source === 'string' ? source : '')) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `Expected a local model (a path, a file: URL or bytes) for ${name} but received ${describeValue(String(source))}`,
      hint: 'Download it first and pass its path, or the bytes: new Uint8Array(await (await fetch(url)).arrayBuffer()).',
    });
  }
  return checkPath(name, source, 'a path, a file: URL or the bytes of an ONNX model');
}

/** Rejects with MODEL_NOT_FOUND where there is no regular file at `path`, as reading it would. */
export function checkModelFile(path: string): Promise<unknown> {
  return fileSize(path, 'the model');
}
