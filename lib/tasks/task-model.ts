import { native } from '../binding/index.js';
import { type BesideModel, declaredPreprocess, graphNormalization, namesBeside, readBesideModel } from '../declared/index.js';
import {
  AbortedError,
  ArgumentError,
  checkInteger,
  checkOptions,
  checkRequestId,
  createError,
  DisposedError,
  FoveateError,
  withDefaults,
  withRequestId,
} from '../errors/index.js';
import type { BundledTask, DeviceChoice } from '../engine/index.js';
import { modelPath, readModel, type OnnxModel } from '../graph/index.js';
import { startReading, type PictureInput, type Preprocess, type PreprocessedPicture } from '../image/index.js';
import type { NamesBeside } from '../labels/index.js';
import type { Timing } from '../results/index.js';
import { checkSessionOptions, Failover, type Degraded, type ModelSource, type Session } from '../session/index.js';
import { InFlight } from '../session/in-flight.js';
import { Tensor } from '../tensor/index.js';
import { producerOf } from './activation.js';
import { publishCall, startedCall, type StartedCall } from './call-event.js';
import { Gate } from './gate.js';
import { givenModel } from './given-model.js';
import { boxDecoding, type BoxDecoding } from './heads/box-decoding.js';
import { ModelInput } from './model-input.js';
import { PictureRun, type PictureJob } from './picture-run.js';
import { allOrFirstError, Stop } from './stop.js';
import { openToLook, openToRun, type EngineSource } from './task-engine.js';
import { checkPixelLimit, sessionOptionsOf, taskOptionNames, type ProcessOptions, type TaskOptions } from './task-options.js';
import { asItIs, taskRunner, type TaskRunner } from './task-runner.js';

/** An output, and its shape with the batch dimension. */
export interface ModelOutput {
  readonly name: string;
  readonly shape: readonly number[];
}

/** One call, with what all of its pictures have in common. */
interface Call<T> {
  readonly preprocess: Preprocess;
  readonly job: PictureJob<T>;
  /** Whether errors tell which picture they are about. */
  readonly numbered: boolean;
  readonly stop: Stop;
  readonly started: StartedCall;
}

/** What is to be run, what is known about its model, and the way of a picture through it: what all tasks have in common. */
export class TaskModel {
  readonly metadata: ReadonlyMap<string, string>;
  readonly input: ModelInput;
  /** Class names that a file beside the model gives. */
  readonly namesBeside: NamesBeside | undefined;
  /** What the graph tells of each output; where passes have changed it, what it told before. */
  readonly graphOutputs: BundledTask['outputs'];
  /** Those of the task's own options that its bundle was made with. */
  readonly #bundled: Readonly<Record<string, unknown>>;
  readonly #batchSize: number;
  /** Where an engine is to run it, or to be built in the background. */
  readonly #engineSource: EngineSource | undefined;
  /** Of the model, for events; undefined for bytes. */
  readonly path: string | undefined;
  #runners: Failover<TaskRunner>;
  readonly #gate: Gate;
  readonly #inFlight = new InFlight();
  #closing: Promise<void> | undefined;

  private constructor(
    session: Session,
    path: string | undefined,
    graph: OnnxModel,
    input: ModelInput,
    beside: BesideModel,
    batchSize: number,
    ownOptions: readonly string[],
    engineSource: EngineSource | undefined,
  ) {
    this.path = path;
    this.#runners = new Failover({ runner: taskRunner(session, asItIs) }, path);
    this.#engineSource = engineSource;
    this.namesBeside = namesBeside(beside);
    this.metadata = graph.metadata;
    const { options = {}, outputs = {} } = beside.bundle?.task ?? {};
    this.#bundled = Object.fromEntries(Object.entries(options).filter(([name]) => ownOptions.includes(name)));
    // Worked out now, so that the graph, whose weights are views of the whole file, can go.
    this.graphOutputs = Object.fromEntries(
      session.outputs.map(({ name }) => [name, Object.hasOwn(outputs, name) ? outputs[name] : graphOutput(graph, name)]),
    ) as BundledTask['outputs'];
    this.input = input;
    this.#batchSize = batchSize;
    // Enough to keep every lane and every core busy, few enough to bound the memory of slots.
    this.#gate = new Gate((engineSource?.options.lanes ?? session.lanes) + native().visionLanes());
  }

  /** Opens the model and finds its picture input. Throws as `createSession` does, and MODEL_UNSUPPORTED where there is no such input. */
  static async open(model: ModelSource, options: TaskOptions, ownOptions: readonly string[]): Promise<TaskModel> {
    checkOptions('options', options, [...taskOptionNames, ...ownOptions]);
    const batchSize = checkInteger('batchSize', options.batchSize ?? 1, 1, 1024);
    checkPixelLimit(options.pixelLimit);
    const sessionOptions = sessionOptionsOf(options);
    checkSessionOptions(sessionOptions);
    const given = await givenModel(model, options.signal);
    const { source, bundle } = given;
    const { session, engineSource } = await openToLook(model, given, sessionOptions);
    try {
      const graph = await readModel(source, { signal: options.signal });
      const beside = await readBesideModel(bundle ?? model, options);
      const input = ModelInput.of(session.inputs, graph.metadata, {
        declared: declaredPreprocess(beside, graph.metadata),
        values: graphNormalization(graph, session.inputs[0]?.name ?? ''),
      });
      if (options.batchSize !== undefined && input.batch !== undefined && input.batch !== batchSize) {
        throw new ArgumentError('INVALID_ARGUMENT', {
          message: `Expected batchSize ${input.batch}, which the model was exported with, but received ${batchSize}`,
          hint: 'Leave batchSize out, or export the model with a dynamic batch dimension.',
        });
      }
      const path = model instanceof Uint8Array ? undefined : modelPath('model', model);
      return new TaskModel(session, path, graph, input, beside, input.batch ?? batchSize, ownOptions, engineSource);
    } catch (error) {
      await session.dispose();
      throw error;
    }
  }

  /** What runs the model. */
  get session(): Session {
    return this.#runners.serving.session;
  }

  /** As those of `Session`. */
  get choice(): DeviceChoice {
    return this.#runners.choice;
  }

  get degraded(): Degraded | undefined {
    return this.#runners.degraded;
  }

  get building(): Promise<void> | undefined {
    return this.#runners.building;
  }

  /**
   * To be called once all is known of the model: where it was only looked at so far, what is to run it is opened now, an engine of TensorRT or another session.
   * Throws as `createSession`.
   */
  async settle(preprocess: Preprocess, labels?: readonly string[]): Promise<void> {
    if (this.#engineSource === undefined) return;
    const wanted = { ...this.#engineSource, batchSize: this.#batchSize, preprocess, labels };
    const looked = this.#runners;
    this.#runners = new Failover(await openToRun(wanted, looked.serving), this.path);
    if (!wanted.isServing) await looked.close();
  }

  /** The operator that makes an output, those passed over that hand scores on as they are; undefined where there is none. */
  producer(output: string): string | undefined {
    return this.graphOutputs[output]?.operator ?? undefined;
  }

  /** How the boxes of an output are decoded in the graph, as far as it is plain: see {@link BoxDecoding}. */
  boxDecoding(output: string): BoxDecoding | undefined {
    return (this.graphOutputs[output]?.boxDecoding ?? undefined) as BoxDecoding | undefined;
  }

  /** The options that a task is given; those left out are as its bundle was made with. */
  withBundled<Options extends object>(given: Options): Options {
    return withDefaults<object>(this.#bundled, given) as Options;
  }

  /**
   * The shapes of the outputs for one batch of this preprocessing. Where the model leaves a dimension open, it is run once on zeros
   * to learn it, which also warms it up.
   */
  async outputShapes(preprocess: Preprocess, signal: AbortSignal | undefined): Promise<readonly (readonly number[])[]> {
    const declared = this.session.outputs.map((output) => output.shape);
    const open = declared.some((shape) => shape.some((dim, axis) => axis > 0 && typeof dim !== 'number'));
    if (!open) return declared.map((shape) => shape.map((dim) => (typeof dim === 'number' ? dim : this.#batchSize)));
    const shape = preprocess.shape ?? this.input.probeShape();
    using input = Tensor.allocate(preprocess.options.dtype, [this.#batchSize, ...shape]);
    input.data.fill(0 as never);
    using result = await this.session.runBy('task', { [this.input.name]: input }, { signal });
    return this.session.outputs.map((output) => (result.outputs[output.name] as Tensor).dims);
  }

  /** Names and shapes, for one batch of this preprocessing, of the outputs that hold floating point numbers. */
  async floatOutputs(preprocess: Preprocess, signal: AbortSignal | undefined): Promise<readonly ModelOutput[]> {
    const shapes = await this.outputShapes(preprocess, signal);
    return this.session.outputs.flatMap(({ name, dtype }, i) =>
      dtype === 'float32' || dtype === 'float16' ? [{ name, shape: shapes[i] as readonly number[] }] : [],
    );
  }

  /** Throws DISPOSED. */
  checkOpen(): void {
    if (this.#closing === undefined && (this.degraded !== undefined || !this.session.disposed)) return;
    throw new DisposedError('DISPOSED', {
      message: 'The model was disposed before the call',
      hint: 'Dispose of it after its last use.',
    });
  }

  /** Runs `work` on what serves; where that is lost, again on what stands in for it. `dispose` waits for it. */
  onRunner<T>(work: (runner: TaskRunner) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return this.#inFlight.track(this.#runners.run(work, { signal }));
  }

  /** What serves, unless that is only being opened. */
  get openRunner(): TaskRunner | undefined {
    return this.#runners.open;
  }

  /**
   * Takes pictures through preprocessing, the session and the job's decoding, in the order given. The first failure aborts the others and rejects,
   * with its index in `details`. JPEG bytes and raw frames outside native memory that find a place at once are copied before this returns; all
   * else is read later, and all of it once more where a GPU that 'auto' chose fails: then arrays have to stay as they are until this settles.
   */
  async process<T>(
    images: readonly PictureInput[],
    preprocess: Preprocess,
    job: PictureJob<T>,
    { signal, requestId, parts = false }: ProcessOptions = {},
  ): Promise<T[]> {
    checkPixelLimit(job.pixelLimit);
    checkRequestId(requestId);
    this.checkOpen();
    const stop = new Stop(signal, images.length);
    const started = startedCall(this.path, requestId, images.length);
    const call = { preprocess, job, numbered: images.length > 1 && !parts, stop, started };
    try {
      const pictures = images.map((image) => startReading(image, stop.signal));
      const chunks: Promise<T[]>[] = [];
      const step = this.picturesPerRun(call.preprocess);
      for (let first = 0; first < images.length; first += step) {
        chunks.push(this.#processChunk(pictures.slice(first, first + step), first, call));
      }
      const results = (await this.#inFlight.track(allOrFirstError(chunks, stop))).flat();
      publishCall(started, this.choice.device);
      return results;
    } catch (error) {
      publishCall(started, this.choice.device, error);
      // From here the stack leads to the caller in two steps; from where the error was made, it would end before.
      if (error instanceof FoveateError) Error.captureStackTrace(error);
      throw withRequestId(error, requestId);
    } finally {
      stop.unlink();
    }
  }

  /** How many pictures of one call share a run. Those that keep their own size cannot share a batch. */
  picturesPerRun(preprocess: Preprocess): number {
    return preprocess.shape === undefined ? 1 : this.#batchSize;
  }

  /** Takes no more pictures, waits for those under way, and frees the model. Idempotent. */
  dispose(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#runners.stop();
    await this.#inFlight.idle();
    await this.#runners.close();
  }

  async #processChunk<T>(images: readonly PictureInput[], first: number, call: Call<T>): Promise<T[]> {
    const { signal } = call.stop;
    const waiting = this.#gate.enter(signal);
    if (waiting !== undefined) await waiting;
    try {
      // On another device all of it is done again: that may want its pictures prepared in another way.
      return await this.#runners.run((runner) => this.#runChunk(images, first, call, runner), { signal });
    } finally {
      this.#gate.leave();
    }
  }

  async #runChunk<T>(
    images: readonly PictureInput[],
    first: number,
    { preprocess: wanted, job, numbered, stop, started }: Call<T>,
    { session, feed }: TaskRunner,
  ): Promise<T[]> {
    const { signal } = stop;
    const preprocess = feed(wanted);
    const { shape } = preprocess;
    const ofPicture = async <R>(i: number, work: () => Promise<R>): Promise<R> => {
      try {
        return await work();
      } catch (error) {
        throw numbered ? withIndex(error, first + i) : error;
      }
    };
    let batch: Tensor | undefined;
    try {
      const rows = this.input.batch ?? images.length;
      batch = shape && session.allocateInput(this.input.name, [rows, ...shape]);
      const prepared = await allOrFirstError(
        images.map((image, i) =>
          ofPicture(i, () => preprocess.run(image, { into: batch?.subtensor(i), pixelLimit: job.pixelLimit, signal })),
        ),
        stop,
      );
      const filled = (batch ??= (prepared[0] as PreprocessedPicture).tensor);
      // Places of a fixed batch that are left over are blank.
      if (shape !== undefined && images.length < rows) filled.subtensor(images.length, rows).data.fill(0 as never);
      const tensor = shape === undefined ? filled.reshape([1, ...filled.dims]) : filled;
      const input = { name: this.input.name, tensor, first: 0, rows: shape === undefined ? 1 : rows };
      const { requestId, timings } = started;
      using run = await PictureRun.of(session, 'task', input, { outputs: job.outputs, signal, requestId });
      return await allOrFirstError(
        prepared.map((picture, i) => {
          const timed = timings && ((timing: Timing) => void (timings[first + i] = timing));
          return ofPicture(i, () => run.decode(job, i, picture, signal, timed));
        }),
        stop,
      );
    } finally {
      batch?.dispose();
    }
  }
}

function graphOutput(graph: OnnxModel, name: string): BundledTask['outputs'][string] {
  return { operator: producerOf(graph, name) ?? null, boxDecoding: boxDecoding(graph, name) ?? null };
}

/** The same error, telling which picture of several it is about. An abort is about none. */
export function withIndex(error: unknown, index: number): unknown {
  if (!(error instanceof FoveateError) || error instanceof AbortedError) return error;
  return createError(error.code, {
    message: `Picture ${index}: ${error.message}`,
    hint: error.hint,
    details: { ...error.details, index },
    cause: error,
  });
}
