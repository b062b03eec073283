/** `gate.yaml`: what a model has to reach before it is let through. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { isMap, isScalar, LineCounter, parseDocument, type Node, type Pair, type YAMLMap } from 'yaml';

import { ArgumentError, nearestName } from '../errors/index.js';
import { enoughPictures } from '../metrics/index.js';

/** What a number has to lie between; either side may be open. */
export interface GateLimit {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** How much less than the baseline's a number may be: in its own unit, or as a part of the baseline's. */
export interface AllowedDrop {
  readonly amount: number;
  readonly relative: boolean;
}

export interface GateRules {
  /** Of the whole data set. */
  readonly metrics: ReadonlyMap<string, GateLimit>;
  /** Of every class. */
  readonly classes: ReadonlyMap<string, GateLimit>;
  /** Of every slice that has enough pictures. */
  readonly slices: ReadonlyMap<string, GateLimit>;
  /** Slices with fewer pictures are left alone. */
  readonly slicePictures: number;
  /** Milliseconds of a picture: mean, p50, p95, p99. */
  readonly latencyMs: ReadonlyMap<string, GateLimit>;
  /** Of the model file. */
  readonly modelBytes: GateLimit | undefined;
  readonly maxDrop: ReadonlyMap<string, AllowedDrop>;
  /** Absolute path of the results to compare with. */
  readonly baseline: string | undefined;
}

const sections = ['metrics', 'classes', 'slices', 'latencyMs', 'modelBytes', 'maxDrop', 'baseline'];
const latencies = ['mean', 'p50', 'p95', 'p99'];
const units: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** Reads the rules. A word that is not known is an error, with its line. Throws INVALID_ARGUMENT. */
export async function readGate(path: string): Promise<GateRules> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `Cannot read the gate ${path}: ${(cause as Error).message}`,
      hint: 'foveate gate GATE RESULTS takes a YAML file of limits first, and the results of foveate eval second.',
      details: { file: path },
      cause,
    });
  }
  return new GateReader(path, text).rules();
}

class GateReader {
  readonly #path: string;
  readonly #lines = new LineCounter();
  readonly #root: YAMLMap;

  constructor(path: string, text: string) {
    this.#path = path;
    const document = parseDocument(text, { lineCounter: this.#lines });
    const [error] = document.errors;
    if (error !== undefined) throw this.#invalid(error.pos[0], `it is no YAML: ${error.message.split('\n')[0]}`);
    if (!isMap(document.contents)) throw this.#invalid(0, `expected some of ${sections.join(', ')}`);
    this.#root = document.contents;
  }

  rules(): GateRules {
    for (const { key } of this.#items(this.#root)) this.#checkWord(key as Node, sections);
    const latencyMs = this.#limits('latencyMs');
    for (const { key } of this.#section('latencyMs')) this.#checkWord(key as Node, latencies);
    const slices = this.#limits('slices', ['pictures']);
    const pictures = this.#section('slices').find(({ key }) => wordOf(key) === 'pictures')?.value as Node | undefined;
    const baseline = this.#root.get('baseline', true);
    if (baseline !== undefined && typeof baseline.value !== 'string') throw this.#unexpected(baseline, 'the path of results');
    const rules: GateRules = {
      metrics: this.#limits('metrics'),
      classes: this.#limits('classes'),
      slices,
      slicePictures: pictures === undefined ? enoughPictures : this.#pictures(pictures),
      latencyMs,
      modelBytes: this.#root.has('modelBytes') ? this.#limit(this.#root.get('modelBytes', true) as Node, 'max', true) : undefined,
      maxDrop: new Map(this.#section('maxDrop').map(({ key, value }) => [wordOf(key), this.#drop(value as Node)])),
      baseline: baseline && resolve(dirname(this.#path), baseline.value as string),
    };
    const { metrics, classes, maxDrop, modelBytes } = rules;
    const isEmpty = [metrics, classes, slices, latencyMs, maxDrop].every((limits) => limits.size === 0);
    if (isEmpty && modelBytes === undefined) throw this.#invalid(0, 'it holds no limit, and would let everything through');
    return rules;
  }

  #section(name: string): readonly Pair[] {
    const node = this.#root.get(name, true) as Node | undefined;
    if (node === undefined) return [];
    if (!isMap(node)) throw this.#unexpected(node, `names and limits for ${name}`);
    return this.#items(node);
  }

  /** A name alone, as in `{ AP }`, limits nothing. */
  #items(map: YAMLMap): readonly Pair[] {
    for (const { key, value } of map.items) {
      if (value === null) throw this.#invalid((key as Node).range?.[0] ?? 0, `expected a limit for ${wordOf(key)}`);
    }
    return map.items;
  }

  #limits(name: string, others: readonly string[] = []): Map<string, GateLimit> {
    const items = this.#section(name).filter(({ key }) => !others.includes(wordOf(key)));
    const side = name === 'latencyMs' ? 'max' : 'min';
    return new Map(items.map(({ key, value }) => [wordOf(key), this.#limit(value as Node, side)]));
  }

  /** `{ min: 0.4 }`, or a number alone, which is the side that is meant as a rule. */
  #limit(node: Node, side: 'min' | 'max', ofBytes = false): GateLimit {
    const numberOf = (limit: Node): number => (ofBytes ? this.#bytes(limit) : this.#number(limit));
    if (!isMap(node)) return { [side]: numberOf(node) };
    for (const { key } of this.#items(node)) this.#checkWord(key as Node, ['min', 'max']);
    const [min, max] = ['min', 'max'].map((name) => node.get(name, true) as Node | undefined);
    if (min === undefined && max === undefined) throw this.#unexpected(node, 'min, max or both');
    const limit = { min: min && numberOf(min), max: max && numberOf(max) };
    if (limit.min !== undefined && limit.max !== undefined && limit.min > limit.max)
      throw this.#unexpected(node, 'a min that is not above max');
    return limit;
  }

  #drop(node: Node): AllowedDrop {
    const value = isScalar(node) ? node.value : undefined;
    const percent = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*%$/.exec(value.trim()) : null;
    if (percent !== null) return { amount: Number(percent[1]) / 100, relative: true };
    const amount = this.#number(node);
    if (amount < 0) throw this.#unexpected(node, 'how much may be lost, as 0.01 or 1%');
    return { amount, relative: false };
  }

  #number(node: Node): number {
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw this.#unexpected(node, 'a number');
  }

  #pictures(node: Node): number {
    const pictures = this.#number(node);
    if (Number.isInteger(pictures) && pictures > 0) return pictures;
    throw this.#unexpected(node, 'how many pictures a slice has at least');
  }

  #bytes(node: Node): number {
    const value = isScalar(node) ? node.value : undefined;
    const sized = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*([KMG]?i?B|kB)$/.exec(value.trim()) : null;
    const unit = sized?.[2] === undefined ? undefined : units[sized[2]];
    if (sized !== null && unit !== undefined) return Number(sized[1]) * unit;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw this.#unexpected(node, `a number of bytes, or one of ${Object.keys(units).join(', ')}, as 5 MB`);
  }

  #checkWord(node: Node, known: readonly string[]): void {
    const word = wordOf(node);
    if (known.includes(word)) return;
    const nearest = nearestName(word, known);
    throw this.#invalid(
      node.range?.[0] ?? 0,
      `expected one of ${known.join(', ')}, received ${JSON.stringify(word)}`,
      nearest === undefined ? undefined : `Did you mean ${nearest}?`,
    );
  }

  #unexpected(node: Node, expected: string): ArgumentError {
    const value = isScalar(node) ? JSON.stringify(node.value) : 'a list or names';
    return this.#invalid(node.range?.[0] ?? 0, `expected ${expected}, received ${value}`);
  }

  #invalid(offset: number, reason: string, hint?: string): ArgumentError {
    const { line } = this.#lines.linePos(offset);
    return new ArgumentError('INVALID_ARGUMENT', {
      message: `The gate ${this.#path}, line ${line}: ${reason}`,
      hint: hint ?? 'docs/evaluation.md shows one.',
      details: { file: this.#path, line },
    });
  }
}

function wordOf(key: unknown): string {
  return isScalar(key) ? String(key.value) : '';
}
