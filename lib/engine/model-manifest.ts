/** What the bundle of an optimised model says of itself. */
import { posix } from 'node:path';

import { FoveateError, ModelError } from '../errors/index.js';
import { Preprocess, type PreprocessOptions } from '../image/index.js';
import type { BundleFile } from './bundle-folder.js';

/** Raised when a reader of this version could misread what a later one writes. */
export const modelManifestFormat = 1;

/** Which form an engine opens. */
export const formNames = ['onnxruntime', 'tensorrt'] as const;
export type FormName = (typeof formNames)[number];

/** Mixed is INT8, with FP16 for what is not, where that can hold it. */
export const formPrecisions = ['int8', 'mixed', 'int4', 'float8', 'float16', 'bfloat16', 'float32'] as const;
export type FormPrecision = (typeof formPrecisions)[number];

/** The model as one engine takes it: an ONNX file. */
export interface ModelForm extends BundleFile {
  readonly precision: FormPrecision;
  /** What was done to the source, in that order; empty where the form is the source as it was. */
  readonly passes: readonly string[];
  /** Files with tensors, beside the form. */
  readonly externalData: readonly BundleFile[];
}

/** What the source's graph told of an output, before passes changed the graph. */
export interface BundledOutput {
  /** The operator that makes it, those passed over that hand scores on as they are; null where there is none. */
  readonly operator: string | null;
  /** How boxes are decoded in the graph, as far as that is plain. */
  readonly boxDecoding: string | null;
}

/** What the model is for, and how its outputs are read. */
export interface BundledTask {
  /** As in `loadTask`: 'detect'. */
  readonly name: string;
  /** Options of its `load` that tell how the outputs are read, such as `head`; defaults for those who open the bundle. */
  readonly options: Readonly<Record<string, unknown>>;
  /** By name. */
  readonly outputs: Readonly<Record<string, BundledOutput>>;
}

/** The manifest of a model's bundle: `manifest.json`. */
export interface ModelManifest {
  /** Tells it from the manifest of an engine. */
  readonly kind: 'model';
  readonly format: typeof modelManifestFormat;
  /** Version of foveate that wrote it. */
  readonly foveate: string;
  /** The model that was optimised: its file's name, for people; what it takes with its external data; the SHA-256 of the file alone. */
  readonly source: { readonly name: string; readonly bytes: number; readonly sha256: string };
  /** Absent where the model is for no task that is known. */
  readonly task?: BundledTask | undefined;
  /** How pictures become its input, in all that runs it: the same in every form. */
  readonly preprocess: PreprocessOptions;
  /** Names of its classes, where it has some. */
  readonly labels?: readonly string[] | undefined;
  readonly forms: Readonly<Record<FormName, ModelForm>>;
  /** The calibration table that the ranges are from. */
  readonly calibration?: BundleFile | undefined;
  readonly reports: readonly BundleFile[];
  /** Numbers that were measured when it was made, as whoever made it names them. */
  readonly measured: Readonly<Record<string, unknown>>;
  /** What was decided and why, in sentences: `ONNX Runtime runs the float32 form: INT8 measured 1.09x slower`. */
  readonly decisions: readonly string[];
}

/** All files that a manifest tells of. */
export function filesOf({ forms, calibration, reports }: ModelManifest): readonly BundleFile[] {
  const ofForms = formNames.flatMap((name) => [forms[name], ...forms[name].externalData]);
  return [...ofForms, ...(calibration === undefined ? [] : [calibration]), ...reports];
}

/** Whether what a `manifest.json` holds is that of a model's bundle, whole or not. */
export function isModelManifest(manifest: unknown): boolean {
  return isRecord(manifest) && manifest['kind'] === 'model';
}

/** The error for a folder whose manifest is not that of a model's bundle. */
export function invalidManifest(folder: string, reason: string, hint = 'Make it again: foveate optimize.'): ModelError {
  return new ModelError('BUNDLE_INVALID', {
    message: `Expected the bundle of a model in ${folder} but its manifest.json ${reason}`,
    hint,
    details: { path: folder },
  });
}

/** Reads a manifest. Throws BUNDLE_INVALID. */
export function parseModelManifest(text: string, folder: string): ModelManifest {
  const manifest = manifestJson(text, folder);
  if (!isModelManifest(manifest)) {
    throw isRecord(manifest) && isRecord(manifest['engine'])
      ? invalidManifest(
          folder,
          'is that of an engine',
          'Name the model that the engine was built from: its bundle holds a copy, model.onnx.',
        )
      : invalidManifest(folder, 'is that of something else');
  }
  const { format } = manifest as Record<string, unknown>;
  if (typeof format === 'number' && format > modelManifestFormat) {
    const reason = `has format ${format}, this version of foveate reads format ${modelManifestFormat}`;
    throw invalidManifest(folder, reason, 'Use the version of foveate that made it, or make it again: foveate optimize.');
  }
  const wrong = wrongEntry(manifest as Record<keyof ModelManifest, unknown>);
  if (wrong !== undefined) throw invalidManifest(folder, `lacks ${wrong}, or has something else there`);
  const { preprocess } = manifest as unknown as ModelManifest;
  try {
    new Preprocess(preprocess);
  } catch (cause) {
    if (!(cause instanceof FoveateError)) throw cause;
    throw invalidManifest(folder, `describes preprocessing that is none: ${cause.message}`);
  }
  return manifest as unknown as ModelManifest;
}

/** What a `manifest.json` holds, of whichever kind. Throws BUNDLE_INVALID. */
export function manifestJson(text: string, folder: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalidManifest(folder, `is no JSON: ${(cause as Error).message}`);
  }
}

/** The first entry that is not what it should be. */
function wrongEntry(manifest: Readonly<Record<keyof ModelManifest, unknown>>): string | undefined {
  const { format, source, task, preprocess, labels, forms, calibration, reports, measured, decisions } = manifest;
  const entries: Readonly<Record<string, boolean>> = {
    format: format === modelManifestFormat,
    source: isContent(source) && isFileName(source['name']),
    task: task === undefined || isTask(task),
    preprocess: isRecord(preprocess),
    labels: labels === undefined || isTexts(labels),
    forms: isRecord(forms),
    ...Object.fromEntries(formNames.map((name) => [`forms.${name}`, isRecord(forms) && isForm(forms[name])])),
    calibration: calibration === undefined || isFile(calibration),
    reports: Array.isArray(reports) && reports.every(isFile),
    measured: isRecord(measured),
    decisions: isTexts(decisions),
  };
  return Object.keys(entries).find((name) => entries[name] !== true);
}

function isContent(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isRecord(value)) return false;
  const { bytes, sha256 } = value;
  const isCount = Number.isSafeInteger(bytes) && (bytes as number) >= 0;
  return isCount && typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256);
}

function isFile(value: unknown): boolean {
  return isContent(value) && typeof value['file'] === 'string';
}

/** Whether it names a file, and no place: files are called by it. */
export function isFileName(name: unknown): boolean {
  return typeof name === 'string' && !['', '.', '..'].includes(name) && !/[/\\\0]/.test(name);
}

function isForm(value: unknown): boolean {
  if (!isContent(value) || !isFile(value)) return false;
  const { file, precision, passes, externalData } = value;
  const folder = posix.dirname(file as string);
  // ONNX allows no other place, and where the form is copied to, they go along.
  const isBeside = (data: unknown): boolean =>
    isFile(data) && posix.relative(folder, (data as BundleFile).file).split('/')[0] !== '..';
  const isPrecision = (formPrecisions as readonly unknown[]).includes(precision);
  return isPrecision && isTexts(passes) && Array.isArray(externalData) && externalData.every(isBeside);
}

function isTask(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { name, options, outputs } = value;
  const isOutput = (output: unknown): boolean =>
    isRecord(output) && [output['operator'], output['boxDecoding']].every((word) => word === null || typeof word === 'string');
  return typeof name === 'string' && isRecord(options) && isRecord(outputs) && Object.values(outputs).every(isOutput);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
