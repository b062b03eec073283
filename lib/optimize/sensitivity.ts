import { availableParallelism } from 'node:os';

import { encodeModel, type ModelProto } from '../graph/index.js';
import { compareTensors, switchedModel, tappedModel, type ChannelGroup, type Trial } from '../precision/index.js';
import { createSession, type Session } from '../session/index.js';
import { Tensor } from '../tensor/index.js';
import { settleAll } from './settle-all.js';

/** So many runs are made at the same time at most: those of two samples. */
const mostLanes = 2;

/** Quantises trials, all else in float, and tells what that does to the outputs. One session makes all runs. */
export class Sensitivity implements AsyncDisposable {
  readonly #session: Session;
  readonly #selector: string;
  readonly #trials: number;
  readonly #groups: readonly ChannelGroup[];
  readonly #samples: readonly Tensor[];
  readonly #signal: AbortSignal | undefined;
  /** Outputs of the model as it is, for each sample, and the sums of their squares in each group. */
  readonly #references = new Map<Tensor, Outputs>();
  readonly #power: number[];

  private constructor(
    session: Session,
    selector: string,
    trials: number,
    groups: readonly ChannelGroup[],
    samples: readonly Tensor[],
    signal: AbortSignal | undefined,
  ) {
    this.#session = session;
    this.#selector = selector;
    this.#trials = trials;
    this.#groups = groups;
    this.#samples = samples;
    this.#signal = signal;
    this.#power = groups.map(() => 0);
  }

  /** `samples` are inputs of the model; noise and signal of several are added up. Rejects as `createSession`, ENGINE_FAILED, ABORTED. */
  static async of(
    model: ModelProto,
    trials: readonly Trial[],
    groups: readonly ChannelGroup[],
    samples: readonly Tensor[],
    signal: AbortSignal | undefined,
  ): Promise<Sensitivity> {
    const { model: switched, selector } = switchedModel(model, trials);
    const cores = availableParallelism();
    const lanes = Math.min(mostLanes, cores);
    const threads = Math.max(1, Math.floor(cores / lanes));
    // Groups may be of values that outputs are chosen from.
    const tapped = tappedModel(switched, [...new Set(groups.map(({ output }) => output))]);
    const session = await createSession(encodeModel(tapped), { device: 'cpu', lanes, threads, memoryPattern: false, signal });
    const sensitivity = new Sensitivity(session, selector, trials.length, groups, samples, signal);
    try {
      await sensitivity.#measureReferences();
      return sensitivity;
    } catch (error) {
      await sensitivity[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The noise that each set of trials makes, in each group of channels, over the signal there. */
  async measure(sets: readonly (readonly number[])[]): Promise<number[][]> {
    const noises = await settleAll(sets.map((set) => this.#noiseOf(set)));
    return noises.map((noise) => noise.map((own, group) => ratio(own, this.#power[group] as number)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const reference of this.#references.values()) reference.dispose();
    await this.#session.dispose();
  }

  async #measureReferences(): Promise<void> {
    await settleAll(this.#samples.map(async (sample) => this.#references.set(sample, await this.#run(sample, []))));
    for (const reference of this.#references.values()) {
      for (const [group, { signal }] of (await this.#compare(reference, reference)).entries()) this.#power[group]! += signal;
    }
  }

  async #noiseOf(set: readonly number[]): Promise<number[]> {
    const noises = await settleAll(this.#samples.map((sample) => this.#noiseIn(sample, set)));
    return this.#groups.map((_, group) => noises.reduce((sum, noise) => sum + (noise[group] as number), 0));
  }

  async #noiseIn(sample: Tensor, set: readonly number[]): Promise<number[]> {
    using outputs = await this.#run(sample, set);
    return (await this.#compare(this.#references.get(sample) as Outputs, outputs)).map(({ noise }) => noise);
  }

  async #run(sample: Tensor, set: readonly number[]): Promise<Outputs> {
    const input = this.#session.inputs.find(({ name }) => name !== this.#selector)!.name;
    const made = Uint8Array.from({ length: this.#trials }, (_, trial) => Number(set.includes(trial)));
    const outputs = [...new Set(this.#groups.map(({ output }) => output))];
    return this.#session.run(
      { [input]: sample, [this.#selector]: new Tensor('bool', made, [this.#trials]) },
      { outputs, signal: this.#signal },
    );
  }

  async #compare(reference: Outputs, candidate: Outputs): Promise<{ readonly noise: number; readonly signal: number }[]> {
    return settleAll(
      this.#groups.map(async ({ output, axis, start, end }) => {
        const options = { axis, groups: [[start, end] as const], signal: this.#signal };
        const [one, other] = [reference.outputs[output] as Tensor, candidate.outputs[output] as Tensor];
        return (await compareTensors(one, other, options))[0]!;
      }),
    );
  }
}

type Outputs = Awaited<ReturnType<Session['run']>>;

/** An output that is always 0 is not lost by a small error, nor by a large one. */
function ratio(noise: number, power: number): number {
  return power > 0 ? noise / power : 0;
}
