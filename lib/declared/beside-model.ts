import { readFile, stat } from 'node:fs/promises';
import nodePath from 'node:path';

import { modelPath } from '../graph/index.js';
import { Preprocess } from '../image/index.js';
import type { NamesBeside } from '../labels/index.js';
import type { ModelSource } from '../session/index.js';
import { invalidConfig, isJsonObject, type JsonObject } from './config-fields.js';

/** A JSON file that lies beside a model. */
export interface ConfigFile<Name extends string = string> {
  readonly name: Name;
  readonly path: string;
  readonly values: JsonObject;
}

/** What programs that export models leave beside them. */
export interface BesideModel {
  /** Hugging Face's description of its image processor. */
  readonly processor: ConfigFile<'preprocessor_config.json'> | undefined;
  /** Hugging Face's, or timm's, description of the model. Undefined also for a `config.json` that is something else. */
  readonly model: ConfigFile<'config.json'> | undefined;
}

/** Far above any of these files: lists of 20,000 classes take a megabyte. */
const maxFileBytes = 16 * 2 ** 20;

/** Fields of which a model's `config.json` has at least one. */
const modelFields = ['model_type', 'architectures', 'architecture', 'pretrained_cfg', 'id2label'];

/**
 * Reads what lies in the folder of a model, or one folder up where that is called `onnx`, as far as the options of a task leave something to
 * it. For a model that is given as bytes, nothing. Rejects with PREPROCESS_INVALID where a file cannot be read or is damaged.
 */
export async function readBesideModel(
  model: ModelSource,
  { preprocess, labels }: { readonly preprocess?: unknown; readonly labels?: unknown },
): Promise<BesideModel> {
  const folders = foldersOf(model);
  const isNamed = typeof preprocess === 'string' || preprocess instanceof Preprocess;
  const [processor, config] = await Promise.all([
    isNamed ? undefined : firstIn(folders, 'preprocessor_config.json'),
    isNamed && labels !== undefined ? undefined : modelConfig(folders),
  ]);
  return { processor, model: config };
}

/** Whether a file beside a model names classes. Rejects with PREPROCESS_INVALID where it is damaged. */
export async function hasNamesBeside(model: ModelSource): Promise<boolean> {
  return namesBeside({ processor: undefined, model: await modelConfig(foldersOf(model)) }) !== undefined;
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

/** The class names in a model's `config.json`: Hugging Face's `id2label`, or timm's `label_names`. */
export function namesBeside({ model }: BesideModel): NamesBeside | undefined {
  if (model === undefined) return undefined;
  const names = model.values['id2label'] ?? model.values['label_names'] ?? undefined;
  if (names === undefined) return undefined;
  if (isJsonObject(names) && Object.values(names).every((name) => placeholder.test(String(name)))) return undefined;
  return { path: model.path, names };
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
