/** The model that an engine is built from: read, and changed by the passes that were asked for. */
import { basename, dirname } from 'node:path';

import { ModelError } from '../errors/index.js';
import {
  bakePreprocess,
  encodeModel,
  externalDataOf,
  freeBatch,
  modelPath,
  parseModelAt,
  pixelAxes,
  readModelBytes,
  type Dimension,
  type ExternalData,
  type OnnxModel,
  type ValueInfo,
} from '../graph/index.js';
import type { BuildOptions } from './build-options.js';
import type { BuildInput } from './build-profiles.js';
import type { BundleFile } from './bundle-folder.js';
import type { ModelPass } from './engine-manifest.js';
import { sha256OfBytes } from './file-hash.js';
import { FileState, rememberedSha256 } from './file-state.js';
import { ModelBundle } from './model-bundle.js';

/** A model as it was given. */
export interface SourceModel {
  /** undefined where it was given as bytes. */
  readonly path: string | undefined;
  /** For people: the file's name, or that of the bundle. */
  readonly name: string;
  /** The bundle of an optimised model that was given; {@link path} is its form for TensorRT. */
  readonly bundle: ModelBundle | undefined;
  readonly sha256: string;
  readonly inputs: readonly ValueInfo[];
  /** Files beside it that hold tensors, by the names that the model gives them, and where they are. */
  readonly externalData: readonly (BundleFile & { readonly path: string })[];
  /** The model itself. Throws MODEL_INVALID where the file has changed since: all else was decided by what it was. */
  read(): Promise<ReadModel>;
}

interface ReadModel {
  readonly bytes: Uint8Array;
  readonly model: OnnxModel;
}

/** What of a model decides which engine is built of it. */
type SourceFacts = Pick<SourceModel, 'sha256' | 'inputs' | 'externalData'>;

/**
 * Looks at a model to build; of the bundle of an optimised model, at its form for TensorRT. A file is read only where it may have changed since it was looked at last. Bytes that are given are copied: what is decided
 * by them must not change. Throws MODEL_NOT_FOUND, MODEL_INVALID, BUNDLE_INVALID, ABORTED.
 */
export async function readSource(source: string | URL | Uint8Array, signal: AbortSignal | undefined): Promise<SourceModel> {
  if (source instanceof Uint8Array) {
    const read = await readModel(source.slice(), signal);
    return {
      path: undefined,
      name: 'model.onnx',
      bundle: undefined,
      ...(await factsOf(read, undefined, signal)),
      read: async () => read,
    };
  }
  const bundle = await ModelBundle.at(source);
  const path = bundle === undefined ? modelPath('source', source) : await bundle.wholeForm('tensorrt', signal);
  let known: ReadModel | undefined;
  const state = await FileState.of(path).catch(() => undefined);
  const look = async (): Promise<SourceFacts> => {
    known = await readModel(path, signal);
    return factsOf(known, path, signal);
  };
  const seen = (await state?.recall('model', look)) ?? (await look());
  // Files beside it change without it.
  const facts = seen.externalData.length > 0 && known === undefined ? await look() : seen;
  const read = async (): Promise<ReadModel> => {
    known ??= await readModel(path, signal);
    if (sha256OfBytes(known.bytes) !== facts.sha256) throw changed(`The model ${JSON.stringify(path)}`, path);
    return known;
  };
  return { path, name: basename(bundle?.path ?? path), bundle, ...facts, read };
}

async function readModel(source: string | Uint8Array, signal: AbortSignal | undefined): Promise<ReadModel> {
  const { bytes, path } = await readModelBytes(source, { signal });
  return { bytes, model: parseModelAt(path, bytes) };
}

async function factsOf(
  { bytes, model }: ReadModel,
  path: string | undefined,
  signal: AbortSignal | undefined,
): Promise<SourceFacts> {
  const externalData = await externalFiles(externalDataOf(model.proto, path && dirname(path)), signal);
  return { sha256: sha256OfBytes(bytes), inputs: model.inputs, externalData };
}

/** The error for a file that is not any more what a build was decided by. */
export function changed(what: string, path: string): ModelError {
  return new ModelError('MODEL_INVALID', {
    message: `${what} changed while the model was built`,
    hint: 'Wait until it is written completely.',
    details: { path },
  });
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
      return { file: location, path, bytes: sizeBytes, sha256: await rememberedSha256(path, signal) };
    }),
  );
}

/**
 * The inputs of a model as `passes` made it, in the axes of the model as it was given: which of its axes is where in an input of pixels is told in `order`.
 *
 * Throws MODEL_UNSUPPORTED where the rank of an input is not known.
 */
export function buildInputs(inputs: readonly ValueInfo[], passes: readonly ModelPass[] = []): readonly BuildInput[] {
  const baked = passes.find((pass) => pass.pass === 'bake-preprocess');
  return inputs.map(({ name, kind, shape }) => {
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
export async function applyPasses(source: SourceModel, passes: readonly ModelPass[]): Promise<ReadModel> {
  const read = await source.read();
  if (passes.length === 0) return read;
  let { proto } = read.model;
  for (const pass of passes) proto = pass.pass === 'free-batch' ? freeBatch(proto) : bakePreprocess(proto, pass.values);
  const bytes = encodeModel(proto);
  return { bytes, model: parseModelAt(source.path, bytes) };
}
