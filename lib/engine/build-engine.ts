import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, normalize, resolve } from 'node:path';

import { aborted, Lease, native, packageVersion, platformName, settle, type NativeTensorRt } from '../binding/index.js';
import { ArgumentError, BackendError, FoveateError, MediaError, ModelError } from '../errors/index.js';
import type { OnnxModel } from '../graph/index.js';
import { parseLayers } from './engine-layers.js';
import { explainedFailure } from './build-failure.js';
import { applyPasses, buildInputs, passesFor, readSource, type SourceModel } from './build-model.js';
import {
  capabilitiesOf,
  checkBuildOptions,
  checkOptionsFor,
  enginePart,
  flagsOf,
  type BuildLogLine,
  type BuildOptions,
} from './build-options.js';
import { batchRange, resolveProfiles, type BuildInput } from './build-profiles.js';
import { BuildPhases, type BuildProgress } from './build-progress.js';
import { withBuildLock } from './build-lock.js';
import { checkOutput, copyBundle, replaceFolder, wholeBundle } from './bundle-output.js';
import { EngineBundle, manifestFile } from './engine-bundle.js';
import { manifestFormat, type BundleFile, type EngineManifest, type ModelPass } from './engine-manifest.js';
import { sha256OfFile } from './file-hash.js';
import { buildObstacleOf, chooseTensorRt, parserRemedy } from './tensorrt.js';
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
  if (options.output !== undefined) await checkOutput(options.output);
  const [source, library] = await Promise.all([readSource(model, signal), chooseTensorRt(options.device, options.tensorrtPath)]);
  const plan = await makePlan(source, library, options);
  const folder = join(userCacheFolder(), 'engines');
  const place = join(folder, plan.key);
  const found = options.cache === false ? undefined : await openCached(place, plan.key);
  if (found !== undefined) return { bundle: await deliver(found, options), fromCache: true };
  refuseObstacle(library);
  try {
    await mkdir(folder, { recursive: true });
    return await withBuildLock(
      place,
      signal,
      () => listener.phase('Waiting for another process that builds the same engine'),
      async () => {
        await removeLeftovers(folder, plan.key);
        const built = options.cache === false ? undefined : await openCached(place, plan.key);
        const bundle = built ?? (await buildInto(place, plan, listener));
        return { bundle: await deliver(bundle, options), fromCache: built !== undefined };
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

function deliver(bundle: EngineBundle, { output }: BuildOptions): EngineBundle | Promise<EngineBundle> {
  return output === undefined ? bundle : copyBundle(bundle, output);
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
  const profiles = profilesOf(model, options);
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
    throw explainedFailure(error, options, library);
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

function profilesOf(model: OnnxModel, { profiles, batch, bakePreprocess }: BuildOptions): ReturnType<typeof resolveProfiles> {
  const inputs = buildInputs(model);
  try {
    return resolveProfiles(inputs, profiles, batch);
  } catch (error) {
    if (!(error instanceof ArgumentError) || bakePreprocess === undefined || !areChannelsFirst(profiles, inputs)) throw error;
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: error.message,
      hint: "The engine's input takes pixels: give its shapes as [N, H, W, C], or leave the input as it is with bake: false (--no-bake).",
      details: error.details,
      cause: error,
    });
  }
}

/** Whether the shapes of an input that takes pixels were given as those of the model are: [N, C, H, W]. */
function areChannelsFirst(profiles: BuildOptions['profiles'], inputs: readonly BuildInput[]): boolean {
  return inputs.some(({ name, shape }) => {
    const ranges = (profiles ?? []).map((profile) => profile?.[name]);
    const shapes = ranges.flatMap((range) => (Array.isArray(range) ? [range] : Object.values(range ?? {})) as unknown[][]);
    return shapes.some((given) => given?.[1] === shape[3] && given?.[3] !== shape[3]);
  });
}

/** Files that every bundle has. */
const ownFiles = [manifestFile, 'engine.plan', 'model.onnx', 'layers.json'];

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
    if (ownFiles.includes(normalize(file).toLowerCase())) {
      throw new ModelError('MODEL_UNSUPPORTED', {
        message: `The model keeps tensors in ${JSON.stringify(file)}, which a bundle has a file of its own by that name`,
        hint: 'Export the model with another name for its external data.',
      });
    }
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await copyFile(join(dirname(path as string), file), join(folder, file), constants.COPYFILE_FICLONE);
  }
  return externalData;
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
