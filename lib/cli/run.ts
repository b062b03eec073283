import { availableParallelism } from 'node:os';

import { Option, type Command } from 'commander';

import { EngineBundle, ModelBundle } from '../engine/index.js';
import { ArgumentError, MediaError } from '../errors/index.js';
import { Classifier, DensePredictor, Detector, Embedder, type Task } from '../tasks/index.js';
import { mapInOrder } from '../evaluation/in-order.js';
import { listPictures, type InputPicture } from './inputs.js';
import type { Invocation } from './invocation.js';
import { OutputFolder, type WrittenFiles } from './output-folder.js';
import { startProgress } from './progress.js';
import { removeResults, replacedPictures } from './replaced-pictures.js';
import type { TaskResult } from './result-kinds.js';
import type { ResultsFile } from './results-file.js';
import { checkDestination, isWritten, journalPathOf, openResults, type RunDestination } from './run-files.js';
import { pictureKey, readJournal, RunJournal, withoutPictures } from './run-journal.js';
import {
  csvReport,
  jsonReport,
  ndjsonReport,
  tableReport,
  type Outcome,
  type PictureError,
  type RunReport,
  type Write,
} from './run-report.js';
import { runSettings } from './run-settings.js';
import { tellSummary } from './run-summary.js';
import { openTask } from './open-task.js';
import { loadTaskOptions, taskOptions, type TaskOptionValues } from './task-options.js';

interface RunOptionValues extends TaskOptionValues {
  readonly output?: string;
  readonly results?: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly recursive?: boolean;
  readonly json?: boolean;
  readonly ndjson?: boolean;
  readonly csv?: boolean;
  readonly quiet?: boolean;
}

const examples = `
Examples:
  foveate run yolov8n.onnx street.jpg
  foveate run yolov8n.onnx photos/ --recursive -o drawn/
  foveate run mobilenetv2.onnx 'photos/*.jpg' --top-k 3 --json > classes.json
  foveate run yolov8n.onnx photos/ --csv --results boxes.csv --resume
  curl -s https://example.com/cat.jpg | foveate run model.onnx - --quiet

Boxes are left, top, right, bottom in pixels of the picture.

In folders, pictures are recognised by their extension; hidden files are left out, links are
followed. A picture or folder that cannot be read is told, the others are processed, and the exit
code is 4.

--ndjson is one JSON object a line and picture, with an error where it failed. --csv is a record for
each class, box or region, and one with empty fields for a picture without any. Both are written as
the results come. In CSV, rotated_box is centre x, centre y, width, height, angle, and keypoints are
x, y, score of each; masks are in JSON only.

--resume goes on with a run to files, whatever ended it: repeat the call, with --resume. Pictures
that are done, also those that failed, are left alone; what follows the last of them in the results is
cut off; the rest is done. A picture whose size or time of modification has changed since is done
again, its old results go. The model and the options must be the same. Account is kept in a file named
.foveate-journal, after the results or in the output folder. It goes when the run is complete, and
stays with --resume, so that the same call does what is added later.`;

/** `foveate run MODEL INPUT…` */
export function addRun(program: Command, invocation: Invocation): void {
  const command = program
    .command('run')
    .summary('run a model on pictures')
    .description('Runs a model on pictures: tells classes, boxes or regions, and draws them.')
    .argument('<model>', 'an ONNX file, or the bundle of an optimised model')
    .argument('<input...>', 'pictures: files, folders, quoted patterns, or - for standard input')
    .option(
      '-o, --output <dir>',
      'write annotated pictures there; of a segmenter also NAME.mask.png (class ids) and NAME.colors.png, of a map NAME.mask.png (levels of grey)',
    )
    .option('--overwrite', 'replace files that are there already; inputs never')
    .option('-r, --recursive', 'look into the subfolders of folders')
    .addOption(new Option('--json', 'print one JSON document').conflicts(['ndjson', 'csv']))
    .addOption(new Option('--ndjson', 'print a JSON object a line').conflicts(['json', 'csv']))
    .addOption(new Option('--csv', 'print CSV').conflicts(['json', 'ndjson']))
    .option('--results <file>', 'write the JSON, NDJSON or CSV there')
    .option('--resume', 'go on with a run that was interrupted')
    .option('-q, --quiet', 'no progress and no notes');
  for (const { heading, options } of taskOptions()) {
    command.optionsGroup(heading);
    for (const option of options) command.addOption(option);
  }
  command
    .addHelpText('after', examples)
    .action((model: string, inputs: string[], options: RunOptionValues) => run(model, inputs, options, invocation));
}

async function run(model: string, inputs: readonly string[], options: RunOptionValues, invocation: Invocation): Promise<void> {
  const { output, results, json, ndjson, csv, ...rest } = options;
  const { overwrite = false, resume = false, recursive = false, quiet = false, ...forTask } = rest;
  const format = json ? 'json' : ndjson ? 'ndjson' : csv ? 'csv' : 'table';
  const destination: RunDestination = { format, results, output };
  const { signal } = invocation;
  checkDestination(destination, resume, inputs);
  const { pictures: named, passedOver } = await listPictures(inputs, recursive, signal);

  const journalPath = journalPathOf(destination);
  const settings = journalPath === undefined ? {} : await runSettings(model, forTask, destination, signal);
  const before = resume && journalPath !== undefined ? await readJournal(journalPath, settings, results) : undefined;
  // What the earlier run wrote into a folder of pictures is no input of this one.
  const all = named.filter(({ path }) => path === undefined || !isWritten(before, path));
  const replaced = before === undefined ? [] : await replacedPictures(all, before);
  const kept = before && withoutPictures(before, replaced);
  const pictures = all.filter((picture) => !kept?.pictures.has(pictureKey(picture)));
  const folder =
    output === undefined ? undefined : await OutputFolder.create(output, { pictures, inputs: all, overwrite, before: kept });
  await using task = await openTask(model, { ...loadTaskOptions(forTask), signal }, quiet);
  if (output !== undefined && task instanceof Embedder) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: 'Expected no --output for an embedder, whose vectors cannot be drawn',
      hint: 'Write them as text: --ndjson or --csv, with --results FILE.',
    });
  }

  const ofModel = (await EngineBundle.at(model))?.files ?? (await ModelBundle.at(model))?.files ?? [model];
  const read = [...ofModel, ...all.flatMap(({ path }) => path ?? [])];
  const file = results === undefined ? undefined : await openResults(results, before, overwrite, read);
  const journal = journalPath === undefined ? undefined : RunJournal.open(journalPath, settings, before);
  if (before !== undefined && file !== undefined && journal !== undefined && replaced.length > 0) {
    await removeResults(replaced, before, file, journal, signal);
  }
  const report = reportOf(destination.format, file, model, task, invocation);
  // Where results are gone on with, they have begun.
  if (file === undefined || file.length === 0) report.begin();
  const started = performance.now();
  const progress = startProgress(pictures.length, 'pictures', !quiet);
  let done = 0;
  let failed = 0;
  try {
    const work = (picture: InputPicture): Promise<Outcome> => processPicture(picture, { task, folder, journal, signal });
    for await (const outcome of mapInOrder(pictures, Math.max(2, availableParallelism()), work)) {
      signal.throwIfAborted();
      progress.advance(++done);
      progress.above(() => {
        const start = file?.length ?? 0;
        report.outcome(outcome);
        journal?.done(outcome.picture, { start, end: file?.length ?? 0 }, outcome.error !== undefined);
        if (outcome.error === undefined) return;
        failed++;
        invocation.warn(outcome.error, outcome.picture.name);
      });
    }
  } finally {
    progress.stop();
    if (signal.aborted && journal !== undefined && !quiet) invocation.tell('The same call with --resume goes on from here.');
  }
  report.end();
  journal?.close(resume);
  const failedBefore = [...(kept?.pictures.values() ?? [])].filter((picture) => picture.failed).length;
  const earlier = { done: all.length - pictures.length, failed: failedBefore, replaced: replaced.length };
  if (failed + earlier.failed > 0) invocation.exitCode = 4;
  if (!quiet) tellSummary(invocation, task, { done, failed, earlier, passedOver, wallMs: performance.now() - started });
}

function reportOf(
  format: RunDestination['format'],
  file: ResultsFile | undefined,
  model: string,
  task: Task,
  invocation: Invocation,
): RunReport {
  const write: Write = (text) => (file === undefined ? invocation.out(text) : file.append(text));
  const { document } = invocation;
  if (format === 'json' && document !== undefined) {
    document.writeTo(write);
    return jsonReport(document, invocation, model, task);
  }
  if (format === 'ndjson') return ndjsonReport(write, invocation);
  return format === 'csv' ? csvReport(write, invocation, task) : tableReport(write, task);
}

/** What the pictures of a run have in common. */
interface RunContext {
  readonly task: Task;
  readonly folder: OutputFolder | undefined;
  readonly journal: RunJournal | undefined;
  readonly signal: AbortSignal;
}

/** A picture that cannot be read or written is an outcome; anything else ends the call. */
async function processPicture(picture: InputPicture, { task, folder, journal, signal }: RunContext): Promise<Outcome> {
  let result: TaskResult | undefined;
  let written: WrittenFiles | undefined;
  try {
    await journal?.reading(picture);
    const image = await picture.load(signal);
    result = await runTask(task, image, signal);
    if (folder !== undefined) {
      journal?.writing(picture, folder.filesOf(picture));
      written = await folder.write(picture, image, result, signal);
    }
  } catch (error) {
    if (!isAboutPicture(error)) throw error;
    return { picture, result, written, error };
  }
  return { picture, result, written, error: undefined };
}

function isAboutPicture(error: unknown): error is PictureError {
  return error instanceof MediaError || (error instanceof ArgumentError && error.details['name'] === 'image');
}

function runTask(task: Task, image: string | Uint8Array, signal: AbortSignal): Promise<TaskResult> {
  if (task instanceof Detector) return task.detect(image, { signal });
  if (task instanceof Classifier) return task.classify(image, { signal });
  if (task instanceof Embedder) return task.embed(image, { signal });
  return task instanceof DensePredictor ? task.predict(image, { signal }) : task.segment(image, { signal });
}
