import { native } from '../binding/index.js';
import {
  ArgumentError,
  checkInteger,
  checkOptions,
  checkSignal,
  DisposedError,
  FoveateError,
  invalidArgument,
  ModelError,
} from '../errors/index.js';
import { readModel, type OnnxModel } from '../graph/index.js';
import { startReading, type PictureInput, type Placement, type Preprocess, type PreprocessedPicture } from '../image/index.js';
import type { LabelsOption } from '../labels/index.js';
import type { Timing } from '../results/index.js';
import { createSession, sessionOptionNames, type ModelSource, type Session, type SessionOptions } from '../session/index.js';
import { InFlight } from '../session/in-flight.js';
import { Tensor } from '../tensor/index.js';
import { passThrough } from './activation.js';
import { Gate } from './gate.js';
import { ModelInput, type PreprocessChoice } from './model-input.js';

/** Options that every task takes besides those of its session. */
export interface TaskOptions extends SessionOptions {
  /** A preset, options that change the recognised preprocessing, or a whole {@link Preprocess}. Default: as recognised from the model. */
  readonly preprocess?: PreprocessChoice | undefined;
  /** Class names: an array, a record by id, or a file. Default: the model's own `names`, else a built-in list that fits. */
  readonly labels?: LabelsOption | undefined;
  /** Pictures per run, where the model's batch dimension is free. Default 1: on a CPU a larger batch is not faster per picture. */
  readonly batchSize?: number | undefined;
}

export const taskOptionNames = [...sessionOptionNames, 'preprocess', 'labels', 'batchSize'] as const;

/** Options of one call. */
export interface TaskRunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Pictures with more pixels are refused. Default 64 million. */
  readonly pixelLimit?: number | undefined;
}

/** One picture's part of the outputs, without the batch dimension, and where the picture lay in the input. */
interface PictureOutputs {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly placement: Placement;
}

/** What a task makes of {@link PictureOutputs}, before the timing is known. */
type Decode<T> = (picture: PictureOutputs, timing: (postprocessMs: number) => Timing) => Promise<T>;

/** A session, what is known about its model, and the way of a picture through it: what all tasks have in common. */
export class TaskModel {
  readonly session: Session;
  readonly metadata: ReadonlyMap<string, string>;
  readonly input: ModelInput;
  readonly #producers: ReadonlyMap<string, string | undefined>;
  readonly #batchSize: number;
  readonly #gate: Gate;
  readonly #inFlight = new InFlight();
  #closing: Promise<void> | undefined;

  private constructor(session: Session, graph: OnnxModel, input: ModelInput, batchSize: number) {
    this.session = session;
    this.metadata = graph.metadata;
    // Worked out now, so that the graph, whose weights are views of the whole file, can go.
    this.#producers = new Map(session.outputs.map(({ name }) => [name, producerOf(graph, name)]));
    this.input = input;
    this.#batchSize = batchSize;
    // Enough to keep every lane and every core busy, few enough to bound the memory of slots.
    this.#gate = new Gate(session.lanes + native().visionLanes());
  }

  /** Opens the model and finds its picture input. Throws as `createSession` does, and MODEL_UNSUPPORTED where there is no such input. */
  static async open(model: ModelSource, options: TaskOptions, ownOptions: readonly string[]): Promise<TaskModel> {
    checkOptions('options', options, [...taskOptionNames, ...ownOptions]);
    const batchSize = checkInteger('batchSize', options.batchSize ?? 1, 1, 1024);
    const sessionOptions = Object.fromEntries(
      Object.entries(options).filter(([name]) => (sessionOptionNames as readonly string[]).includes(name)),
    );
    const session = await createSession(model, sessionOptions);
    try {
      const graph = await readModel(model, { signal: options.signal });
      const input = ModelInput.of(session.inputs, graph.metadata);
      if (options.batchSize !== undefined && input.batch !== undefined && input.batch !== batchSize) {
        throw new ArgumentError('INVALID_ARGUMENT', {
          message: `Expected batchSize ${input.batch}, which the model was exported with, but received ${batchSize}`,
          hint: 'Leave batchSize out, or export the model with a dynamic batch dimension.',
        });
      }
      return new TaskModel(session, graph, input, input.batch ?? batchSize);
    } catch (error) {
      await session.dispose();
      throw error;
    }
  }

  /** The operator that makes an output, those passed over that hand scores on as they are; undefined where there is none. */
  producer(output: string): string | undefined {
    return this.#producers.get(output);
  }

  /**
   * The shapes of the outputs for one batch of this preprocessing. Where the model leaves a dimension open, it is run once on zeros
   * to learn it, which also warms it up.
   */
  async outputShapes(preprocess: Preprocess, signal: AbortSignal | undefined): Promise<readonly (readonly number[])[]> {
    const declared = this.session.outputs.map((output) => output.shape);
    const open = declared.some((shape) => shape.some((dim, axis) => axis > 0 && typeof dim !== 'number'));
    if (!open) return declared.map((shape) => shape.map((dim) => (typeof dim === 'number' ? dim : this.#batchSize)));
    const shape = preprocess.shape ?? this.input.smallestShape();
    using input = Tensor.allocate(preprocess.options.dtype, [this.#batchSize, ...shape]);
    input.data.fill(0 as never);
    using result = await this.session.run({ [this.input.name]: input }, { signal });
    return this.session.outputs.map((output) => (result.outputs[output.name] as Tensor).dims);
  }

  /** Takes pictures through preprocessing, the session and `decode`, in the order given. The first failure rejects, with its index in `details`. */
  async process<T>(
    images: readonly PictureInput[],
    preprocess: Preprocess,
    outputs: readonly string[],
    options: TaskRunOptions,
    decode: Decode<T>,
  ): Promise<T[]> {
    checkSignal(options.signal);
    if (this.#closing !== undefined || this.session.disposed) {
      throw new DisposedError('DISPOSED', {
        message: 'The model was disposed before the call',
        hint: 'Dispose of it after its last use.',
      });
    }
    const chunks: Promise<T[]>[] = [];
    // Pictures that keep their own size cannot share a batch.
    const step = preprocess.shape === undefined ? 1 : this.#batchSize;
    const pictures = images.map((image) => startReading(image, options.signal));
    for (let first = 0; first < images.length; first += step) {
      const chunk = pictures.slice(first, first + step);
      chunks.push(this.#processChunk(chunk, first, images.length, preprocess, outputs, options, decode));
    }
    return (await this.#inFlight.track(allOrFirstError(chunks))).flat();
  }

  /** Takes no more pictures, waits for those under way, and frees the model. Idempotent. */
  dispose(): Promise<void> {
    return (this.#closing ??= this.#inFlight.idle().then(() => this.session.dispose()));
  }

  async #processChunk<T>(
    images: readonly (PictureInput | Promise<PictureInput>)[],
    first: number,
    total: number,
    preprocess: Preprocess,
    outputs: readonly string[],
    { signal, pixelLimit }: TaskRunOptions,
    decode: Decode<T>,
  ): Promise<T[]> {
    const leave = await this.#gate.enter(signal);
    const { shape, options } = preprocess;
    let batch: Tensor | undefined;
    try {
      const rows = this.input.batch ?? images.length;
      batch = shape && Tensor.allocate(options.dtype, [rows, ...shape]);
      const prepared = await allOrFirstError(
        images.map(async (image, i) => {
          try {
            return await preprocess.run(await image, { into: batch?.subtensor(i), pixelLimit, signal });
          } catch (error) {
            throw total === 1 ? error : withIndex(error, first + i);
          }
        }),
      );
      const filled = (batch ??= (prepared[0] as PreprocessedPicture).tensor);
      // Places of a fixed batch that are left over are blank.
      if (shape !== undefined && images.length < rows) filled.subtensor(images.length, rows).data.fill(0 as never);
      const input = shape === undefined ? filled.reshape([1, ...filled.dims]) : filled;
      using result = await this.session.run({ [this.input.name]: input }, { outputs, signal });
      return await allOrFirstError(
        prepared.map((picture, i) => {
          const parts = Object.entries(result.outputs).map(([name, tensor]) => [name, part(tensor, i)] as const);
          const timing = (postprocessMs: number): Timing => ({
            decodeMs: picture.decodeMs,
            preprocessMs: picture.preprocessMs,
            queueMs: result.queueMs,
            computeMs: result.computeMs,
            postprocessMs,
            copiedBytes: picture.copiedBytes + result.copiedBytes,
          });
          return decode({ outputs: Object.fromEntries(parts), placement: picture.placement }, timing);
        }),
      );
    } finally {
      batch?.dispose();
      leave();
    }
  }
}

function producerOf(graph: OnnxModel, output: string): string | undefined {
  let name = output;
  for (;;) {
    const node = graph.nodes.find((candidate) => candidate.outputs.includes(name));
    if (node === undefined || !passThrough.includes(node.opType)) return node?.opType;
    name = node.inputs[0] ?? '';
  }
}

function part(tensor: Tensor, index: number): Tensor {
  return tensor.subtensor(index).reshape(tensor.dims.slice(1));
}

/** Waits for all, so that nothing is still at work in memory about to be given back, then throws the first error there was. */
async function allOrFirstError<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  const failed = settled.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return settled.map((outcome) => (outcome as PromiseFulfilledResult<T>).value);
}

/** The same error, telling which picture of several it is about. */
function withIndex(error: unknown, index: number): unknown {
  if (!(error instanceof FoveateError)) return error;
  const Type = error.constructor as typeof FoveateError;
  return new Type(error.code, {
    message: `Picture ${index}: ${error.message}`,
    hint: error.hint,
    details: { ...error.details, index },
    cause: error,
  });
}

/** The one output that a task reads: `name`, or the only one of that rank. Throws MODEL_UNSUPPORTED. */
export function soleOutput(
  session: Session,
  shapes: readonly (readonly number[])[],
  rank: number,
  what: string,
): { name: string; shape: readonly number[] } {
  const found = session.outputs
    .map((output, i) => ({ name: output.name, dtype: output.dtype, shape: shapes[i] as readonly number[] }))
    .filter(({ dtype, shape }) => (dtype === 'float32' || dtype === 'float16') && shape.length === rank);
  const [output] = found;
  if (output === undefined || found.length !== 1) {
    const received = session.outputs.map(({ name, dtype }, i) => `${name}: ${dtype} [${shapes[i]?.join(', ')}]`).join('; ');
    throw new ModelError(found.length > 1 ? 'MODEL_AMBIGUOUS' : 'MODEL_UNSUPPORTED', {
      message: `Expected ${what} but the model's outputs are ${received}`,
      hint: 'createSession() gives the raw outputs of any model.',
    });
  }
  return output;
}

/** Checks what a task is called with: one picture or several. */
export function pictureList(images: PictureInput | readonly PictureInput[]): readonly PictureInput[] {
  if (Array.isArray(images)) return images as readonly PictureInput[];
  if (images === undefined || images === null) throw invalidArgument('image', 'a picture or an array of pictures', images);
  return [images as PictureInput];
}
