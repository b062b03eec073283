/** What a bundle says of its engine. */
import { EngineError } from '../errors/index.js';
import type { BakedPreprocess } from '../graph/index.js';
import type { ResolvedProfiles } from './build-profiles.js';
import type { BundleFile } from './bundle-folder.js';
import { isModelManifest } from './model-manifest.js';
import type { TensorRtFamily } from './tensorrt-libraries.js';

/** Raised when a reader of this version could misread what a later one writes. */
export const manifestFormat = 1;

/** An input or output of an engine. */
export interface EngineTensorInfo {
  readonly name: string;
  /** As TensorRT calls it: 'float32', 'uint8', 'bfloat16'. */
  readonly dtype: string;
  /** null where the profiles give the range. */
  readonly shape: readonly (number | null)[];
}

export interface EngineGpu {
  /** As its driver calls it: 'NVIDIA H200' */
  readonly name: string;
  /** 90 for 9.0 */
  readonly computeCapability: number;
}

/** A change that was made to the model before it was built. */
export type ModelPass = { readonly pass: 'free-batch' } | { readonly pass: 'bake-preprocess'; readonly values: BakedPreprocess };

/** The manifest of a bundle: `manifest.json`. */
export interface EngineManifest {
  readonly format: typeof manifestFormat;
  /** Version of foveate that built it. */
  readonly foveate: string;
  /** Of everything that decides the content of the engine. */
  readonly key: string;
  readonly engine: BundleFile & {
    readonly family: TensorRtFamily;
    readonly version: string;
    /** 'linux-x64' */
    readonly platform: string;
    /** What it was built for, as in 89 for 8.9; empty: the GPU of the machine that built it. */
    readonly computeCapabilities: readonly number[];
    /** That GPU; absent where others were named. */
    readonly gpu?: EngineGpu | undefined;
    readonly hardwareCompatibility: 'none' | 'ampere-plus' | 'same-compute-capability';
    readonly versionCompatible: boolean;
  };
  /** The model that was built, after the passes. */
  readonly model: BundleFile & {
    /** Name of the file that it was, for people. */
    readonly source: string;
    /** Of that file and those beside it, before the passes; absent in bundles of earlier versions. */
    readonly sourceKey?: string | undefined;
    readonly externalData: readonly BundleFile[];
  };
  readonly passes: readonly ModelPass[];
  /** In the axes of the engine's inputs. */
  readonly profiles: ResolvedProfiles;
  readonly inputs: readonly EngineTensorInfo[];
  readonly outputs: readonly EngineTensorInfo[];
  /** As they were asked for; options that were left to the library are absent. */
  readonly options: Readonly<Record<string, unknown>>;
  /** How pictures become the engine's input, as `Preprocess` takes it; absent where that is not known. */
  readonly preprocess?: Readonly<Record<string, unknown>>;
  readonly labels?: readonly string[];
  readonly layers: BundleFile;
  /** Layers of the model as the parser made them, and milliseconds that the build took. */
  readonly build: { readonly networkLayers: number; readonly engineLayers: number; readonly ms: number };
}

/** Whether a manifest is that of an engine, whole or not. */
export function isEngineManifest(text: string): boolean {
  try {
    const manifest: unknown = JSON.parse(text);
    return isRecord(manifest) && !isModelManifest(manifest) && isRecord((manifest as { engine?: unknown }).engine);
  } catch {
    return false;
  }
}

/** Reads a manifest. Throws ENGINE_INVALID. */
export function parseManifest(text: string, folder: string): EngineManifest {
  const invalid = (reason: string, hint = 'Build it again: foveate build.'): EngineError =>
    new EngineError('ENGINE_INVALID', {
      message: `Expected an engine bundle in ${folder} but its manifest.json ${reason}`,
      hint,
      details: { path: folder },
    });
  let manifest: EngineManifest;
  try {
    manifest = JSON.parse(text) as EngineManifest;
  } catch (cause) {
    throw invalid(`is no JSON: ${(cause as Error).message}`);
  }
  if (isModelManifest(manifest))
    throw invalid(
      'is that of an optimised model',
      'foveate build MODEL -o BUNDLE builds an engine of it, in a folder of its own.',
    );
  if (manifest === null || typeof manifest !== 'object' || typeof manifest.format !== 'number')
    throw invalid('is not that of a bundle');
  if (manifest.format !== manifestFormat)
    throw invalid(`has format ${manifest.format}, this version of foveate reads format ${manifestFormat}`);
  const files = [
    manifest.engine,
    manifest.model,
    manifest.layers,
    ...(Array.isArray(manifest.model?.externalData) ? manifest.model.externalData : []),
  ];
  const whole = files.every(
    (file) => typeof file?.file === 'string' && typeof file.bytes === 'number' && typeof file.sha256 === 'string',
  );
  const missing = whole ? missingEntry(manifest) : 'files';
  if (missing !== undefined) throw invalid(`lacks ${missing}, or has something else there`);
  return manifest;
}

/** The first entry that is not what it should be. */
function missingEntry(manifest: EngineManifest): string | undefined {
  const { key, engine, model, passes, profiles, inputs, outputs, options, build } = manifest;
  const isTensors = (tensors: unknown): boolean =>
    Array.isArray(tensors) && (tensors as EngineTensorInfo[]).every((tensor) => Array.isArray(tensor?.shape));
  const entries: Readonly<Record<string, boolean>> = {
    key: typeof key === 'string',
    'engine.family': typeof engine.family === 'string',
    'engine.version': typeof engine.version === 'string',
    'engine.platform': typeof engine.platform === 'string',
    'engine.computeCapabilities': Array.isArray(engine.computeCapabilities),
    'model.source': typeof model.source === 'string',
    'model.externalData': Array.isArray(model.externalData),
    passes: Array.isArray(passes),
    profiles: Array.isArray(profiles) && profiles.every(Array.isArray),
    inputs: isTensors(inputs),
    outputs: isTensors(outputs),
    options: isRecord(options),
    build: isRecord(build),
  };
  return Object.keys(entries).find((name) => entries[name] !== true);
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
