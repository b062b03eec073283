import { ArgumentError, invalidArgument, ModelError } from '../errors/index.js';
import type { RunResult, Session, TensorInfo } from '../session/index.js';
import { Tensor, type DType } from '../tensor/index.js';
import { oneIsToBlame, requestIdsOf, type Batchable, type BatchRun, type Seat } from './batchable.js';

type Tensors = Readonly<Record<string, Tensor>>;

/** The outputs of one request. */
export interface SessionResult<Outputs = Tensors> extends Disposable {
  /** By name, as from `Session.run`; of a batch, views of its outputs: `[n, ...]` for a request of n samples. */
  readonly outputs: Outputs;
  /** Says that the outputs are read no more. The memory of a batch is given back when all of its requests have. Idempotent. */
  dispose(): void;
}

/** The inputs of a batch. */
interface SessionArena {
  /** By name, with room for the whole batch; undefined for a batch of one. */
  readonly inputs: Tensors | undefined;
  /** The one request that has had a seat, while it is the only one: it is passed on as it is. */
  alone: Seat<Tensors> | undefined;
  seats: number;
  /** One whose tensors were gone when they were to be copied, and why: its run fails. */
  unread: { readonly seat: Seat<Tensors>; readonly error: unknown } | undefined;
  /** Of its runs. */
  readonly outputs: SharedOutputs[];
}

/** The outputs of a run, which live as long as somebody has a part of them. */
class SharedOutputs {
  readonly #result: RunResult;
  /** The place in the arena of their first row. */
  readonly #first: number;
  /** undefined where they are one request's as a whole. */
  readonly #rows: number | undefined;
  #users = 1;

  constructor(result: RunResult, first: number, rows: number | undefined) {
    this.#result = result;
    this.#first = first;
    this.#rows = rows;
  }

  part(place: number, samples: number): SessionResult {
    const { outputs } = this.#result;
    const start = place - this.#first;
    const isWhole = this.#rows === undefined || this.#rows === samples;
    const part = isWhole
      ? outputs
      : Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.subtensor(start, start + samples)]));
    this.#users++;
    let isHeld = true;
    const dispose = (): void => {
      if (isHeld) this.release();
      isHeld = false;
    };
    return { outputs: part, dispose, [Symbol.dispose]: dispose };
  }

  /** To be called once for itself, and once for each part. */
  release(): void {
    if (--this.#users === 0) this.#result.dispose();
  }
}

/**
 * Tensors in and out: the first dimension is the batch. Inputs are copied into the arena next to each other while an earlier batch runs, unless a request is alone in its batch. Outputs are
 * views of those of the batch.
 */
export class SessionBatchable implements Batchable<Tensors, SessionResult, SessionArena, SharedOutputs> {
  readonly name: string | undefined;
  readonly lanes: number;
  /** Whether the model tells that samples can be put side by side: an input or output without a batch cannot, nor one whose batch is fixed. */
  readonly #hasBatch: boolean;
  readonly #session: Session;
  readonly #names: readonly string[];
  /** Whether an output turned out not to have a row for each sample: then no requests share a batch any more. */
  #isUnsplittable = false;
  #requests = 0;

  constructor(session: Session) {
    this.#session = session;
    this.name = session.modelPath;
    this.lanes = session.lanes;
    this.#names = session.inputs.map(({ name }) => name);
    this.#hasBatch = [...session.inputs, ...session.outputs].every(hasFreeRows);
  }

  get mostSamples(): number {
    return this.#hasBatch ? this.#session.mostRows : 1;
  }

  samples(inputs: Tensors): number {
    this.#session.checkInputs(inputs);
    for (const name of this.#names) {
      const tensor = inputs[name];
      if (tensor instanceof Tensor)
        void tensor.data; // throws where it was disposed of
      else
        throw invalidArgument(
          `input ${JSON.stringify(name)}`,
          'a Tensor',
          inputs[name],
          'Batches are put together from host memory: await tensor.toHost().',
        );
    }
    if (!this.#hasBatch) return 1;
    const counts = this.#names.map((name) => (inputs[name] as Tensor).dims[0] as number);
    const samples = counts[0] as number;
    if (counts.every((count) => count === samples)) return samples;
    throw new ArgumentError('TENSOR_SHAPE', {
      message: `Expected as many samples in each input but received ${this.#names.map((name, i) => `${counts[i]} in ${JSON.stringify(name)}`).join(', ')}`,
      hint: 'The first dimension of each input is the batch.',
      details: { names: this.#names, samples: counts },
    });
  }

  group(inputs: Tensors): string {
    const shapes = this.#names.map((name) => (inputs[name] as Tensor).dims.slice(1).join('x')).join(' ');
    // What batches cost on one device says nothing of another that takes over.
    const group = `${this.#session.device} ${shapes}`;
    return this.#isUnsplittable ? `${group}#${this.#requests++}` : group;
  }

  slice(inputs: Tensors, start: number, end: number): Tensors {
    return Object.fromEntries(this.#names.map((name) => [name, (inputs[name] as Tensor).subtensor(start, end)]));
  }

  join(results: readonly SessionResult[]): SessionResult {
    const outputs: Record<string, Tensor> = {};
    const dispose = (): void => {
      for (const tensor of Object.values(outputs)) tensor.dispose();
    };
    try {
      for (const { name } of this.#session.outputs)
        outputs[name] = concatenated(results.map((result) => result.outputs[name] as Tensor));
    } catch (error) {
      dispose();
      throw error;
    }
    for (const result of results) result.dispose();
    return { outputs, dispose, [Symbol.dispose]: dispose };
  }

  open(group: string, samples: number): SessionArena {
    const inputs = samples === 1 ? undefined : this.#allocate(group, samples);
    return { inputs, alone: undefined, seats: 0, unread: undefined, outputs: [] };
  }

  #allocate(group: string, samples: number): Tensors {
    const shapes = (group.split('#')[0] as string)
      .split(' ')
      .slice(1)
      .map((shape) => (shape === '' ? [] : shape.split('x').map(Number)));
    const inputs: Record<string, Tensor> = {};
    try {
      this.#names.forEach((name, i) => {
        inputs[name] = this.#session.allocateInput(name, [samples, ...(shapes[i] as readonly number[])]);
      });
    } catch (error) {
      for (const tensor of Object.values(inputs)) tensor.dispose();
      throw error;
    }
    return inputs;
  }

  prepare(arena: SessionArena, seat: Seat<Tensors>): void {
    arena.seats++;
    if (arena.seats === 1) {
      arena.alone = seat;
      return;
    }
    const first = arena.alone;
    arena.alone = undefined;
    try {
      if (first !== undefined) copyInto(arena.inputs as Tensors, first);
    } catch (error) {
      // Not the fault of this one, for which it is copied only now.
      arena.unread = { seat: first as Seat<Tensors>, error };
    }
    copyInto(arena.inputs as Tensors, seat);
  }

  async run(
    arena: SessionArena,
    seats: readonly Seat<Tensors>[],
    signal: AbortSignal | undefined,
  ): Promise<BatchRun<SharedOutputs>> {
    const { place: first } = seats[0] as Seat<Tensors>;
    const { place, samples } = seats.at(-1) as Seat<Tensors>;
    const rows = place + samples - first;
    const { unread } = arena;
    if (unread !== undefined && seats.includes(unread.seat)) {
      if (seats.length === 1) throw unread.error;
      throw oneIsToBlame(unread.error);
    }
    const inputs = arena.alone?.item ?? rowsOf(arena.inputs as Tensors, first, seats);
    const result = await this.#session.runBy('batcher', inputs, { signal }, requestIdsOf(seats));
    const uneven = Object.entries(result.outputs).find(([, { dims }]) => dims[0] !== rows);
    if (seats.length > 1 && uneven !== undefined) {
      result.dispose();
      this.#isUnsplittable = true;
      throw new ModelError('MODEL_UNSUPPORTED', {
        message: `Expected ${rows} rows in output ${JSON.stringify(uneven[0])}, one for each sample, but received [${uneven[1].dims.join(', ')}]`,
        hint: 'The results of a batch cannot be told apart: run the model without a batcher, or export it so that the first dimension of each output is the batch.',
        details: { output: uneven[0], expected: rows, received: uneven[1].dims },
      });
    }
    const output = new SharedOutputs(result, first, uneven === undefined ? rows : undefined);
    arena.outputs.push(output);
    return { output, queueMs: result.queueMs, computeMs: result.computeMs, device: result.device };
  }

  finish(_arena: SessionArena, output: SharedOutputs, { place, samples }: Seat<Tensors>): SessionResult {
    return output.part(place, samples);
  }

  discard(result: SessionResult): void {
    result.dispose();
  }

  close(arena: SessionArena): void {
    for (const tensor of Object.values(arena.inputs ?? {})) tensor.dispose();
    for (const output of arena.outputs) output.release();
  }
}

/** Whether its first dimension is a batch of any size. */
function hasFreeRows({ shape }: TensorInfo): boolean {
  return shape.length > 0 && typeof shape[0] !== 'number';
}

function copyInto(inputs: Tensors, { item, place, samples }: Seat<Tensors>): void {
  for (const [name, tensor] of Object.entries(inputs)) {
    tensor.subtensor(place, place + samples).data.set((item[name] as Tensor).data as never);
  }
}

/** The rows of these seats, and blank ones where a request between them has left. */
function rowsOf(inputs: Tensors, first: number, seats: readonly Seat<Tensors>[]): Tensors {
  let end = first;
  for (const { place, samples } of seats) {
    if (place > end) for (const tensor of Object.values(inputs)) blank(tensor.subtensor(end, place));
    end = place + samples;
  }
  return Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, tensor.subtensor(first, end)]));
}

function blank({ data }: Tensor): void {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.fill(0n);
  else (data as Float32Array).fill(0);
}

/** One after the other along the first dimension, copied. */
function concatenated(tensors: readonly Tensor[]): Tensor {
  const [{ dtype, dims }] = tensors as [Tensor];
  const whole = Tensor.allocate<DType>(dtype, [
    tensors.reduce((sum, tensor) => sum + (tensor.dims[0] as number), 0),
    ...dims.slice(1),
  ]);
  let at = 0;
  for (const { data } of tensors) {
    whole.data.set(data as never, at);
    at += data.length;
  }
  return whole;
}
