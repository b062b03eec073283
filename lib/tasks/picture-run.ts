/** A run of a task's model on prepared pictures, and each picture's part of its outputs. */
import type { LeaseHandle, NativeLeased } from '../binding/index.js';
import { EngineError } from '../errors/index.js';
import type { RunBy } from '../events/index.js';
import type { Placement, PreprocessedPicture } from '../image/index.js';
import type { Timing } from '../results/index.js';
import type { RunOptions, RunResult, Session } from '../session/index.js';
import type { Tensor } from '../tensor/index.js';

/** One picture's part of the outputs, and what is needed to decode them. */
export interface PictureOutputs {
  /** As the addon takes them, without the batch dimension, in the order asked for. */
  readonly raw: readonly [NativeLeased, ...NativeLeased[]];
  /** Of the first. */
  readonly dims: readonly number[];
  /** Where the picture lay in the input. */
  readonly placement: Placement;
  /** Aborted where the caller aborts, or another picture of the call has failed. */
  readonly signal: AbortSignal | undefined;
  /** The whole timing, once postprocessing is done. */
  readonly timing: (postprocessMs: number) => Timing;
}

/** What is done with each picture of a call. */
export interface PictureJob<T> {
  /** Pictures with more pixels are refused. */
  readonly pixelLimit: number | undefined;
  /** Names of the outputs that are decoded. */
  readonly outputs: readonly string[];
  readonly decode: (picture: PictureOutputs) => Promise<T>;
}

/** The outputs of a run of several pictures. */
export class PictureRun implements Disposable {
  readonly result: RunResult;
  readonly #names: readonly string[];
  readonly #tensors: readonly Tensor[];
  readonly #first: number;
  readonly #rows: number;

  private constructor(result: RunResult, names: readonly string[], first: number, rows: number) {
    this.result = result;
    this.#names = names;
    this.#tensors = names.map((name) => result.outputs[name] as Tensor);
    this.#first = first;
    this.#rows = rows;
  }

  /** `input` has the pictures from place `first` on; `requestIds` as for `Session.runBy`. Throws as `Session.run`. */
  static async of(
    session: Session,
    by: RunBy,
    input: { readonly name: string; readonly tensor: Tensor; readonly first: number; readonly rows: number },
    options: Pick<RunOptions, 'signal' | 'requestId'> & { readonly outputs: readonly string[] },
    requestIds?: readonly string[],
  ): Promise<PictureRun> {
    const result = await session.runBy(by, { [input.name]: input.tensor }, options, requestIds);
    return new PictureRun(result, options.outputs, input.first, input.rows);
  }

  /**
   * What becomes of the picture at one place; `timed` is told how long it took. Throws what decoding does, with the names of the outputs where they cannot be used.
   */
  async decode<T>(
    { decode }: PictureJob<T>,
    place: number,
    picture: PreprocessedPicture,
    signal: AbortSignal | undefined,
    timed?: (timing: Timing) => void,
  ): Promise<T> {
    const { queueMs, computeMs, uploadMs, downloadMs, copiedBytes } = this.result;
    const raw = this.#tensors.map((tensor) => {
      const { data, leaseHandle } = this.#partOf(tensor, place - this.#first);
      return { data, lease: leaseHandle as LeaseHandle };
    }) as unknown as PictureOutputs['raw'];
    const timing = (postprocessMs: number): Timing => {
      const times = {
        decodeMs: picture.decodeMs,
        preprocessMs: picture.preprocessMs,
        queueMs,
        computeMs,
        transferMs: uploadMs + downloadMs,
        postprocessMs,
        copiedBytes: picture.copiedBytes + copiedBytes,
      };
      timed?.(times);
      return times;
    };
    const dims = (this.#tensors[0] as Tensor).dims.slice(1);
    try {
      return await decode({ raw, dims, placement: picture.placement, signal, timing });
    } catch (error) {
      throw ofOutputs(this.#names, error);
    }
  }

  /** One picture's part of an output. Some exporters fold a batch of one into the next dimension: then the whole is the picture's. */
  #partOf(output: Tensor, row: number): Tensor {
    return this.#rows === 1 && output.dims[0] !== 1 ? output : output.subtensor(row);
  }

  [Symbol.dispose](): void {
    this.result.dispose();
  }
}

/** The decoders fail with ENGINE_FAILED where no number is finite; the message is to name the output. */
function ofOutputs(names: readonly string[], error: unknown): unknown {
  if (!(error instanceof EngineError && error.code === 'ENGINE_FAILED')) return error;
  return new EngineError(error.code, {
    message: `${names.length === 1 ? 'Output' : 'The outputs'} ${names.map((name) => JSON.stringify(name)).join(', ')} cannot be used: ${error.message}`,
    hint: error.hint,
    details: names.length === 1 ? { output: names[0] } : { outputs: names },
  });
}
