import { randomUUID } from 'node:crypto';
import { lstat, open, rename, rm, type FileHandle } from 'node:fs/promises';
import nodePath from 'node:path';
import { create } from '@bufbuild/protobuf';
import { AbortedError, checkOneOf, checkOptions, checkPath, checkSignal, FoveateError, MediaError } from '../errors/index.js';
import type { ReadOptions } from './file-bytes.js';
import { piecesOf, withoutElements, type ElementSource, type ModelPieces } from './model-pieces.js';
import { tensorsOf, withTensors } from './model-tensors.js';
import {
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as DataLocation,
  type ModelProto,
  type TensorProto,
} from './onnx_pb.js';
import { OnnxTensor } from './onnx-tensor.js';
import { changed } from './passes/changed.js';
import { maxModelBytes } from './read-model.js';
import { bytesOfTensor, tooLarge } from './write-model.js';

export interface WriteModelOptions extends ReadOptions {
  /**
   * Whether large tensors go to a file of their own, `<name>.data` beside the model. 'auto' (default): where the elements take more than 1 GiB together;
   * 'always': those of 64 KiB and more; 'never': a model above 2 GiB is refused.
   */
  readonly externalData?: 'auto' | 'never' | 'always' | undefined;
  /** Folder of the files in which tensors of `model` have their elements; without it they cannot be read. */
  readonly folder?: string | undefined;
}

/** What was written. */
export interface WrittenModel {
  readonly path: string;
  readonly bytes: number;
  /** Undefined where all is in the model's own file. */
  readonly data: { readonly path: string; readonly bytes: number } | undefined;
}

/** Above this, 'auto' puts large tensors into another file. */
const largeModelBytes = 2 ** 30;

/** Smaller tensors stay in the message: shape inference wants to see those that are shapes. */
const largeTensorBytes = 64 * 1024;

/** Where a tensor may begin in a data file: so it can be mapped into memory on every system. */
const alignment = 64 * 1024;

/** Small pieces are put together up to this much. */
const bufferBytes = 2 ** 20;

/**
 * Writes a model to an `.onnx` file, whole or not at all: what was at `path` is replaced when all is written, and its `.data` with it. Elements that
 * are in other files (see `folder`) are copied piece by piece; no piece is above 32 MiB. So a model of any size can be written.
 *
 * A model may be written over the file it was read from.
 *
 * Throws OUTPUT_NOT_WRITABLE; MODEL_UNSUPPORTED where the file would be above 2 GiB; MODEL_NOT_FOUND or MODEL_INVALID for external elements that are not
 * there; INVALID_ARGUMENT, UNKNOWN_OPTION, ABORTED.
 */
export async function writeModel(model: ModelProto, path: string | URL, options: WriteModelOptions = {}): Promise<WrittenModel> {
  checkOptions('writeModel options', options, ['externalData', 'folder', 'signal']);
  const { externalData = 'auto', folder, signal } = options;
  checkOneOf('externalData', externalData, ['auto', 'never', 'always']);
  checkSignal(signal);
  const modelPath = checkPath('path', path, 'a path or a file: URL');
  const dataPath = `${modelPath}.data`;
  const plan = await planned(model, { externalData, folder, signal, location: nodePath.basename(dataPath) });
  const body = piecesOf(plan.model, plan.sources);
  if (body.bytes > maxModelBytes) throw tooLarge(body.bytes);
  const written = { path: modelPath, bytes: body.bytes };
  const files: [string, (file: FileHandle) => Promise<void>][] = [[modelPath, (file) => writePieces(file, body, 0, signal)]];
  if (plan.moved.length === 0) {
    await putInPlace(files);
    return { ...written, data: undefined };
  }
  files.unshift([dataPath, (file) => writeData(file, plan.moved, signal)]);
  await putInPlace(files);
  return { ...written, data: { path: dataPath, bytes: endOf(plan.moved.at(-1)) } };
}

/** A tensor whose elements go to the data file. */
interface Moved extends ElementSource {
  readonly offset: number;
}

interface Plan {
  readonly model: ModelProto;
  /** Of tensors of `model` that have no elements in the message. */
  readonly sources: ReadonlyMap<TensorProto, ElementSource>;
  readonly moved: readonly Moved[];
}

async function planned(
  model: ModelProto,
  {
    externalData,
    folder,
    signal,
    location,
  }: Omit<WriteModelOptions, 'externalData'> & { readonly externalData: string; readonly location: string },
): Promise<Plan> {
  const all = tensorsOf(model);
  const external = new Map<TensorProto, ElementSource>();
  for (const proto of all) {
    if (proto.dataLocation !== DataLocation.EXTERNAL) continue;
    const tensor = new OnnxTensor(proto, folder);
    const bytes = await tensor.external?.byteLength(tensor.byteLength);
    external.set(proto, { tensor, bytes: bytes as number });
  }
  const total = all.reduce((sum, proto) => sum + (external.get(proto)?.bytes ?? bytesOfTensor(proto)), 0);
  const apart = externalData === 'always' || (externalData === 'auto' && total > largeModelBytes);
  const weights = new Set(model.graph?.initializer);
  const replaced = new Map<TensorProto, TensorProto>();
  const sources = new Map<TensorProto, ElementSource>();
  const moved: Moved[] = [];
  for (const proto of all) {
    const source = external.get(proto) ?? (apart && weights.has(proto) ? inMemory(proto) : undefined);
    if (source === undefined) continue;
    if (apart && source.bytes >= largeTensorBytes) {
      const offset = Math.ceil(endOf(moved.at(-1)) / alignment) * alignment;
      moved.push({ ...source, offset });
      replaced.set(proto, elsewhere(proto, { location, offset, length: source.bytes }));
    } else if (external.has(proto)) {
      if (weights.has(proto)) sources.set(proto, source);
      else replaced.set(proto, await broughtIn(proto, source, signal));
    }
  }
  return { model: withTensors(model, replaced), sources, moved };
}

/** Elements that are in the message as numbers; undefined for those that cannot be told as bytes, or are too few. */
function inMemory(proto: TensorProto): ElementSource | undefined {
  const tensor = new OnnxTensor(proto, undefined);
  const { byteLength } = tensor;
  return byteLength === undefined || byteLength < largeTensorBytes ? undefined : { tensor, bytes: byteLength };
}

function endOf(moved: Moved | undefined): number {
  return moved === undefined ? 0 : moved.offset + moved.bytes;
}

function elsewhere(proto: TensorProto, entries: Readonly<Record<string, string | number>>): TensorProto {
  return changed(withoutElements(proto), {
    dataLocation: DataLocation.EXTERNAL,
    externalData: Object.entries(entries).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value: String(value) }),
    ),
  });
}

async function broughtIn(
  proto: TensorProto,
  { tensor, bytes }: ElementSource,
  signal: AbortSignal | undefined,
): Promise<TensorProto> {
  if (bytes > maxModelBytes) throw tooLarge(bytes);
  const rawData = new Uint8Array(bytes);
  let done = 0;
  for await (const piece of tensor.chunks({ signal })) {
    rawData.set(piece, done);
    done += piece.length;
  }
  return changed(withoutElements(proto), { rawData });
}

async function writeData(file: FileHandle, moved: readonly Moved[], signal: AbortSignal | undefined): Promise<void> {
  for (const each of moved) await writePieces(file, { bytes: each.bytes, pieces: [each] }, each.offset, signal);
}

/** Writes from `position` on. */
async function writePieces(
  file: FileHandle,
  { pieces }: ModelPieces,
  position: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let at = position;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const write = async (bytes: Uint8Array): Promise<void> => {
    for (let done = 0; done < bytes.length;) {
      if (signal?.aborted) throw new AbortedError('ABORTED', { message: 'Writing the model was aborted', cause: signal.reason });
      const { bytesWritten } = await file.write(bytes, done, Math.min(largestWrite, bytes.length - done), at);
      done += bytesWritten;
      at += bytesWritten;
    }
  };
  const flush = async (): Promise<void> => {
    await write(Buffer.concat(waiting));
    [waiting, waitingBytes] = [[], 0];
  };
  for (const piece of pieces) {
    if ('tensor' in piece) {
      await flush();
      for await (const bytes of piece.tensor.chunks({ signal })) await write(bytes);
    } else if (piece.length > bufferBytes) {
      await flush();
      await write(piece);
    } else {
      waiting.push(piece);
      if ((waitingBytes += piece.length) > bufferBytes) await flush();
    }
  }
  await flush();
}

/** What is written in one go, so that an abort is heard soon. */
const largestWrite = 32 * 2 ** 20;

/** Writes files beside where they belong, then puts all in place, the last one last. Where that fails, what was there before still is. */
async function putInPlace(files: readonly (readonly [string, (file: FileHandle) => Promise<void>])[]): Promise<void> {
  const [id, [name = '']] = [randomUUID(), files.at(-1) ?? []];
  const part = (path: string): string => `${path}.${id}.part`;
  const before = (path: string): string => `${path}.${id}.before`;
  const placed: string[] = [];
  try {
    for (const [path] of files) await checkReplaceable(path);
    for (const [path, write] of files) {
      const file = await open(part(path), 'wx');
      await write(file).finally(() => file.close());
    }
    for (const [path] of files) {
      // Only so that it can come back; the last one is replaced in one step.
      if (path !== name) await rename(path, before(path)).catch(ignoreMissing);
      placed.push(path);
      await rename(part(path), path);
    }
  } catch (error) {
    for (const [path] of files) await rm(part(path), { force: true }).catch(() => undefined);
    for (const path of placed.filter((one) => one !== name)) {
      await rm(path, { force: true }).catch(() => undefined);
      await rename(before(path), path).catch(() => undefined);
    }
    throw error instanceof FoveateError ? error : notWritable(name, error);
  }
  for (const path of placed) await rm(before(path), { force: true }).catch(() => undefined);
}

/** To rename over a device or a folder would replace it, or fail when all is written. */
async function checkReplaceable(path: string): Promise<void> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found && !found.isFile() && !found.isSymbolicLink()) throw new Error(`${JSON.stringify(path)} is no regular file`);
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function notWritable(path: string, cause: unknown): MediaError {
  return new MediaError('OUTPUT_NOT_WRITABLE', {
    message: `Cannot write the model ${JSON.stringify(path)}: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: 'Check that its folder exists and may be written to, and that there is space.',
    details: { path },
    cause,
  });
}
