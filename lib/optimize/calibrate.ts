import { rm, stat } from 'node:fs/promises';

import { aborted } from '../binding/index.js';
import { sha256OfFile } from '../engine/file-hash.js';
import {
  CalibrationError,
  checkBoolean,
  checkInteger,
  checkOneOf,
  checkOptions,
  checkPath,
  checkSignal,
  DatasetError,
  MediaError,
  type FoveateError,
} from '../errors/index.js';
import { Picture, type Preprocess } from '../image/index.js';
import { CalibrationTable, type CalibrationDoubt } from '../precision/index.js';
import type { ModelSource } from '../session/index.js';
import { loadTask, loadTaskOptionNames, type LoadTaskOptions } from '../tasks/index.js';
import { calibratedTensors, type CalibratedTensors } from './calibrated-tensors.js';
import { doubtfulCalibration, pictureDoubts, tensorDoubts } from './calibration-guards.js';
import { listPictures, orderPictures, type CalibrationData, type PictureOrder } from './calibration-pictures.js';
import { CalibrationRun } from './calibration-run.js';
import { preprocessDoubts } from './preprocess-guard.js';
import { TappedSession } from './tapped-session.js';

/** How a model is calibrated: what its task takes, and what follows. */
export interface CalibrateOptions extends Omit<LoadTaskOptions, 'batchSize'> {
  readonly data: CalibrationData;
  /** How many pictures. Default 32. */
  readonly pictures?: number | undefined;
  /** Chooses other pictures where there are more. An integer from 0 to 2^32 - 1; default 0. */
  readonly seed?: number | undefined;
  /** Which tensors are looked at: those of layers, by which INT8, FP8 and INT4 go, or every one of float32, by which FP16, also beside INT8, BF16 and 'auto' do. Default 'layers'. */
  readonly tensors?: CalibratedTensors | undefined;
  /** Goes on where the pictures or the preprocessing are doubtful, and keeps the reasons in the table. Default false. */
  readonly force?: boolean | undefined;
  /** Where the table is written; while it grows, every few seconds and when the signal is aborted. A doubtful one is removed. */
  readonly table?: string | URL | undefined;
  /** Goes on with the table that `table` names, where there is one. Default false. */
  readonly resume?: boolean | undefined;
  readonly onProgress?: ((progress: CalibrationProgress) => void) | undefined;
  /** Told of each picture that cannot be read. */
  readonly onSkipped?: ((path: string, error: FoveateError) => void) | undefined;
}

export interface CalibrationProgress {
  /** How many pictures are in. */
  readonly pictures: number;
  readonly total: number;
}

const ownOptionNames = ['data', 'pictures', 'seed', 'tensors', 'force', 'table', 'resume', 'onProgress', 'onSkipped'] as const;
const defaultPictures = 32;
/** Between two times at which the table is written: so much is lost at most. */
const keepMs = 3000;
/** After these, doubts are told rather than after all: they will not go away. */
const firstPictures = 32;
/** More of them tell the guard nothing new. */
const probedPictures = 8;

/**
 * Runs pictures through a model and keeps what its tensors hold, from which the ranges of integers are found. The pictures are chosen by what is in them: the
 * table depends neither on their names and order nor on interruptions.
 *
 *     const table = await calibrate('yolov8n.onnx', { data: 'pictures/' });
 *     await table.save('yolov8n.calibration.json');
 *
 * Rejects with CALIBRATION_DOUBTFUL where the ranges would be wrong, with all that was found in `details.reasons`; CALIBRATION_INVALID for a table to go
 * on with that is of something else; DATASET_NOT_FOUND, DATASET_INVALID where no picture can be read; ABORTED; and as `loadTask`.
 */
export async function calibrate(model: ModelSource, options: CalibrateOptions): Promise<CalibrationTable> {
  const settings = settingsOf(options);
  const { signal, table: path, resume, forTask } = settings;
  const before = resume && (await exists(path)) ? await CalibrationTable.read(path as string) : undefined;
  const order = await orderPictures(await listPictures(settings.data, signal), settings.seed, signal);
  for (const { path, error } of order.unreadable) settings.onSkipped?.(path, error);
  const { preprocess, doubts } = await prepare(model, order, settings);
  await using tapped = await TappedSession.open(
    model,
    settings.tensors,
    { ...forTask, lanes: settings.lanes, signal },
    settings.pictures,
  );
  return await new Calibration(preprocess, doubts, tapped, order, settings).run(before);
}

/** The preprocessing, and what speaks against it. The model is closed again before the one with its tensors as outputs is opened. */
async function prepare(
  model: ModelSource,
  { paths }: PictureOrder,
  { forTask, signal }: Settings,
): Promise<{ readonly preprocess: Preprocess; readonly doubts: readonly CalibrationDoubt[] }> {
  await using task = await loadTask(model, { ...forTask, signal });
  const readable: string[] = [];
  for (const path of paths.slice(0, 2 * probedPictures)) {
    if (readable.length === probedPictures) break;
    if (await isReadable(path, forTask.pixelLimit, signal)) readable.push(path);
  }
  const doubts = await preprocessDoubts({ model, task, options: forTask, paths: readable, signal });
  return { preprocess: task.preprocess, doubts };
}

async function isReadable(path: string, pixelLimit: number | undefined, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    (await Picture.read(path, { pixelLimit, signal })).dispose();
    return true;
  } catch (error) {
    // Told when its turn comes.
    if (error instanceof MediaError) return false;
    throw error;
  }
}

type Settings = ReturnType<typeof settingsOf>;

/** Throws UNKNOWN_OPTION, INVALID_ARGUMENT. */
function settingsOf(options: CalibrateOptions) {
  checkOptions('options', options, [...ownOptionNames, ...loadTaskOptionNames.filter((name) => name !== 'batchSize')]);
  const { data, pictures, seed, tensors, force, table, resume, onProgress, onSkipped, signal, lanes, ...forTask } = options;
  checkSignal(signal);
  return {
    data,
    pictures: checkInteger('pictures', pictures ?? defaultPictures, 1, 1_000_000),
    seed: checkInteger('seed', seed ?? 0, 0, 2 ** 32 - 1),
    tensors: checkOneOf('tensors', tensors ?? 'layers', calibratedTensors),
    force: checkBoolean('force', force ?? false),
    table: table === undefined ? undefined : checkPath('table', table),
    resume: checkBoolean('resume', resume ?? false),
    lanes: lanes === undefined ? undefined : checkInteger('lanes', lanes, 1, 64),
    ...{ onProgress, onSkipped, signal, forTask },
  };
}

async function exists(path: string | undefined): Promise<boolean> {
  return path !== undefined && (await stat(path).catch(() => undefined)) !== undefined;
}

/** One calibration under way. */
class Calibration {
  readonly #preprocess: Preprocess;
  readonly #preprocessDoubts: readonly CalibrationDoubt[];
  readonly #tapped: TappedSession;
  readonly #order: PictureOrder;
  readonly #settings: Settings;

  constructor(
    preprocess: Preprocess,
    preprocessDoubts: readonly CalibrationDoubt[],
    tapped: TappedSession,
    order: PictureOrder,
    settings: Settings,
  ) {
    this.#preprocess = preprocess;
    this.#preprocessDoubts = preprocessDoubts;
    this.#tapped = tapped;
    this.#order = order;
    this.#settings = settings;
  }

  async run(before: CalibrationTable | undefined): Promise<CalibrationTable> {
    const { pictures: wanted, table: path, force, onProgress, onSkipped, signal, forTask } = this.#settings;
    if (before !== undefined) await this.#goOnFrom(before);
    const run = new CalibrationRun({
      session: this.#tapped.session,
      observer: this.#tapped.observer,
      preprocess: this.#preprocess,
      paths: this.#order.paths,
      seen: before?.pictures ?? [],
      pixelLimit: forTask.pixelLimit,
      signal,
      onPicture: (pictures) => onProgress?.({ pictures, total: Math.min(wanted, this.#order.paths.length) }),
      onSkipped: (path, error) => onSkipped?.(path, error),
    });
    let doubts: readonly CalibrationDoubt[] = [];
    for (const goal of new Set([Math.min(firstPictures, wanted), wanted])) {
      while (run.pictures.length < goal && !run.exhausted && signal?.aborted !== true) {
        await run.advance(goal, path === undefined ? Infinity : performance.now() + keepMs);
        // The last time, it is written with what is doubtful about it.
        if (path !== undefined && (run.pictures.length < wanted || signal?.aborted)) await this.#keep(run, path);
      }
      if (signal?.aborted) throw aborted(signal);
      if (run.pictures.length === 0) throw this.#nothingReadable(run.unreadable);
      doubts = await this.#doubts(run);
      if (doubts.length > 0 && !force) {
        // What must not be used is not left to be found.
        if (path !== undefined) await rm(path, { force: true });
        throw doubtfulCalibration(doubts);
      }
    }
    const table = await this.#table(run, doubts, run.pictures.length);
    if (path !== undefined) await table.save(path);
    return table;
  }

  async #keep(run: CalibrationRun, path: string): Promise<void> {
    if (run.pictures.length > 0) await (await this.#table(run, [])).save(path);
  }

  async #table(
    run: CalibrationRun,
    doubts: readonly CalibrationDoubt[],
    wanted = Math.min(this.#settings.pictures, this.#order.paths.length),
  ): Promise<CalibrationTable> {
    return new CalibrationTable({
      model: this.#tapped.model,
      preprocess: this.#preprocess.options,
      seed: this.#settings.seed,
      wanted,
      pictures: [...run.pictures],
      tensors: await this.#tapped.observer.statistics(),
      doubts,
    });
  }

  async #doubts(run: CalibrationRun): Promise<readonly CalibrationDoubt[]> {
    const counts = { copies: this.#order.copies, unreadable: run.unreadable + this.#order.unreadable.length };
    return [
      ...pictureDoubts(run.pictures, counts),
      ...this.#preprocessDoubts,
      // Between layers, constants and masks are no reason to doubt.
      ...tensorDoubts((await this.#tapped.observer.statistics()).filter(({ name }) => this.#tapped.isOfLayer(name))),
    ];
  }

  /** Throws CALIBRATION_INVALID for a table that an uninterrupted run would not have come by. */
  async #goOnFrom(table: CalibrationTable): Promise<void> {
    table.checkSame({ model: this.#tapped.model, preprocess: this.#preprocess.options }, this.#tapped.points);
    const { seed, pictures, signal } = this.#settings;
    const missing = new Set(table.pictures.map(({ sha256 }) => sha256));
    // Some of the first may be unreadable, and others have taken their places.
    for (const path of this.#order.paths.slice(0, pictures * 2)) {
      if (missing.size === 0) break;
      missing.delete(await sha256OfFile(path, signal).catch(() => ''));
    }
    if (table.seed !== seed || missing.size > 0 || table.pictures.length > pictures) {
      throw new CalibrationError('CALIBRATION_INVALID', {
        message: `The calibration table cannot be gone on with: ${
          table.seed !== seed
            ? `it was made with seed ${table.seed ?? 'several'}, not ${seed}`
            : missing.size > 0
              ? `${missing.size} of its ${table.pictures.length} pictures are not among those that are chosen now`
              : `it has ${table.pictures.length} pictures, and ${pictures} are asked for`
        }`,
        hint: 'Give the same pictures, number and seed, or begin anew without resume.',
      });
    }
    await this.#tapped.goOnFrom(table.tensors);
  }

  #nothingReadable(unreadable: number): DatasetError {
    return new DatasetError('DATASET_INVALID', {
      message: `Expected pictures to calibrate with but none of ${unreadable + this.#order.unreadable.length} can be read`,
      hint: 'The first failure tells why; check that they are pictures.',
    });
  }
}
