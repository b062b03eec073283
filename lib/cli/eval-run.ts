import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';

import type { Dataset, DatasetFormat } from '../dataset/index.js';
import { ArgumentError } from '../errors/index.js';
import {
  checkEvaluable,
  comparePredictions,
  csvReport,
  evaluate,
  evaluatePredictions,
  evaluateTracks,
  tableReport,
  type EvaluableTask,
  type EvaluationResult,
} from '../evaluation/index.js';
import type { Comparison, TrackingBenchmark } from '../metrics/index.js';
import { modelPath } from '../graph/index.js';
import type { Task } from '../tasks/index.js';
import { printable } from '../text/index.js';
import { EvaluationFolder } from './evaluation-folder.js';
import type { Invocation } from './invocation.js';
import { openLabelled } from './open-labelled.js';
import { openTask } from './open-task.js';
import { startProgress } from './progress.js';
import { loadTaskOptions, type TaskOptionValues } from './task-options.js';

export interface EvalOptionValues extends TaskOptionValues {
  readonly data: string;
  readonly format?: DatasetFormat;
  readonly split?: string;
  readonly images?: string;
  readonly predictions?: string;
  readonly benchmark?: TrackingBenchmark;
  readonly baseline?: string;
  readonly output?: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly quiet?: boolean;
}

/** Does what `foveate eval` was called for. Loaded when it is: other verbs start without all that it needs. */
export async function run(model: string | undefined, options: EvalOptionValues, invocation: Invocation): Promise<void> {
  const { data, format, split, images, predictions, benchmark, baseline, output, resume, overwrite, quiet } = options;
  const forTask = taskValues(options);
  const { signal } = invocation;
  checkSource(model, options, forTask);
  const isTracks = predictions !== undefined && (await holdsTracks(predictions));
  if (benchmark !== undefined && !isTracks) throw unused('--benchmark', 'tracks, which --predictions FOLDER names');
  if (isTracks) {
    if (baseline !== undefined) throw unused('--baseline', 'predictions of pictures');
    return finish(await evaluateTracks(predictions, data, { benchmark, signal }), options, invocation);
  }
  const dataset = await openLabelled(data, { format, split, images, signal }, forTask.labels);
  const told = new Set<string>();
  const tellNotices = (): void => {
    for (const { message } of quiet === true ? [] : dataset.notices) {
      if (!told.has(message)) invocation.tell(`note: ${printable(message)}`);
      told.add(message);
    }
  };
  tellNotices();
  const folder = output === undefined ? undefined : await EvaluationFolder.create(output, { resume, overwrite });
  const kept = predictions ?? folder?.predictions;
  if (model !== undefined && baseline !== undefined) await checkBaseline(baseline, kept, dataset, signal);
  const result =
    model === undefined
      ? await evaluatePredictions(predictions as string, dataset, { signal })
      : await measure(
          model,
          forTask,
          async (task, options) => {
            const progress = startProgress(dataset.size, 'pictures', quiet !== true);
            try {
              return await evaluate(task, dataset, {
                ...options,
                model,
                predictions: folder?.predictions,
                resume,
                signal,
                onProgress: (done) => progress.advance(done),
              });
            } catch (error) {
              if (signal.aborted && folder !== undefined) invocation.tell('The same call with --resume goes on from here.');
              throw error;
            } finally {
              progress.stop();
            }
          },
          signal,
        );
  const comparison = baseline === undefined ? undefined : await comparePredictions(baseline, kept as string, dataset, { signal });
  tellNotices(); // of labels that are read picture by picture
  await finish(result, options, invocation, folder, comparison);
}

/** Tells what was found, and writes it where that was asked for. */
async function finish(
  result: EvaluationResult,
  { output, resume, overwrite, csv, quiet }: EvalOptionValues,
  invocation: Invocation,
  begun?: EvaluationFolder,
  comparison?: readonly Comparison[],
): Promise<void> {
  const folder = begun ?? (output === undefined ? undefined : await EvaluationFolder.create(output, { resume, overwrite }));
  await folder?.write(result, invocation.signal);
  if (result.failures.length > 0) invocation.exitCode = 4;
  if (quiet !== true) for (const notice of result.notices ?? []) invocation.tell(`note: ${printable(notice)}`);
  if (invocation.document !== undefined) return invocation.document.whole({ ...result, ...(comparison && { comparison }) });
  if (csv === true) return invocation.out(csvReport(result));
  invocation.out(`${tableReport(result).join('\n')}\n`);
  if (comparison !== undefined)
    invocation.out(`\nAgainst the baseline\n${comparison.map(({ words }) => `  ${words}\n`).join('')}`);
  if (folder !== undefined && quiet !== true) invocation.tell(`Written to ${output}: ${folder.names.join(', ')}`);
}

/** Tracks come as text, as of MOTChallenge: a file for each sequence. */
async function holdsTracks(predictions: string): Promise<boolean> {
  return extname(predictions) === '.txt' || (await stat(predictions).catch(() => undefined))?.isDirectory() === true;
}

/** What is left for the task. */
function taskValues(options: EvalOptionValues): TaskOptionValues {
  const own = ['data', 'format', 'split', 'images', 'predictions', 'benchmark', 'baseline', 'output', 'resume', 'overwrite'];
  const shown = ['json', 'csv', 'quiet'];
  return Object.fromEntries(Object.entries(options).filter(([name]) => !own.includes(name) && !shown.includes(name)));
}

/** Opens the model with what the flags say. What is measured of detectors is for the evaluation, the rest for the task. */
async function measure(
  model: string,
  values: TaskOptionValues,
  work: (task: EvaluableTask, detections: object) => Promise<EvaluationResult>,
  signal: AbortSignal,
): Promise<EvaluationResult> {
  modelPath('model', model);
  const { scoreThreshold, iouThreshold, maxDetections, classAgnostic, ...forTask } = values;
  await using task: Task = await openTask(model, { ...loadTaskOptions(forTask), signal }, true);
  checkEvaluable(task);
  return await work(task, { scoreThreshold, iouThreshold, maxDetections, classAgnostic });
}

function checkSource(
  model: string | undefined,
  { predictions, resume, output, baseline }: EvalOptionValues,
  forTask: TaskOptionValues,
): void {
  if ((model === undefined) === (predictions === undefined)) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `Expected a model or --predictions but received ${model === undefined ? 'neither' : 'both'}`,
      hint: 'foveate eval MODEL --data DATASET runs a model; with --predictions FILE what it found is counted again.',
    });
  }
  // Names of classes are the data set's too.
  const first = Object.keys(forTask).find((name) => name !== 'labels');
  if (model === undefined && first !== undefined) throw unused(flagOf(first), 'a model that runs');
  if (output !== undefined) return;
  const needing = resume === true ? '--resume' : model !== undefined && baseline !== undefined ? '--baseline' : undefined;
  if (needing === undefined) return;
  throw new ArgumentError('INVALID_ARGUMENT', {
    message: `Expected --output beside ${needing}`,
    hint: `${needing === '--resume' ? 'A run goes on with' : 'The baseline is compared with'} the predictions that are kept there.`,
  });
}

function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function unused(flag: string, of: string): ArgumentError {
  return new ArgumentError('INVALID_ARGUMENT', {
    message: `${flag} is of ${of}, and changes nothing here`,
    hint: `Leave ${flag} out.`,
  });
}

/** Before the model runs for hours: whether its predictions can be compared with these, and will not replace them. */
async function checkBaseline(baseline: string, kept: string | undefined, dataset: Dataset, signal: AbortSignal): Promise<void> {
  if (kept !== undefined && resolve(kept) === resolve(baseline)) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `The baseline ${baseline} is where the predictions of this run are kept`,
      hint: 'Name another folder with --output.',
    });
  }
  await evaluatePredictions(baseline, dataset, { resamples: 0, signal });
}
