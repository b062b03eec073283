import { realpath, type FileHandle } from 'node:fs/promises';
import nodePath from 'node:path';
import { ModelError } from '../errors/index.js';
import { openFile, readBytes, readPieces, withFile, type ReadOptions } from './file-bytes.js';
import { tensorsOf } from './model-tensors.js';
import { TensorProto_DataLocation, type ModelProto, type TensorProto } from './onnx_pb.js';

/** Where the elements of a tensor are that is not stored in the model file itself. */
export class ExternalData {
  /** Path relative to the folder of the model. */
  readonly location: string;
  readonly offset: number;
  /** Undefined where the data reaches to the end of its file. */
  readonly length: number | undefined;
  readonly #tensor: string;
  readonly #folder: string | undefined;

  /** @internal */
  constructor(proto: TensorProto, folder: string | undefined) {
    const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
    const location = entries.get('location');
    this.#tensor = proto.name;
    this.#folder = folder;
    if (location === undefined) throw this.#invalid('no location is given');
    this.location = location;
    this.offset = this.#integer('offset', entries.get('offset')) ?? 0;
    this.length = this.#integer('length', entries.get('length'));
  }

  /**
   * Reads the bytes, of which there must be `expectedBytes` (any number where undefined).
   *
   * Rejects with MODEL_INVALID for a location outside of the model's folder, also through a symbolic link, and for data that is too short or
   * too long; with MODEL_NOT_FOUND where the file is missing, or the folder is unknown because the model was given as bytes.
   *
   * @internal
   */
  async readBytes(expectedBytes: number | undefined, options: ReadOptions): Promise<Uint8Array> {
    return this.#open(async (file, sizeBytes) => readBytes(file, this.offset, this.#lengthOf(sizeBytes, expectedBytes), options));
  }

  /**
   * The bytes as {@link readBytes} gives them, in pieces of 32 MiB or less: each is overwritten by the next one. Rejects as that does.
   *
   * @internal
   */
  async *pieces(expectedBytes: number | undefined, options: ReadOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const { file, sizeBytes } = await openFile(await this.#path(), this.#what);
    try {
      yield* readPieces(file, this.offset, this.#lengthOf(sizeBytes, expectedBytes), options);
    } finally {
      await file.close();
    }
  }

  /**
   * How many bytes there are. Rejects as {@link readBytes}, without reading them.
   *
   * @internal
   */
  byteLength(expectedBytes: number | undefined): Promise<number> {
    return this.#open((_, sizeBytes) => Promise.resolve(this.#lengthOf(sizeBytes, expectedBytes)));
  }

  /**
   * The file itself, which lies in the folder of the model and can be read, and its size.
   *
   * Rejects with MODEL_INVALID for a location outside of that folder, and with MODEL_NOT_FOUND, as {@link readBytes} does.
   *
   * @internal
   */
  file(): Promise<{ readonly path: string; readonly sizeBytes: number }> {
    return this.#open((_, sizeBytes, path) => Promise.resolve({ path, sizeBytes }));
  }

  async #open<T>(use: (file: FileHandle, sizeBytes: number, path: string) => Promise<T>): Promise<T> {
    const path = await this.#path();
    return withFile(path, this.#what, (file, sizeBytes) => use(file, sizeBytes, path));
  }

  get #what(): string {
    return `the external data of tensor ${JSON.stringify(this.#tensor)},`;
  }

  /** How many bytes are meant of a file of that size, which has them. */
  #lengthOf(sizeBytes: number, expectedBytes: number | undefined): number {
    const length = this.length ?? Math.max(0, sizeBytes - this.offset);
    if (this.offset + length > sizeBytes) {
      throw this.#invalid(`bytes ${this.offset} to ${this.offset + length} are wanted of a file of ${sizeBytes} bytes`);
    }
    if (expectedBytes !== undefined && length !== expectedBytes) {
      throw this.#invalid(`expected ${expectedBytes} bytes for its shape but received ${length}`);
    }
    return length;
  }

  async #path(): Promise<string> {
    if (this.#folder === undefined) {
      throw new ModelError('MODEL_NOT_FOUND', {
        message: `Cannot find the external data ${JSON.stringify(this.location)} of tensor ${JSON.stringify(this.#tensor)}: the model was given as bytes`,
        hint: 'Give the path of the model instead of its bytes, or its folder as an option.',
      });
    }
    // Refused by either system's rules, so that a model means the same everywhere.
    const absolute = nodePath.posix.isAbsolute(this.location) || nodePath.win32.isAbsolute(this.location);
    if (absolute || this.location.includes('\0') || this.location.split(/[/\\]/).includes('..') || this.location === '') {
      throw this.#outside();
    }
    const path = nodePath.join(this.#folder, this.location);
    const [realFolder, realFile] = await Promise.all([this.#folder, path].map((name) => realpath(name).catch(() => undefined)));
    if (realFolder === undefined || realFile === undefined) return path; // opening it will tell why
    const inside = nodePath.relative(realFolder, realFile);
    if (inside.split(nodePath.sep)[0] === '..' || nodePath.isAbsolute(inside)) throw this.#outside();
    return realFile;
  }

  #integer(key: string, text: string | undefined): number | undefined {
    if (text === undefined) return undefined;
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(value)) throw this.#invalid(`${key} is ${JSON.stringify(text)}, not a number of bytes`);
    return value;
  }

  #outside(): ModelError {
    return this.#invalid(
      `location ${JSON.stringify(this.location)} is not a file within the folder of the model`,
      'Put the data file itself, not a link to one elsewhere, into the folder of the model.',
    );
  }

  #invalid(reason: string, hint = 'Export the model again, with its data file beside it.'): ModelError {
    return new ModelError('MODEL_INVALID', {
      message: `External data of tensor ${JSON.stringify(this.#tensor)}: ${reason}`,
      hint,
    });
  }
}

/**
 * Where the elements are of every tensor that has them in another file, be it a constant within a subgraph or a function. `folder` is that of the model.
 * Throws MODEL_INVALID where one has no location.
 */
export function externalDataOf(model: ModelProto, folder: string | undefined): readonly ExternalData[] {
  return tensorsOf(model)
    .filter(({ dataLocation }) => dataLocation === TensorProto_DataLocation.EXTERNAL)
    .map((tensor) => new ExternalData(tensor, folder));
}
