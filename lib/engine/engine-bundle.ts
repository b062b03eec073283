import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { aborted, platformName } from '../binding/index.js';
import { EngineError, invalidArgument } from '../errors/index.js';
import { BundleFolder, manifestFile } from './bundle-folder.js';
import type { EngineLayer } from './engine-layers.js';
import { sha256OfFile, type FileHash } from './file-hash.js';
import { rememberedSha256 } from './file-state.js';
import { isEngineManifest, parseManifest, type EngineGpu, type EngineManifest } from './engine-manifest.js';
import type { TensorRtFamily } from './tensorrt-libraries.js';
import { compareVersions } from './tensorrt-requirement.js';

/** A library on a machine, and the GPU that it would run engines on, where there is one. */
export interface EngineLibrary {
  readonly family: TensorRtFamily;
  /** `10.15.1` */
  readonly version: string;
  readonly gpu?: EngineGpu | undefined;
}

/** A folder with an engine, the model that it was built from, and what is known of both. Made by `buildEngine` and `foveate build`. */
export class EngineBundle {
  readonly path: string;
  readonly manifest: EngineManifest;
  readonly #folder: BundleFolder;

  private constructor(path: string, manifest: EngineManifest) {
    this.path = path;
    this.manifest = manifest;
    const { engine, model, layers } = manifest;
    const damaged = (file: string, reason: string): EngineError =>
      new EngineError('ENGINE_INVALID', {
        message: `The file ${file} of the engine bundle ${path} is damaged: ${reason}`,
        hint: 'Build the engine again, or copy the bundle again as a whole.',
        details: { path, file },
      });
    this.#folder = new BundleFolder(path, [engine, model, ...model.externalData, layers], damaged);
  }

  /** Opens a bundle and checks that its files are there and as long as they should be. Throws INVALID_ARGUMENT, ENGINE_INVALID. */
  static async open(folder: string): Promise<EngineBundle> {
    if (typeof folder !== 'string' || folder === '') throw invalidArgument('the bundle', 'the path of a folder', folder);
    const path = resolve(folder);
    let text: string;
    try {
      text = await readFile(join(path, manifestFile), 'utf8');
    } catch (cause) {
      throw new EngineError('ENGINE_INVALID', {
        message: `Expected an engine bundle but ${folder} has no ${manifestFile} that can be read: ${(cause as Error).message}`,
        hint: 'Make one with foveate build MODEL -o BUNDLE.',
        details: { path: folder },
        cause,
      });
    }
    const bundle = new EngineBundle(path, parseManifest(text, folder));
    await bundle.#folder.checkLengths();
    return bundle;
  }

  /** The bundle at a path; undefined where there is none, or none of this kind. Throws as {@link open}. */
  static async at(path: string): Promise<EngineBundle | undefined> {
    const text = await readFile(join(path, manifestFile), 'utf8').catch(() => undefined);
    return text !== undefined && isEngineManifest(text) ? await EngineBundle.open(path) : undefined;
  }

  /** Layers of the engine, as its builder told them; often several layers of the model in one. */
  async layers(): Promise<readonly EngineLayer[]> {
    const file = this.manifest.layers;
    try {
      return JSON.parse(await readFile(this.#folder.pathOf(file), 'utf8')) as EngineLayer[];
    } catch (cause) {
      throw cause instanceof SyntaxError ? this.#folder.damaged(file, 'it is no JSON') : cause;
    }
  }

  /** Paths of all its files, its manifest among them. */
  get files(): readonly string[] {
    return [join(this.path, manifestFile), ...this.#folder.files.map((file) => this.#folder.pathOf(file))];
  }

  /**
   * Reads every file and compares its SHA-256 with the manifest; `hash` may know it without reading. Throws ENGINE_INVALID for one that was changed,
   * ABORTED.
   */
  async verify(signal?: AbortSignal, hash: FileHash = sha256OfFile): Promise<void> {
    await this.#folder.verify(signal, hash);
  }

  /** Path of the engine's file, once its content is known to be what was built: it is read only where it may have changed since. Throws ENGINE_INVALID, ABORTED. */
  async wholeEngine(signal?: AbortSignal): Promise<string> {
    const { engine } = this.manifest;
    await this.#folder.verify(signal, rememberedSha256, [engine]);
    return this.#folder.pathOf(engine);
  }

  /** The same without a look at its content. */
  get engineFile(): string {
    return this.#folder.pathOf(this.manifest.engine);
  }

  /** Path of the ONNX model that the engine was built from, as {@link wholeEngine}. */
  async wholeModel(signal?: AbortSignal): Promise<string> {
    const { model } = this.manifest;
    await this.#folder.verify(signal, rememberedSha256, [model, ...model.externalData]);
    return this.#folder.pathOf(model);
  }

  /** Why `library` cannot run the engine on this machine: what differs, in words; undefined where nothing is known to be in the way. */
  incompatibility(library: EngineLibrary): string | undefined {
    const { family, version, platform, versionCompatible } = this.manifest.engine;
    if (platform !== platformName) return `it was built for ${platform}, this is ${platformName}`;
    const runs = library.family === family || (versionCompatible && family === 'tensorrt' && library.family === 'tensorrt-lean');
    if (!runs) return `it was built by ${family} ${version}, which ${library.family} ${library.version} cannot read`;
    const isLater = compareVersions(library.version, version) >= 0 && version.split('.')[0] === library.version.split('.')[0];
    if (versionCompatible ? !isLater : version !== library.version)
      return `it was built by ${family} ${version}, the library is ${library.version}`;
    return library.gpu && otherGpu(this.manifest.engine, library.gpu);
  }
}

/** The bundle at a place, every file of which is as it was written; undefined where there is none. Rejects with ABORTED. */
export async function wholeBundle(place: string, signal: AbortSignal | undefined): Promise<EngineBundle | undefined> {
  try {
    const bundle = await EngineBundle.open(place);
    await bundle.verify(signal, rememberedSha256);
    return bundle;
  } catch {
    if (signal?.aborted) throw aborted(signal);
    return undefined;
  }
}

/** Whether an engine was built for other GPUs than this one, in words. */
function otherGpu(
  { family, computeCapabilities, gpu: builtOn, hardwareCompatibility }: EngineManifest['engine'],
  { name, computeCapability }: EngineGpu,
): string | undefined {
  const here = `the GPU of this machine is ${name}, ${capabilityText(computeCapability)}`;
  if (computeCapabilities.length > 0) {
    if (computeCapabilities.includes(computeCapability)) return undefined;
    return `it was built for compute capability ${computeCapabilities.map(capabilityText).join(', ')}, ${here}`;
  }
  if (builtOn === undefined) return undefined;
  const fits = {
    none: family === 'tensorrt-rtx' ? builtOn.computeCapability === computeCapability : builtOn.name === name,
    'same-compute-capability': builtOn.computeCapability === computeCapability,
    'ampere-plus': computeCapability >= 80,
  };
  if (fits[hardwareCompatibility]) return undefined;
  return `it was built on ${builtOn.name}, ${capabilityText(builtOn.computeCapability)}, ${here}`;
}

/** `8.9` for 89 */
export function capabilityText(capability: number): string {
  return `${Math.floor(capability / 10)}.${capability % 10}`;
}

/** Last of all: a folder with a manifest is whole. */
export async function writeManifest(folder: string, manifest: EngineManifest): Promise<void> {
  await writeFile(join(folder, manifestFile), `${JSON.stringify(manifest, undefined, 2)}\n`);
}
