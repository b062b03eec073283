import type { ModelProto } from '../graph/index.js';
import { compareTensors, tappedModel, type ChannelGroup, type TensorDifference } from '../precision/index.js';
import type { Session, SessionOptions } from '../session/index.js';
import type { Tensor } from '../tensor/index.js';
import { measuringSession } from './measuring-session.js';
import { settleAll } from './settle-all.js';

type Outputs = Awaited<ReturnType<Session['run']>>;

/** Tells how far off forms of a model are on some inputs. */
export class OutputNoise implements Disposable {
  readonly #groups: readonly ChannelGroup[];
  readonly #samples: readonly Tensor[];
  readonly #signal: AbortSignal | undefined;
  #reference: readonly Outputs[] = [];

  private constructor(groups: readonly ChannelGroup[], samples: readonly Tensor[], signal: AbortSignal | undefined) {
    this.#groups = groups;
    this.#samples = samples;
    this.#signal = signal;
  }

  /** Against what `model` makes of the samples in some groups of channels. Rejects as `createSession`, ENGINE_FAILED, ABORTED. */
  static async of(
    model: ModelProto,
    groups: readonly ChannelGroup[],
    samples: readonly Tensor[],
    signal: AbortSignal | undefined,
  ): Promise<OutputNoise> {
    const noise = new OutputNoise(groups, samples, signal);
    await using session = await noise.#open(model, {});
    noise.#reference = await settleAll(samples.map((sample) => noise.#run(session, sample)));
    return noise;
  }

  /** The noise of a form over the signal, in each group: of all samples together, so that those count in which the model finds most. */
  async measure(form: ModelProto, options: SessionOptions): Promise<number[]> {
    await using session = await this.#open(form, options);
    const found = await settleAll(
      this.#samples.map((sample, i) => this.#compare(session, sample, this.#reference[i] as Outputs)),
    );
    return this.#groups.map((_, group) => {
      const own = found.map((differences) => differences[group] as TensorDifference);
      const power = sum(own.map(({ signal }) => signal));
      const noise = sum(own.map((one) => one.noise));
      // Places that are no numbers any more have no difference: such an output is lost.
      const isLost = own.some(({ candidateNonFinite, referenceNonFinite }) => candidateNonFinite > referenceNonFinite);
      return isLost ? Infinity : power > 0 ? noise / power : 0;
    });
  }

  [Symbol.dispose](): void {
    for (const outputs of this.#reference) outputs.dispose();
  }

  #open(model: ModelProto, options: SessionOptions): Promise<Session> {
    const tapped = tappedModel(model, [...new Set(this.#groups.map(({ output }) => output))]);
    return measuringSession(tapped, { ...options, lanes: 1, signal: this.#signal });
  }

  #run(session: Session, sample: Tensor): Promise<Outputs> {
    const [{ name }] = session.inputs as [Session['inputs'][number]];
    const outputs = [...new Set(this.#groups.map(({ output }) => output))];
    return session.run({ [name]: sample }, { outputs, signal: this.#signal });
  }

  async #compare(session: Session, sample: Tensor, reference: Outputs): Promise<TensorDifference[]> {
    using candidate = await this.#run(session, sample);
    return await settleAll(
      this.#groups.map(async ({ output, axis, start, end }) => {
        const options = { axis, groups: [[start, end] as const], signal: this.#signal };
        const [one, other] = [reference.outputs[output] as Tensor, candidate.outputs[output] as Tensor];
        return (await compareTensors(one, other, options))[0]!;
      }),
    );
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
