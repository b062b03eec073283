import { writeFile } from 'node:fs/promises';

import { writeWhole } from '../text/index.js';
import { modelPath } from '../graph/index.js';
import { comparisonCsv } from '../optimize/compare/comparison-csv.js';
import { comparisonHtml } from '../optimize/compare/comparison-html.js';
import { comparisonTable } from '../optimize/compare/comparison-table.js';
import { compareModels, type CompareModelsOptions } from '../optimize/index.js';
import type { Invocation } from './invocation.js';
import { startProgress, type Progress } from './progress.js';
import { loadTaskOptions, type TaskOptionValues } from './task-options.js';

export interface CompareOptionValues extends TaskOptionValues {
  readonly data?: string;
  readonly random?: boolean;
  readonly pictures?: number;
  readonly seed?: number;
  readonly minSnr?: number;
  readonly tolerance?: number;
  readonly maxDelta?: number;
  readonly same?: boolean;
  readonly layerOptimization?: CompareModelsOptions['layerOptimization'];
  /** In megabytes. */
  readonly memoryLimit?: number;
  readonly html?: string;
  readonly csv?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const megabyte = 2 ** 20;

/** Does what `foveate compare` was called for. Loaded when it is. */
export async function run(a: string, b: string, options: CompareOptionValues, invocation: Invocation): Promise<void> {
  const { html, csv, json, quiet, memoryLimit, ...rest } = options;
  const { data, random, pictures, seed, minSnr, tolerance, maxDelta, same, layerOptimization, ...forTask } = rest;
  modelPath('a', a);
  modelPath('b', b);
  const bar = new GrowingProgress(quiet !== true);
  try {
    const comparison = await compareModels(a, b, {
      ...loadTaskOptions(forTask),
      ...{ data, random, pictures, seed, minSnr, tolerance, maxDelta, same, layerOptimization },
      memoryLimit: memoryLimit === undefined ? undefined : Math.round(memoryLimit * megabyte),
      signal: invocation.signal,
      onProgress: (done, total) => bar.advance(done, total),
    });
    bar.stop();
    if (!comparison.passed) invocation.exitCode = 1;
    if (html !== undefined) {
      await writeWhole(html, (path) => writeFile(path, comparisonHtml(comparison, new Date().toISOString())));
    }
    if (csv !== undefined) await writeWhole(csv, (path) => writeFile(path, comparisonCsv(comparison)));
    if (json === true) invocation.document?.whole(comparison);
    else invocation.out(`${comparisonTable(comparison).join('\n')}\n`);
  } finally {
    bar.stop();
  }
}

/** A bar for work whose amount is known piece by piece: begun anew whenever more of it is known. */
class GrowingProgress {
  readonly #wanted: boolean;
  #total = 0;
  #bar: Progress | undefined;

  constructor(wanted: boolean) {
    this.#wanted = wanted;
  }

  advance(done: number, total: number): void {
    if (total !== this.#total) {
      this.#bar?.stop();
      this.#total = total;
      this.#bar = startProgress(total, 'runs', this.#wanted);
    }
    this.#bar?.advance(done);
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}
