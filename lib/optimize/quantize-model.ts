import { invalidArgument } from '../errors/index.js';
import type { ModelProto } from '../graph/index.js';
import {
  findRange,
  floatLimits,
  logitsOf,
  nothingKept,
  numbersFor,
  outputGroups,
  planOnnxRuntime,
  planTensorRt,
  Structure,
  trialsOf,
  trialsToKeepFloat,
  writeOnnxRuntimeForm,
  writeTensorRtForm,
  type ChannelGroup,
  type FormNumbers,
  type FormPlan,
  type KeptFloat,
  type RangeMethod,
  type RangeQuestion,
  type TensorRange,
  type TensorStatistics,
  type Trial,
} from '../precision/index.js';
import type { Tensor } from '../tensor/index.js';
import type { QuantizedFormName, QuantizedForms, QuantizedLayer } from './quantized-layer.js';
import { Sensitivity } from './sensitivity.js';

export interface QuantizeOptions {
  /** How ranges are chosen. Default: 'mse', the least mean square error, which of all is the best or close to it on every kind of model that was tried. */
  readonly method?: RangeMethod | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told as the work goes on. */
  readonly onProgress?: ((progress: QuantizeProgress) => void) | undefined;
}

export interface QuantizeProgress {
  readonly form: QuantizedFormName;
  readonly phase: 'ranges' | 'sensitivity' | 'writing';
  /** Share of the phase, 0 to 1. */
  readonly done: number;
}

/** Runs that a search takes where little stands out. */
const usualRuns = 8;

const planners = { onnxruntime: planOnnxRuntime, tensorrt: planTensorRt } as const;
const writers = { onnxruntime: writeOnnxRuntimeForm, tensorrt: writeTensorRtForm } as const;

/**
 * Makes both INT8 forms of a model from one calibration. `model` has been normalised; `statistics` are of its calibration points; `samples` are a few inputs
 * of it, by which is measured what each value loses at eight bits: what loses too much stays float.
 *
 * Throws MODEL_UNSUPPORTED where no layer can be quantised, INVALID_ARGUMENT where statistics of a point are missing, ABORTED.
 */
export async function quantizeModel(
  model: ModelProto,
  statistics: readonly TensorStatistics[],
  samples: readonly Tensor[],
  options: QuantizeOptions = {},
): Promise<QuantizedForms> {
  const quantizer = new Quantizer(model, statistics, samples, options);
  const onnxruntime = await quantizer.make('onnxruntime');
  const tensorrt = await quantizer.make('tensorrt');
  return {
    onnxruntime: onnxruntime.model,
    tensorrt: tensorrt.model,
    layers: quantizer.layers({ onnxruntime, tensorrt }),
  };
}

interface MadeForm {
  readonly model: ModelProto;
  readonly plan: FormPlan;
  /** Of the outputs of layers. */
  readonly noiseDb: ReadonlyMap<string, number>;
}

class Quantizer {
  readonly #model: ModelProto;
  readonly #structure: Structure;
  readonly #statistics: ReadonlyMap<string, TensorStatistics>;
  /** Of which one is chosen for the first form, and serves the second too. */
  #samples: readonly Tensor[];
  readonly #options: QuantizeOptions;
  readonly #groups: readonly ChannelGroup[];
  readonly #logits: ReadonlySet<string>;
  readonly #ranges = new Map<string, Promise<TensorRange>>();

  constructor(model: ModelProto, statistics: readonly TensorStatistics[], samples: readonly Tensor[], options: QuantizeOptions) {
    this.#model = model;
    this.#structure = new Structure(model);
    this.#statistics = new Map(statistics.map((one) => [one.name, one]));
    this.#samples = samples;
    this.#options = options;
    this.#groups = outputGroups(this.#structure);
    this.#logits = logitsOf(this.#structure);
    this.#structure.checkLayers();
  }

  async make(form: QuantizedFormName): Promise<MadeForm> {
    const all = planners[form](this.#structure, nothingKept);
    this.#tell(form, 'ranges', 0);
    const numbers = await this.#numbersFor(all);
    const trials = trialsOf(this.#structure, all, numbers);
    const kept = await this.#keptFloat(form, trials);
    const values = new Set(kept.flatMap((trial) => [...trials[trial]!.values.keys()]));
    const float: KeptFloat = { values };
    const plan = kept.length === 0 ? all : planners[form](this.#structure, float);
    this.#tell(form, 'writing', 0);
    const written = writers[form](this.#model, this.#structure, plan, kept.length === 0 ? numbers : await this.#numbersFor(plan));
    const noiseDb = new Map(await this.#noiseDb(form));
    return { model: written, plan, noiseDb };
  }

  /** Trials that lose too much at eight bits. */
  async #keptFloat(form: QuantizedFormName, trials: readonly Trial[]): Promise<readonly number[]> {
    if (trials.length === 0) return [];
    await using sensitivity = await Sensitivity.of(this.#model, trials, this.#groups, this.#samples, this.#options.signal);
    this.#samples = [sensitivity.sample];
    let runs = 0;
    return await trialsToKeepFloat(trials, floatLimits(this.#structure, form), (sets) => {
      runs += sets.length;
      // How many more there are depends on what they find: each tells half of what is left.
      this.#tell(form, 'sensitivity', 1 - 2 ** (-runs / usualRuns));
      return sensitivity.measure(sets);
    });
  }

  /** Of each layer's output, after its activation, in eight bits. */
  async #noiseDb(form: QuantizedFormName): Promise<[string, number][]> {
    const symmetric = form === 'tensorrt';
    const known = this.#structure.nodes
      .filter((node) => this.#structure.isLayer(node))
      .map(({ outputs }) => outputs[0] as string);
    return Promise.all(
      known
        .filter((tap) => this.#statistics.has(tap))
        .map(async (tap): Promise<[string, number]> => {
          const activation = this.#structure.activated(this.#activationAfter(tap))?.activation;
          const { error, signal } = await this.#rangeOf(
            activation === undefined ? { tap, symmetric } : { tap, symmetric, activation, quantized: 'after' },
          );
          return [tap, 10 * Math.log10(signal / error)];
        }),
    );
  }

  layers(forms: Readonly<Record<QuantizedFormName, MadeForm>>): QuantizedLayer[] {
    const names = Object.keys(forms) as QuantizedFormName[];
    const of = <T>(each: (form: MadeForm) => T | undefined): Partial<Record<QuantizedFormName, T>> =>
      Object.fromEntries(names.flatMap((name) => (each(forms[name]) === undefined ? [] : [[name, each(forms[name])]])));
    return this.#structure.nodes
      .filter((node) => this.#structure.isLayer(node))
      .map((node): QuantizedLayer => {
        const [output = ''] = node.outputs;
        const seen = this.#statistics.get(output);
        return {
          name: node.name || output,
          operator: node.opType,
          macs: this.#structure.macs(node) || null,
          precision: of((form) => (form.plan.int8.has(node) ? 'int8' : 'float32')) as QuantizedLayer['precision'],
          reasons: of((form) => form.plan.reasons.get(node)),
          range: seen && { min: seen.min, max: seen.max },
          noiseDb: of((form) => finite(form.noiseDb.get(output))),
        };
      });
  }

  /** What an activation makes of a value, where one reads it; else the value. */
  #activationAfter(value: string): string {
    const made = this.#structure.consumers(value).flatMap(({ outputs }) => outputs);
    return (
      made.find(
        (output) => this.#structure.activated(output)?.input === value && this.#structure.producer(output)?.opType !== 'Sigmoid',
      ) ?? value
    );
  }

  #numbersFor(plan: FormPlan): Promise<FormNumbers> {
    return numbersFor(this.#structure, plan, this.#logits, (question) => this.#rangeOf(question), this.#options.signal);
  }

  #rangeOf({ tap, ...question }: RangeQuestion): Promise<TensorRange> {
    const key = JSON.stringify([tap, question]);
    const known = this.#ranges.get(key);
    if (known !== undefined) return known;
    const { method = 'mse', signal } = this.#options;
    const statistics = this.#statistics.get(tap);
    if (statistics === undefined) throw missing(tap);
    const range = findRange(statistics, { ...question, method, signal });
    this.#ranges.set(key, range);
    return range;
  }

  #tell(form: QuantizedFormName, phase: QuantizeProgress['phase'], done: number): void {
    this.#options.onProgress?.({ form, phase, done });
  }
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
