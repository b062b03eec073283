import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { aborted, Lease, native, packageVersion, platformName, settle, type NativeTensorRt } from '../binding/index.js';
import { ArgumentError, BackendError, FoveateError, MediaError } from '../errors/index.js';
import { parseLayers } from './engine-layers.js';
import { explainedFailure } from './build-failure.js';
import { applyPasses, buildInputs, passesFor, type SourceModel } from './build-model.js';
import {
  capabilitiesOf,
  checkBuildOptions,
  checkOptionsFor,
  enginePart,
  flagsOf,
  type BuildLogLine,
  type BuildOptions,
} from './build-options.js';
import { batchRange, resolveProfiles } from './build-profiles.js';
import { BuildPhases, type BuildProgress } from './build-progress.js';
import { withBuildLock } from './build-lock.js';
import { checkOutput, copyBundle, replaceFolder, wholeBundle } from './bundle-output.js';
import { bundleFiles, copyExternalData, writeBundleFile } from './bundle-files.js';
import { EngineBundle, writeManifest } from './engine-bundle.js';
import { manifestFormat, type EngineManifest, type ModelPass } from './engine-manifest.js';
import { sha256OfFile } from './file-hash.js';
import { makeFolder } from './make-folder.js';
import { buildObstacleOf, chooseTensorRt, parserRemedy } from './tensorrt.js';
import { TimingCache } from './timing-cache.js';
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
export async function buildModelEngine(source: SourceModel, options: BuildOptions): Promise<BuildResult> {
  checkBuildOptions(options);
  const { signal } = options;
  if (signal?.aborted) throw aborted(signal);
  const listener = new BuildListener(options);
  if (options.output !== undefined) await checkOutput(options.output);
  const library = await chooseTensorRt(options.device, options.tensorrtPath);
  const plan = await makePlan(source, library, options);
  const folder = join(userCacheFolder(), 'engines');
  const place = join(folder, plan.key);
  const found = options.cache === false ? undefined : await openCached(place, plan.key);
  if (found !== undefined) return { bundle: await deliver(found, source, options), fromCache: true };
  refuseObstacle(library);
  try {
    await makeFolder(folder);
    return await withBuildLock(
      place,
      signal,
      () => listener.phase('Waiting for another process that builds the same engine'),
      async () => {
        await removeLeftovers(folder, plan.key);
        const built = options.cache === false ? undefined : await openCached(place, plan.key);
        const bundle = built ?? (await buildInto(place, plan, listener));
        return { bundle: await deliver(bundle, source, options), fromCache: built !== undefined };
      },
    );
  } catch (error) {
    if (signal?.aborted && !(error instanceof FoveateError)) throw aborted(signal);
    throw cacheFailure(error, folder);
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

/** What the system says of a folder of the cache is no fault of ours. */
function cacheFailure(error: unknown, folder: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof FoveateError || code === undefined || syscall === undefined) return error;
  return new MediaError('OUTPUT_NOT_WRITABLE', {
    message: `Cannot write to foveate's cache ${folder}: ${(error as Error).message}`,
    hint: 'Check that it may be written to, and that there is space, or name another folder with FOVEATE_CACHE_DIR.',
    details: { path: folder },
    cause: error,
  });
}

async function makePlan(source: SourceModel, library: NativeTensorRt, options: BuildOptions): Promise<BuildPlan> {
  checkOptionsFor(library, options);
  const capabilities = capabilitiesOf(options);
  if (capabilities.length === 0 && library.family === 'tensorrt-rtx' && library.runObstacle !== undefined) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `Expected computeCapability, because this machine has no GPU to build for: ${library.runObstacle}`,
      hint: 'Name the GPUs to build for in computeCapability, as in 89 for 8.9: 75, 80, 86, 89, 120 or 121.',
    });
  }
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
    gpu: capabilities.length === 0 ? library.gpu : undefined,
    ...{ model: source.sha256, externalData: source.externalData, options: enginePart(options) },
    ...{ preprocess: options.preprocess, labels: options.labels },
    plugins: await Promise.all((options.pluginLibraries ?? []).map((path) => sha256OfFile(resolve(path)).catch(() => path))),
  };
  const key = createHash('sha256').update(JSON.stringify(decides)).digest('hex').slice(0, 32);
  return { source, library, options, passes, capabilities, key };
}

function refuseObstacle(library: NativeTensorRt): void {
  const { family, version } = library;
  const obstacle = buildObstacleOf(library);
  if (obstacle === undefined) return;
  const elsewhere =
    family === 'tensorrt-lean'
      ? 'Build with tensorrt or tensorrt-rtx: the lean runtime only runs what they built.'
      : 'TensorRT builds on a machine with an NVIDIA GPU and driver; tensorrt-rtx builds without, for the computeCapability that is named.';
  throw new BackendError('BACKEND_UNAVAILABLE', {
    message: `${family} ${version} cannot build engines on this machine: ${obstacle}`,
    hint: parserRemedy(library) ?? elsewhere,
    details: { path: library.path },
  });
}

/** The bundle at a place of the cache; undefined where there is none. A damaged one, or another, counts as none, and is built anew. */
async function openCached(place: string, key: string): Promise<EngineBundle | undefined> {
  const bundle = await wholeBundle(place);
  return bundle?.manifest.key === key ? bundle : undefined;
}

function deliver(bundle: EngineBundle, { name }: SourceModel, { output }: BuildOptions): EngineBundle | Promise<EngineBundle> {
  return output === undefined ? bundle : copyBundle(bundle, name, output);
}

/** What builds of this key left that were killed. Nobody else builds it: the lock is held. */
async function removeLeftovers(folder: string, key: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(`${key}.`) && name.endsWith('.part')) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function buildInto(place: string, plan: BuildPlan, listener: BuildListener): Promise<EngineBundle> {
  const part = `${place}.${randomUUID()}.part`;
  try {
    await mkdir(part);
    await writeBundle(part, plan, listener);
    await replaceFolder(part, place);
  } finally {
    await rm(part, { recursive: true, force: true });
  }
  return EngineBundle.open(place);
}

/** Writes the model, has the engine built from that file, and writes the rest. */
async function writeBundle(folder: string, plan: BuildPlan, listener: BuildListener): Promise<void> {
  const { source, library, options, passes, capabilities, key } = plan;
  listener.phase('Preparing the model');
  const { bytes, model } = applyPasses(source, passes);
  const profiles = resolveProfiles(buildInputs(model, passes), options.profiles, options.batch);
  const modelFile = await writeBundleFile(folder, bundleFiles.model, bytes);
  const externalData = await copyExternalData(source, folder);
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
  const timing = new TimingCache(library);
  const times = await timing.read();
  const built = await settle(
    (operation) => native().engineBuild(library.handle, join(folder, bundleFiles.model), spec, times, listener.hear, operation),
    listener.signal,
  ).catch((error: unknown) => {
    listener.rethrow();
    throw explainedFailure(error, options, library);
  });
  using engine = new Lease(built.engine);
  using newTimes = built.timingCache && new Lease(built.timingCache);
  listener.phase('Writing the bundle', 1);
  const layers = parseLayers(built.layers);
  const manifest: EngineManifest = {
    format: manifestFormat,
    foveate: packageVersion,
    key,
    engine: {
      ...(await writeBundleFile(folder, bundleFiles.engine, new Uint8Array(engine.buffer))),
      family: library.family,
      version: library.version,
      platform: platformName,
      computeCapabilities: capabilities,
      ...(capabilities.length === 0 && library.gpu !== undefined ? { gpu: library.gpu } : {}),
      hardwareCompatibility: spec.hardwareCompatibility,
      versionCompatible: options.versionCompatible === true,
    },
    model: { ...modelFile, source: source.name, externalData },
    passes,
    profiles,
    inputs: built.inputs.map(described),
    outputs: built.outputs.map(described),
    options: enginePart(options),
    ...(options.preprocess === undefined ? {} : { preprocess: options.preprocess }),
    ...(options.labels === undefined ? {} : { labels: options.labels }),
    layers: await writeBundleFile(folder, bundleFiles.layers, Buffer.from(`${JSON.stringify(layers, undefined, 1)}\n`)),
    build: { networkLayers: built.networkLayers, engineLayers: layers.length, ms: Math.round(built.buildMs) },
  };
  await writeManifest(folder, manifest);
  if (newTimes !== undefined) await timing.keep(new Uint8Array(newTimes.buffer));
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
