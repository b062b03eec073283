/** Engines that can be run on this machine: found, or built. */
import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';

import type { NativeTensorRt } from '../binding/index.js';
import { ArgumentError, BackendError, EngineError } from '../errors/index.js';
import type { SourceModel } from './build-model.js';
import type { BuildOptions } from './build-options.js';
import { EngineCache } from './engine-cache.js';
import type { EngineBundle } from './engine-bundle.js';
import { chooseTensorRt } from './tensorrt.js';

/** Families of libraries that run engines, as devices. */
export const engineDevices = ['tensorrt', 'tensorrt-rtx'] as const;
export type EngineDevice = (typeof engineDevices)[number];

export function isEngineDevice(device: string): device is EngineDevice {
  return (engineDevices as readonly string[]).includes(device);
}

/** Whether an engine is built where there is none: not, before the model is ready, or while it runs elsewhere. */
export const buildPolicies = ['never', 'on-load', 'background'] as const;
export type BuildPolicy = (typeof buildPolicies)[number];

/** The library that runs engines of a device. Throws BACKEND_NOT_FOUND, BACKEND_UNAVAILABLE where this machine has no GPU for it, and as opening it does. */
export async function runningTensorRt(device: string, path: string | undefined): Promise<NativeTensorRt> {
  const library = await chooseTensorRt(device, path);
  if (library.runObstacle === undefined) return library;
  throw new BackendError('BACKEND_UNAVAILABLE', {
    message: `${library.family} ${library.version} cannot run engines on this machine: ${library.runObstacle}`,
    hint: "Use device 'auto' or 'cpu', or a machine with an NVIDIA GPU and its driver.",
    details: { device, path: library.path },
  });
}

/** Of everything that an engine is built from: the model, and the files beside it. */
export function sourceKey({ sha256, externalData }: Pick<SourceModel, 'sha256' | 'externalData'>): string {
  const files = externalData.map((file) => [file.file, file.sha256]);
  return createHash('sha256')
    .update(JSON.stringify([sha256, files]))
    .digest('hex');
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
 * Throws ENGINE_MISMATCH where `library` cannot run an engine on this machine, ENGINE_INVALID where its file is not as it was built, and NOT_TRUSTED where it comes from
 * elsewhere and is not said to be trusted: an engine is code. One of our own cache, or a copy of it, is not from elsewhere.
 */
export async function checkRunnable(
  bundle: EngineBundle,
  library: NativeTensorRt,
  { trust, signal }: { readonly trust: boolean; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const obstacle = bundle.incompatibility(library) ?? unsupported(bundle);
  if (obstacle !== undefined) {
    throw new EngineError('ENGINE_MISMATCH', {
      message: `The engine ${bundle.path} cannot be run here: ${obstacle}`,
      hint: `Build it on this machine: foveate build ${bundle.manifest.model.source} --device ${bundle.manifest.engine.family}.`,
      details: { path: bundle.path },
    });
  }
  await bundle.wholeEngine(signal);
  if (trust || (await isOurs(bundle, signal))) return;
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

async function isOurs(bundle: EngineBundle, signal: AbortSignal | undefined): Promise<boolean> {
  const cache = new EngineCache();
  const place = await realpath(bundle.path);
  const own = await realpath(cache.folder).catch(() => undefined);
  if (own !== undefined && place.startsWith(own + sep)) return true;
  const original = await cache.find(bundle.manifest.key, signal);
  return original?.manifest.engine.sha256 === bundle.manifest.engine.sha256;
}
