import { availableParallelism } from 'node:os';

import type { Command } from 'commander';

import { ArgumentError, MediaError } from '../errors/index.js';
import { Classifier, Detector, loadTask, type Task } from '../tasks/index.js';
import { mapInOrder } from './in-order.js';
import { listPictures, type InputPicture } from './inputs.js';
import type { Invocation } from './invocation.js';
import { OutputFolder, type WrittenFiles } from './output-folder.js';
import { formatSeconds, startProgress } from './progress.js';
import { recognizedLine } from './recognized.js';
import { JsonReport, TableReport, type Outcome, type PictureError, type TaskResult } from './run-report.js';
import { taskOptions, type TaskOptionValues } from './task-options.js';

interface RunOptionValues extends TaskOptionValues {
  readonly output?: string;
  readonly overwrite?: true;
  readonly recursive?: true;
  readonly json?: true;
  readonly quiet?: true;
}

const examples = `
Examples:
  foveate run yolov8n.onnx street.jpg
  foveate run yolov8n.onnx photos/ --recursive -o drawn/
  foveate run mobilenetv2.onnx 'photos/*.jpg' --top-k 3 --json > classes.json
  curl -s https://example.com/cat.jpg | foveate run model.onnx - --quiet

Boxes are left, top, right, bottom in pixels of the picture.`;

/** `foveate run MODEL INPUT…` */
export function addRun(program: Command, invocation: Invocation): void {
  const command = program
    .command('run')
    .summary('run a model on pictures')
    .description('Runs a model on pictures: tells classes, boxes or regions, and draws them.')
    .argument('<model>', 'an ONNX file')
    .argument('<input...>', 'pictures: files, folders, quoted patterns, or - for standard input')
    .option(
      '-o, --output <dir>',
      'write annotated pictures there; of a segmenter also NAME.mask.png (class ids) and NAME.colors.png',
    )
    .option('--overwrite', 'replace files that the output folder holds already; inputs never')
    .option('-r, --recursive', 'look into the subfolders of folders')
    .option('--json', 'print JSON')
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
  const { output, overwrite = false, recursive = false, json, quiet = false, ...forTask } = options;
  const { signal, document } = invocation;
  const pictures = await listPictures(inputs, recursive);
  const folder = output === undefined ? undefined : await OutputFolder.create(output, pictures, overwrite);
  await using task = await loadTask(model, { ...forTask, signal });
  const report = json && document !== undefined ? new JsonReport(document, invocation) : new TableReport(invocation);
  report.begin(model, task);
  const started = performance.now();
  const progress = startProgress(pictures.length, 'pictures', !quiet);
  let done = 0;
  let failed = 0;
  try {
    const work = (picture: InputPicture): Promise<Outcome> => processPicture(picture, task, folder, signal);
    for await (const outcome of mapInOrder(pictures, Math.max(2, availableParallelism()), work)) {
      signal.throwIfAborted();
      progress.advance(++done);
      progress.above(() => {
        report.outcome(outcome);
        if (outcome.error === undefined) return;
        failed++;
        invocation.warn(outcome.error, outcome.picture.name);
      });
    }
  } finally {
    progress.stop();
  }
  report.end();
  if (failed > 0) invocation.exitCode = 4;
  if (!quiet) tellSummary(invocation, task, { done, failed, wallMs: performance.now() - started });
}

/** A picture that cannot be read or written is an outcome; anything else ends the call. */
async function processPicture(
  picture: InputPicture,
  task: Task,
  folder: OutputFolder | undefined,
  signal: AbortSignal,
): Promise<Outcome> {
  let result: TaskResult | undefined;
  let written: WrittenFiles | undefined;
  try {
    const image = await picture.load(signal);
    result = await runTask(task, image, signal);
    written = await folder?.write(picture, image, result, signal);
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
  return task instanceof Classifier ? task.classify(image, { signal }) : task.segment(image, { signal });
}

/** What a reader wants to know when all is done: how many, how fast, where, what the model was taken for, and whose names these are. */
function tellSummary(
  invocation: Invocation,
  task: Task,
  { done, failed, wallMs }: { done: number; failed: number; wallMs: number },
): void {
  const { device, deviceReason, runtime } = task.session;
  const count = `${done} picture${done === 1 ? '' : 's'}${failed === 0 ? '' : `, ${failed} of them failed`}`;
  const wall = wallMs < 1000 ? `${wallMs.toFixed(0)} ms` : formatSeconds(wallMs / 1000);
  const each = `${(wallMs / done).toFixed(1)} ms each`;
  invocation.tell(`${count} in ${wall}, ${each}, on ${device} with ${runtime.name} ${runtime.version}`);
  // The library that comes with foveate runs on the CPU only: there, that it does is no news.
  const expected = device === 'cpu' && !process.env['FOVEATE_ONNXRUNTIME_PATH']; // an empty one counts as unset
  if (deviceReason !== 'asked for' && !expected) invocation.tell(`Device ${device}: ${deviceReason}.`);
  invocation.tell(recognizedLine(task));
  const labels = labelNote(task);
  if (labels !== undefined) invocation.tell(labels);
}

/** Where the names came from, unless the model or the user gave them. */
function labelNote({ labels, labelSource }: Task): string | undefined {
  if (['option', 'file', 'metadata', 'config'].includes(labelSource)) return undefined;
  if (labelSource === 'numbers') return 'Classes are numbers: the model has no names. --labels FILE gives them.';
  if (labelSource === 'binary') {
    return `Labels: ${labels.join(' and ')}, because the model tells one class from the rest and has no names.`;
  }
  return `Labels: the ${labels.length} names of ${labelSource}, built in, because the model has none.`;
}
