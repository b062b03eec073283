import { invalidArgument } from '../errors/index.js';
import type { ModelProto, OnnxNode } from '../graph/index.js';
import {
  correctedBiases,
  findRange,
  logitsOf,
  nothingKept,
  numbersFor,
  outputGroups,
  planFloat8,
  planOnnxRuntime,
  planTensorRt,
  Structure,
  trialsOf,
  valuesToCorrect,
  weightsToRound,
  withBiases,
  withRounding,
  writeMixedForm,
  writeOnnxRuntimeForm,
  writeTensorRtForm,
  type ChannelGroup,
  type ChannelMeans,
  type FormNumbers,
  type FormPlan,
  type KeptFloat,
  type MixedForm,
  type QuantizedValue,
  type RangeMethod,
  type RangeQuestion,
  type TensorRange,
  type TensorStatistics,
  type Trial,
  type WeightsToRound,
} from '../precision/index.js';
import { largestOf } from './half-model.js';
import { notAsked, quantizedForms, type LayerPrecision, type QuantizedFormName, type QuantizedLayer } from './quantized-layer.js';

const planners = {
  onnxruntime: planOnnxRuntime,
  tensorrt: planTensorRt,
  mixed: (structure: Structure, kept: KeptFloat): FormPlan => planTensorRt(structure, kept, 'float16'),
  float8: planFloat8,
} as const;
const layerPrecisions = { uint8: 'int8', int8: 'int8', float8e4m3fn: 'float8' } as const;

/** The INT8 forms, and that for TensorRT in FP8; `tensorrt` is a mixed one where the quantizer was made for that. */
type EightBitForm = Exclude<keyof typeof planners, 'mixed'>;

/** What stays float in the form for TensorRT is in. */
export type RestPrecision = FormPlan['scales'];

/** A form that was written, and how. */
export interface MadeForm {
  readonly model: ModelProto;
  /** What it is judged by in its place. */
  readonly simulated?: ModelProto | undefined;
  readonly plan: FormPlan;
  /** Outputs of nodes in FP16, and why nodes are not in it, by their first output; of a mixed form alone. */
  readonly mixed?: Pick<MixedForm, 'half' | 'reasons'> | undefined;
  /** Of the outputs of layers. */
  readonly noiseDb: ReadonlyMap<string, number>;
  /** How many layers have another bias than in the model, and weights that were rounded together. */
  readonly correctedBiases: number;
  readonly roundedLayers: number;
}

/** By what a form makes good what eight bits do. */
export interface Corrections {
  readonly means: ReadonlyMap<string, ChannelMeans>;
  /** By the keys of `weightsToRound`. */
  readonly rounded?: ReadonlyMap<string, Int8Array> | undefined;
}

/** What a form computes in eight bits, and by which numbers. */
export interface PlannedForm {
  readonly plan: FormPlan;
  readonly numbers: FormNumbers;
}

/** All of a form in eight bits, and what of it can be left float by itself. */
export interface QuantizedWhole extends PlannedForm {
  readonly trials: readonly Trial[];
}

export interface QuantizerOptions {
  /** How ranges are chosen. Default: the least mean square error. */
  readonly method?: RangeMethod | undefined;
  /** With 'float16', the form for TensorRT is a mixed one, and statistics have to be of every value of float32. Default 'float32'. */
  readonly rest?: RestPrecision | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Makes forms in INT8 and FP8 of a model that has been normalised, from statistics of its calibration points. */
export class Quantizer {
  readonly structure: Structure;
  /** In the outputs: of what means one thing. */
  readonly groups: readonly ChannelGroup[];
  readonly #model: ModelProto;
  readonly #statistics: ReadonlyMap<string, TensorStatistics>;
  readonly #method: RangeMethod;
  readonly #signal: AbortSignal | undefined;
  readonly #rest: RestPrecision;
  readonly #logits: ReadonlySet<string>;
  readonly #ranges = new Map<string, Promise<TensorRange>>();

  /** Throws MODEL_UNSUPPORTED where no layer can be quantised. */
  constructor(
    model: ModelProto,
    statistics: readonly TensorStatistics[],
    { method = 'mse', rest = 'float32', signal }: QuantizerOptions = {},
  ) {
    this.#model = model;
    this.structure = new Structure(model);
    this.#statistics = new Map(statistics.map((one) => [one.name, one]));
    this.#method = method;
    this.#signal = signal;
    this.#rest = rest;
    this.groups = outputGroups(this.structure);
    this.#logits = logitsOf(this.structure);
    this.structure.checkLayers();
  }

  async whole(form: EightBitForm): Promise<QuantizedWhole> {
    const plan = this.#plan(form, nothingKept);
    const numbers = await this.#numbersFor(plan);
    return { plan, numbers, trials: trialsOf(this.structure, plan, numbers) };
  }

  /** With these trials in float. */
  async planned(form: EightBitForm, whole: QuantizedWhole, kept: readonly number[]): Promise<PlannedForm> {
    if (kept.length === 0) return whole;
    const values = new Set(kept.flatMap((trial) => [...whole.trials[trial]!.values.keys()]));
    const plan = this.#plan(form, { values });
    return { plan, numbers: await this.#numbersFor(plan) };
  }

  #plan(form: EightBitForm, kept: KeptFloat): FormPlan {
    const planner = form === 'tensorrt' && this.#rest === 'float16' ? 'mixed' : form;
    return planners[planner](this.structure, kept);
  }

  /** What has to be known to correct the biases of a form. */
  valuesToCorrect({ plan, numbers }: PlannedForm): QuantizedValue[] {
    return valuesToCorrect(this.structure, plan, numbers);
  }

  /** Weights of a form that can be rounded together. */
  weightsToRound({ plan, numbers }: PlannedForm): readonly WeightsToRound[] {
    return weightsToRound(this.structure, plan, numbers);
  }

  /** Writes a form, corrected by what was found. */
  async make(
    form: EightBitForm,
    { plan, numbers: plain }: PlannedForm,
    { means, rounded = new Map() }: Corrections = { means: new Map() },
  ): Promise<MadeForm> {
    const { numbers, layers } = withRounding(this.structure, plan, plain, rounded, means);
    const biases = correctedBiases(this.structure, plan, numbers, means);
    const all = biases.size === 0 ? numbers : await withBiases(this.structure, plan, numbers, biases, this.#signal);
    const noiseDb = new Map(await this.#noiseDb(form));
    return { ...this.#write(plan, all), plan, noiseDb, correctedBiases: biases.size, roundedLayers: layers };
  }

  #write(plan: FormPlan, numbers: FormNumbers): Pick<MadeForm, 'model' | 'simulated' | 'mixed'> {
    if (plan.form === 'onnxruntime') return { model: writeOnnxRuntimeForm(this.#model, this.structure, plan, numbers) };
    if (plan.scales === 'float32') return { model: writeTensorRtForm(this.#model, this.structure, plan, numbers) };
    const largest = [...this.#statistics.values()].map((seen) => [seen.name, largestOf(seen)] as const);
    const { model, simulated, ...mixed } = writeMixedForm(this.#model, this.structure, plan, numbers, new Map(largest));
    return { model, simulated, mixed };
  }

  /** Of each layer's output, after its activation, in INT8: in FP8 it is about the same for all. */
  async #noiseDb(form: EightBitForm): Promise<[string, number][]> {
    if (form === 'float8') return [];
    const symmetric = form === 'tensorrt';
    const known = this.structure.nodes.filter((node) => this.structure.isLayer(node)).map(({ outputs }) => outputs[0] as string);
    return Promise.all(
      known
        .filter((tap) => this.#statistics.has(tap))
        .map(async (tap): Promise<[string, number]> => {
          const activation = this.structure.activated(this.#activationAfter(tap))?.activation;
          const { error, signal } = await this.#rangeOf(
            activation === undefined ? { tap, symmetric } : { tap, symmetric, activation, quantized: 'after' },
          );
          return [tap, 10 * Math.log10(signal / error)];
        }),
    );
  }

  /** Of a form that was not made, all stay float. */
  layers(forms: Readonly<Partial<Record<QuantizedFormName, MadeForm>>>): QuantizedLayer[] {
    const of = <T>(each: (form: MadeForm) => T | undefined, otherwise?: T): Partial<Record<QuantizedFormName, T>> =>
      Object.fromEntries(
        quantizedForms.flatMap((name) => {
          const form = forms[name];
          const found = form === undefined ? otherwise : each(form);
          return found === undefined ? [] : [[name, found]];
        }),
      );
    return this.structure.nodes
      .filter((node) => this.structure.isLayer(node))
      .map((node): QuantizedLayer => {
        const [output = ''] = node.outputs;
        const seen = this.#statistics.get(output);
        return {
          name: node.name || output,
          operator: node.opType,
          macs: this.structure.macs(node) || null,
          precision: of<LayerPrecision>(({ plan, mixed }) => {
            if (plan.int8.has(node)) return layerPrecisions[plan.values];
            return mixed?.half.has(output) ? 'float16' : 'float32';
          }, 'float32') as QuantizedLayer['precision'],
          reasons: of((form) => reasonFor(form, node), notAsked),
          range: seen && { min: seen.min, max: seen.max },
          noiseDb: of((form) => finite(form.noiseDb.get(output))),
        };
      });
  }

  /** What an activation makes of a value, where one reads it; else the value. */
  #activationAfter(value: string): string {
    const made = this.structure.consumers(value).flatMap(({ outputs }) => outputs);
    return (
      made.find(
        (output) => this.structure.activated(output)?.input === value && this.structure.producer(output)?.opType !== 'Sigmoid',
      ) ?? value
    );
  }

  #numbersFor(plan: FormPlan): Promise<FormNumbers> {
    return numbersFor(this.structure, plan, this.#logits, (question) => this.#rangeOf(question), this.#signal);
  }

  #rangeOf({ tap, ...question }: RangeQuestion): Promise<TensorRange> {
    const key = JSON.stringify([tap, question]);
    const known = this.#ranges.get(key);
    if (known !== undefined) return known;
    const statistics = this.#statistics.get(tap);
    if (statistics === undefined) throw missing(tap);
    const range = findRange(statistics, { ...question, method: this.#method, signal: this.#signal });
    this.#ranges.set(key, range);
    return range;
  }
}

/** Why a layer is not in eight bits; in a mixed form, and not in FP16 either. */
function reasonFor({ plan, mixed }: MadeForm, node: OnnxNode): string | undefined {
  if (plan.int8.has(node)) return undefined;
  const [own, other] = [plan.reasons.get(node), mixed?.reasons.get(node.outputs[0] as string)];
  // What is said after a colon is of that layer alone.
  return own === undefined || other === undefined ? (other ?? own) : `${own.split(':')[0] as string}, and ${other}`;
}

function missing(tap: string): Error {
  return invalidArgument(
    'statistics',
    `statistics of ${JSON.stringify(tap)}, a calibration point of the model`,
    undefined,
    'Calibrate the same model, after the same passes.',
  );
}

/** What is always 0, or exact, has no ratio. */
function finite(value: number | undefined): number | undefined {
  return value !== undefined && Number.isFinite(value) ? value : undefined;
}
