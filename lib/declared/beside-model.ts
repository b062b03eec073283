import { readFile, stat } from 'node:fs/promises';
import nodePath from 'node:path';

import { EngineBundle, manifestFile, ModelBundle, type ModelManifest } from '../engine/index.js';
import { modelPath } from '../graph/index.js';
import { Preprocess, type PreprocessOptions } from '../image/index.js';
import type { NamesBeside } from '../labels/index.js';
import type { ModelSource } from '../session/index.js';
import { invalidConfig, isJsonObject, type JsonObject } from './config-fields.js';

/** A JSON file that lies beside a model. */
export interface ConfigFile<Name extends string = string> {
  readonly name: Name;
  readonly path: string;
  readonly values: JsonObject;
}

/** What the bundle of an optimised model, or of an engine, tells of it: all that was settled when it was made. */
export interface DeclaredBundle extends Pick<ModelManifest, 'labels'>, Partial<Pick<ModelManifest, 'task'>> {
  readonly preprocess: Partial<PreprocessOptions> | undefined;
  /** Of its manifest. */
  readonly path: string;
}

/** What programs that export models leave beside them, or what a bundle has of its own. */
export interface BesideModel {
  /** Hugging Face's description of its image processor. */
  readonly processor: ConfigFile<'preprocessor_config.json'> | undefined;
  /** Hugging Face's, or timm's, description of the model. Undefined also for a `config.json` that is something else. */
  readonly model: ConfigFile<'config.json'> | undefined;
  readonly bundle: DeclaredBundle | undefined;
}

/** Far above any of these files: lists of 20,000 classes take a megabyte. */
const maxFileBytes = 16 * 2 ** 20;

/** Fields of which a model's `config.json` has at least one. */
const modelFields = ['model_type', 'architectures', 'architecture', 'pretrained_cfg', 'id2label'];

/**
 * Reads what lies in the folder of a model, or one folder up where that is called `onnx`, as far as the options of a task leave something to
 * it. For a model that is given as bytes, nothing; for a bundle, what its manifest says. Rejects with PREPROCESS_INVALID where a file cannot be read or is
 * damaged.
 */
export async function readBesideModel(
  model: ModelSource | ModelBundle | EngineBundle,
  { preprocess, labels }: { readonly preprocess?: unknown; readonly labels?: unknown },
): Promise<BesideModel> {
  if (model instanceof ModelBundle || model instanceof EngineBundle) {
    return { processor: undefined, model: undefined, bundle: declaredBundle(model) };
  }
  const folders = foldersOf(model);
  const isNamed = typeof preprocess === 'string' || preprocess instanceof Preprocess;
  const [processor, config] = await Promise.all([
    isNamed ? undefined : firstIn(folders, 'preprocessor_config.json'),
    isNamed && labels !== undefined ? undefined : modelConfig(folders),
  ]);
  return { processor, model: config, bundle: undefined };
}

function declaredBundle({ path, manifest }: ModelBundle | EngineBundle): DeclaredBundle {
  const { preprocess, labels } = manifest;
  const task = 'task' in manifest ? manifest.task : undefined;
  return { path: nodePath.join(path, manifestFile), task, preprocess, labels };
}

/** Whether a file beside a model, or its bundle, names classes. Rejects with PREPROCESS_INVALID where it is damaged. */
export async function hasNamesBeside(model: ModelSource | ModelBundle | EngineBundle): Promise<boolean> {
  if (model instanceof ModelBundle || model instanceof EngineBundle) return model.manifest.labels !== undefined;
  return namesBeside({ processor: undefined, model: await modelConfig(foldersOf(model)), bundle: undefined }) !== undefined;
}

function foldersOf(model: ModelSource): readonly string[] {
  if (typeof model !== 'string' && !(model instanceof URL)) return [];
  const folder = nodePath.dirname(nodePath.resolve(modelPath('model', model)));
  return nodePath.basename(folder) === 'onnx' ? [folder, nodePath.dirname(folder)] : [folder];
}

async function modelConfig(folders: readonly string[]): Promise<BesideModel['model']> {
  const config = await firstIn(folders, 'config.json');
  return modelFields.some((field) => config?.values[field] !== undefined) ? config : undefined;
}

/** What Hugging Face makes up where nobody gave names. */
const placeholder = /^LABEL_\d+$/;

/** The class names in a model's bundle, or in its `config.json`: Hugging Face's `id2label`, or timm's `label_names`. */
export function namesBeside({ model, bundle }: BesideModel): NamesBeside | undefined {
  if (bundle?.labels !== undefined) return { source: 'bundle', path: bundle.path, names: bundle.labels };
  if (model === undefined) return undefined;
  const names = model.values['id2label'] ?? model.values['label_names'] ?? undefined;
  if (names === undefined) return undefined;
  if (isJsonObject(names) && Object.values(names).every((name) => placeholder.test(String(name)))) return undefined;
  return { source: 'config', path: model.path, names };
}

async function firstIn<Name extends string>(folders: readonly string[], name: Name): Promise<ConfigFile<Name> | undefined> {
  for (const folder of folders) {
    const path = nodePath.join(folder, name);
    const values = await readJson(path);
    if (values !== undefined) return { name, path, values };
  }
  return undefined;
}

async function readJson(path: string): Promise<JsonObject | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return undefined;
    if (found.size > maxFileBytes) throw new Error(`it has ${found.size} bytes, expected at most ${maxFileBytes}`);
    const values: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (!isJsonObject(values)) throw new Error('expected a JSON object');
    return values;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw invalidConfig(
      path,
      error instanceof SyntaxError ? `it is not JSON: ${error.message}` : (error as Error).message,
      error,
    );
  }
}
