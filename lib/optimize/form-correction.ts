/** Biases by which a form keeps the means of channels, and weights whose errors make good each other: taken where inputs that they were not fitted to say so. */
import type { ModelProto } from '../graph/index.js';
import { meansModel, quantizedKey, Structure, type ChannelMeans, type QuantizedValue } from '../precision/index.js';
import type { Session } from '../session/index.js';
import type { Tensor } from '../tensor/index.js';
import { formSessions } from './form-judge.js';
import { measuringSession } from './measuring-session.js';
import { OutputNoise } from './output-noise.js';
import {
  quantizedForms,
  type Correction,
  type CorrectionFound,
  type FormCorrected,
  type QuantizedFormName,
} from './quantized-layer.js';
import type { Corrections, MadeForm, PlannedForm, Quantizer } from './quantizer.js';
import { roundForms } from './round-forms.js';
import { settleAll } from './settle-all.js';

/** Of a small model more inputs are run, since they cost nothing: corrections are fitted to some, and others decide. */
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
/** Rounded weights gain so much more than biases alone, or these are taken. */
const leastMoreDb = 0.3;

/** How many inputs are of use for a model that has been normalised: of a large one too few to correct anything, as that would take a fifth more of all the time. */
export function correctionSamples(model: ModelProto): number {
  const affordable = affordableOf(new Structure(model));
  return affordable < fewestDeciding ? tooFewToCorrect : Math.min(mostFitted, affordable) + Math.min(mostDeciding, affordable);
}

function affordableOf({ allMacs }: Structure): number {
  return Math.max(1, Math.floor(affordableMacs / Math.max(1, allMacs)));
}

/** What correcting the forms of a model takes. */
export class FormCorrection implements Disposable {
  readonly #model: ModelProto;
  readonly #quantizer: Quantizer;
  readonly #forms: readonly PlannedForm[];
  readonly #fitted: readonly Tensor[];
  readonly #signal: AbortSignal | undefined;
  readonly #means: ReadonlyMap<string, ChannelMeans>;
  readonly #noise: OutputNoise;
  readonly #pictures: number;
  #rounded: Promise<ReadonlyMap<string, Int8Array>> | undefined;

  private constructor(
    model: ModelProto,
    quantizer: Quantizer,
    forms: readonly PlannedForm[],
    fitted: readonly Tensor[],
    signal: AbortSignal | undefined,
    means: ReadonlyMap<string, ChannelMeans>,
    noise: OutputNoise,
    pictures: number,
  ) {
    this.#model = model;
    this.#quantizer = quantizer;
    this.#forms = forms;
    this.#fitted = fitted;
    this.#signal = signal;
    this.#means = means;
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
  ): Promise<FormCorrection | undefined> {
    if (samples.length <= tooFewToCorrect) return undefined;
    const affordable = affordableOf(quantizer.structure);
    const count = Math.min(mostFitted, Math.max(fewestDeciding, affordable), Math.floor(samples.length / 2));
    const others = samples.slice(count, count + Math.min(mostDeciding, Math.max(fewestDeciding, affordable)));
    const fitted = samples.slice(0, count);
    const asked = new Map(forms.flatMap((form) => quantizer.valuesToCorrect(form)).map((value) => [quantizedKey(value), value]));
    const means = await measureMeans(model, quantizer, [...asked.values()], fitted, signal);
    const noise = await OutputNoise.of(model, quantizer.groups, others, signal);
    return new FormCorrection(model, quantizer, forms, fitted, signal, means, noise, others.length);
  }

  /** What `Quantizer.make` corrects by. Weights are rounded when that is asked for first, as it takes longest. */
  async by(correction: Correction | 'none' | undefined): Promise<Corrections | undefined> {
    if (correction === 'biases') return { means: this.#means };
    if (correction !== 'rounded') return undefined;
    this.#rounded ??= roundForms(this.#model, this.#quantizer, this.#forms, this.#fitted, this.#signal);
    return { means: this.#means, rounded: await this.#rounded };
  }

  /** What is best for each form. */
  async decide(
    forms: Readonly<Partial<Record<QuantizedFormName, PlannedForm>>>,
  ): Promise<Partial<Record<QuantizedFormName, FormCorrected>>> {
    const decided: Partial<Record<QuantizedFormName, FormCorrected>> = {};
    for (const form of quantizedForms) {
      const planned = forms[form];
      if (planned !== undefined) decided[form] = await this.#judge(form, planned);
    }
    return decided;
  }

  async #judge(form: QuantizedFormName, planned: PlannedForm): Promise<FormCorrected> {
    const { options } = formSessions[form];
    const found: Partial<Record<Correction, CorrectionFound>> = {};
    let before: readonly number[] | undefined;
    for (const correction of ['biases', 'rounded'] as const) {
      const made = await this.#quantizer.make(form, planned, await this.by(correction));
      const layers = { biases: made.correctedBiases, rounded: made.roundedLayers }[correction];
      if (layers === 0) continue;
      before ??= await this.#noise.measure(judged(await this.#quantizer.make(form, planned)), options);
      found[correction] = { layers, ...changeOf(before, await this.#noise.measure(judged(made), options)) };
    }
    return { taken: takenOf(found), found, pictures: this.#pictures };
  }

  [Symbol.dispose](): void {
    this.#noise[Symbol.dispose]();
  }
}

/** What a form is judged by. */
function judged({ model, simulated }: MadeForm): ModelProto {
  return simulated ?? model;
}

/** The simpler of two that gain as much. */
function takenOf({ biases, rounded }: FormCorrected['found']): FormCorrected['taken'] {
  const isGain = (found: CorrectionFound | undefined): found is CorrectionFound =>
    found !== undefined && found.gainDb >= leastGainDb && found.lossDb <= mostLossDb;
  if (isGain(rounded) && !(isGain(biases) && rounded.gainDb < biases.gainDb + leastMoreDb)) return 'rounded';
  return isGain(biases) ? 'biases' : 'none';
}

function changeOf(before: readonly number[], after: readonly number[]): Pick<CorrectionFound, 'gainDb' | 'lossDb'> {
  const gains = before.map((noise, group) => gainOf(noise, after[group] as number));
  // What is furthest off is what a model is judged by.
  const gainDb = gains[before.indexOf(Math.max(...before))] as number;
  return { gainDb, lossDb: Math.max(0, ...gains.map((one) => -one)) };
}

/** Of no noise before, any is infinitely more: told as this much, since no number in JSON is infinite. */
const mostTold = 200;

function gainOf(before: number, after: number): number {
  return before === after ? 0 : Math.max(-mostTold, Math.min(mostTold, 10 * Math.log10(before / after)));
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
