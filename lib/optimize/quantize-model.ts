import { invalidArgument } from '../errors/index.js';
import type { ModelProto, OnnxNode } from '../graph/index.js';
import {
  findRange,
  logitsOf,
  nothingKept,
  numbersFor,
  outputGroups,
  planOnnxRuntime,
  planTensorRt,
  screenTrials,
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
} from '../precision/index.js';
import type { Tensor } from '../tensor/index.js';
import type { QuantizedFormName, QuantizedForms, QuantizedLayer } from './quantized-layer.js';
import { measureTrials } from './sensitivity.js';

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

/** Trials of a form that are measured: the others are known to be harmless by the steps that their channels have. */
const mostTrials = 24;

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
  /** By value. */
  readonly noiseDb: ReadonlyMap<string, number>;
}

class Quantizer {
  readonly #model: ModelProto;
  readonly #structure: Structure;
  readonly #statistics: ReadonlyMap<string, TensorStatistics>;
  readonly #samples: readonly Tensor[];
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
    const { signal } = this.#options;
    const all = planners[form](this.#structure, nothingKept);
    this.#tell(form, 'ranges', 0);
    const numbers = await this.#numbersFor(all);
    const trials = screenTrials(this.#structure, trialsOf(this.#structure, all, numbers), this.#statistics, mostTrials);
    const noise = await measureTrials(this.#model, trials, this.#groups, this.#samples, {
      signal,
      onProgress: (done, total) => this.#tell(form, 'sensitivity', done / total),
    });
    const kept = trialsToKeepFloat(trials, noise, this.#allMacs());
    const values = new Set(kept.flatMap((trial) => [...trials[trial]!.values.keys()]));
    const float: KeptFloat = { values, nodes: new Set() };
    const plan = kept.length === 0 ? all : planners[form](this.#structure, float);
    this.#tell(form, 'writing', 0);
    const written = writers[form](this.#model, this.#structure, plan, kept.length === 0 ? numbers : await this.#numbersFor(plan));
    const noiseDb = new Map(
      trials.map(({ value }, trial) => [value, -10 * Math.log10(Math.max(...(noise[trial] as readonly number[])))]),
    );
    return { model: written, plan, noiseDb };
  }

  layers(forms: Readonly<Record<QuantizedFormName, MadeForm>>): QuantizedLayer[] {
    const names = Object.keys(forms) as QuantizedFormName[];
    const of = <T>(each: (form: MadeForm) => T | undefined): Partial<Record<QuantizedFormName, T>> =>
      Object.fromEntries(names.flatMap((name) => (each(forms[name]) === undefined ? [] : [[name, each(forms[name])]])));
    return this.#structure.nodes
      .filter((node) => this.#isLayer(node))
      .map((node): QuantizedLayer => {
        const [output = ''] = node.outputs;
        const made = this.#activationAfter(output);
        const seen = this.#statistics.get(output);
        return {
          name: node.name || output,
          operator: node.opType,
          macs: this.#structure.macs(node) || null,
          precision: of((form) => (form.plan.int8.has(node) ? 'int8' : 'float32')) as QuantizedLayer['precision'],
          reasons: of((form) => form.plan.reasons.get(node)),
          range: seen && { min: seen.min, max: seen.max },
          noiseDb: of((form) => form.noiseDb.get(made) ?? form.noiseDb.get(output)),
        };
      });
  }

  #isLayer(node: OnnxNode): boolean {
    return this.#structure.kind(node) === 'product' || this.#structure.isTransposedConvolution(node);
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

  #allMacs(): number {
    return this.#structure.nodes.reduce((sum, node) => sum + (this.#isLayer(node) ? this.#structure.macs(node) : 0), 0);
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
