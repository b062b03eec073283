import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { aborted, Lease, native, packageVersion, platformName, settle, type NativeTensorRt } from '../binding/index.js';
import { ArgumentError, BackendError, FoveateError, MediaError } from '../errors/index.js';
import { parseLayers } from './engine-layers.js';
import { applyPasses, buildInputs, passesFor, readSource, type SourceModel } from './build-model.js';
import { capabilitiesOf, checkBuildOptions, enginePart, flagsOf, type BuildLogLine, type BuildOptions } from './build-options.js';
import { batchRange, resolveProfiles } from './build-profiles.js';
import { BuildPhases, type BuildProgress } from './build-progress.js';
import { withBuildLock } from './build-lock.js';
import { EngineBundle, manifestFile } from './engine-bundle.js';
import { manifestFormat, type BundleFile, type EngineManifest, type ModelPass } from './engine-manifest.js';
import { chooseTensorRt } from './tensorrt.js';
import { userCacheFolder } from './user-cache.js';

/** A bundle, and whether it had to be built. */
export interface BuildResult {
  readonly bundle: EngineBundle;
  /** true: an engine of just this model, library and options was there. */
  readonly fromCache: boolean;
}

/** One build: everything that decides the engine, settled before anything is built. */
interface BuildPlan {
  readonly source: SourceModel;
  readonly library: NativeTensorRt;
  readonly options: BuildOptions;
  readonly passes: readonly ModelPass[];
  readonly capabilities: readonly number[];
  readonly key: string;
}

/**
 * Builds a TensorRT engine of an ONNX model, or finds the one that was built before from the same model with the same library and options. Nothing is
 * known of pictures here: see `buildEngine` in lib/tasks.
 *
 * The build runs on a thread of its own. An aborted or killed build leaves nothing behind; processes that want the same engine at the same time build
 * it once.
 *
 * Throws BACKEND_NOT_FOUND, BACKEND_UNAVAILABLE and BACKEND_TOO_OLD for the library, MODEL_NOT_FOUND, MODEL_INVALID and MODEL_UNSUPPORTED for the model,
 * INVALID_ARGUMENT and NOT_TRUSTED for options, OUTPUT_NOT_WRITABLE, ENGINE_FAILED, ABORTED.
 */
export async function buildModelEngine(model: string | URL | Uint8Array, options: BuildOptions): Promise<BuildResult> {
  checkBuildOptions(options);
  const { signal } = options;
  if (signal?.aborted) throw aborted(signal);
  const listener = new BuildListener(options);
  listener.phase('Reading the model');
  const [source, library] = await Promise.all([readSource(model, signal), chooseTensorRt(options.device, options.tensorrtPath)]);
  const plan = makePlan(source, library, options);
  const folder = join(userCacheFolder(), 'engines');
  const place = join(folder, plan.key);
  const found = options.cache === false ? undefined : await openCached(place);
  if (found !== undefined) return { bundle: await deliver(found, options), fromCache: true };
  refuseObstacle(library);
  await mkdir(folder, { recursive: true });
  try {
    return await withBuildLock(
      place,
      signal,
      () => listener.phase('Waiting for another process that builds the same engine'),
      async () => {
        await removeLeftovers(folder, plan.key);
        const built = options.cache === false ? undefined : await openCached(place);
        const bundle = built ?? (await buildInto(place, plan, listener));
        return { bundle: await deliver(bundle, options), fromCache: built !== undefined };
      },
    );
  } catch (error) {
    if (signal?.aborted && !(error instanceof FoveateError)) throw aborted(signal);
    throw error;
  }
}

/** Tells the caller how far a build is. What the caller's functions throw ends the build. */
class BuildListener {
  readonly #phases = new BuildPhases();
  readonly #options: BuildOptions;
  #thrown: { readonly error: unknown } | undefined;
  readonly #stop = new AbortController();

  constructor(options: BuildOptions) {
    this.#options = options;
  }

  /** Aborted by the caller's signal, and where one of the caller's functions throws. */
  get signal(): AbortSignal {
    const { signal } = this.#options;
    return signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  /** Before the builder begins, and once it is done. */
  phase(phase: string, fraction: 0 | 1 = 0): void {
    this.#options.onProgress?.({ phase, fraction });
  }

  readonly hear: Parameters<ReturnType<typeof native>['engineBuild']>[4] = (notice) => {
    if (this.#thrown !== undefined) return;
    try {
      if (notice.kind === 'log') {
        this.#options.onLog?.({ level: notice.detail as BuildLogLine['level'], message: notice.text });
        return;
      }
      const progress: BuildProgress | undefined = this.#phases.hear(notice);
      if (progress !== undefined) this.#options.onProgress?.(progress);
    } catch (error) {
      this.#thrown = { error };
      this.#stop.abort(error);
    }
  };

  /** What the caller's function threw, if anything. */
  rethrow(): void {
    if (this.#thrown !== undefined) throw this.#thrown.error;
  }
}

function makePlan(source: SourceModel, library: NativeTensorRt, options: BuildOptions): BuildPlan {
  const capabilities = capabilitiesOf(options);
  if (capabilities.length > 0 && library.family !== 'tensorrt-rtx') {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `Expected computeCapability for tensorrt-rtx only, but the library is ${library.family} ${library.version}`,
      hint: 'TensorRT builds for the GPU of the machine that it runs on: leave computeCapability out.',
    });
  }
  const passes = passesFor(options, buildInputs(source.model));
  if (options.batch !== undefined) batchRange(options.batch);
  const { profiles, batch } = options;
  const decides = {
    ...{ format: manifestFormat, foveate: packageVersion, platform: platformName },
    ...{ family: library.family, version: library.version, capabilities, passes, profiles, batch },
    ...{ model: source.sha256, externalData: source.externalData, options: enginePart(options) },
    ...{ preprocess: options.preprocess, labels: options.labels },
  };
  const key = createHash('sha256').update(JSON.stringify(decides)).digest('hex').slice(0, 32);
  return { source, library, options, passes, capabilities, key };
}

function refuseObstacle(library: NativeTensorRt): void {
  const { family, version, buildObstacle } = library;
  if (buildObstacle === undefined) return;
  throw new BackendError('BACKEND_UNAVAILABLE', {
    message: `${family} ${version} cannot build engines on this machine: ${buildObstacle}`,
    hint: 'TensorRT builds on a machine with an NVIDIA GPU and driver; tensorrt-rtx builds without, for the computeCapability that is named.',
    details: { path: library.path },
  });
}

/** The bundle at a place of the cache; undefined where there is none. A damaged one counts as none, and is built anew. */
async function openCached(place: string): Promise<EngineBundle | undefined> {
  try {
    return await EngineBundle.open(place);
  } catch (error) {
    if (error instanceof FoveateError && error.code === 'ENGINE_INVALID') return undefined;
    throw error;
  }
}

/** What builds of this key left that were killed. Nobody else builds it: the lock is held. */
async function removeLeftovers(folder: string, key: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(`${key}.`) && name.endsWith('.part')) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function buildInto(place: string, plan: BuildPlan, listener: BuildListener): Promise<EngineBundle> {
  const { source, library, options, passes, capabilities, key } = plan;
  listener.phase('Preparing the model');
  const { bytes, model } = applyPasses(source, passes);
  const profiles = resolveProfiles(buildInputs(model), options.profiles, options.batch);
  const timing = timingCachePath(library, capabilities);
  const spec = {
    networkName: `foveate-${source.sha256.slice(0, 16)}`,
    profiles,
    workspaceBytes: options.workspaceBytes,
    optimizationLevel: options.optimizationLevel,
    maxAuxStreams: options.auxiliaryStreams,
    tacticSources: options.tacticSources,
    dlaCore: options.dlaCore,
    hardwareCompatibility: options.hardwareCompatibility ?? 'none',
    flags: flagsOf(options),
    computeCapabilities: capabilities,
    log: options.onLog !== undefined,
    pluginLibraries: (options.pluginLibraries ?? []).map((path) => resolve(path)),
  } as const;
  // What was timed was timed on a GPU: without one there is nothing to know.
  const timingCache = library.runObstacle === undefined ? await readFile(timing).catch(() => undefined) : undefined;
  const built = await settle(
    (operation) =>
      native().engineBuild(library.handle, { bytes, path: source.path }, spec, timingCache, listener.hear, operation),
    listener.signal,
  ).catch((error: unknown) => {
    listener.rethrow();
    throw error;
  });
  const engine = new Lease(built.engine);
  const times = built.timingCache && new Lease(built.timingCache);
  const part = `${place}.${randomUUID()}.part`;
  try {
    listener.phase('Writing the bundle', 1);
    await mkdir(part);
    const layers = parseLayers(built.layers);
    const manifest: EngineManifest = {
      format: manifestFormat,
      foveate: packageVersion,
      key,
      engine: {
        ...(await writeFileOf(part, 'engine.plan', new Uint8Array(engine.buffer))),
        family: library.family,
        version: library.version,
        platform: platformName,
        computeCapabilities: capabilities,
        hardwareCompatibility: spec.hardwareCompatibility,
        versionCompatible: options.versionCompatible === true,
      },
      model: {
        ...(await writeFileOf(part, 'model.onnx', bytes)),
        source: source.name,
        externalData: await copyExternalData(source, part),
      },
      passes,
      profiles,
      inputs: built.inputs.map(described),
      outputs: built.outputs.map(described),
      options: enginePart(options),
      ...(options.preprocess === undefined ? {} : { preprocess: options.preprocess }),
      ...(options.labels === undefined ? {} : { labels: options.labels }),
      layers: await writeFileOf(part, 'layers.json', Buffer.from(`${JSON.stringify(layers, undefined, 1)}\n`)),
      build: { networkLayers: built.networkLayers, engineLayers: layers.length, ms: Math.round(built.buildMs) },
    };
    // Last: a folder with a manifest is whole.
    await writeFile(join(part, manifestFile), `${JSON.stringify(manifest, undefined, 2)}\n`);
    await replaceFolder(part, place);
    if (times !== undefined && library.runObstacle === undefined) await keepTimingCache(timing, new Uint8Array(times.buffer));
  } finally {
    await rm(part, { recursive: true, force: true });
    engine.release();
    times?.release();
  }
  return EngineBundle.open(place);
}

function described({
  name,
  dtype,
  dims,
}: {
  name: string;
  dtype: string;
  dims: readonly number[];
}): EngineManifest['inputs'][number] {
  return { name, dtype, shape: dims.map((size) => (size < 0 ? null : size)) };
}

async function writeFileOf(folder: string, file: string, bytes: Uint8Array): Promise<BundleFile> {
  await writeFile(join(folder, file), bytes);
  return { file, bytes: bytes.byteLength, sha256: createHash('sha256').update(bytes).digest('hex') };
}

async function copyExternalData({ path, externalData }: SourceModel, folder: string): Promise<readonly BundleFile[]> {
  for (const { file } of externalData) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await copyFile(join(dirname(path as string), file), join(folder, file), constants.COPYFILE_FICLONE);
  }
  return externalData;
}

/** Puts a folder in place of another, or of none. */
async function replaceFolder(made: string, place: string): Promise<void> {
  const old = `${place}.${randomUUID()}.part`;
  await rename(place, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(made, place);
  await rm(old, { recursive: true, force: true });
}

/** What a build learned about the speed of kernels, for those that come after it with the same library and GPU. */
function timingCachePath({ family, version }: NativeTensorRt, capabilities: readonly number[]): string {
  return join(
    userCacheFolder(),
    'timing',
    `${family}-${version}-${capabilities.length === 0 ? 'gpu' : capabilities.join('-')}.cache`,
  );
}

/** Losing it costs time only: a failure to write is none of the build. */
async function keepTimingCache(path: string, bytes: Uint8Array): Promise<void> {
  const part = `${path}.${randomUUID()}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(part, bytes);
    await rename(part, path);
  } catch {
    await rm(part, { force: true }).catch(() => undefined);
  }
}

/** Copies a bundle of the cache to where it was asked for. Throws OUTPUT_NOT_WRITABLE. */
async function deliver(bundle: EngineBundle, { output, overwrite = false }: BuildOptions): Promise<EngineBundle> {
  if (output === undefined) return bundle;
  const place = resolve(output);
  const present = await EngineBundle.open(place).catch(() => undefined);
  if (present?.manifest.key === bundle.manifest.key) return present;
  const found = await stat(place).catch(() => undefined);
  const isEmpty = found?.isDirectory() === true && (await readdir(place)).length === 0;
  const isBundle = found?.isDirectory() === true && (await readdir(place)).includes(manifestFile);
  if (found !== undefined && !isEmpty && !isBundle && !overwrite) {
    throw new MediaError('OUTPUT_NOT_WRITABLE', {
      message: `The bundle would overwrite ${output}, which is none`,
      hint: 'Name another folder with output (--output), or give overwrite (--overwrite).',
      details: { path: output },
    });
  }
  const part = join(dirname(place), `.~${basename(place)}.${randomUUID()}.part`);
  try {
    await mkdir(dirname(place), { recursive: true });
    await cp(bundle.path, part, { recursive: true, mode: constants.COPYFILE_FICLONE });
    await replaceFolder(part, place);
  } catch (cause) {
    throw new MediaError('OUTPUT_NOT_WRITABLE', {
      message: `Cannot write the bundle ${output}: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'Check that its folder may be written to, and that there is space. The engine is kept in the cache.',
      cause,
    });
  } finally {
    await rm(part, { recursive: true, force: true });
  }
  return EngineBundle.open(place);
}
