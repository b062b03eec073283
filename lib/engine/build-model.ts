/** The model that an engine is built from: read, and changed by the passes that were asked for. */
import { basename, dirname } from 'node:path';

import { ModelError } from '../errors/index.js';
import {
  bakePreprocess,
  encodeModel,
  externalDataOf,
  freeBatch,
  parseModelAt,
  pixelAxes,
  readModelBytes,
  type Dimension,
  type ExternalData,
  type OnnxModel,
} from '../graph/index.js';
import type { BuildOptions } from './build-options.js';
import type { BuildInput } from './build-profiles.js';
import type { BundleFile, ModelPass } from './engine-manifest.js';
import { sha256OfBytes, sha256OfFile } from './file-hash.js';

/** A model as it was given. */
export interface SourceModel {
  /** undefined where it was given as bytes. */
  readonly path: string | undefined;
  /** For people: the file's name. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly model: OnnxModel;
  /** Files beside it that hold tensors, by the names that the model gives them, and where they are. */
  readonly externalData: readonly (BundleFile & { readonly path: string })[];
}

/** Bytes that are given are copied: what is decided by them must not change. Throws MODEL_NOT_FOUND, MODEL_INVALID, ABORTED. */
export async function readSource(source: string | URL | Uint8Array, signal: AbortSignal | undefined): Promise<SourceModel> {
  const given = source instanceof Uint8Array ? source.slice() : source;
  const { bytes, path } = await readModelBytes(given, { signal });
  const model = parseModelAt(path, bytes);
  const sha256 = sha256OfBytes(bytes);
  const externalData = await externalFiles(externalDataOf(model.proto, path && dirname(path)), signal);
  return { path, name: path === undefined ? 'model.onnx' : basename(path), bytes, sha256, model, externalData };
}

async function externalFiles(
  all: readonly ExternalData[],
  signal: AbortSignal | undefined,
): Promise<SourceModel['externalData']> {
  // TensorRT's parser reads these files by itself: that none lies outside the folder is checked here.
  const byLocation = new Map(all.map((external) => [external.location, external]));
  return Promise.all(
    [...byLocation].map(async ([location, external]) => {
      const { path, sizeBytes } = await external.file();
      return { file: location, path, bytes: sizeBytes, sha256: await sha256OfFile(path, signal) };
    }),
  );
}

/**
 * The inputs of a model as `passes` made it, in the axes of the model as it was given: which of its axes is where in an input of pixels is told in `order`.
 *
 * Throws MODEL_UNSUPPORTED where the rank of an input is not known.
 */
export function buildInputs(model: OnnxModel, passes: readonly ModelPass[] = []): readonly BuildInput[] {
  const baked = passes.find((pass) => pass.pass === 'bake-preprocess');
  return model.inputs.map(({ name, kind, shape }) => {
    if (shape === null) {
      throw new ModelError('MODEL_UNSUPPORTED', {
        message: `The model does not say how many dimensions its input ${JSON.stringify(name)} has`,
        hint: 'Export it with the shapes of its inputs.',
      });
    }
    // Only a model with just one such input is baked.
    if (baked === undefined || kind !== 'tensor' || shape.length !== 4) return { name, shape };
    const order = pixelAxes[baked.values.layout];
    return { name, shape: shape.map((_, axis) => shape[order.indexOf(axis)] as Dimension), order };
  });
}

/** The passes that options ask for, in the order in which they are made. */
export function passesFor(
  { freeBatch: free, batch, bakePreprocess: bake }: BuildOptions,
  inputs: readonly BuildInput[],
): ModelPass[] {
  const fixed = inputs.some(({ shape }) => typeof shape[0] === 'number');
  const wanted = free ?? batch !== undefined;
  return [
    ...(wanted && fixed ? [{ pass: 'free-batch' } as const] : []),
    ...(bake === undefined ? [] : [{ pass: 'bake-preprocess', values: bake } as const]),
  ];
}

/** The bytes to build, and their inputs. Throws MODEL_UNSUPPORTED where a pass cannot be made. */
export function applyPasses(source: SourceModel, passes: readonly ModelPass[]): { bytes: Uint8Array; model: OnnxModel } {
  if (passes.length === 0) return { bytes: source.bytes, model: source.model };
  let proto = source.model.proto;
  for (const pass of passes) proto = pass.pass === 'free-batch' ? freeBatch(proto) : bakePreprocess(proto, pass.values);
  const bytes = encodeModel(proto);
  return { bytes, model: parseModelAt(source.path, bytes) };
}
