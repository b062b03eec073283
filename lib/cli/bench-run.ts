import { benchModel, compareBench, readBenchReport, type BenchComparison, type BenchReport } from '../bench/index.js';
import { benchPlot } from '../bench/report/bench-plot.js';
import { benchCsv, benchMarkdown, benchTable } from '../bench/report/bench-text.js';
import type { SampleShapes } from '../bench/tensor-workload.js';
import { checkSameModel } from '../bench/compare-bench.js';
import { sha256OfModel } from '../engine/index.js';
import { invalidArgument } from '../errors/index.js';
import { modelPath } from '../graph/index.js';
import { BuildBar } from './build-bar.js';
import { listPictures } from './inputs.js';
import type { Invocation } from './invocation.js';
import { perhapsEngines } from './open-task.js';
import { startProgress, type Progress } from './progress.js';
import { loadTaskOptions, type TaskOptionValues } from './task-options.js';
import { jsonText, writeReports } from './written-reports.js';

export interface BenchOptionValues extends Omit<TaskOptionValues, 'threads'> {
  readonly batch?: readonly number[];
  readonly lanes?: readonly number[];
  readonly threads?: readonly number[];
  readonly inFlight?: number;
  readonly input?: 'tensors' | 'pictures';
  readonly data?: string;
  readonly shape?: SampleShapes;
  readonly seed?: number;
  /** In milliseconds. */
  readonly duration?: number;
  readonly rounds?: number;
  readonly compare?: string;
  readonly failOnSlower?: boolean;
  readonly save?: string;
  readonly csv?: string;
  readonly markdown?: string;
  readonly plot?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Of a folder: they are kept in memory. */
const mostPictures = 64;

/** Does what `foveate bench` was called for. Loaded when it is. */
export async function run(model: string, options: BenchOptionValues, invocation: Invocation): Promise<void> {
  const { batch, lanes, threads, inFlight, input, data, shape, seed, duration, rounds, ...rest } = options;
  const { compare, failOnSlower, save, csv, markdown, plot, json, quiet, ...forTask } = rest;
  if (failOnSlower === true && compare === undefined) {
    throw invalidArgument('--fail-on-slower', 'a report in --compare', undefined, 'Give --compare, or leave it out.');
  }
  const earlier = compare === undefined ? undefined : await readBenchReport(compare);
  if (earlier !== undefined) checkSameModel(earlier, await sha256OfModel(modelPath('model', model), invocation.signal));
  const pictures = data === undefined ? undefined : await picturesOf(data, invocation.signal);
  let progress: Progress | undefined;
  const bar = new BuildBar(quiet !== true);
  let report: BenchReport;
  try {
    report = await benchModel(model, {
      ...{ batch, lanes, threads, inFlight, input, pictures, shapes: shape, seed, durationMs: duration, rounds },
      open: openOptions(forTask, bar),
      signal: invocation.signal,
      onProgress: (done, total) => {
        progress ??= startProgress(total, 'windows', quiet !== true);
        progress.advance(done);
      },
    });
  } finally {
    progress?.stop();
    bar.stop();
  }
  // What was measured is kept, though it may turn out not to be comparable.
  await writeReports([
    [save, () => jsonText(report)],
    [csv, () => benchCsv(report)],
    [plot, () => benchPlot(report)],
  ]);
  const comparison = earlier === undefined ? undefined : compareBench(earlier, report);
  if (failOnSlower === true && comparison?.cells.some(({ verdict }) => verdict === 'slower') === true) invocation.exitCode = 1;
  await writeReports([[markdown, () => benchMarkdown(report, comparison)]]);
  if (json === true) invocation.document?.whole({ ...report, ...comparisonPart(comparison) });
  else invocation.out(`${benchTable(report, comparison).join('\n')}\n`);
}

function comparisonPart(comparison: BenchComparison | undefined): object {
  return comparison === undefined ? {} : { comparison };
}

/** The files that `data` names. Rejects with MEDIA_NOT_FOUND where there are none. */
export async function picturesOf(data: string, signal: AbortSignal): Promise<(string | Uint8Array)[]> {
  const { pictures } = await listPictures([data], false, signal);
  return await Promise.all(pictures.slice(0, mostPictures).map((picture) => picture.load(signal)));
}

/** Where a device of TensorRT has no engine of the model yet, one is built first, as other verbs do. */
export function openOptions(forTask: TaskOptionValues, bar: BuildBar): ReturnType<typeof loadTaskOptions> {
  const options = loadTaskOptions(forTask);
  if (!perhapsEngines.includes(options.device)) return options;
  return { build: 'on-load', ...options, onBuildProgress: (shown) => bar.show(shown) };
}
