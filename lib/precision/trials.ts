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

/** What trials did to the outputs: for each trial the noise in each group of channels, over the signal there. */
export type TrialNoise = readonly (readonly number[])[];

/** Where leaving values float has to end: more would be slower than it is worth. */
const mostMacs = 0.2;
/** Noise over signal of a model that is left as it is, unless one trial stands out: 15 dB. */
const tolerable = 10 ** (-15 / 10);
/** And of one that is good whatever stands out: 30 dB. */
const good = 10 ** (-30 / 10);

/**
 * Which trials to leave float, the worst first: while one alone makes a third of the noise in some group of channels, or, where the noise of all is not
 * tolerable, a tenth. Returns indices of trials. `allMacs`: of the whole model.
 */
export function trialsToKeepFloat(trials: readonly Trial[], noise: TrialNoise, allMacs: number): number[] {
  const kept: number[] = [];
  const left = new Set(trials.keys());
  let macs = 0;
  for (;;) {
    const groups = noise[0]?.map((_, group) => sum([...left].map((trial) => noise[trial]?.[group] ?? 0))) ?? [];
    const worst = [...left]
      .map((trial) => ({ trial, excess: Math.max(...groups.map((total, group) => excessOf(noise[trial]?.[group] ?? 0, total))) }))
      .filter(({ trial }) => macs + (trials[trial] as Trial).macs <= mostMacs * allMacs)
      .reduce((most, one) => (one.excess > most.excess ? one : most), { trial: -1, excess: 0 });
    if (worst.trial < 0) return kept;
    kept.push(worst.trial);
    left.delete(worst.trial);
    macs += (trials[worst.trial] as Trial).macs;
  }
}

/** Noise that is reason enough to leave a trial float; 0 for none. */
function excessOf(own: number, total: number): number {
  const share = total > tolerable ? 1 / 10 : 1 / 3;
  return total > good && own >= share * total ? own : 0;
}
