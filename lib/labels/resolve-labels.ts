import { checkPath, invalidArgument } from '../errors/index.js';
import { coco80 } from './coco-80.js';
import { inOrder, invalidLabels, namesFromLiteral, namesFromValue } from './declared-names.js';
import { imagenet1000 } from './imagenet-1000.js';
import { namesFromFile } from './label-file.js';
import { voc20, voc21 } from './voc-20.js';

/** Names in the order of the class ids, names by class id, or a path or `file:` URL: see {@link resolveLabels}. */
export type LabelsOption = readonly string[] | Readonly<Record<number, string>> | string | URL;

/**
 * Where names came from; 'config' is the `config.json` beside the model, 'bundle' that of an optimised one. Where nobody gave any, 'binary' is background and foreground of a model with one channel, and 'numbers' "0", "1", ...
 */
export type LabelsSource =
  'option' | 'file' | 'bundle' | 'metadata' | 'config' | 'coco-80' | 'imagenet-1000' | 'voc-20' | 'voc-21' | 'binary' | 'numbers';

export interface ResolvedLabels {
  /** One name per class, by class id. Names need not differ from each other. */
  readonly labels: readonly string[];
  readonly source: LabelsSource;
}

/** Names that a JSON file beside a model holds: a list, or an object by id. Those of a bundle were settled when it was made, and count before metadata. */
export interface NamesBeside {
  readonly source: 'config' | 'bundle';
  readonly path: string;
  readonly names: unknown;
}

export interface ResolveLabelsOptions {
  readonly option?: LabelsOption | undefined;
  /** Metadata of the model: its `names` is JSON or a Python literal. */
  readonly metadata?: ReadonlyMap<string, string> | undefined;
  /** What a `config.json` beside the model gives, or the manifest of its bundle. */
  readonly beside?: NamesBeside | undefined;
  /** How many classes the model tells apart. */
  readonly classes: number;
  readonly task: 'classify' | 'detect' | 'segment';
}

/** The lists that a number of classes stands for, where nothing better is known. */
const builtIn: Readonly<Record<ResolveLabelsOptions['task'], readonly ResolvedLabels[]>> = {
  classify: [{ labels: imagenet1000, source: 'imagenet-1000' }],
  detect: [
    { labels: coco80, source: 'coco-80' },
    { labels: voc20, source: 'voc-20' },
  ],
  segment: [{ labels: voc21, source: 'voc-21' }],
};

/**
 * The names of a model's classes: those of the option, else those of its bundle, else those in the model's metadata, else those beside the model, else a built-in list that
 * has as many for this task, else numbers.
 *
 * A file is `.json` (an array, or an object by id), `.yaml` or `.yml` (the key `names`), or text with one name per line.
 *
 * Rejects with LABELS_INVALID where the names cannot be read or are not as many as the classes, INVALID_ARGUMENT for any other option.
 */
export async function resolveLabels({ option, metadata, beside, classes, task }: ResolveLabelsOptions): Promise<ResolvedLabels> {
  const declared = await declaredLabels(option, metadata, beside);
  if (declared !== undefined) {
    const { labels, source, from } = declared;
    if (labels.length === classes) return { labels, source };
    throw invalidLabels(from, `expected ${classes} for the ${classes} classes of the model but received ${labels.length}`, {
      classes,
      labels: labels.length,
    });
  }
  const fitting = builtIn[task].find(({ labels }) => labels.length === classes);
  return fitting ?? { labels: Object.freeze(Array.from({ length: classes }, (_, id) => String(id))), source: 'numbers' };
}

/**
 * How many names the option, else the metadata, else a file beside the model gives; undefined where none does. Tells heads apart whose outputs have the same shape.
 * Rejects as {@link resolveLabels} does.
 */
export async function declaredLabelCount(
  option: LabelsOption | undefined,
  metadata: ReadonlyMap<string, string> | undefined,
  beside?: NamesBeside,
): Promise<number | undefined> {
  return (await declaredLabels(option, metadata, beside))?.labels.length;
}

interface DeclaredLabels extends ResolvedLabels {
  /** For messages. */
  readonly from: string;
}

async function declaredLabels(
  option: LabelsOption | undefined,
  metadata: ReadonlyMap<string, string> | undefined,
  beside: NamesBeside | undefined,
): Promise<DeclaredLabels | undefined> {
  if (option !== undefined) return labelsOfOption(option);
  if (beside?.source === 'bundle') return labelsBeside(beside);
  const labels = metadataLabels(metadata);
  if (labels !== undefined) return { labels, source: 'metadata', from: metadataNames };
  return beside && labelsBeside(beside);
}

function labelsBeside({ source, path, names }: NamesBeside): DeclaredLabels {
  const from = `file ${JSON.stringify(path)}`;
  return { labels: inOrder(namesFromValue(names, from), from), source, from };
}

const metadataNames = 'the model\'s metadata "names"';

/** The names that a model's metadata gives its classes, by class id; undefined where it gives none. Throws LABELS_INVALID. */
export function metadataLabels(metadata: ReadonlyMap<string, string> | undefined): readonly string[] | undefined {
  const names = metadata?.get('names');
  return names === undefined ? undefined : inOrder(namesFromLiteral(names, metadataNames), metadataNames);
}

const labelsExpected = 'an array of names, a record { id: name }, or the path or file: URL of a file';

async function labelsOfOption(option: unknown): Promise<DeclaredLabels> {
  if (typeof option === 'string' || option instanceof URL) {
    const path = checkPath('labels', option, labelsExpected);
    const from = `file ${JSON.stringify(path)}`;
    return { labels: inOrder(await namesFromFile(path), from), source: 'file', from };
  }
  const isRecord = typeof option === 'object' && option !== null && !(Symbol.iterator in option);
  if (!Array.isArray(option) && !isRecord) {
    throw invalidArgument('labels', labelsExpected, option);
  }
  const entries: [string, unknown][] = Array.isArray(option)
    ? [...option].map((name, id) => [String(id), name])
    : Object.entries(option);
  const names = new Map(entries.map(([id, name]) => [id, nameOf(id, name)]));
  const from = 'the option';
  return { labels: inOrder(names, from), source: 'option', from };
}

function nameOf(id: string, name: unknown): string {
  if (typeof name !== 'string') throw invalidArgument(`labels[${id}]`, 'a string', name);
  return name;
}
