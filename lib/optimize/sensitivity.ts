import { availableParallelism } from 'node:os';

import { encodeModel, type ModelProto } from '../graph/index.js';
import {
  compareTensors,
  switchedModel,
  tappedModel,
  type ChannelGroup,
  type Trial,
  type TrialNoise,
} from '../precision/index.js';
import { createSession, type Session } from '../session/index.js';
import { Tensor } from '../tensor/index.js';

export interface SensitivityOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told after each run. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Quantises one trial after the other, all else in float, and tells the noise in each group of channels over the signal there. `samples` are inputs of the
 * model; of several the noise and the signal are added up. One session makes all runs.
 */
export async function measureTrials(
  model: ModelProto,
  trials: readonly Trial[],
  groups: readonly ChannelGroup[],
  samples: readonly Tensor[],
  { signal, onProgress }: SensitivityOptions = {},
): Promise<TrialNoise> {
  const noise = trials.map(() => groups.map(() => 0));
  if (trials.length === 0) return noise;
  const power = groups.map(() => 0);
  const { model: switched, selector } = switchedModel(model, trials);
  const lanes = Math.min(availableParallelism(), trials.length);
  const tapped = tappedModel(switched, [...new Set(groups.map(({ output }) => output))]);
  await using session = await createSession(encodeModel(tapped), { device: 'cpu', lanes, threads: 1, signal });
  const measured = new Measured(session, selector, groups, signal);
  const total = samples.length * trials.length;
  let done = 0;
  for (const sample of samples) {
    await using reference = await measured.run(sample, -1);
    const own = await measured.compare(reference, reference);
    own.forEach(({ signal: sum }, group) => (power[group] = (power[group] as number) + sum));
    await inTurns(lanes, trials.keys(), async (trial) => {
      await using outputs = await measured.run(sample, trial);
      const differences = await measured.compare(reference, outputs);
      differences.forEach(({ noise: sum }, group) => ((noise[trial] as number[])[group]! += sum));
      onProgress?.(++done, total);
    });
  }
  return noise.map((own) => own.map((sum, group) => ratio(sum, power[group] as number)));
}

/** An output that is always 0 is not lost by a small error, nor by a large one. */
function ratio(noise: number, power: number): number {
  return power > 0 ? noise / power : 0;
}

type Outputs = AsyncDisposable & { readonly of: (output: string) => Tensor };

class Measured {
  readonly #session: Session;
  readonly #selector: string;
  readonly #groups: readonly ChannelGroup[];
  readonly #signal: AbortSignal | undefined;

  constructor(session: Session, selector: string, groups: readonly ChannelGroup[], signal: AbortSignal | undefined) {
    this.#session = session;
    this.#selector = selector;
    this.#groups = groups;
    this.#signal = signal;
  }

  async run(sample: Tensor, trial: number): Promise<Outputs> {
    const input = this.#session.inputs.find(({ name }) => name !== this.#selector)!.name;
    const number = new Tensor('int64', BigInt64Array.of(BigInt(trial)), [1]);
    const outputs = [...new Set(this.#groups.map(({ output }) => output))];
    const result = await this.#session.run({ [input]: sample, [this.#selector]: number }, { outputs, signal: this.#signal });
    return {
      of: (output) => result.outputs[output] as Tensor,
      [Symbol.asyncDispose]: () => Promise.resolve(result.dispose()),
    };
  }

  async compare(reference: Outputs, candidate: Outputs): Promise<{ readonly noise: number; readonly signal: number }[]> {
    return Promise.all(
      this.#groups.map(async ({ output, axis, start, end }) => {
        const options = { axis, groups: [[start, end] as const], signal: this.#signal };
        const [difference] = await compareTensors(reference.of(output), candidate.of(output), options);
        return difference!;
      }),
    );
  }
}

/** Works on items, `width` of them at once; the first failure ends it, once all that have begun are done. */
async function inTurns<T>(width: number, items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); !next.done && !failed; next = iterator.next()) {
      await work(next.value).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  const settled = await Promise.allSettled(Array.from({ length: width }, worker));
  const failure = settled.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
