/** Runs both models, and compares values of them. */
import { aborted } from '../../binding/index.js';
import { EngineError, ModelError } from '../../errors/index.js';
import type { Session, TensorInfo } from '../../session/index.js';
import { dtypeBytes, type Tensor } from '../../tensor/index.js';
import type { ComparedInputs } from './compared-inputs.js';
import { DifferenceSum, type ValueDifference } from './value-difference.js';

/** The names of a value in both models. */
export interface NamedPair {
  readonly a: string;
  readonly b: string;
}

/** What became of a pair: its difference, or why there is none. */
export type WalkOutcome =
  | { readonly difference: ValueDifference }
  | { readonly problem: 'shape'; readonly message: string }
  | { readonly problem: 'type' }
  | { readonly problem: 'failed'; readonly message: string };

/** Opens sessions whose outputs are the values named. */
export interface ValueSource {
  open(values: readonly string[]): Promise<Session>;
  /** Type and sizes of values for inputs of these sizes, without a run. */
  describe(values: readonly string[], sizes: ReadonlyMap<string, readonly number[]>): Promise<readonly TensorInfo[]>;
}

export interface WalkOptions {
  readonly a: ValueSource;
  readonly b: ValueSource;
  readonly inputs: ComparedInputs;
  /** Bytes of values, of both models together, that are held at once. */
  readonly memoryLimit: number;
  /** Whether values of other types, such as the shapes that a graph computes, are left out. */
  readonly floatsOnly: boolean;
  readonly signal: AbortSignal | undefined;
  /** Told how many runs of both models there will be, as far as is known. */
  readonly onPlanned: (runs: number) => void;
  readonly onRun: () => void;
}

const floats: readonly string[] = ['float32', 'float16', 'float64', 'bfloat16'];

/**
 * Compares values on all inputs, in groups of as many as fit the limit: the models are opened once for each group, with these values as outputs, and no value
 * outlives its picture. A value that a model cannot give is left out, and the others of its group are tried without it.
 */
export class ValueWalk {
  readonly #options: WalkOptions;
  readonly #outcomes = new Map<NamedPair, WalkOutcome>();

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  /** In the order of `pairs`. */
  async run(pairs: readonly NamedPair[]): Promise<readonly WalkOutcome[]> {
    const groups = await this.#groups(pairs);
    this.#options.onPlanned(groups.length * this.#options.inputs.count);
    for (const group of groups) await this.#tryGroup(group);
    return pairs.map((pair) => this.#outcomes.get(pair) as WalkOutcome);
  }

  async #groups(pairs: readonly NamedPair[]): Promise<NamedPair[][]> {
    const { a, b, inputs, memoryLimit, floatsOnly, signal } = this.#options;
    using first = await inputs.load(0, signal);
    const describe = async (source: ValueSource, side: 'a' | 'b'): Promise<Map<string, Described>> => {
      const sizes = new Map(Object.entries(first[side]).map(([name, tensor]) => [name, tensor.dims]));
      return this.#describe(source, [...new Set(pairs.map((pair) => pair[side]))], sizes);
    };
    const infos = { a: await describe(a, 'a'), b: await describe(b, 'b') };
    const known: { pair: NamedPair; bytes: number | undefined }[] = [];
    for (const pair of pairs) {
      const [one, other] = [infos.a.get(pair.a) as Described, infos.b.get(pair.b) as Described];
      if ('message' in one || 'message' in other) {
        const { message } = ('message' in one ? one : other) as { message: string };
        this.#outcomes.set(pair, { problem: 'failed', message });
      } else if (floatsOnly && !(floats.includes(one.dtype) && floats.includes(other.dtype))) {
        this.#outcomes.set(pair, { problem: 'type' });
      } else {
        const [mine, theirs] = [bytesOf(one), bytesOf(other)];
        known.push({ pair, bytes: mine === undefined || theirs === undefined ? undefined : mine + theirs });
      }
    }
    // What is not known until it is there is taken for as large as the largest.
    const largest = Math.max(0, ...known.map(({ bytes }) => bytes ?? 0));
    const groups: NamedPair[][] = [];
    let held = Infinity;
    for (const { pair, bytes = largest } of known) {
      if (held + bytes > memoryLimit) {
        groups.push([]);
        held = 0;
      }
      held += bytes;
      (groups.at(-1) as NamedPair[]).push(pair);
    }
    return groups;
  }

  /** A value that the engine refuses as an output is found by halving the list. */
  async #describe(
    source: ValueSource,
    names: readonly string[],
    sizes: ReadonlyMap<string, readonly number[]>,
  ): Promise<Map<string, Described>> {
    if (names.length === 0) return new Map();
    try {
      const infos = await source.describe(names, sizes);
      return new Map(infos.map((info) => [info.name, info]));
    } catch (error) {
      const message = this.#messageOf(error);
      if (names.length === 1) return new Map([[names[0] as string, { message }]]);
      const halves = halved(names);
      return new Map([...(await this.#describe(source, halves[0], sizes)), ...(await this.#describe(source, halves[1], sizes))]);
    }
  }

  async #tryGroup(group: readonly NamedPair[]): Promise<void> {
    try {
      const isTooLarge = await this.#compareGroup(group);
      if (!isTooLarge) return;
    } catch (error) {
      const message = this.#messageOf(error);
      if (group.length === 1) {
        this.#outcomes.set(group[0] as NamedPair, { problem: 'failed', message });
        return;
      }
    }
    const halves = halved(group);
    this.#options.onPlanned(this.#options.inputs.count);
    await this.#tryGroup(halves[0]);
    await this.#tryGroup(halves[1]);
  }

  /** Whether the values turned out to be too large to be held at once: then nothing is kept. */
  async #compareGroup(group: readonly NamedPair[]): Promise<boolean> {
    const { a, b, inputs, memoryLimit, signal, onRun } = this.#options;
    const names = { a: [...new Set(group.map((pair) => pair.a))], b: [...new Set(group.map((pair) => pair.b))] };
    await using first = await a.open(names.a);
    await using second = await b.open(names.b);
    const sums = new Map(group.map((pair) => [pair, new DifferenceSum()]));
    const shapes = new Map<NamedPair, string>();
    for (let i = 0; i < inputs.count; i++) {
      if (signal?.aborted) throw aborted(signal);
      using given = await inputs.load(i, signal);
      using mine = await first.run(given.a, { outputs: names.a, signal });
      using theirs = await second.run(given.b, { outputs: names.b, signal });
      const held = [mine, theirs].flatMap(({ outputs }) => Object.values(outputs).map(({ byteLength }) => byteLength));
      if (i === 0 && group.length > 1 && held.reduce((sum, bytes) => sum + bytes, 0) > memoryLimit) return true;
      for (const [pair, sum] of sums) {
        if (shapes.has(pair)) continue;
        const [one, other] = [mine.outputs[pair.a] as Tensor, theirs.outputs[pair.b] as Tensor];
        const aligned = this.#aligned(one, other);
        if (aligned === undefined) shapes.set(pair, `[${one.dims.join(', ')}] in A, [${other.dims.join(', ')}] in B`);
        else await sum.add(...aligned, signal);
      }
      onRun();
    }
    for (const [pair, sum] of sums) {
      const message = shapes.get(pair);
      const { difference } = sum;
      if (message !== undefined) this.#outcomes.set(pair, { problem: 'shape', message });
      else if (difference === undefined) this.#outcomes.set(pair, { problem: 'shape', message: 'it has no elements' });
      else this.#outcomes.set(pair, { difference });
    }
    return false;
  }

  /** The parts of two tensors that stand for the same; undefined where their shapes differ in more than the batch, which repeats one picture. */
  #aligned(a: Tensor, b: Tensor): readonly [Tensor, Tensor] | undefined {
    if (a.dims.length !== b.dims.length) return undefined;
    const isSame = (axis: number): boolean => a.dims[axis] === b.dims[axis];
    if (!a.dims.every((_, axis) => axis === 0 || isSame(axis))) return undefined;
    if (a.dims.length === 0 || isSame(0)) return [a, b];
    const { batch } = this.#options.inputs;
    return a.dims[0] === batch.a && b.dims[0] === batch.b ? [a.subtensor(0), b.subtensor(0)] : undefined;
  }

  /** What an engine says of a model that it cannot open or run; anything else is thrown. */
  #messageOf(error: unknown): string {
    if (!(error instanceof ModelError || error instanceof EngineError) || this.#options.signal?.aborted === true) throw error;
    return error.message;
  }
}

/** What is known of a value before it is run, or why it cannot be had. */
type Described = TensorInfo | { readonly message: string };

function bytesOf({ shape, dtype }: TensorInfo): number | undefined {
  const sizes = shape.filter((size) => typeof size === 'number');
  if (sizes.length < shape.length) return undefined;
  return sizes.reduce((product, size) => product * size, dtypeBytes(dtype));
}

function halved<T>(list: readonly T[]): readonly [readonly T[], readonly T[]] {
  const middle = Math.ceil(list.length / 2);
  return [list.slice(0, middle), list.slice(middle)];
}
