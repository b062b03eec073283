/** Whether one run is better than another over the same pictures, or only luckier. */
import { ArgumentError, checkOptions, invalidArgument } from '../errors/index.js';
import { bootstrap, checkedBootstrapOptions, percentileInterval, type BootstrapOptions, type Interval } from './bootstrap.js';
import { mcNemar, type Discordance } from './mcnemar.js';
import { enoughPictures } from './slices.js';
import type { Statistic } from './statistic.js';

/** What a run found, over its pictures. */
export interface EvaluatedRun {
  readonly name: string;
  /** Names of the pictures, in the order of the weights that the statistics take. */
  readonly pictures: readonly string[];
  readonly statistics: readonly Statistic[];
}

export type ComparisonVerdict = 'better' | 'worse' | 'no difference that shows';

/** One statistic of two runs. */
export interface Comparison {
  readonly name: string;
  readonly pictures: number;
  readonly baseline: number;
  readonly candidate: number;
  /** `candidate` - `baseline`. */
  readonly difference: number;
  /** Of the difference. */
  readonly interval: Interval;
  /**
   * Two-sided: twice the share of samples whose difference is on the other side of 0, or 0, the sample of all pictures counted in. NaN where undefined.
   */
  readonly pValue: number;
  /** The exact test of pictures that are right in one run alone; undefined unless the statistic counts pictures that are right. */
  readonly mcNemar: Discordance | undefined;
  /** Of the candidate. A difference shows where the interval leaves out 0, McNemar's test, where there is one, agrees, and there are at least 30 pictures. */
  readonly verdict: ComparisonVerdict;
  /** The same in words. */
  readonly words: string;
}

/**
 * Compares the statistics that both runs have, by name. The same pictures are drawn for both, so that what makes some pictures hard for both does not
 * count. Throws INVALID_ARGUMENT where the pictures are not the same, in the same order, or no statistic is in both.
 */
export function compareRuns(baseline: EvaluatedRun, candidate: EvaluatedRun, options: BootstrapOptions = {}): Comparison[] {
  checkOptions('comparison options', options, ['samples', 'seed', 'level']);
  checkSamePictures(baseline, candidate);
  const pairs = baseline.statistics.flatMap((statistic) => {
    const other = candidate.statistics.find(({ name }) => name === statistic.name);
    return other === undefined ? [] : [[statistic, other] as const];
  });
  if (pairs.length === 0) {
    throw invalidArgument(
      'candidate.statistics',
      `one of ${baseline.statistics.map(({ name }) => name).join(', ') || 'the statistics of the other run'}`,
      candidate.statistics.map(({ name }) => name).join(', '),
      'Only what both runs were evaluated for can be compared.',
    );
  }
  const estimates = bootstrap(pairs.flat(), baseline.pictures.length, options);
  return pairs.map(([first, second], i) =>
    compareSamples(
      {
        name: first.name,
        lowerIsBetter: first.lowerIsBetter,
        pictures: baseline.pictures.length,
        baseline: estimates[2 * i] as (typeof estimates)[number],
        candidate: estimates[2 * i + 1] as (typeof estimates)[number],
        mcNemar: first.outcomes && second.outcomes && mcNemar(first.outcomes, second.outcomes),
      },
      options,
    ),
  );
}

/** A value of all pictures, and of each sample of them. */
export interface SampledValue {
  readonly value: number;
  readonly samples: Float64Array;
}

/**
 * The same from samples that were drawn elsewhere: those of both runs must be of the same pictures, draw by draw. Throws INVALID_ARGUMENT where there are
 * not as many of both.
 */
export function compareSamples(
  compared: {
    readonly name: string;
    readonly lowerIsBetter?: boolean | undefined;
    readonly pictures: number;
    readonly baseline: SampledValue;
    readonly candidate: SampledValue;
    readonly mcNemar?: Discordance | undefined;
  },
  options: Pick<BootstrapOptions, 'level'> = {},
): Comparison {
  const { level } = checkedBootstrapOptions({ level: options.level });
  const { name, pictures, baseline, candidate } = compared;
  if (baseline.samples.length !== candidate.samples.length) {
    throw invalidArgument(
      'candidate.samples',
      `${baseline.samples.length} samples, as of the baseline`,
      candidate.samples.length,
      'Draw the samples of both runs with the same seed and number.',
    );
  }
  const differences = candidate.samples.map((value, i) => value - (baseline.samples[i] as number));
  const interval = percentileInterval(differences, level);
  const numbers = {
    name,
    pictures,
    baseline: baseline.value,
    candidate: candidate.value,
    difference: candidate.value - baseline.value,
    interval,
    pValue: signPValue(differences),
    mcNemar: compared.mcNemar,
  };
  const verdict = verdictOf(numbers, compared.lowerIsBetter === true);
  return { ...numbers, verdict, words: wordsOf(numbers, verdict) };
}

function checkSamePictures(baseline: EvaluatedRun, candidate: EvaluatedRun): void {
  const [first, second] = [baseline.pictures, candidate.pictures];
  const differs = first.findIndex((picture, i) => picture !== second[i]);
  if (differs < 0 && first.length === second.length) return;
  const known = new Set(first);
  const others = new Set(second);
  const missing = first.filter((picture) => !others.has(picture)).length;
  const added = second.filter((picture) => !known.has(picture)).length;
  const isOrder = missing === 0 && added === 0 && first.length === second.length;
  throw new ArgumentError('INVALID_ARGUMENT', {
    message: isOrder
      ? `${baseline.name} and ${candidate.name} have the same pictures in another order, from picture ${differs} on`
      : `${baseline.name} has ${first.length} pictures and ${candidate.name} has ${second.length}: ` +
        `${missing} are in the first alone, ${added} in the second`,
    hint: isOrder
      ? 'Order the pictures of both runs by name before they are evaluated.'
      : 'A comparison is of the same pictures: evaluate both runs on the same data set, or on the pictures that both have.',
    details: { missing, added },
  });
}

function signPValue(differences: Float64Array): number {
  const defined = differences.filter((difference) => !Number.isNaN(difference));
  if (defined.length === 0) return NaN;
  const notAbove = defined.filter((difference) => difference <= 0).length;
  const notBelow = defined.filter((difference) => difference >= 0).length;
  return Math.min(1, (2 * (Math.min(notAbove, notBelow) + 1)) / (defined.length + 1));
}

type Numbers = Omit<Comparison, 'verdict' | 'words'>;

/** Whether the exact test, where there is one, finds too few pictures that turned out differently. */
function isByChance({ mcNemar, interval }: Numbers): boolean {
  return mcNemar !== undefined && mcNemar.pValue >= 1 - interval.level;
}

function verdictOf(numbers: Numbers, lowerIsBetter: boolean): ComparisonVerdict {
  const { low, high } = numbers.interval;
  if (numbers.pictures < enoughPictures || isByChance(numbers)) return 'no difference that shows';
  if (low > 0) return lowerIsBetter ? 'worse' : 'better';
  if (high < 0) return lowerIsBetter ? 'better' : 'worse';
  return 'no difference that shows';
}

function wordsOf(numbers: Numbers, verdict: ComparisonVerdict): string {
  const { name, baseline, candidate, difference, interval, pictures } = numbers;
  const { low, high } = interval;
  const facts =
    `${name}: ${verdict}. ${baseline.toFixed(4)} became ${candidate.toFixed(4)}, ${signed(difference)}; ` +
    `${Number((interval.level * 100).toFixed(2))}% interval ${signed(low)} to ${signed(high)} over ${pictures} pictures.`;
  return `${facts} ${reasonOf(numbers, verdict)}`;
}

function reasonOf(numbers: Numbers, verdict: ComparisonVerdict): string {
  const { interval, pictures, mcNemar } = numbers;
  const { low, high } = interval;
  if (Number.isNaN(low)) return 'It is undefined for these pictures.';
  if (verdict !== 'no difference that shows') {
    return 'Signal: whichever of these pictures are drawn, the difference keeps its sign in nearly all of the samples.';
  }
  if (pictures < enoughPictures) return `Fewer than ${enoughPictures} pictures tell nothing apart.`;
  if (low === 0 && high === 0) return 'The runs are the same in nearly all of the samples.';
  if (low <= 0 && high >= 0) {
    return `Noise would do that: with these pictures, a difference below about ${((high - low) / 2).toFixed(4)} does not show.`;
  }
  const different = (mcNemar?.baselineOnly ?? 0) + (mcNemar?.candidateOnly ?? 0);
  return `Noise would do that: only ${different} pictures turned out differently (exact McNemar test, p = ${mcNemar?.pValue.toFixed(3)}).`;
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(4)}`;
}
