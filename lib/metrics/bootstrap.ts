/** How far a metric would move with other pictures of the same kind: the percentile bootstrap over pictures. */
import { checkInteger, checkNumber, checkOptions } from '../errors/index.js';
import { Random } from './random.js';
import type { Statistic } from './statistic.js';

export interface BootstrapOptions {
  /** How often the pictures are drawn anew. Default 1000. */
  readonly samples?: number | undefined;
  /** The same seed draws the same pictures, on every machine: an integer from 0 to 2^32 - 1. Default 0. */
  readonly seed?: number | undefined;
  /** How much of the samples the interval holds. Default 0.95. */
  readonly level?: number | undefined;
}

/** The middle part of the samples. */
export interface Interval {
  /** NaN, as `high`, where the statistic is undefined in every sample. */
  readonly low: number;
  readonly high: number;
  readonly level: number;
  /** In how many samples the statistic is defined: the others are left out. */
  readonly samples: number;
}

/** A statistic of all pictures, and what it was in samples of them. */
export interface Estimate {
  readonly name: string;
  readonly value: number;
  readonly interval: Interval;
  /** Of each draw, in their order; NaN where undefined. */
  readonly samples: Float64Array;
}

export interface CheckedBootstrapOptions {
  readonly samples: number;
  readonly seed: number;
  readonly level: number;
}

export function checkedBootstrapOptions(options: BootstrapOptions): CheckedBootstrapOptions {
  return {
    samples: checkInteger('samples', options.samples ?? 1000, 10, 1_000_000),
    seed: checkInteger('seed', options.seed ?? 0, 0, 2 ** 32 - 1),
    level: checkNumber('level', options.level ?? 0.95, 0.5, 0.9999),
  };
}

/**
 * Draws as many pictures as there are, with replacement, `samples` times, and computes the statistics of each draw: all of them of the same draws. An
 * interval says nothing of pictures unlike these, and from few pictures it comes out too narrow. Throws INVALID_ARGUMENT, UNKNOWN_OPTION.
 */
export function bootstrap(statistics: readonly Statistic[], pictures: number, options: BootstrapOptions = {}): Estimate[] {
  checkOptions('bootstrap options', options, ['samples', 'seed', 'level']);
  checkInteger('pictures', pictures, 1, 2 ** 32 - 1);
  return bootstrapAmong(
    statistics,
    pictures,
    Uint32Array.from({ length: pictures }, (_, i) => i),
    checkedBootstrapOptions(options),
  );
}

/** The same of some of the pictures alone: the others have a weight of 0. */
export function bootstrapAmong(
  statistics: readonly Statistic[],
  pictures: number,
  members: Uint32Array,
  { samples, seed, level }: CheckedBootstrapOptions,
): Estimate[] {
  const weights = new Float64Array(pictures);
  for (const member of members) weights[member] = 1;
  const values = statistics.map((statistic) => statistic.compute(weights));
  const drawn = statistics.map(() => new Float64Array(samples));
  const random = new Random(seed);
  for (let sample = 0; sample < samples; sample++) {
    weights.fill(0);
    for (let i = 0; i < members.length; i++) {
      const member = members[random.below(members.length)] as number;
      weights[member] = (weights[member] as number) + 1;
    }
    for (const [s, statistic] of statistics.entries()) (drawn[s] as Float64Array)[sample] = statistic.compute(weights);
  }
  return statistics.map(({ name }, s) => {
    const ofStatistic = drawn[s] as Float64Array;
    return { name, value: values[s] as number, interval: percentileInterval(ofStatistic, level), samples: ofStatistic };
  });
}

/** The interval that leaves out (1 - level) / 2 of the samples at each end, interpolated as numpy's percentile does. NaN samples are left out. */
export function percentileInterval(samples: Float64Array, level: number): Interval {
  const defined = samples.filter((value) => !Number.isNaN(value)).sort();
  const tail = (1 - level) / 2;
  return { low: quantile(defined, tail), high: quantile(defined, 1 - tail), level, samples: defined.length };
}

/** `fraction` (0 to 1) of the way through sorted values, between two of them linearly. NaN without values. */
export function quantile(sorted: Float64Array, fraction: number): number {
  const position = fraction * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] ?? NaN;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? NaN;
  // Equal neighbours may be infinite: their difference would be NaN.
  return low === high ? low : low + (position - below) * (high - low);
}
