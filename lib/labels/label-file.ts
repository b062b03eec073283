import { readFile, stat } from 'node:fs/promises';
import nodePath from 'node:path';
import { attemptSyntax, invalidLabels, namesFromValue } from './declared-names.js';
import type { Names } from './literal.js';
import { namesFromYaml } from './yaml-names.js';

/** Far above the largest list of classes; a model given by mistake is not read. */
const maxFileBytes = 4 * 2 ** 20;

/**
 * Names out of a file: `.json` (an array, or an object by id), `.yaml` or `.yml` (the key `names`), anything else one name per line.
 * Rejects with LABELS_INVALID.
 */
export async function namesFromFile(path: string): Promise<Names> {
  const source = `file ${JSON.stringify(path)}`;
  const text = await readText(path, source);
  switch (nodePath.extname(path).toLowerCase()) {
    case '.json':
      return attemptSyntax(source, () => namesFromValue(JSON.parse(text), source));
    case '.yaml':
    case '.yml':
      return attemptSyntax(source, () => namesFromYaml(text));
    default:
      return namesFromLines(text, source);
  }
}

/** Text with line feeds only and without a byte order mark. */
async function readText(path: string, source: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error('it is not a regular file');
    if (found.size > maxFileBytes)
      throw new Error(`it has ${found.size} bytes, and no list of names has more than ${maxFileBytes}`);
    bytes = await readFile(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw invalidLabels(source, missing ? 'there is no such file' : (error as Error).message, { path }, error);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return text.replaceAll(/\r\n?/g, '\n');
  } catch {
    // Reported below: the text of the decoder says nothing more.
  }
  throw invalidLabels(source, 'it is not UTF-8 text', { path });
}

function namesFromLines(text: string, source: string): Names {
  const lines = text.trimEnd().split('\n');
  if (lines[0]?.trim() === '' && lines.length === 1) throw invalidLabels(source, 'it is empty');
  const empty = lines.findIndex((line) => line.trim() === '');
  // Skipping it would shift all names behind it if it stands for a class.
  if (empty !== -1)
    throw invalidLabels(source, `expected a name in every line but line ${empty + 1} is empty`, { line: empty + 1 });
  return lines.map((line) => line.trim());
}
