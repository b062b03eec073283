import { invalidArgument } from '../errors/index.js';
import type { ModelProto } from '../graph/index.js';
import {
  compareTensors,
  switchedModel,
  tappedModel,
  type ChannelGroup,
  type TensorDifference,
  type Trial,
} from '../precision/index.js';
import type { Session } from '../session/index.js';
import { Tensor } from '../tensor/index.js';
import { measuringSession } from './measuring-session.js';
import { settleAll } from './settle-all.js';

/** Sets are asked for in pairs. */
const setsAtOnce = 2;
/** Of more inputs, the strongest is hardly stronger. */
export const mostSamples = 4;
/** So many trials are measured between two words of progress. */
const measuredAtOnce = 8;

/** Gives what was measured of the trials from one on before, or measures it. */
export type KeepNoise = (from: number, measure: () => Promise<number[][]>) => Promise<number[][]>;

/** Quantises trials, all else in float, and tells what that does to the outputs. One session makes all runs. */
export class Sensitivity implements AsyncDisposable {
  readonly #session: Session;
  readonly #selector: string;
  readonly #trials: number;
  readonly #groups: readonly ChannelGroup[];
  readonly #signal: AbortSignal | undefined;
  #reference: Reference | undefined;

  private constructor(
    session: Session,
    selector: string,
    trials: number,
    groups: readonly ChannelGroup[],
    signal: AbortSignal | undefined,
  ) {
    this.#session = session;
    this.#selector = selector;
    this.#trials = trials;
    this.#groups = groups;
    this.#signal = signal;
  }

  /** Runs are made of that one of the first samples, inputs of the model, whose outputs are the strongest. Rejects as `createSession`, ENGINE_FAILED, ABORTED. */
  static async of(
    model: ModelProto,
    trials: readonly Trial[],
    groups: readonly ChannelGroup[],
    samples: readonly Tensor[],
    signal: AbortSignal | undefined,
  ): Promise<Sensitivity> {
    const { model: switched, selector } = switchedModel(model, trials);
    // Groups may be of values that outputs are chosen from.
    const tapped = tappedModel(switched, [...new Set(groups.map(({ output }) => output))]);
    const session = await measuringSession(tapped, { lanes: setsAtOnce, signal });
    const sensitivity = new Sensitivity(session, selector, trials.length, groups, signal);
    try {
      await settleAll(samples.slice(0, mostSamples).map((sample) => sensitivity.#refer(sample)));
      return sensitivity;
    } catch (error) {
      await sensitivity[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The sample that runs are made of. */
  get sample(): Tensor {
    return this.#known.sample;
  }

  /** The noise that each set of trials makes, in each group of channels, over the signal there. */
  async measure(sets: readonly (readonly number[])[]): Promise<number[][]> {
    return settleAll(sets.map((set) => this.#noiseOf(set)));
  }

  /** The noise that each trial makes alone. */
  async measureEach(tell: (done: number) => void, keep: KeepNoise = (_, measure) => measure()): Promise<number[][]> {
    const noise: number[][] = [];
    while (noise.length < this.#trials) {
      const from = noise.length;
      const sets = Array.from({ length: Math.min(this.#trials - from, measuredAtOnce) }, (_, i) => [from + i]);
      noise.push(...(await keep(from, () => this.measure(sets))));
      tell(noise.length);
    }
    return noise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#reference?.outputs.dispose();
    await this.#session.dispose();
  }

  get #known(): Reference {
    if (this.#reference === undefined) throw invalidArgument('samples', 'at least one', 0);
    return this.#reference;
  }

  /** Keeps what the model as it is makes of the sample, where that is stronger than what is known: of a picture without an object, all is noise. */
  async #refer(sample: Tensor): Promise<void> {
    const outputs = await this.#run(sample, []);
    let unused: Outputs | undefined = outputs;
    try {
      const power = (await this.#compare(outputs, outputs)).map(({ signal }) => signal);
      const strength = power.reduce((sum, one) => sum + Math.log(Math.max(one, Number.MIN_VALUE)), 0);
      if (this.#reference !== undefined && this.#reference.strength >= strength) return;
      unused = this.#reference?.outputs;
      this.#reference = { sample, outputs, power, strength };
    } finally {
      unused?.dispose();
    }
  }

  async #noiseOf(set: readonly number[]): Promise<number[]> {
    const { sample, outputs: reference, power } = this.#known;
    using outputs = await this.#run(sample, set);
    return (await this.#compare(reference, outputs)).map(({ noise, referenceNonFinite, candidateNonFinite }, group) => {
      const found = ratio(noise, power[group] as number);
      // Places that are no numbers any more have no difference: such an output is lost.
      return candidateNonFinite > referenceNonFinite ? Math.max(found, 1) : found;
    });
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

  async #compare(reference: Outputs, candidate: Outputs): Promise<TensorDifference[]> {
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

interface Reference {
  readonly sample: Tensor;
  /** Of the model as it is. */
  readonly outputs: Outputs;
  /** Sum of squares in each group. */
  readonly power: readonly number[];
  readonly strength: number;
}

/** An output that is always 0 is not lost by a small error, nor by a large one. */
function ratio(noise: number, power: number): number {
  return power > 0 ? noise / power : 0;
}
