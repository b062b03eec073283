import { native } from '../binding/index.js';
import { oneIsToBlame, requestIdsOf, type Batchable, type BatchRun, type Seat } from '../batching/index.js';
import { invalidArgument } from '../errors/index.js';
import { startReading, type PictureInput, type Preprocess, type PreprocessedPicture } from '../image/index.js';
import type { Tensor } from '../tensor/index.js';
import { PictureRun, type PictureJob } from './picture-run.js';
import { allOrFirstError, Stop } from './stop.js';
import { withIndex, type TaskModel } from './task-model.js';
import { checkPixelLimit, pictureList, type TaskRunOptions } from './task-options.js';
import type { TaskRunner } from './task-runner.js';

/** What a batcher over a task takes: one picture or several, and the options that the task's own call takes. */
export type TaskRequest<Options = TaskRunOptions> = Omit<Options, 'signal' | 'requestId'> & {
  /** Each counts for a sample. Leave arrays alone until the request is answered. */
  readonly images: PictureInput | readonly PictureInput[];
};

/** What a batcher over a task answers. */
export interface TaskResults<Result> {
  /** One for each picture, in their order; free to keep. */
  readonly results: readonly Result[];
}

/** The pictures of a batch. */
interface PictureArena {
  readonly capacity: number;
  /** What it is prepared for; undefined where that is not open yet. */
  runner: TaskRunner | undefined;
  /** Room for all; undefined where pictures keep sizes of their own, and each is a batch. */
  input: Tensor | undefined;
  /** By place; none where the last try to prepare it has failed. */
  readonly pictures: (PreprocessedPicture | undefined)[];
  readonly runs: PictureRun[];
}

/** What a task tells of itself. */
export interface TaskParts<Result, Options> {
  readonly model: TaskModel;
  readonly preprocess: Preprocess;
  /** Throws INVALID_ARGUMENT, UNKNOWN_OPTION. */
  job(options: Options): PictureJob<Result>;
}

/**
 * Pictures in, results out: each picture is decoded and preprocessed straight into its place in the batch while earlier batches run. Where the device that a batch was prepared for is lost, it
 * is prepared again for what takes over.
 */
export class TaskBatchable<Result, Options extends TaskRunOptions> implements Batchable<
  TaskRequest<Options>,
  TaskResults<Result>,
  PictureArena,
  PictureRun
> {
  readonly name: string | undefined;
  readonly lanes: number;
  readonly ahead = native().visionLanes();
  readonly #task: TaskParts<Result, Options>;
  readonly #jobs = new WeakMap<TaskRequest<Options>, PictureJob<Result>>();

  constructor(task: TaskParts<Result, Options>) {
    this.#task = task;
    this.name = task.model.path;
    this.lanes = task.model.session.lanes;
  }

  get mostSamples(): number {
    const { model, preprocess } = this.#task;
    return preprocess.shape === undefined ? 1 : (model.input.batch ?? model.session.mostRows);
  }

  /** A request of its own, with the pictures that are in it now: a caller may change his and submit it again. Streams are read from now on, so that their errors are heard. */
  accept(request: TaskRequest<Options>): TaskRequest<Options> {
    this.#task.model.checkOpen();
    if (request === null || typeof request !== 'object' || !('images' in request))
      throw invalidArgument('request', 'an object with images', request, "{ images: 'street.jpg' }, with options beside it.");
    for (const name of ['signal', 'requestId'] as const)
      if (name in request) {
        const value = (request as TaskRunOptions)[name];
        throw invalidArgument(name, 'none in the request', value, `Give it to run(): run(request, { ${name} }).`);
      }
    const images = pictureList(request.images);
    if (images.length === 0) throw invalidArgument('images', 'a picture or an array of pictures, not empty', images);
    const options: unknown = Object.fromEntries(Object.entries(request).filter(([name]) => name !== 'images'));
    const job = this.#task.job(options as Options);
    checkPixelLimit(job.pixelLimit);
    const accepted = { ...request, images: images.map((image) => startReading(image, undefined)) };
    this.#jobs.set(accepted, job);
    return accepted;
  }

  samples({ images }: TaskRequest<Options>): number {
    return pictureList(images).length;
  }

  #job(request: TaskRequest<Options>): PictureJob<Result> {
    return this.#jobs.get(request) as PictureJob<Result>;
  }

  group(): string {
    // What batches cost on one device says nothing of another that takes over.
    return this.#task.model.choice.device;
  }

  slice(request: TaskRequest<Options>, start: number, end: number): TaskRequest<Options> {
    const slice = { ...request, images: pictureList(request.images).slice(start, end) };
    this.#jobs.set(slice, this.#job(request));
    return slice;
  }

  join(all: readonly TaskResults<Result>[]): TaskResults<Result> {
    return { results: all.flatMap(({ results }) => results) };
  }

  open(_group: string, capacity: number): PictureArena {
    const runner = this.#task.model.openRunner;
    return { capacity, runner, input: runner && this.#allocate(runner, capacity), pictures: [], runs: [] };
  }

  #allocate({ session, feed }: TaskRunner, capacity: number): Tensor | undefined {
    const { model, preprocess } = this.#task;
    const { shape } = feed(preprocess);
    return shape && session.allocateInput(model.input.name, [model.input.batch ?? capacity, ...shape]);
  }

  prepare(arena: PictureArena, seat: Seat<TaskRequest<Options>>, signal: AbortSignal | undefined): void | Promise<void> {
    if (arena.runner !== undefined) return this.#prepare(arena, arena.runner, seat, signal);
  }

  async #prepare(
    arena: PictureArena,
    { feed }: TaskRunner,
    { item, place }: Seat<TaskRequest<Options>>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const preprocess = feed(this.#task.preprocess);
    const { pixelLimit } = this.#job(item);
    const images = pictureList(item.images);
    const stop = new Stop(signal, images.length);
    const prepare = async (image: PictureInput, i: number): Promise<void> => {
      try {
        const into = arena.input?.subtensor(place + i);
        // Of a request that has left, in memory of its own.
        if (into === undefined) arena.pictures[place + i]?.tensor.dispose();
        arena.pictures[place + i] = undefined;
        arena.pictures[place + i] = await preprocess.run(image, { into, pixelLimit, signal: stop.signal });
      } catch (error) {
        throw images.length > 1 ? withIndex(error, i) : error;
      }
    };
    try {
      await allOrFirstError(images.map(prepare), stop);
    } finally {
      stop.unlink();
    }
  }

  run(
    arena: PictureArena,
    seats: readonly Seat<TaskRequest<Options>>[],
    signal: AbortSignal | undefined,
  ): Promise<BatchRun<PictureRun>> {
    const { model } = this.#task;
    model.checkOpen();
    const { outputs } = this.#job((seats[0] as Seat<TaskRequest<Options>>).item);
    return model.onRunner(async (runner) => {
      if (runner !== arena.runner) this.#changeRunner(arena, runner);
      await this.#prepareMissing(arena, runner, seats, signal);
      const { name } = model.input;
      const { tensor, first, rows } = this.#rows(arena, seats);
      const options = { outputs, signal };
      const run = await PictureRun.of(runner.session, 'batcher', { name, tensor, first, rows }, options, requestIdsOf(seats));
      arena.runs.push(run);
      const { queueMs, computeMs, device } = run.result;
      return { output: run, queueMs, computeMs, device };
    }, signal);
  }

  /** What was prepared for another is prepared anew, of each seat when it is run. */
  #changeRunner(arena: PictureArena, runner: TaskRunner): void {
    const input = this.#allocate(runner, arena.capacity);
    free(arena);
    arena.pictures.length = 0;
    Object.assign(arena, { runner, input });
  }

  async #prepareMissing(
    arena: PictureArena,
    runner: TaskRunner,
    seats: readonly Seat<TaskRequest<Options>>[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const missing = seats.filter(({ place, samples }) => {
      for (let i = place; i < place + samples; i++) if (arena.pictures[i] === undefined) return true;
      return false;
    });
    if (missing.length === 0) return;
    const stop = new Stop(signal, 2); // one that fails ends the others, whoever aborts
    try {
      await allOrFirstError(
        missing.map((seat) => this.#prepare(arena, runner, seat, stop.signal)),
        stop,
      );
    } catch (error) {
      if (seats.length === 1 || signal?.aborted) throw error;
      throw oneIsToBlame(error);
    } finally {
      stop.unlink();
    }
  }

  /** The rows of the arena that are to be run: those of these seats, and blank ones where nobody has a seat. */
  #rows(
    { input, pictures }: PictureArena,
    seats: readonly Seat<TaskRequest<Options>>[],
  ): { readonly tensor: Tensor; readonly first: number; readonly rows: number } {
    const [{ place: start }] = seats as [Seat<TaskRequest<Options>>];
    if (input === undefined) {
      const { tensor } = pictures[start] as PreprocessedPicture;
      return { tensor: tensor.reshape([1, ...tensor.dims]), first: start, rows: 1 };
    }
    const { batch } = this.#task.model.input;
    const { place, samples } = seats.at(-1) as Seat<TaskRequest<Options>>;
    const first = batch === undefined ? start : 0;
    const end = batch ?? place + samples;
    let at = first;
    for (const seat of [...seats, { place: end, samples: 0 }]) {
      if (seat.place > at) input.subtensor(at, seat.place).data.fill(0 as never);
      at = seat.place + seat.samples;
    }
    return { tensor: input.subtensor(first, end), first, rows: end - first };
  }

  async finish(arena: PictureArena, run: PictureRun, { item, place }: Seat<TaskRequest<Options>>): Promise<TaskResults<Result>> {
    const job = this.#job(item);
    const pictures = pictureList(item.images).map((_, i) => arena.pictures[place + i] as PreprocessedPicture);
    const stop = new Stop(undefined, pictures.length);
    const decode = async (picture: PreprocessedPicture, i: number): Promise<Result> => {
      try {
        return await run.decode(job, place + i, picture, stop.signal);
      } catch (error) {
        throw pictures.length > 1 ? withIndex(error, i) : error;
      }
    };
    // All of them have to be done, even where one fails: afterwards the arena may be given back.
    return { results: await allOrFirstError(pictures.map(decode), stop) };
  }

  /** Results are the caller's to keep, or nobody's. */
  discard(): void {}

  close(arena: PictureArena): void {
    free(arena);
    for (const run of arena.runs) run[Symbol.dispose]();
  }
}

function free({ input, pictures }: PictureArena): void {
  if (input !== undefined) input.dispose();
  else for (const picture of pictures) picture?.tensor.dispose();
}
