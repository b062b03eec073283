/** Which values of a form are left float, as they lose too much at eight bits. */
import type { FormPlan } from './form-plan.js';
import type { Structure } from './structure.js';
import type { Trial } from './trials.js';

/** What quantising some trials together does to the outputs: the noise in each group of channels, over the signal there. */
export type MeasureTrials = (sets: readonly (readonly number[])[]) => Promise<readonly (readonly number[])[]>;

/** Where leaving values float has to end: more would be slower than it is worth. */
export interface FloatLimits {
  readonly macs: number;
  /** Elements. What makes a third of noise that is not good may have more. */
  readonly weights: number;
}

/**
 * Noise over signal of all trials together: a model with so many dB is good. yolov8n has 19 (for ONNX Runtime) and 18 (for TensorRT), yolox_nano, which breaks,
 * 4 and 13.
 */
const good = 10 ** (-23 / 10);
/** What stands out is left float up to this many, as long as few sets have been measured: where all is good at once, that costs next to nothing. */
const better = 10 ** (-30 / 10);
const fewMeasured = 24;
/** The part of all noise that is reason enough to leave a trial float. */
const reason = 1 / 10;
/** What makes this part of it, where it is not good, may have any number of weights. */
const dominant = 1 / 3;
/** Up to this, noise of several adds up well enough. */
const additive = 10 ** (-10 / 10);
/** So many sets are measured at the same time. */
const runsAtOnce = 2;

/**
 * A fifth of the work. For ONNX Runtime, few weights besides: those of a float layer are stored in eight bits too, and dequantised in every run, as they are
 * never taken for constants.
 */
export function floatLimits(structure: Structure, form: FormPlan['form']): FloatLimits {
  const [macs, weights] = [structure.allMacs, structure.allWeights];
  const most = form === 'onnxruntime' ? 0.04 * weights : weights;
  // Where sizes are free, weights stand for the work.
  return { macs: 0.2 * macs, weights: macs > 0 ? most : Math.min(most, 0.2 * weights) };
}

/** Trials whose noise is known together. */
interface Measured {
  readonly trials: readonly number[];
  readonly noise: readonly number[];
}

/**
 * Which trials to leave float, the worst first: while there is more noise than is enough in some group of channels, and one alone makes a tenth of it. They are
 * searched for by halves: noise of several adds up, so that what is little for many trials is little for each, and a model in which nothing stands out takes a
 * few runs, not one for each value. Returns indices of trials.
 */
export async function trialsToKeepFloat(
  trials: readonly Trial[],
  limits: FloatLimits,
  measure: MeasureTrials,
): Promise<readonly number[]> {
  if (trials.length === 0) return [];
  let count = 0;
  const counted: MeasureTrials = (sets) => {
    count += sets.length;
    return measure(sets);
  };
  let measured: readonly Measured[] = await measureAll([...trials.keys()], counted);
  const kept: number[] = [];
  const isAffordable = (trial: number, share: number): boolean => {
    const all = [...kept, trial].map((index) => trials[index] as Trial);
    const isLight = sum(all.map(({ weights }) => weights)) <= limits.weights;
    return sum(all.map(({ macs }) => macs)) <= limits.macs && (isLight || share >= dominant);
  };
  for (;;) {
    const enough = count < fewMeasured ? better : good;
    const worst = worstOf(measured, enough, ({ trials: set }, share) => set.some((trial) => isAffordable(trial, share)));
    const [first] = worst;
    if (first === undefined) return kept;
    if (first.trials.length === 1) {
      kept.push(first.trials[0] as number);
      measured = measured.filter((other) => other !== first);
    } else {
      const looked = isAdditive(first)
        ? worst.filter((one) => one.trials.length > 1 && isAdditive(one)).slice(0, runsAtOnce)
        : [first];
      const parts = await measureParts(looked, counted);
      measured = [...measured.filter((other) => !looked.includes(other)), ...parts];
    }
  }
}

/** Both halves of all; all together where there is no more to ask, since parts that cancel each other out may make more noise than the whole. */
async function measureAll(all: readonly number[], measure: MeasureTrials): Promise<Measured[]> {
  const halves = halvesOf(all);
  const [noise = [], ofFirst = []] = await measure(all.length > 1 ? [all, halves[0]] : [all]);
  const whole = { trials: all, noise };
  if (all.length < 2 || noise.every((one) => one <= better)) return [whole];
  const parts = withRest(whole, halves, isAdditive(whole) ? [ofFirst] : [ofFirst, ...(await measure([halves[1]]))]);
  return parts.map(({ trials, noise: own }) => ({
    trials,
    noise: own.map((one, group) => one * cancelled(parts, noise, group)),
  }));
}

/** What the parts of a good whole are to be multiplied by, since they cancel each other out: together they make no more noise than it. */
function cancelled(parts: readonly Measured[], whole: readonly number[], group: number): number {
  const all = sum(parts.map(({ noise }) => noise[group] ?? 0));
  const together = whole[group] ?? 0;
  return together <= good && all > together ? together / all : 1;
}

function isAdditive({ noise }: Measured): boolean {
  return noise.every((one) => one <= additive);
}

/**
 * Parts of each set. Where noise adds up, what the others do not make the last does, which so need not be measured; runs that this saves look deeper into the
 * first half, since what stands out mostly lies early.
 */
async function measureParts(sets: readonly Measured[], measure: MeasureTrials): Promise<Measured[]> {
  const parts = sets.map((set) => {
    const [first, second] = halvesOf(set.trials);
    return isAdditive(set) && sets.length < runsAtOnce && first.length > 1 ? [...halvesOf(first), second] : [first, second];
  });
  const asked = parts.map((own, i) => (isAdditive(sets[i]!) ? own.slice(0, -1) : own));
  const found = await measure(asked.flat());
  let next = 0;
  return sets.flatMap((set, i) => {
    const begin = next;
    next += asked[i]!.length;
    return withRest(set, parts[i]!, found.slice(begin, next));
  });
}

/** Parts with the noise that was found of the first ones; where it was not of the last, that has what is left of the whole. */
function withRest(whole: Measured, parts: readonly (readonly number[])[], found: readonly (readonly number[])[]): Measured[] {
  const rest = whole.noise.map((all, group) => Math.max(0, all - sum(found.map((noise) => noise[group] ?? 0))));
  return parts.map((trials, part) => ({ trials, noise: found[part] ?? rest }));
}

function halvesOf(trials: readonly number[]): [readonly number[], readonly number[]] {
  const middle = Math.ceil(trials.length / 2);
  return [trials.slice(0, middle), trials.slice(middle)];
}

/** Those with noise that may be looked into or left float, the one with most first. Told of each is its greatest part of the noise in a group that is not good. */
function worstOf(measured: readonly Measured[], enough: number, mayBe: (one: Measured, share: number) => boolean): Measured[] {
  const totals = measured[0]?.noise.map((_, group) => sum(measured.map(({ noise }) => noise[group] ?? 0))) ?? [];
  return measured
    .map((one) => {
      const counts = one.noise.map((own, group) => ({ own, total: totals[group] ?? 0 })).filter(({ total }) => total > enough);
      const share = Math.max(0, ...counts.map(({ own, total }) => (total > good ? own / total : 0)));
      const excess = Math.max(0, ...counts.map(({ own, total }) => (own >= reason * total ? own : 0)));
      return { one, share, excess };
    })
    .filter(({ one, share, excess }) => excess > 0 && mayBe(one, share))
    .sort((a, b) => b.excess - a.excess)
    .map(({ one }) => one);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
