/** Inputs from the generator of tests/reference/metrics/made.py, and the answers that the scripts there kept. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';

import type { LabelMap } from '../../lib/dataset/index.js';
import type { ScoreMatrix } from '../../lib/metrics/index.js';

/** `null` stands for NaN, 'Infinity' for itself. */
export type Answer = number | null | string | Answer[] | { [key: string]: Answer };

export function readAnswers<T>(name: string): T {
  const file = join(import.meta.dirname, '../reference/fixtures/metrics', `${name}.json.gz`);
  return JSON.parse(gunzipSync(readFileSync(file)).toString()) as T;
}

export class Numbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  fraction(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return this.#state / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }
}

/** As `made` of classification.py. */
export function madeClassification(
  kind: string,
  pictures: number,
  classes: number,
  seed: number,
): { truth: Int32Array; scores: ScoreMatrix; weights: Float64Array } {
  const numbers = new Numbers(seed);
  const known = kind === 'absent' ? Math.max(1, Math.floor(classes / 2)) : kind === 'single class' ? 1 : classes;
  const truth = Int32Array.from({ length: pictures }, () => numbers.below(known));
  const rows = Array.from(truth, (label) => madeRow(kind, label, classes, numbers));
  const weights = Float64Array.from({ length: pictures }, () => numbers.below(4));
  weights[0] = 1;
  const values = kind === 'float32' ? Float32Array.from(rows.flat()) : Float64Array.from(rows.flat());
  return { truth, scores: { values, classes }, weights };
}

function madeRow(kind: string, label: number, classes: number, numbers: Numbers): number[] {
  const each = (value: (c: number) => number): number[] => Array.from({ length: classes }, (_, c) => value(c));
  if (kind === 'constant') return each(() => 1 / classes);
  if (kind === 'perfect') return each((c) => Number(c === label));
  if (kind === 'wrong') return each((c) => Number(c === (label + 1) % classes));
  if (kind === 'edges') {
    const score = (8 + numbers.below(8)) * (1 / 15);
    return [score, 1 - score];
  }
  if (kind === 'logits') return each(() => numbers.fraction() * 20 - 10);
  if (kind === 'ties') return each(() => numbers.below(4) / 4);
  const row = each((c) => {
    const value = kind === 'even ties' ? numbers.below(4) + 1 : numbers.fraction();
    return kind === 'good' && c === label && classes > 1 ? value + 1 : value;
  });
  const total = row.reduce((sum, value) => sum + value, 0);
  return row.map((value) => value / total);
}

/** What differs by more than 1e-12 (of numbers above 1, of their size), with the way to it; '' where nothing does. */
export function difference(received: unknown, expected: Answer, way = 'value'): string {
  if (expected !== null && typeof expected === 'object') {
    const given = ArrayBuffer.isView(received) ? [...(received as Float64Array)] : (received as Record<string, unknown>);
    if (given === undefined || given === null) return `${way} is ${String(received)}`;
    if (Array.isArray(expected) && (given as unknown[]).length !== expected.length) {
      return `${way} has ${(given as unknown[]).length} elements instead of ${expected.length}`;
    }
    for (const [key, item] of Object.entries(expected)) {
      const found = difference((given as Record<string, unknown>)[key], item, `${way}.${key}`);
      if (found !== '') return found;
    }
    return '';
  }
  const wanted = expected === null ? NaN : Number(expected);
  const isEqual =
    typeof received === 'number' &&
    (Object.is(received, wanted) || Math.abs(received - wanted) <= 1e-12 * Math.max(1, Math.abs(wanted)));
  return isEqual ? '' : `${way} is ${String(received)} instead of ${wanted}`;
}

export function expectClose(received: unknown, expected: Answer): void {
  expect(difference(received, expected)).toBe('');
}

export interface MadeLabelMaps {
  readonly pictures: readonly { readonly truth: LabelMap; readonly predicted: LabelMap }[];
  readonly weights: Float64Array;
}

/** As `made` of segmentation.py. */
export function madeLabelMaps(
  kind: string,
  classes: number,
  seed: number,
  sizes: readonly (readonly [number, number])[],
): MadeLabelMaps {
  const numbers = new Numbers(seed);
  const known = kind === 'one class' ? 1 : kind === 'absent' ? Math.max(1, Math.floor(classes / 2)) : classes;
  const pictures = sizes.map(([width, height]) => {
    const truth = madeLabels(kind, known, width, height, numbers);
    let predicted = kind === 'perfect' ? truth : madeLabels(kind, known, width, height, numbers);
    if (kind === 'near') {
      predicted = truth.map((_, i) => truth[Math.floor(i / width) * width + Math.max(0, (i % width) - 2)]!);
    }
    let seen = truth;
    if (kind === 'all ignored') seen = truth.map(() => 255);
    else if (kind !== 'perfect') seen = truth.map((label) => (numbers.below(12) === 0 ? 255 : label));
    return { truth: { data: seen, width, height }, predicted: { data: predicted, width, height } };
  });
  return { pictures, weights: Float64Array.from(sizes, (_, i) => (i === 0 ? 1 : numbers.below(4))) };
}

function madeLabels(kind: string, known: number, width: number, height: number, numbers: Numbers): Uint8Array {
  const block = kind === 'pixels' ? 1 : 1 + numbers.below(9);
  const across = Math.ceil(width / block);
  const ofBlocks = Array.from({ length: across * Math.ceil(height / block) }, () => numbers.below(known));
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const label = ofBlocks[Math.floor(Math.floor(i / width) / block) * across + Math.floor((i % width) / block)]!;
    return numbers.below(40) === 0 ? numbers.below(known) : label;
  });
}
