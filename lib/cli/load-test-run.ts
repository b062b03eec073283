import { readFile } from 'node:fs/promises';

import { loadTest, type LoadReport } from '../bench/index.js';
import { loadPlot } from '../bench/report/load-plot.js';
import { loadCsv, loadMarkdown, loadTable } from '../bench/report/load-text.js';
import type { SampleShapes } from '../bench/tensor-workload.js';
import { invalidArgument, MediaError } from '../errors/index.js';
import { openOptions, picturesOf } from './bench-run.js';
import { BuildBar } from './build-bar.js';
import type { Invocation } from './invocation.js';
import { startProgress, type Progress } from './progress.js';
import type { TaskOptionValues } from './task-options.js';
import { jsonText, writeReports } from './written-reports.js';

/** Times are in milliseconds. */
export interface LoadOptionValues extends TaskOptionValues {
  readonly rate?: number;
  readonly shape?: string;
  readonly constant?: boolean;
  readonly maxInFlight?: number;
  readonly concurrency?: number;
  readonly think?: number;
  readonly duration?: number;
  readonly deadline?: number;
  readonly seed?: number;
  readonly body?: readonly string[];
  readonly header?: readonly string[];
  readonly method?: string;
  readonly maxP99?: number;
  readonly maxErrors?: number;
  readonly data?: string;
  readonly inputShape?: SampleShapes;
  readonly lanes?: number;
  readonly maxBatch?: number;
  readonly maxDelay?: number;
  readonly save?: string;
  readonly csv?: string;
  readonly markdown?: string;
  readonly plot?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Does what `foveate load-test` was called for. Loaded when it is. */
export async function run(target: string, options: LoadOptionValues, invocation: Invocation): Promise<void> {
  const { rate, shape, constant, maxInFlight, concurrency, think, duration, deadline, seed, ...others } = options;
  const { body, header, method, maxP99, maxErrors, data, inputShape, lanes, threads, maxBatch, maxDelay, ...rest } = others;
  const { save, csv, markdown, plot, json, quiet, ...forTask } = rest;
  const { signal } = invocation;
  const isSent = body !== undefined || header !== undefined || method !== undefined;
  const request = isSent ? { method, headers: headersOf(header ?? []), bodies: await bodiesOf(body ?? [], signal) } : undefined;
  const isBatched = maxBatch !== undefined || maxDelay !== undefined;
  const isUrl = /^https?:/i.test(target);
  let progress: Progress | undefined;
  const bar = new BuildBar(quiet !== true);
  const open = isUrl && Object.keys(forTask).length === 0 ? undefined : openOptions(forTask, bar);
  let report: LoadReport;
  try {
    report = await loadTest(target, {
      ...{ rate, shape, arrivals: constant === true ? 'constant' : undefined, maxInFlight, concurrency, thinkMs: think },
      ...{ durationMs: duration, deadlineMs: deadline, seed, request, maxP99Ms: maxP99, maxErrors },
      ...{ open, shapes: inputShape, lanes, threads, batcher: isBatched ? { maxBatch, maxDelayMs: maxDelay } : undefined },
      pictures: data === undefined ? undefined : await picturesOf(data, signal),
      signal,
      onProgress: (seconds, total) => {
        progress ??= startProgress(total, 'seconds', quiet !== true);
        progress.advance(seconds);
      },
    });
  } finally {
    progress?.stop();
    bar.stop();
  }
  if (report.verdicts.some(({ passed }) => !passed)) invocation.exitCode = 1;
  await writeReports([
    [save, () => jsonText(report)],
    [csv, () => loadCsv(report)],
    [markdown, () => loadMarkdown(report)],
    [plot, () => loadPlot(report)],
  ]);
  if (json === true) invocation.document?.whole(report);
  else invocation.out(`${loadTable(report).join('\n')}\n`);
}

function headersOf(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^([^:\s]+)\s*:\s*(.*)$/.exec(line) ?? [];
      if (name === undefined || value === undefined) {
        throw invalidArgument('--header', 'a name and a value', line, "As in --header 'content-type: image/jpeg'.");
      }
      return [name, value];
    }),
  );
}

async function bodiesOf(files: readonly string[], signal: AbortSignal): Promise<Uint8Array[]> {
  return await Promise.all(
    files.map(async (file) => {
      try {
        return await readFile(file, { signal });
      } catch (cause) {
        signal.throwIfAborted();
        throw new MediaError('MEDIA_NOT_FOUND', { message: `Cannot read ${file}: ${(cause as Error).message}`, cause });
      }
    }),
  );
}
