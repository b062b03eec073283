import { aborted } from '../binding/index.js';
import type { Clock } from '../batching/clock.js';
import { checkInteger, checkNumber, checkOptions, checkSignal, invalidArgument } from '../errors/index.js';
import { Random } from '../metrics/index.js';
import { disposeOf } from '../results/index.js';
import { isShownBelow, leastValues, shownMean, type ShownMean } from './shown-below.js';

/** What a threshold is to keep to: so much less quality than the large model alone, or so many of the requests that go to it; above 0 and below 1. */
export type CascadeGoal = { readonly accuracyDrop: number } | { readonly largeShare: number };

/** How a threshold is learned. Either `quality` or `agreement` is given. */
export interface LearnThresholdOptions<Item, Result> {
  /** As those that the cascade will be given, at least 20. Both models are asked for each. */
  readonly items: Iterable<Item> | AsyncIterable<Item>;
  readonly small: (item: Item, options: { readonly signal?: AbortSignal | undefined }) => Promise<Result>;
  readonly large: (item: Item, options: { readonly signal?: AbortSignal | undefined }) => Promise<Result>;
  readonly confidence: (result: Result) => number;
  /** With labels: how good a result is for an item, 0 to 1, or whether it is right. */
  readonly quality?: ((result: Result, item: Item) => number | boolean) | undefined;
  /** Without labels: how much a result of the small model agrees with that of the large one, 0 to 1. */
  readonly agreement?: ((small: Result, large: Result) => number | boolean) | undefined;
  readonly goal: CascadeGoal;
  /** How sure it is that the goal is kept to, for items like these. Default 0.95. */
  readonly level?: number | undefined;
  /** Of the choice of items that are held out: an integer from 0 to 2^32 - 1. Default 0. */
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A threshold, and what it does to the items that were held out. */
export interface LearnedThreshold {
  /** Infinity where nothing shows that the small model may answer anything; -Infinity where nothing shows that the large one may. */
  readonly threshold: number;
  readonly items: number;
  readonly heldOut: number;
  /** Less quality than the large model alone has. */
  readonly accuracyDrop: ShownMean;
  /** Of the requests that go to the large model. */
  readonly largeShare: ShownMean;
  /** Means over the items held out; of agreement, that of the large model is 1. */
  readonly quality: { readonly small: number; readonly large: number; readonly cascade: number };
  /** Mean milliseconds of an item. */
  readonly meanMs: { readonly small: number; readonly large: number; readonly cascade: number };
  /** The same in words. */
  readonly words: string;
}

/** What was found of an item. */
interface Row {
  readonly confidence: number;
  readonly small: number;
  readonly large: number;
  readonly smallMs: number;
  readonly largeMs: number;
}

const optionNames = ['items', 'small', 'large', 'confidence', 'quality', 'agreement', 'goal', 'level', 'seed', 'signal'];
const fewestItems = 20;
/** So many thresholds are looked at, at most. */
const mostThresholds = 100;

/**
 * Half of the items, by chance, propose thresholds, the others decide. Thresholds are tested one after the other, from that which is sure to keep to the goal on, each at the full level, and the last before
 * the first that is not shown to keep to it is taken: what comes after a failure is not looked at, so that many thresholds are not many chances to be wrong (fixed sequence testing, as in Angelopoulos et
 * al., "Learn then test", 2021).
 */
export async function learnThreshold<Item, Result>(
  options: LearnThresholdOptions<Item, Result>,
  clock: Clock,
): Promise<LearnedThreshold> {
  checkOptions('options of learn', options, optionNames);
  const { limit, isDrop } = checkGoal(options.goal);
  const level = checkNumber('level', options.level ?? 0.95, 0.5, 0.9999);
  const seed = checkInteger('seed', options.seed ?? 0, 0, 2 ** 32 - 1);
  checkFunctions(options);
  const rows = shuffled(await measure(options, clock), new Random(seed));
  if (rows.length < fewestItems) throw invalidArgument('items', `at least ${fewestItems} items`, rows.length);
  const half = Math.floor(rows.length / 2);
  const [proposing, deciding] = [rows.slice(0, half), rows.slice(half)];
  const valuesOf = isDrop ? dropsOf : sharesOf;
  let threshold = isDrop ? Infinity : -Infinity;
  for (const next of thresholdsOf(proposing, isDrop)) {
    if (!isShownBelow(valuesOf(deciding, next), valuesOf(proposing, next), limit, level)) break;
    threshold = next;
  }
  const summary = summaryOf(deciding, proposing, threshold, level);
  return { threshold, items: rows.length, ...summary, words: wordsOf(threshold, summary, limit, level) };
}

function checkGoal(goal: CascadeGoal): { limit: number; isDrop: boolean } {
  checkOptions('goal', goal, ['accuracyDrop', 'largeShare']);
  const entries = Object.entries(goal ?? {}).filter(([, value]) => value !== undefined);
  const [entry] = entries;
  if (entry === undefined || entries.length > 1) throw invalidArgument('goal', 'either accuracyDrop or largeShare', goal);
  return { limit: checkNumber(`goal.${entry[0]}`, entry[1], 1e-6, 1 - 1e-6), isDrop: entry[0] === 'accuracyDrop' };
}

function checkFunctions<Item, Result>(options: LearnThresholdOptions<Item, Result>): void {
  const { items, small, large, confidence, quality, agreement, signal } = options;
  for (const [name, value] of Object.entries({ small, large, confidence })) {
    if (typeof value !== 'function') throw invalidArgument(name, 'a function', value);
  }
  const judge = quality ?? agreement;
  if (typeof judge !== 'function' || (quality !== undefined && agreement !== undefined)) {
    throw invalidArgument(
      'quality',
      'a function, or one for agreement instead',
      judge,
      'Labels tell quality; without any, agreement does.',
    );
  }
  if (items === null || typeof items !== 'object' || !(Symbol.iterator in items || Symbol.asyncIterator in items)) {
    throw invalidArgument('items', 'an array or another iterable', items);
  }
  checkSignal(signal);
}

/** One item after the other, so that the times are those of the models alone. */
async function measure<Item, Result>(options: LearnThresholdOptions<Item, Result>, clock: Clock): Promise<Row[]> {
  const { items, confidence, quality, agreement, signal } = options;
  const rows: Row[] = [];
  for await (const item of items) {
    if (signal?.aborted) throw aborted(signal);
    const results: Result[] = [];
    try {
      const began = clock.now();
      const small = await options.small(item, { signal });
      results.push(small);
      const between = clock.now();
      const large = await options.large(item, { signal });
      results.push(large);
      const largeMs = clock.now() - between;
      const score = (name: string, value: number | boolean): number => checkNumber(name, Number(value), 0, 1);
      const sure = confidence(small);
      rows.push({
        confidence: Number.isNaN(sure) ? -Infinity : sure,
        small: quality ? score('quality', quality(small, item)) : score('agreement', agreement?.(small, large) ?? Number.NaN),
        large: quality ? score('quality', quality(large, item)) : 1,
        smallMs: between - began,
        largeMs,
      });
    } finally {
      for (const result of results) await disposeOf(result);
    }
  }
  return rows;
}

function shuffled(rows: readonly Row[], random: Random): Row[] {
  const all = [...rows];
  for (let i = all.length - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [all[i], all[other]] = [all[other] as Row, all[i] as Row];
  }
  return all;
}

/** Confidences that occur, in the order in which they are tried: where the drop is bounded, from the highest on. */
function thresholdsOf(rows: readonly Row[], isDrop: boolean): number[] {
  const distinct = [...new Set(rows.map(({ confidence }) => confidence))].filter((value) => value !== -Infinity);
  distinct.sort((a, b) => (isDrop ? b - a : a - b));
  if (distinct.length <= mostThresholds) return distinct;
  return Array.from({ length: mostThresholds }, (_, i) => distinct[Math.floor((i * distinct.length) / mostThresholds)] as number);
}

function isKept({ confidence }: Row, threshold: number): boolean {
  return threshold < Infinity && confidence >= threshold && confidence !== -Infinity;
}

/** What each item loses. */
function dropsOf(rows: readonly Row[], threshold: number): number[] {
  return rows.map((row) => (isKept(row, threshold) ? row.large - row.small : 0));
}

/** 1 for each that goes to the large model. */
function sharesOf(rows: readonly Row[], threshold: number): number[] {
  return rows.map((row) => (isKept(row, threshold) ? 0 : 1));
}

type Summary = Omit<LearnedThreshold, 'threshold' | 'items' | 'words'>;

function summaryOf(rows: readonly Row[], others: readonly Row[], threshold: number, level: number): Summary {
  const mean = (of: (row: Row) => number): number => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  const drops = dropsOf(rows, threshold);
  return {
    heldOut: rows.length,
    accuracyDrop: threshold === Infinity ? { estimate: 0, bound: 0 } : shownMean(drops, dropsOf(others, threshold), level),
    largeShare: shownMean(sharesOf(rows, threshold), sharesOf(others, threshold), level),
    quality: {
      small: mean(({ small }) => small),
      large: mean(({ large }) => large),
      cascade: mean((row) => (isKept(row, threshold) ? row.small : row.large)),
    },
    meanMs: {
      small: mean(({ smallMs }) => smallMs),
      large: mean(({ largeMs }) => largeMs),
      cascade: mean((row) => row.smallMs + (isKept(row, threshold) ? 0 : row.largeMs)),
    },
  };
}

function wordsOf(threshold: number, summary: Summary, limit: number, level: number): string {
  const { heldOut, accuracyDrop, largeShare, meanMs } = summary;
  const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;
  if (!Number.isFinite(threshold)) {
    const one = threshold > 0 ? 'small' : 'large';
    const least = leastValues(limit, level);
    const reason = heldOut < least ? `that takes at least ${2 * least} items` : 'no threshold is shown to keep to the goal';
    return `Nothing shows that the ${one} model may answer anything: ${reason}.`;
  }
  return (
    `From ${threshold.toPrecision(3)} on the small model answers. ${percent(largeShare.estimate)} of ${heldOut} items that were held out went on (at most ${percent(largeShare.bound)}), quality dropped by ` +
    `${percent(accuracyDrop.estimate)} (at most ${percent(accuracyDrop.bound)}), ${meanMs.large.toFixed(1)} ms became ${meanMs.cascade.toFixed(1)} ms.`
  );
}
