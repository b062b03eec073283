import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml';

import type { NamedClass } from './class-names.js';
import type { SourcePlace } from './dataset.js';
import { checkName } from './field-checks.js';
import { invalidAt, unexpected } from './source-place.js';

/** The map that a YAML file holds, with the lines of its members. */
export class YamlFile {
  readonly #document: Document;
  readonly #map: YAMLMap;
  readonly #lines: LineCounter;
  readonly #path: string;

  constructor(document: Document, map: YAMLMap, lines: LineCounter, path: string) {
    this.#document = document;
    this.#map = map;
    this.#lines = lines;
    this.#path = path;
  }

  /** As plain JavaScript; undefined where it is not there, or null. */
  get(key: string): unknown {
    const node = this.#resolved(this.#map.get(key, true));
    const value: unknown = isScalar(node) ? node.value : isMap(node) || isSeq(node) ? node.toJS(this.#document) : undefined;
    return value ?? undefined;
  }

  /** Where a member is; of one that is not there, the file. */
  place(key: string): SourcePlace {
    const pair = this.#map.items.find((item) => isScalar(item.key) && item.key.value === key);
    return { file: this.#path, ...this.#lineOf(pair?.key), field: key };
  }

  /** Names in a list, or by ids from 0 without a gap. Throws DATASET_INVALID. */
  names(key: string): readonly NamedClass[] {
    const node = this.#resolved(this.#map.get(key, true));
    const at = this.place(key);
    if (isSeq(node)) return node.items.map((item, id) => ({ id, name: this.#name(item, `${key}[${id}]`) }));
    if (!isMap(node)) throw unexpected(at, 'a list or a map of names', this.get(key));
    const names = new Map(
      node.items.map((pair: Pair) => {
        const id: unknown = isScalar(pair.key) ? pair.key.value : pair.key;
        const entry = { file: this.#path, ...this.#lineOf(pair.key), field: key };
        if (!/^\d+$/.test(String(id))) throw unexpected(entry, 'an id, an integer,', id);
        return [Number(id), this.#name(pair.value, `${key}[${String(id)}]`)];
      }),
    );
    return Array.from({ length: names.size }, (_, id) => {
      const name = names.get(id);
      // A gap would be a class that nobody named.
      if (name === undefined)
        throw invalidAt(
          this.#in(node, key),
          `expected the ids 0 to ${names.size - 1} for ${names.size} names, but ${id} is not there`,
        );
      return { id, name };
    });
  }

  /** What an alias stands for. */
  #resolved(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.#document) : node;
  }

  /** Names may look like numbers, or like true and false. */
  #name(entry: unknown, field: string): string {
    const node = this.#resolved(entry);
    const text: unknown = isScalar(node)
      ? (node.source ?? node.value)
      : isMap(node) || isSeq(node)
        ? node.toJS(this.#document)
        : node;
    return checkName(typeof text === 'number' ? String(text) : text, 'a name', {
      file: this.#path,
      ...this.#lineOf(node),
      field,
    });
  }

  #in(node: Node, field: string): SourcePlace {
    return { file: this.#path, ...this.#lineOf(node), field };
  }

  #lineOf(node: unknown): { line?: number } {
    const start = (node as Node | undefined | null)?.range?.[0];
    return start === undefined ? {} : { line: this.#lines.linePos(start).line };
  }
}

/** Throws DATASET_INVALID where the text is not YAML, or no map. Of several documents, the first counts. */
export function readYaml(text: string, path: string): YamlFile {
  const lines = new LineCounter();
  const [document] = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  if (document === undefined || !('errors' in document)) throw unexpected({ file: path, line: 1 }, 'a map, key: value,', null);
  const [fault] = document.errors;
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0]);
    throw invalidAt({ file: path, line }, `it is not YAML: ${fault.message} at column ${col}`, undefined, fault);
  }
  if (!isMap(document.contents)) throw unexpected({ file: path, line: 1 }, 'a map, key: value,', document.toJSON());
  return new YamlFile(document, document.contents, lines, path);
}
