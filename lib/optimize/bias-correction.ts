/** Biases by which a form keeps the means of channels: kept where inputs that they were not fitted to say so. */
import type { ModelProto } from '../graph/index.js';
import { meansModel, quantizedKey, Structure, type ChannelMeans, type QuantizedValue } from '../precision/index.js';
import type { Session } from '../session/index.js';
import type { Tensor } from '../tensor/index.js';
import { formSessions } from './form-judge.js';
import { measuringSession } from './measuring-session.js';
import { OutputNoise } from './output-noise.js';
import { quantizedForms, type BiasesCorrected, type QuantizedFormName } from './quantized-layer.js';
import type { PlannedForm, Quantizer } from './quantizer.js';
import { settleAll } from './settle-all.js';

/** Of a small model more inputs are run, since they cost nothing: biases are fitted to some, and others decide. */
const affordableMacs = 8e9;
const mostFitted = 8;
const mostDeciding = 16;
/** Fewer that decide are no better than a guess. */
const fewestDeciding = 4;
/** With so many inputs in all, nothing is corrected. */
export const tooFewToCorrect = 4;
/** Less is an accident of the inputs that decide. */
const leastGainDb = 0.5;
/** More is not given for it elsewhere. */
const mostLossDb = 1;

/** How many inputs are of use for a model that has been normalised: of a large one too few to correct anything, as that would take a fifth more of all the time. */
export function correctionSamples(model: ModelProto): number {
  const affordable = affordableOf(new Structure(model));
  return affordable < fewestDeciding ? tooFewToCorrect : Math.min(mostFitted, affordable) + Math.min(mostDeciding, affordable);
}

function affordableOf({ allMacs }: Structure): number {
  return Math.max(1, Math.floor(affordableMacs / Math.max(1, allMacs)));
}

/** What correcting the biases of a model's forms takes. */
export class BiasCorrection implements Disposable {
  /** What `Quantizer.make` corrects biases by. */
  readonly means: ReadonlyMap<string, ChannelMeans>;
  readonly #quantizer: Quantizer;
  readonly #noise: OutputNoise;
  readonly #pictures: number;

  private constructor(quantizer: Quantizer, means: ReadonlyMap<string, ChannelMeans>, noise: OutputNoise, pictures: number) {
    this.means = means;
    this.#quantizer = quantizer;
    this.#noise = noise;
    this.#pictures = pictures;
  }

  /** For what forms read in eight bits; undefined where there are too few samples. Rejects as `createSession`, ENGINE_FAILED, ABORTED. */
  static async of(
    model: ModelProto,
    quantizer: Quantizer,
    forms: readonly PlannedForm[],
    samples: readonly Tensor[],
    signal: AbortSignal | undefined,
  ): Promise<BiasCorrection | undefined> {
    if (samples.length <= tooFewToCorrect) return undefined;
    const affordable = affordableOf(quantizer.structure);
    const count = Math.min(mostFitted, Math.max(fewestDeciding, affordable), Math.floor(samples.length / 2));
    const others = samples.slice(count, count + Math.min(mostDeciding, Math.max(fewestDeciding, affordable)));
    const asked = new Map(forms.flatMap((form) => quantizer.valuesToCorrect(form)).map((value) => [quantizedKey(value), value]));
    const means = await measureMeans(model, quantizer, [...asked.values()], samples.slice(0, count), signal);
    const noise = await OutputNoise.of(model, quantizer.groups, others, signal);
    return new BiasCorrection(quantizer, means, noise, others.length);
  }

  /** Whether biases are better corrected, for each form. */
  async decide(
    forms: Readonly<Partial<Record<QuantizedFormName, PlannedForm>>>,
  ): Promise<Partial<Record<QuantizedFormName, BiasesCorrected>>> {
    const found: Partial<Record<QuantizedFormName, BiasesCorrected>> = {};
    for (const form of quantizedForms) {
      const planned = forms[form];
      if (planned !== undefined) found[form] = await this.#judge(form, planned);
    }
    return found;
  }

  async #judge(form: QuantizedFormName, planned: PlannedForm): Promise<BiasesCorrected> {
    const plain = await this.#quantizer.make(form, planned);
    const corrected = await this.#quantizer.make(form, planned, this.means);
    const found = { layers: corrected.correctedBiases, pictures: this.#pictures };
    if (found.layers === 0) return { ...found, gainDb: 0, lossDb: 0, kept: false };
    const { options } = formSessions[form];
    const before = await this.#noise.measure(plain.simulated ?? plain.model, options);
    const after = await this.#noise.measure(corrected.simulated ?? corrected.model, options);
    const gains = before.map((noise, group) => gainDb(noise, after[group] as number));
    // What is furthest off is what a model is judged by.
    const gain = gains[before.indexOf(Math.max(...before))] as number;
    const loss = Math.max(0, ...gains.map((one) => -one));
    return { ...found, gainDb: gain, lossDb: loss, kept: gain >= leastGainDb && loss <= mostLossDb };
  }

  [Symbol.dispose](): void {
    this.#noise[Symbol.dispose]();
  }
}

/** Of no noise before, any is infinitely more. */
function gainDb(before: number, after: number): number {
  return before === after ? 0 : 10 * Math.log10(before / after);
}

async function measureMeans(
  model: ModelProto,
  { structure }: Quantizer,
  asked: readonly QuantizedValue[],
  samples: readonly Tensor[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, ChannelMeans>> {
  if (asked.length === 0) return new Map();
  const { model: withMeans, outputs } = meansModel(model, structure, asked);
  await using session = await measuringSession(withMeans, { lanes: 1, signal });
  const [{ name }] = session.inputs as [Session['inputs'][number]];
  const names = [...new Set(outputs.flatMap(({ float, quantized }) => [float, quantized]))];
  // In the order of the samples, whichever is done first: sums depend on it.
  const found = await settleAll(
    samples.map(async (sample) => {
      using run = await session.run({ [name]: sample }, { outputs: names, signal });
      return new Map(names.map((output) => [output, channelsOf(run.outputs[output] as Tensor)]));
    }),
  );
  const meanOf = (output: string): Float64Array => meanOfRows(found.map((run) => run.get(output) as Float64Array));
  return new Map(outputs.map((one) => [quantizedKey(one), { float: meanOf(one.float), quantized: meanOf(one.quantized) }]));
}

/** Of pooled channels, [batch, channels, 1, ...], or of rows, [batch, channels]: the mean of the batch. */
function channelsOf({ dims, data }: Tensor): Float64Array {
  const channels = dims[1] as number;
  const values = data as Float32Array;
  const rows = Array.from({ length: values.length / channels }, (_, row) =>
    Float64Array.from(values.subarray(row * channels, (row + 1) * channels)),
  );
  return meanOfRows(rows);
}

function meanOfRows(rows: readonly Float64Array[]): Float64Array {
  const [first] = rows as [Float64Array];
  return first.map((_, channel) => rows.reduce((sum, row) => sum + (row[channel] as number), 0) / rows.length);
}
