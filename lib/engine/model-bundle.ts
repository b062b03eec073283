import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { invalidArgument, ModelError } from '../errors/index.js';
import { modelPath } from '../graph/index.js';
import { Preprocess } from '../image/index.js';
import { BundleFolder, manifestFile } from './bundle-folder.js';
import { rememberedSha256 } from './file-state.js';
import type { FileHash } from './file-hash.js';
import {
  filesOf,
  formNames,
  invalidManifest,
  isModelManifest,
  manifestJson,
  parseModelManifest,
  type FormName,
  type ModelManifest,
} from './model-manifest.js';

/**
 * A folder with a model in the form that each engine runs best, its preprocessing, its class names and what was measured of it. Made by
 * `foveate optimize`. It is opened wherever a model is.
 */
export class ModelBundle {
  /** Absolute. */
  readonly path: string;
  readonly manifest: ModelManifest;
  /** How pictures become the input of every form. */
  readonly preprocess: Preprocess;
  readonly #folder: BundleFolder;

  private constructor(path: string, manifest: ModelManifest) {
    this.path = path;
    this.manifest = manifest;
    this.preprocess = new Preprocess(manifest.preprocess);
    const damaged = (file: string, reason: string): ModelError =>
      new ModelError('BUNDLE_INVALID', {
        message: `The file ${file} of the bundle ${path} is damaged: ${reason}`,
        hint: 'Copy the bundle again as a whole, or make it again: foveate optimize.',
        details: { path, file },
      });
    this.#folder = new BundleFolder(path, filesOf(manifest), damaged);
  }

  /** Opens a bundle and checks that its files are there and as long as they should be. Throws INVALID_ARGUMENT, BUNDLE_INVALID. */
  static async open(folder: string): Promise<ModelBundle> {
    if (typeof folder !== 'string' || folder === '') throw invalidArgument('the bundle', 'the path of a folder', folder);
    const path = resolve(folder);
    let text: string;
    try {
      text = await readFile(join(path, manifestFile), 'utf8');
    } catch (cause) {
      throw new ModelError('BUNDLE_INVALID', {
        message: `Expected the bundle of a model but ${folder} has no ${manifestFile} that can be read: ${(cause as Error).message}`,
        hint: 'Make one with foveate optimize MODEL --data DIR -o BUNDLE.',
        details: { path: folder },
        cause,
      });
    }
    const bundle = new ModelBundle(path, parseModelManifest(text, folder));
    await bundle.#folder.checkLengths();
    return bundle;
  }

  /**
   * The bundle that is given as a model: undefined for bytes, for a path that is no folder, and for a folder that is no such bundle, of which who reads it
   * as a file can tell. Throws as {@link open}.
   */
  static async at(model: string | URL | Uint8Array): Promise<ModelBundle | undefined> {
    if (model instanceof Uint8Array) return undefined;
    const path = modelPath('model', model);
    if ((await stat(path).catch(() => undefined))?.isDirectory() !== true) return undefined;
    const text = await readFile(join(path, manifestFile), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw invalidManifest(path, `cannot be read: ${error.message}`);
    });
    return text !== undefined && isModelManifest(manifestJson(text, path)) ? ModelBundle.open(path) : undefined;
  }

  /** Path of the ONNX file that is for an engine; its external data lies beside it. */
  form(name: FormName): string {
    if (!formNames.includes(name)) throw invalidArgument('the form', formNames.map((form) => `'${form}'`).join(' or '), name);
    return this.#folder.pathOf(this.manifest.forms[name]);
  }

  /** The same, once its content is known to be what was written: a file is read only where it may have changed since. Throws BUNDLE_INVALID, ABORTED. */
  async wholeForm(name: FormName, signal?: AbortSignal): Promise<string> {
    const path = this.form(name);
    const form = this.manifest.forms[name];
    await this.#folder.verify(signal, rememberedSha256, [form, ...form.externalData]);
    return path;
  }

  /** Paths of all its files, its manifest among them. */
  get files(): readonly string[] {
    return [join(this.path, manifestFile), ...this.#folder.files.map((file) => this.#folder.pathOf(file))];
  }

  /** Reads every file and compares its SHA-256 with the manifest; `hash` may know it without reading. Throws BUNDLE_INVALID, ABORTED. */
  verify(signal?: AbortSignal, hash?: FileHash): Promise<void> {
    return this.#folder.verify(signal, hash);
  }

  /** @internal */
  invalid(reason: string): ModelError {
    return invalidManifest(this.path, reason);
  }
}
