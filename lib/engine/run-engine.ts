/** Engines that can be run on this machine: found, or built. */
import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';

import type { NativeGpu, NativeTensorRt } from '../binding/index.js';
import { ArgumentError, BackendError, EngineError, invalidArgument } from '../errors/index.js';
import type { SourceModel } from './build-model.js';
import type { BuildOptions } from './build-options.js';
import { EngineCache } from './engine-cache.js';
import { capabilityText, type EngineBundle } from './engine-bundle.js';
import { chooseTensorRt } from './tensorrt.js';
import { tensorRtPlaces } from './tensorrt-libraries.js';

/** Families of libraries that run engines, as devices. */
export const engineDevices = ['tensorrt', 'tensorrt-rtx'] as const;
export type EngineDevice = (typeof engineDevices)[number];

export function isEngineDevice(device: string): device is EngineDevice {
  return (engineDevices as readonly string[]).includes(device);
}

/** Whether an engine is built where there is none: not, before the model is ready, or while it runs elsewhere. */
export const buildPolicies = ['never', 'on-load', 'background'] as const;
export type BuildPolicy = (typeof buildPolicies)[number];

/**
 * The library that runs engines of a device; its `gpu` is the first of `gpus`, ordinals of the GPUs that they run on (default: the first of the machine). Throws BACKEND_NOT_FOUND,
 * BACKEND_UNAVAILABLE where this machine has no GPU for it, INVALID_ARGUMENT for GPUs that are not there or are not of one kind, and as opening it does.
 */
export async function runningTensorRt(
  device: string,
  path: string | undefined,
  gpus: readonly number[] | undefined,
): Promise<NativeTensorRt> {
  const library = await chooseTensorRt(device, path);
  if (library.runObstacle !== undefined) {
    throw new BackendError('BACKEND_UNAVAILABLE', {
      message: `${library.family} ${library.version} cannot run engines on this machine: ${library.runObstacle}`,
      hint: "Use device 'auto' or 'cpu', or a machine with an NVIDIA GPU and its driver.",
      details: { device, path: library.path },
    });
  }
  return gpus === undefined ? library : { ...library, gpu: firstOf(gpus, library) };
}

function firstOf(ordinals: readonly number[], library: NativeTensorRt): NativeGpu {
  const wanted = ordinals.map((ordinal) => {
    const gpu = library.gpus.find((one) => one.ordinal === ordinal);
    if (gpu !== undefined) return gpu;
    throw invalidArgument('gpus', `ordinals of ${library.gpus.map(gpuText).join(', ')}`, ordinals);
  });
  const [first] = wanted as [NativeGpu, ...NativeGpu[]];
  const other = wanted.find(({ computeCapability }) => computeCapability !== first.computeCapability);
  if (other === undefined) return first;
  throw invalidArgument(
    'gpus',
    `GPUs of one compute capability, not ${gpuText(first)} with ${gpuText(other)}`,
    ordinals,
    'An engine is built for one kind of GPU: open a session for each.',
  );
}

function gpuText({ ordinal, name, computeCapability }: NativeGpu): string {
  return `${ordinal} (${name}, ${capabilityText(computeCapability)})`;
}

/** Throws BACKEND_UNAVAILABLE where an engine that is built on this machine is not one for the GPU of `library`: builders use the first GPU. */
export function checkBuildsFor({ family, gpu, gpus: [first] }: NativeTensorRt): void {
  if (gpu === undefined || first === undefined) return;
  if (gpu.name === first.name && gpu.computeCapability === first.computeCapability) return;
  throw new BackendError('BACKEND_UNAVAILABLE', {
    message: `Engines are built for the first GPU of the machine, ${gpuText(first)}, and not for ${gpuText(gpu)}`,
    hint: `Build it in a process that sees no other GPU: CUDA_VISIBLE_DEVICES=${gpu.ordinal} foveate build MODEL --device ${family}.`,
  });
}

/** Of everything that an engine is built from: the model, and the files beside it. */
export function sourceKey({ sha256, externalData }: Pick<SourceModel, 'sha256' | 'externalData'>): string {
  const files = externalData.map((file) => [file.file, file.sha256]);
  return createHash('sha256')
    .update(JSON.stringify([sha256, files]))
    .digest('hex');
}

/** Whether the cache has an engine of a model, for whatever library and GPU. Opens no library. */
export async function hasEngine(source: SourceModel): Promise<boolean> {
  const key = sourceKey(source);
  return await new EngineCache().has(({ manifest }) => manifest.model.sourceKey === key);
}

/** Those of the devices of which a library is to be seen, by its name. Opens none. */
export function seenEngineDevices(tensorrtPath: string | undefined): EngineDevice[] {
  const families = tensorRtPlaces(tensorrtPath).flatMap(({ libraries }) => libraries.map(({ family }) => family));
  return engineDevices.filter((device) => families.includes(device));
}

/**
 * The engine in the cache that was built last of those of a model that `library` can run here and that `fits`; undefined where there is none. Damaged ones do
 * not count. Rejects with ABORTED.
 */
export async function findEngine(
  source: SourceModel,
  library: NativeTensorRt,
  fits: (bundle: EngineBundle) => boolean,
  signal: AbortSignal | undefined,
): Promise<EngineBundle | undefined> {
  const key = sourceKey(source);
  return await new EngineCache().newest(
    (bundle) =>
      bundle.manifest.model.sourceKey === key &&
      bundle.incompatibility(library) === undefined &&
      unsupported(bundle) === undefined &&
      fits(bundle),
    signal,
  );
}

/**
 * Path of an engine's file, to be opened by `library`. An engine is code: what is run is one that was built into the cache of this user, or that the caller says is to be trusted; of a copy of
 * one in the cache, that one, so that nobody who may write to the copy's folder changes it between the look at it and its opening. The cache is the user's own folder, as the program is.
 *
 * Throws ENGINE_MISMATCH where `library` cannot run it on this machine, ENGINE_INVALID where its file is not as it was built, and NOT_TRUSTED.
 */
export async function runnableEngine(
  bundle: EngineBundle,
  library: NativeTensorRt,
  { trust, signal }: { readonly trust: boolean; readonly signal?: AbortSignal | undefined },
): Promise<string> {
  const obstacle = bundle.incompatibility(library) ?? unsupported(bundle);
  if (obstacle !== undefined) {
    throw new EngineError('ENGINE_MISMATCH', {
      message: `The engine ${bundle.path} cannot be run here: ${obstacle}`,
      hint: `Build it on this machine: foveate build ${bundle.manifest.model.source} --device ${bundle.manifest.engine.family}.`,
      details: { path: bundle.path },
    });
  }
  const path = await bundle.wholeEngine(signal);
  if (trust) return path;
  const own = await ownBundle(bundle, signal);
  if (own !== undefined) return own === bundle ? path : await own.wholeEngine(signal);
  throw new ArgumentError('NOT_TRUSTED', {
    message: `An engine is code that is run, and ${bundle.path} was not built into the cache of this user, nor declared to be trusted`,
    hint: 'Give trust: true (--trust) where you know where it comes from.',
    details: { path: bundle.path },
  });
}

/** Why this version does not run an engine, whatever the machine. */
function unsupported({ manifest }: EngineBundle): string | undefined {
  const { stripWeights, pluginLibraries, dlaCore } = manifest.options as Partial<BuildOptions>;
  if (stripWeights === true) return 'it was built without its weights, which nothing brings back yet';
  if ((pluginLibraries ?? []).length > 0) return 'it needs plugin libraries, which are not loaded to run engines yet';
  return dlaCore === undefined ? undefined : 'it is for a deep-learning accelerator, on which nothing is run yet';
}

/** The bundle itself where it lies in the cache of this user, else the one there with the same engine. */
async function ownBundle(bundle: EngineBundle, signal: AbortSignal | undefined): Promise<EngineBundle | undefined> {
  const cache = new EngineCache();
  const place = await realpath(bundle.path);
  const own = await realpath(cache.folder).catch(() => undefined);
  if (own !== undefined && place.startsWith(own + sep)) return bundle;
  const original = await cache.find(bundle.manifest.key, signal);
  return original?.manifest.engine.sha256 === bundle.manifest.engine.sha256 ? original : undefined;
}
