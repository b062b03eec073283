import nodePath from 'node:path';

import { checkPath, invalidArgument } from '../errors/index.js';
import type { LabelsOption } from '../labels/index.js';
import type { SourcePlace } from './dataset.js';
import { checkName } from './field-checks.js';
import { readText } from './source-file.js';
import { invalidAt, unexpected, within } from './source-place.js';
import { readYaml } from './yaml-file.js';

/** A class as an option or a file names it. */
export interface NamedClass {
  /** What stands for it in labels: an index, a value of pixels. */
  readonly id: number;
  /** null: what is of this class is not to be counted. */
  readonly name: string | null;
  readonly color?: readonly [number, number, number] | undefined;
}

const optionExpected = 'an array of names, a record { id: name }, or the path or file: URL of a file';

/** The classes that the option `labels` names. Rejects with INVALID_ARGUMENT, DATASET_NOT_FOUND, DATASET_INVALID. */
export async function classesOfOption(option: LabelsOption): Promise<readonly NamedClass[]> {
  if (typeof option === 'string' || option instanceof URL) return classesOfFile(checkPath('labels', option, optionExpected));
  if (typeof option !== 'object' || option === null || (!Array.isArray(option) && Symbol.iterator in option)) {
    throw invalidArgument('labels', optionExpected, option);
  }
  return Object.entries(option).map(([key, name]: [string, unknown]) => {
    const id = Number(key);
    if (!Number.isSafeInteger(id) || id < 0) throw invalidArgument('labels', 'ids that are integers', key);
    if (typeof name !== 'string' || name.trim() === '') throw invalidArgument(`labels[${key}]`, 'a name', name);
    return { id, name };
  });
}

/**
 * The classes that a file names: `.json` (a list of names, an object of names by id, where null is not to be counted, or an object of colours by name),
 * `.yaml` (the key `names`), anything else one per line, as `name` or as CVAT's `name:red,green,blue::`.
 * Rejects with DATASET_NOT_FOUND, DATASET_INVALID.
 */
export async function classesOfFile(path: string): Promise<readonly NamedClass[]> {
  const place = { file: path };
  const text = await readText(path);
  switch (nodePath.extname(path).toLowerCase()) {
    case '.json':
      return classesOfJson(text, place);
    case '.yaml':
    case '.yml': {
      const yaml = readYaml(text, path);
      return yaml.names('names');
    }
    default:
      return classesOfLines(text, place);
  }
}

function classesOfJson(text: string, place: SourcePlace): readonly NamedClass[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidAt(place, `it is not JSON: ${(cause as Error).message}`, undefined, cause);
  }
  if (Array.isArray(value)) return value.map((name, id) => ({ id, name: checkName(name, 'a name', place, `[${id}]`) }));
  if (typeof value !== 'object' || value === null)
    throw unexpected(place, 'a list of names, names by id, or colours by name', value);
  const entries = Object.entries(value);
  if (entries.every(([, color]) => Array.isArray(color))) return classesOfColors(entries, place);
  return entries
    .map(([key, name]: [string, unknown]) => {
      const at = within(place, key);
      if (!/^\d+$/.test(key)) throw unexpected(at, 'an id, an integer,', key);
      return { id: Number(key), name: name === null ? null : checkName(name, 'a name', at) };
    })
    .sort((a, b) => a.id - b.id);
}

function classesOfColors(entries: readonly [string, unknown][], place: SourcePlace): readonly NamedClass[] {
  const names = new Map<string, string>();
  return entries.map(([name, color], id) => {
    const at = within(place, name);
    const checked = checkColor(color, at);
    const other = names.get(checked.join());
    if (other !== undefined)
      throw invalidAt(at, `expected a colour of its own, but [${checked.join(', ')}] is that of ${JSON.stringify(other)}`);
    names.set(checked.join(), name);
    return { id, name, color: checked };
  });
}

function checkColor(color: unknown, place: SourcePlace): readonly [number, number, number] {
  const isColor =
    Array.isArray(color) && color.length === 3 && color.every((value) => Number.isInteger(value) && value >= 0 && value <= 255);
  if (!isColor) throw unexpected(place, 'red, green and blue, 0 to 255,', color);
  return color as [number, number, number];
}

function classesOfLines(text: string, place: SourcePlace): readonly NamedClass[] {
  const lines = text.trimEnd().split(/\r\n|\r|\n/);
  // CVAT writes a comment first.
  const rows = lines
    .map((content, i) => ({ content: content.trim(), line: i + 1 }))
    .filter(({ content }) => !content.startsWith('# '));
  const isColored = rows.length > 0 && rows.every(({ content }) => /^[^:]+:[^:]*:[^:]*:[^:]*$/.test(content));
  if (isColored) {
    const colors = rows.map(({ content, line }): [string, unknown] => {
      const [name, color] = content.split(':') as [string, string];
      return [name, checkColor(color.split(',').map(Number), { ...place, line, field: name })];
    });
    return classesOfColors(colors, place);
  }
  const lineOf = new Map<string, number>();
  return rows.map(({ content, line }, id) => {
    const at = { ...place, line };
    // Left out, it would shift all behind it.
    checkName(content, 'a name in every line', at);
    const other = lineOf.get(content);
    if (other !== undefined)
      throw invalidAt(at, `expected each name once, but ${JSON.stringify(content)} is in line ${other} too`);
    lineOf.set(content, line);
    return { id, name: content };
  });
}
