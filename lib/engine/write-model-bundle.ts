import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';

import { aborted, packageVersion } from '../binding/index.js';
import { checkPath, invalidArgument } from '../errors/index.js';
import { externalDataOf, parseModelAt, readModelBytes } from '../graph/index.js';
import { manifestFile, type BundleFile } from './bundle-folder.js';
import { BundlePlace, type PlacedBundle } from './bundle-place.js';
import { sha256OfBytes, sha256OfFile } from './file-hash.js';
import { ModelBundle } from './model-bundle.js';
import {
  filesOf,
  formNames,
  isFileName,
  modelManifestFormat,
  parseModelManifest,
  type FormName,
  type ModelForm,
  type ModelManifest,
} from './model-manifest.js';

/** A form that is to be written. */
export interface FormContent extends Pick<ModelForm, 'precision' | 'passes'> {
  /** Writes the ONNX file to a path, its external data into the same folder or below, and nothing else. */
  readonly write: (path: string) => Promise<unknown>;
}

/** What a bundle is made of: its manifest but for the files, and the files. */
export interface ModelBundleContent extends Omit<
  ModelManifest,
  'kind' | 'format' | 'foveate' | 'forms' | 'calibration' | 'reports'
> {
  readonly forms: Readonly<Record<FormName, FormContent>>;
  /** The calibration table, as its file holds it. */
  readonly calibration?: string | Uint8Array | undefined;
  /** Reports, by the name of their file. */
  readonly reports: Readonly<Record<string, string | Uint8Array>>;
}

const modelBundle: PlacedBundle = {
  noun: 'the bundle of a model',
  hint: 'Check that its folder may be written to, and that there is space.',
  filesIn: async (folder) => {
    const manifest = parseModelManifest(await readFile(join(folder, manifestFile), 'utf8'), folder);
    return [manifestFile, ...filesOf(manifest).map(({ file }) => file)];
  },
};

/**
 * Throws OUTPUT_NOT_WRITABLE where something lies at `output` that is neither an empty folder nor a model's bundle and nothing else: what a bundle takes the
 * place of is deleted.
 */
export async function checkModelBundleOutput(output: string): Promise<void> {
  await (await BundlePlace.of(checkPath('output', output, 'the path of a folder'), modelBundle)).check();
}

/**
 * Writes the bundle of an optimised model to the folder `output`, whole or not at all: it is made beside it, and takes its place once all is written. Of what
 * was there, an empty folder or such a bundle and nothing else is replaced.
 *
 * Throws OUTPUT_NOT_WRITABLE, INVALID_ARGUMENT for a name that is not that of a file, MODEL_INVALID or MODEL_NOT_FOUND where a form that was written is no
 * whole model, ABORTED, and what `write` of a form throws.
 */
export async function writeModelBundle(output: string, content: ModelBundleContent, signal?: AbortSignal): Promise<ModelBundle> {
  for (const name of [content.source.name, ...Object.keys(content.reports)])
    if (!isFileName(name)) throw invalidArgument('the bundle', 'names of files', name);
  const place = await BundlePlace.of(checkPath('output', output, 'the path of a folder'), modelBundle);
  await place.fill((folder) => writeFiles(folder, content, signal), signal);
  return ModelBundle.open(place.path);
}

async function writeFiles(folder: string, content: ModelBundleContent, signal: AbortSignal | undefined): Promise<void> {
  const { source, task, preprocess, labels, forms, calibration, reports, measured, decisions } = content;
  const written: Partial<Record<FormName, ModelForm>> = {};
  for (const name of formNames) {
    if (signal?.aborted) throw aborted(signal);
    written[name] = await writeForm(folder, name, source.name, forms[name], signal);
  }
  const table = calibration === undefined ? undefined : await writeBytes(folder, 'calibration.json', calibration);
  const reportFiles: BundleFile[] = [];
  for (const [name, text] of Object.entries(reports))
    reportFiles.push(await writeBytes(folder, posix.join('report', name), text));
  const manifest: ModelManifest = {
    kind: 'model',
    format: modelManifestFormat,
    foveate: packageVersion,
    source: { name: source.name, bytes: source.bytes, sha256: source.sha256 },
    ...(task && { task }),
    preprocess,
    ...(labels && { labels }),
    forms: written as Record<FormName, ModelForm>,
    ...(table && { calibration: table }),
    reports: reportFiles,
    measured,
    decisions,
  };
  if (signal?.aborted) throw aborted(signal);
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  parseModelManifest(text, folder); // what is written can be read
  await writeFile(join(folder, manifestFile), text);
}

/** Each in a folder of its own: their external data may have the same names. */
async function writeForm(
  folder: string,
  name: FormName,
  source: string,
  { precision, passes, write }: FormContent,
  signal: AbortSignal | undefined,
): Promise<ModelForm> {
  const file = posix.join(name, formFileName(source, name, precision));
  const path = join(folder, file);
  await mkdir(dirname(path));
  await write(path);
  const { proto } = parseModelAt(path, (await readModelBytes(path, { signal })).bytes);
  const byLocation = new Map(externalDataOf(proto, dirname(path)).map((external) => [external.location, external]));
  const externalData: BundleFile[] = [];
  for (const [location, external] of byLocation) {
    const { path: data } = await external.file();
    externalData.push(await described(posix.join(name, location), data, signal));
  }
  return { ...(await described(file, path, signal)), precision, passes, externalData };
}

/** `yolov8n.tensorrt.int8.onnx`: tells what it is wherever it goes. */
export function formFileName(source: string, form: FormName, precision: ModelForm['precision']): string {
  return `${source.replace(/\.onnx$/i, '')}.${form}.${precision}.onnx`;
}

async function writeBytes(folder: string, file: string, content: string | Uint8Array): Promise<BundleFile> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const path = join(folder, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  return { file, bytes: bytes.byteLength, sha256: sha256OfBytes(bytes) };
}

async function described(file: string, path: string, signal: AbortSignal | undefined): Promise<BundleFile> {
  return { file, bytes: (await stat(path)).size, sha256: await sha256OfFile(path, signal) };
}
