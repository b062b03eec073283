import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';

import { aborted, Lease, native, packageVersion, platformName, settle, type NativeTensorRt } from '../binding/index.js';
import { ArgumentError, BackendError, FoveateError } from '../errors/index.js';
import { explainedFailure } from './build-failure.js';
import { BuildListener } from './build-listener.js';
import { applyPasses, buildInputs, passesFor, type SourceModel } from './build-model.js';
import {
  capabilitiesOf,
  checkBuildOptions,
  checkOptionsFor,
  decidingOptions,
  flagsOf,
  type BuildOptions,
} from './build-options.js';
import { checkBatch, resolveProfiles } from './build-profiles.js';
import { bundleFiles, copyExternalData, writeBundleFile } from './bundle-files.js';
import { checkOutput, copyBundle } from './bundle-output.js';
import { writeManifest, type EngineBundle } from './engine-bundle.js';
import { EngineCache } from './engine-cache.js';
import { parseLayers } from './engine-layers.js';
import { manifestFormat, type EngineManifest, type ModelPass } from './engine-manifest.js';
import { sha256OfFile } from './file-hash.js';
import { sourceKey } from './run-engine.js';
import { buildObstacleOf, chooseTensorRt, parserRemedy } from './tensorrt.js';
import { TimingCache } from './timing-cache.js';

/** A bundle, and whether it had to be built. */
export interface BuildResult {
  readonly bundle: EngineBundle;
  /** true: an engine of just this model, library and options was there. */
  readonly fromCache: boolean;
}

/** The phase while another thread or process builds the same engine. */
export const waitingPhase = 'Waiting for another process that builds the same engine';

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
  const { key } = plan;
  const cache = new EngineCache();
  const find = (): Promise<EngineBundle | undefined> | undefined =>
    options.cache === false ? undefined : cache.find(key, signal);
  // Copied elsewhere it is under the lock only, so that nobody puts another in its place meanwhile.
  const found = options.output === undefined ? await find() : undefined;
  if (found !== undefined) return { bundle: found, fromCache: true };
  const timing = new TimingCache(library);
  const onWait = (): void => listener.phase(waitingPhase);
  try {
    const result = await cache.exclusively(key, signal, onWait, async (put) => {
      const built = await find();
      if (built === undefined) refuseObstacle(library);
      const bundle = built ?? (await put((folder) => writeBundle(folder, plan, timing, listener)));
      const { output } = options;
      return {
        bundle: output === undefined ? bundle : await copyBundle(bundle, source.name, output, signal),
        fromCache: built !== undefined,
      };
    });
    await timing.keep(signal);
    return result;
  } catch (error) {
    listener.rethrow();
    if (signal?.aborted && !(error instanceof FoveateError)) throw aborted(signal);
    throw error;
  }
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
  const inputs = buildInputs(source.inputs);
  const passes = passesFor(options, inputs);
  if (options.batch !== undefined) checkBatch(options.batch, inputs, passes);
  const decides = {
    ...{ format: manifestFormat, foveate: packageVersion, platform: platformName },
    ...{ family: library.family, version: library.version, capabilities, passes },
    ...{ gpu: capabilities.length === 0 ? gpuOf(library) : undefined },
    ...{ model: source.sha256, externalData: source.externalData, options: decidingOptions(options) },
    plugins: await Promise.all((options.pluginLibraries ?? []).map((path) => sha256OfFile(resolve(path)).catch(() => path))),
  };
  const key = createHash('sha256').update(JSON.stringify(decides)).digest('hex').slice(0, 32);
  return { source, library, options, passes, capabilities, key };
}

/** What of the machine's GPU decides an engine: not which of several of its kind it is. */
function gpuOf({ gpu }: NativeTensorRt): EngineManifest['engine']['gpu'] {
  return gpu && { name: gpu.name, computeCapability: gpu.computeCapability };
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

/** Writes the model, has the engine built from that file, and writes the rest. */
async function writeBundle(folder: string, plan: BuildPlan, timing: TimingCache, listener: BuildListener): Promise<void> {
  const { source, library, options, passes, capabilities, key } = plan;
  listener.phase('Preparing the model');
  const { bytes, model } = await applyPasses(source, passes);
  const profiles = resolveProfiles(buildInputs(model.inputs, passes), options.profiles, options.batch);
  const modelFile = await writeBundleFile(folder, bundleFiles.model, bytes);
  const externalData = await copyExternalData(source, folder, options.signal);
  const spec = {
    networkName: `foveate-${source.sha256.slice(0, 16)}`,
    profiles,
    workspaceBytes: options.workspaceBytes,
    optimizationLevel: options.optimizationLevel,
    maxAuxStreams: options.auxiliaryStreams,
    tacticSources: options.tacticSources,
    dlaCore: options.dlaCore,
    hardwareCompatibility: options.hardwareCompatibility ?? 'none',
    ...flagsOf(options),
    computeCapabilities: capabilities,
    log: options.onLog !== undefined,
    pluginLibraries: (options.pluginLibraries ?? []).map((path) => resolve(path)),
  } as const;
  const times = await timing.read();
  const built = await settle(
    (operation) => native().engineBuild(library.handle, join(folder, bundleFiles.model), spec, times, listener.hear, operation),
    listener.signal,
  ).catch((error: unknown) => {
    listener.rethrow();
    throw explainedFailure(error, options);
  });
  // What came with the last of what the builder told.
  listener.rethrow();
  if (options.signal?.aborted) throw aborted(options.signal);
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
      ...(capabilities.length === 0 && library.gpu !== undefined ? { gpu: gpuOf(library) } : {}),
      hardwareCompatibility: spec.hardwareCompatibility,
      versionCompatible: options.versionCompatible === true,
    },
    model: { ...modelFile, source: source.name, sourceKey: sourceKey(source), externalData },
    passes,
    profiles,
    inputs: built.inputs.map(described),
    outputs: built.outputs.map(described),
    options: decidingOptions(options),
    ...(options.preprocess === undefined ? {} : { preprocess: options.preprocess }),
    ...(options.labels === undefined ? {} : { labels: options.labels }),
    layers: await writeBundleFile(folder, bundleFiles.layers, Buffer.from(`${JSON.stringify(layers, undefined, 1)}\n`)),
    build: { networkLayers: built.networkLayers, engineLayers: layers.length, ms: Math.round(built.buildMs) },
  };
  await writeManifest(folder, manifest);
  if (newTimes !== undefined) timing.learn(new Uint8Array(newTimes.buffer));
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
