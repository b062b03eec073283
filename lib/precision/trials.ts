import type { OnnxNode } from '../graph/index.js';
import type { FormNumbers } from './form-onnxruntime.js';
import type { FormPlan } from './form-plan.js';
import type { Quantization } from './qdq-writer.js';
import type { Structure } from './structure.js';

/** Values that are quantised or left float together, to see what that alone does. */
export interface Trial {
  /** The value that gives it its name. */
  readonly value: string;
  readonly values: ReadonlyMap<string, Quantization>;
  /** Multiply-accumulates of the products that stay float where these values do. */
  readonly macs: number;
}

/**
 * What of a plan can be left float by itself: an activation together with what it is one of, and with what only hands it on. Values that are handed on in the
 * scale that they have are quantised already.
 */
export function trialsOf(structure: Structure, plan: FormPlan, numbers: FormNumbers): Trial[] {
  const trials: Trial[] = [];
  const covered = new Set<string>();
  for (const value of [...plan.quantized].toReversed()) {
    // Of SiLU the product comes last, and takes its input and its gate along.
    const activated = structure.activated(value);
    if (covered.has(value) || structure.links.isOutput(value) || isHandedOn(structure, plan, numbers, value)) continue;
    const together = [value];
    if (activated?.activation.name === 'silu') {
      together.push(activated.input, ...structure.producer(value)!.inputs.filter((name) => name !== activated.input));
    }
    for (const name of together) covered.add(name);
    const quantized = together.filter((name) => plan.quantized.has(name));
    trials.push({
      value,
      values: new Map(quantized.map((name) => [name, numbers.values.get(name) as Quantization])),
      macs: sum([...productsAt(structure, plan, together)].map((node) => structure.macs(node))),
    });
  }
  return trials.toReversed();
}

/** The products that cannot be computed in integers where these values are float. */
function productsAt(structure: Structure, plan: FormPlan, values: readonly string[]): ReadonlySet<OnnxNode> {
  const readers = values.flatMap((value) => structure.consumers(value));
  const makers = plan.form === 'onnxruntime' ? values.map((value) => makerOf(structure, value)) : [];
  return new Set(
    [...readers, ...makers].filter(
      (node): node is OnnxNode => node !== undefined && structure.kind(node) === 'product' && plan.int8.has(node),
    ),
  );
}

/** The product behind a value, or behind the activation that it is. */
function makerOf(structure: Structure, value: string): OnnxNode | undefined {
  const activated = structure.activated(value);
  return structure.producer(activated?.input ?? value);
}

function isHandedOn(structure: Structure, plan: FormPlan, numbers: FormNumbers, value: string): boolean {
  const producer = structure.producer(value);
  if (producer === undefined || !plan.int8.has(producer)) return false;
  const own = numbers.values.get(value);
  const isSame = (name: string): boolean => {
    const other = numbers.values.get(name);
    return other !== undefined && own !== undefined && other.scale === own.scale && other.zeroPoint === own.zeroPoint;
  };
  return (
    (structure.kind(producer) === 'carry' || producer.opType === 'Concat') && structure.activationInputs(producer).every(isSame)
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** What quantising some trials together does to the outputs: the noise in each group of channels, over the signal there. */
export type MeasureTrials = (sets: readonly (readonly number[])[]) => Promise<readonly (readonly number[])[]>;

/** Where leaving values float has to end: more would be slower than it is worth. */
const mostMacs = 0.2;
/**
 * Noise over signal of all trials together. A model with 20 dB or more is left as it is; from 20 to 12 dB, what stands out by itself is left float; below, as
 * much as it takes. yolov8n has 25 dB (for ONNX Runtime) and 18 (for TensorRT), yolox_nano, which breaks, 3 and 11.
 */
const good = 10 ** (-20 / 10);
const tolerable = 10 ** (-12 / 10);
/** Up to this, noise of several adds up well enough. */
const additive = 10 ** (-10 / 10);

/** Trials that were measured together. */
interface Measured {
  readonly trials: readonly number[];
  readonly noise: readonly number[];
}

/**
 * Which trials to leave float, the worst first: while one alone makes a third of the noise in some group of channels, or, where the noise of all is not
 * tolerable, a tenth. They are searched for by halves: noise of several adds up, so that what is little for many trials is little for each, and a
 * model in which nothing stands out takes a few runs, not one for each value. Returns indices of trials. `allMacs`: of the whole model.
 */
export async function trialsToKeepFloat(
  trials: readonly Trial[],
  allMacs: number,
  measure: MeasureTrials,
): Promise<readonly number[]> {
  if (trials.length === 0) return [];
  const all = [...trials.keys()];
  let measured: readonly Measured[] = [{ trials: all, noise: (await measure([all]))[0] ?? [] }];
  const kept: number[] = [];
  let macs = 0;
  for (;;) {
    const worst = worstOf(measured, ({ trials: set }) => set.length > 1 || macs + macsOf(trials, set) <= mostMacs * allMacs);
    if (worst === undefined) return kept;
    measured = measured.filter((other) => other !== worst);
    if (worst.trials.length === 1) {
      kept.push(worst.trials[0] as number);
      macs += macsOf(trials, worst.trials);
    } else {
      const middle = Math.ceil(worst.trials.length / 2);
      const halves = [worst.trials.slice(0, middle), worst.trials.slice(middle)];
      const noise = await noiseOfHalves(worst, halves, measure);
      measured = [...measured, ...halves.map((set, half) => ({ trials: set, noise: noise[half] ?? [] }))];
    }
  }
}

/** Where noise adds up, what one half does not make the other does; where it does not, both are measured. */
async function noiseOfHalves(
  { noise: whole }: Measured,
  [first = [], second = []]: readonly (readonly number[])[],
  measure: MeasureTrials,
): Promise<readonly (readonly number[])[]> {
  if (whole.some((noise) => noise > additive)) return measure([first, second]);
  const [noise = []] = await measure([first]);
  return [noise, whole.map((all, group) => Math.max(0, all - (noise[group] ?? 0)))];
}

function macsOf(trials: readonly Trial[], set: readonly number[]): number {
  return sum(set.map((trial) => trials[trial]!.macs));
}

/** The one with the most noise, of those with enough of it and that may be looked into or left float; undefined for none. */
function worstOf(measured: readonly Measured[], mayBe: (one: Measured) => boolean): Measured | undefined {
  const totals = measured[0]?.noise.map((_, group) => sum(measured.map(({ noise }) => noise[group] ?? 0))) ?? [];
  const excess = ({ noise }: Measured): number => Math.max(0, ...noise.map((own, group) => excessOf(own, totals[group] ?? 0)));
  return measured
    .filter((one) => excess(one) > 0 && mayBe(one))
    .reduce<Measured | undefined>((most, one) => (most === undefined || excess(one) > excess(most) ? one : most), undefined);
}

/** Noise that is reason enough to leave a trial float; 0 for none. */
function excessOf(own: number, total: number): number {
  const share = total > tolerable ? 1 / 10 : 1 / 3;
  return total > good && own >= share * total ? own : 0;
}
