import { sessionOptionNames } from '../session/index.js';
import { loadTaskOptionNames } from '../tasks/index.js';
import {
  ArgumentError,
  checkInteger,
  checkNumber,
  checkOneOf,
  checkOptions,
  checkSignal,
  invalidArgument,
} from '../errors/index.js';
import type { BenchPicture } from './bench-pictures.js';
import type { BenchTaskOptions } from './picture-workload.js';
import type { SampleShapes } from './tensor-workload.js';
import type { CellPlace } from './workload.js';

/** What {@link benchModel} measures, and for how long. */
export interface BenchOptions {
  /** Samples or pictures of one call. Default: 1, 2, 4 and 8, or what the model was exported with. */
  readonly batch?: readonly number[] | undefined;
  /** Runs at the same time. Default: 1 and 2. */
  readonly lanes?: readonly number[] | undefined;
  /** Threads inside one run; not for engines of TensorRT. Default: what a session takes by itself, the cores divided by the lanes. */
  readonly threads?: readonly number[] | undefined;
  /** 'tensors': random ones, of the model alone; 'pictures': from bytes to results. Default: 'pictures' where there are some. */
  readonly input?: 'tensors' | 'pictures' | undefined;
  /** Taken in turn. They are read into memory first: the disk is not measured. */
  readonly pictures?: readonly BenchPicture[] | undefined;
  /** How the model is opened: options of its session, and with pictures those of its task. */
  readonly open?: BenchTaskOptions | undefined;
  /** Sizes of one sample by input, without the batch, for inputs with free sizes. Default: 224 in inputs of four axes, 16 in others. */
  readonly shapes?: SampleShapes | undefined;
  /** Calls in flight. Default: as many as there are lanes, with pictures one more, which is prepared meanwhile. */
  readonly inFlight?: number | undefined;
  /** How long each cell is measured in all, in milliseconds. Default 5000. Warming up and opening come on top. */
  readonly durationMs?: number | undefined;
  /** In how many windows, each in a session of its own, the cells taking turns. From 2 to 50; default 8, from which on a comparison of many cells can show anything. */
  readonly rounds?: number | undefined;
  /** Of random tensors. Default 0. */
  readonly seed?: number | undefined;
  /** Told after each window. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Ends it. Where something was measured, that is the result. */
  readonly signal?: AbortSignal | undefined;
}

const optionNames = [
  ...['batch', 'lanes', 'threads', 'input', 'pictures', 'open', 'shapes', 'inFlight', 'durationMs', 'rounds', 'seed'],
  ...['onProgress', 'signal'],
] as const;

/** {@link BenchOptions} with nothing left open but the batch, which the model may say. */
export interface CheckedBenchOptions {
  readonly batch: readonly number[] | undefined;
  /** Where neither `batch` nor the model says. */
  readonly defaultBatch: readonly number[];
  readonly lanes: readonly number[];
  readonly threads: readonly (number | null)[];
  /** undefined: tensors. */
  readonly pictures: readonly BenchPicture[] | undefined;
  readonly open: BenchTaskOptions;
  readonly shapes: SampleShapes;
  readonly inFlight: number | undefined;
  /** Where `inFlight` does not say: so many more calls than there are lanes. */
  readonly waiting: number;
  readonly durationMs: number;
  readonly rounds: number;
  readonly seed: number;
  readonly onProgress: BenchOptions['onProgress'];
  readonly signal: AbortSignal | undefined;
}

/** Throws INVALID_ARGUMENT and UNKNOWN_OPTION. */
export function checkedBenchOptions(options: BenchOptions): CheckedBenchOptions {
  checkOptions('bench options', options, optionNames);
  const { batch, lanes, threads, open = {}, inFlight, shapes = {}, signal, onProgress } = options;
  checkSignal(signal);
  const pictures = checkedPictures(options);
  if (pictures !== undefined && options.shapes !== undefined) {
    throw invalidArgument('shapes', 'none with pictures', options.shapes, 'The preprocessing tells the size of the input.');
  }
  return {
    batch: batch && checkedList('batch', batch, 1024),
    defaultBatch: [1, 2, 4, 8],
    lanes: checkedList('lanes', lanes ?? [1, 2], 64),
    threads: threads === undefined ? [null] : checkedList('threads', threads, 1024),
    pictures,
    open: checkedOpen(open, pictures !== undefined),
    shapes: checkedShapes(shapes),
    inFlight: inFlight === undefined ? undefined : checkInteger('inFlight', inFlight, 1, 4096),
    waiting: pictures === undefined ? 0 : 1,
    durationMs: checkNumber('durationMs', options.durationMs ?? 5000, 10, 86_400_000),
    rounds: checkInteger('rounds', options.rounds ?? 8, 2, 50),
    seed: checkInteger('seed', options.seed ?? 0, 0, 2 ** 32 - 1),
    onProgress,
    signal,
  };
}

function checkedPictures({ input, pictures }: BenchOptions): readonly BenchPicture[] | undefined {
  const wanted = checkOneOf('input', input ?? (pictures === undefined ? 'tensors' : 'pictures'), ['tensors', 'pictures']);
  if (wanted === 'tensors') {
    if (pictures !== undefined) throw invalidArgument('pictures', "none with input: 'tensors'", pictures);
    return undefined;
  }
  if (!Array.isArray(pictures) || pictures.length === 0) throw invalidArgument('pictures', 'at least one picture', pictures);
  return pictures as readonly BenchPicture[];
}

function checkedList(name: string, values: readonly number[], most: number): readonly number[] {
  if (!Array.isArray(values) || values.length === 0) throw invalidArgument(name, 'a list of at least one number', values);
  values.forEach((value, i) => checkInteger(`${name}[${i}]`, value, 1, most));
  return [...new Set(values as readonly number[])].sort((a, b) => a - b);
}

/** What is to be said for each cell, and not for all. */
const ours: readonly string[] = ['lanes', 'threads', 'batchSize', 'signal'];

export function checkedOpen(open: BenchTaskOptions, hasPictures: boolean): BenchTaskOptions {
  checkOptions(
    'open',
    open,
    loadTaskOptionNames.filter((name) => !ours.includes(name)),
  );
  const ofTask = Object.entries(open).find(
    ([name, value]) => value !== undefined && !(sessionOptionNames as readonly string[]).includes(name),
  );
  if (!hasPictures && ofTask !== undefined) {
    throw new ArgumentError('UNKNOWN_OPTION', {
      message: `The option ${ofTask[0]} is for pictures, but random tensors are measured`,
      hint: 'Leave it out, or give pictures.',
      details: { option: ofTask[0] },
    });
  }
  return Object.fromEntries(Object.entries(open).filter(([, value]) => value !== undefined));
}

export function checkedShapes(shapes: SampleShapes): SampleShapes {
  if (shapes === null || typeof shapes !== 'object') throw invalidArgument('shapes', 'an object of sizes by input', shapes);
  for (const [name, sizes] of Object.entries(shapes)) {
    if (!Array.isArray(sizes)) throw invalidArgument(`shapes.${name}`, 'a list of sizes, without the batch', sizes);
    sizes.forEach((size, i) => checkInteger(`shapes.${name}[${i}]`, size, 1, 2 ** 31 - 1));
  }
  return shapes;
}

/** All places of the sweep. */
export function placesOf(
  batch: readonly number[],
  { lanes, threads }: Pick<CheckedBenchOptions, 'lanes' | 'threads'>,
): readonly CellPlace[] {
  return threads.flatMap((count) => lanes.flatMap((lane) => batch.map((size) => ({ batch: size, lanes: lane, threads: count }))));
}

/**
 * In which order the cells take their turns in a round: backwards every other time, and from another cell on after that, so that what drifts on the machine falls on
 * all cells, and on none in the same way again.
 */
export function turnOrder(cells: number, round: number): number[] {
  const order = Array.from({ length: cells }, (_, i) => (i + Math.floor(round / 2)) % cells);
  return round % 2 === 0 ? order : order.reverse();
}
