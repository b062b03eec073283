import { mkdtemp, readFile, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { sha256OfFile } from '../engine/index.js';
import { ArgumentError, CalibrationError, MediaError } from '../errors/index.js';
import { modelPath } from '../graph/index.js';
import { calibrate, mergeTables, tensorRtRanges, type CalibratedTensors } from '../optimize/index.js';
import { CalibrationTable, writeTensorRtCache } from '../precision/index.js';
import { notWritable, printable } from '../text/index.js';
import type { Invocation } from './invocation.js';
import { startProgress, type Progress } from './progress.js';
import { loadTaskOptions, type TaskOptionValues } from './task-options.js';

export interface CalibrateOptionValues extends TaskOptionValues {
  readonly data?: string;
  readonly output?: string;
  readonly pictures?: number;
  readonly seed?: number;
  readonly tensors?: CalibratedTensors;
  readonly force?: boolean;
  readonly resume?: boolean;
  readonly merge?: readonly string[];
  readonly tensorrtCache?: string;
  readonly tensorrtVersion?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Does what `foveate calibrate` was called for. Loaded when it is. */
export async function run(model: string, options: CalibrateOptionValues, invocation: Invocation): Promise<void> {
  const path = modelPath('model', model);
  const { data, output, merge = [], tensorrtCache, tensorrtVersion, force } = options;
  checkCall(options);
  if (output !== undefined) await checkReplaceable(output);
  const started = performance.now();
  const parts = await Promise.all(merge.map((file) => CalibrationTable.read(file)));
  await checkModel(path, parts, merge, invocation.signal);
  let skipped = 0;
  if (data !== undefined) {
    // With others, it is kept apart until it is whole: what goes on with --resume is this one alone.
    const table = await calibrateOn(path, data, options, invocation, () => skipped++);
    parts.unshift(table);
  }
  const table = parts.length === 1 ? (parts[0] as CalibrationTable) : mergeTables(parts, { force });
  if (output !== undefined && merge.length > 0) await table.save(output);
  if (tensorrtCache !== undefined) {
    await writeTensorRtCache(await tensorRtRanges(table, invocation.signal), tensorrtCache, {
      version: tensorrtVersion as string,
    });
  }
  for (const { message } of table.doubts) invocation.tell(`warning: ${printable(message)}`);
  if (skipped > 0) invocation.exitCode = 4;
  const seconds = (performance.now() - started) / 1000;
  if (invocation.document !== undefined) {
    return invocation.document.whole({ path: output ?? null, skipped, seconds, ...table.toJSON() });
  }
  const count = table.pictures.length;
  invocation.out(
    `${printable(table.model.name)}: ${table.tensors.length} tensors, ${count} ${count === 1 ? 'picture' : 'pictures'}, ${seconds.toFixed(1)} s.\n`,
  );
  const written = [output, tensorrtCache].filter((file) => file !== undefined);
  invocation.out(`Written to ${printable(written.join(' and '))}.\n`);
}

async function calibrateOn(
  model: string,
  data: string,
  options: CalibrateOptionValues,
  invocation: Invocation,
  onSkipped: () => void,
): Promise<CalibrationTable> {
  const { pictures, seed, tensors, force, resume, output, merge, quiet } = options;
  const { signal } = invocation;
  const table = merge === undefined ? output : undefined;
  let progress: Progress | undefined;
  let begun = false;
  try {
    return await calibrate(model, {
      ...loadTaskOptions(taskValues(options)),
      ...{ data, pictures, seed, tensors, force, resume, table, signal },
      onProgress: ({ pictures: done, total }) => {
        begun = true;
        progress ??= startProgress(total, 'pictures', quiet !== true);
        progress.advance(done);
      },
      onSkipped: (path, error) => {
        onSkipped();
        const tell = (): void => invocation.warn(error, path);
        if (progress === undefined) tell();
        else progress.above(tell);
      },
    });
  } catch (error) {
    progress?.stop();
    if (signal.aborted && begun && table !== undefined) invocation.tell('The same call with --resume goes on from here.');
    throw error;
  } finally {
    progress?.stop();
  }
}

/** What is left for the task. */
function taskValues(options: CalibrateOptionValues): TaskOptionValues {
  const own = ['data', 'output', 'pictures', 'seed', 'tensors', 'force', 'resume', 'merge', 'tensorrtCache', 'tensorrtVersion'];
  const shown = ['json', 'quiet'];
  return Object.fromEntries(Object.entries(options).filter(([name]) => !own.includes(name) && !shown.includes(name)));
}

function checkCall({ data, output, merge, resume, tensorrtCache, tensorrtVersion }: CalibrateOptionValues): void {
  const refuse = (message: string, hint: string): never => {
    throw new ArgumentError('INVALID_ARGUMENT', { message, hint });
  };
  if (data === undefined && merge === undefined) {
    refuse('Expected --data or --merge but received neither', 'foveate calibrate MODEL --data FOLDER -o FILE runs its pictures.');
  }
  if (output === undefined && tensorrtCache === undefined) {
    refuse('Expected --output: the table would be lost', 'foveate calibrate MODEL --data FOLDER -o FILE writes it.');
  }
  if (resume === true && (output === undefined || merge !== undefined || data === undefined)) {
    refuse(
      '--resume goes on with a table in --output, with the pictures of --data and without --merge',
      'Merge when it is whole.',
    );
  }
  if ((tensorrtCache === undefined) !== (tensorrtVersion === undefined)) {
    refuse(
      'Expected both of --tensorrt-cache and --tensorrt-version: TensorRT takes no cache of another version',
      'python3 -c "import tensorrt; print(tensorrt.__version__)" tells which it is.',
    );
  }
}

/** Whether a file may be written, or replaced: a slip of the pen is not to cost a model, nor a run. Rejects with OUTPUT_NOT_WRITABLE. */
async function checkReplaceable(path: string): Promise<void> {
  // Only trying tells, of a file system that is read-only too.
  await mkdtemp(join(dirname(path), '.~foveate-')).then(rmdir, (cause: unknown) => {
    throw notWritable(path, cause);
  });
  if ((await stat(path).catch(() => undefined)) === undefined) return;
  const start = await readFile(path, { encoding: 'latin1' }).catch(() => '');
  if (start.startsWith(tableStart)) return;
  throw new MediaError('OUTPUT_NOT_WRITABLE', {
    message: `${JSON.stringify(path)} is there and is no calibration table`,
    hint: 'Name another file with --output, or remove it.',
  });
}

/** How the file of a table begins. */
const tableStart = '{"calibrationTable":';

async function checkModel(
  path: string,
  tables: readonly CalibrationTable[],
  files: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (tables.length === 0) return;
  const sha256 = await sha256OfFile(path, signal);
  const other = tables.findIndex((table) => table.model.sha256 !== sha256);
  if (other === -1) return;
  throw new CalibrationError('CALIBRATION_INVALID', {
    message: `The table ${JSON.stringify(files[other])} is of another model, ${tables[other]?.model.name}, than ${JSON.stringify(path)}`,
    hint: 'Only tables of the same file can be put together.',
  });
}
