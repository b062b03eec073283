/** Metrics of groups of pictures, to find where a model is bad. */
import { checkInteger, checkOptions, describeValue, invalidArgument } from '../errors/index.js';
import { bootstrapAmong, checkedBootstrapOptions, quantile, type BootstrapOptions, type Interval } from './bootstrap.js';
import type { Statistic } from './statistic.js';

/** What an attribute of a picture can be; undefined where it is not known. */
export type PictureAttribute = string | number | boolean | undefined;

/** Pictures that have something in common. */
export interface DatasetSlice {
  readonly label: string;
  /** Places of its pictures, ascending. */
  readonly members: Uint32Array;
}

/** From so many pictures on a slice can be the worst: an interval from fewer is too narrow to be believed. */
export const enoughPictures = 30;
/** Areas from which on COCO calls an object medium, and large, in pixels. */
const cocoAreas = [32 ** 2, 96 ** 2] as const;
const unknown = 'unknown';

/**
 * Groups pictures by one value of each. Strings and booleans make a slice each, in the order of the alphabet. Where all values are numbers, there are
 * `bins` (default 4) slices of about as many pictures, between quantiles; as many slices as numbers where no more than that differ. Pictures without a
 * value, or with NaN, are a slice `unknown`, the last. No slice is empty. Throws INVALID_ARGUMENT, UNKNOWN_OPTION.
 */
export function sliceBy(
  values: readonly PictureAttribute[],
  options: { readonly bins?: number | undefined } = {},
): DatasetSlice[] {
  checkOptions('slice options', options, ['bins']);
  const bins = checkInteger('bins', options.bins ?? 4, 2, 100);
  const known = values.filter((value) => !isUnknown(value));
  for (const value of known) {
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      throw invalidArgument('values', 'strings, numbers or booleans', value);
    }
  }
  const numeric = known.every((value) => typeof value === 'number');
  const labelOf = numeric ? numberLabels(Float64Array.from(known as number[]).sort(), bins) : plainLabels(known);
  return grouped(
    labelOf.labels,
    values.map((value) => (isUnknown(value) ? undefined : labelOf.place(value))),
  );
}

/**
 * Groups pictures by an area in pixels: small, medium and large. The limits are COCO's for objects, 32 * 32 and 96 * 96, unless others are given: say, of
 * the pictures. An area equal to a limit is above it. Throws INVALID_ARGUMENT.
 */
export function sliceBySize(
  areas: ArrayLike<number | undefined>,
  limits: readonly [medium: number, large: number] = cocoAreas,
): DatasetSlice[] {
  const [medium, large] = limits;
  if (!(medium > 0 && large > medium && large < Infinity)) {
    throw invalidArgument('limits', 'two ascending areas in pixels', limits);
  }
  return grouped(
    ['small', 'medium', 'large'],
    Array.from(areas, (area) => (isUnknown(area) ? undefined : Number(area >= medium) + Number(area >= large))),
  );
}

function isUnknown(value: PictureAttribute): value is undefined {
  return value === undefined || Number.isNaN(value);
}

interface Labels {
  readonly labels: readonly string[];
  place(value: PictureAttribute): number;
}

function plainLabels(values: readonly PictureAttribute[]): Labels {
  const labels = [...new Set(values.map(String))].sort();
  const places = new Map(labels.map((label, place) => [label, place]));
  return { labels, place: (value) => places.get(String(value)) as number };
}

function numberLabels(sorted: Float64Array, bins: number): Labels {
  const distinct = [...new Set(sorted)];
  if (distinct.length <= bins) {
    return { labels: distinct.map(String), place: (value) => distinct.indexOf(value as number) };
  }
  const inner = Array.from({ length: bins - 1 }, (_, i) => quantile(sorted, (i + 1) / bins));
  // An edge at the lowest value would leave nothing below it.
  const edges = [...new Set(inner)].filter((edge) => edge > (sorted[0] as number));
  const ends = [sorted[0] as number, ...edges, sorted.at(-1) as number];
  const short = ends.map((end) => String(Number(end.toPrecision(4))));
  const texts = new Set(short).size === ends.length ? short : ends.map(String);
  const labels = ends.slice(1).map((_, i) => `${texts[i]} to ${i === edges.length ? '' : 'below '}${texts[i + 1]}`);
  return { labels, place: (value) => edges.filter((edge) => edge <= (value as number)).length };
}

function grouped(labels: readonly string[], places: readonly (number | undefined)[]): DatasetSlice[] {
  const members: number[][] = [...labels, unknown].map(() => []);
  for (const [picture, place] of places.entries()) (members[place ?? labels.length] as number[]).push(picture);
  return [...labels, unknown]
    .map((label, place) => ({ label, members: Uint32Array.from(members[place] as number[]) }))
    .filter((slice) => slice.members.length > 0);
}

export interface EvaluateSlicesOptions extends BootstrapOptions {
  /** From how many pictures on a slice can be the worst. Default 30. */
  readonly minimum?: number | undefined;
}

export interface SliceValue {
  /** Of the statistic. */
  readonly name: string;
  readonly value: number;
  readonly interval: Interval;
}

export interface EvaluatedSlice {
  readonly label: string;
  readonly count: number;
  /** Whether it has enough pictures to be the worst. */
  readonly isEnough: boolean;
  /** In the order of the statistics. */
  readonly values: readonly SliceValue[];
}

export interface WorstSlice {
  readonly label: string;
  readonly count: number;
  readonly value: SliceValue;
  /**
   * Whether all pictures together are better than anything in its interval. Where they are not, chance alone may have made it the worst; of many slices,
   * one or the other stands out by chance too.
   */
  readonly standsOut: boolean;
}

export interface SliceReport {
  readonly pictures: number;
  readonly minimum: number;
  /** Of all pictures. */
  readonly overall: readonly SliceValue[];
  readonly slices: readonly EvaluatedSlice[];
  /** In the order of the statistics; undefined where fewer than two slices have enough pictures and a value. */
  readonly worst: readonly (WorstSlice | undefined)[];
}

/**
 * Values of statistics in each slice, with an interval from draws among its own pictures. Each slice is drawn from the same seed, so that its numbers
 * do not depend on the other slices. Throws INVALID_ARGUMENT, UNKNOWN_OPTION.
 */
export function evaluateSlices(
  slices: readonly DatasetSlice[],
  statistics: readonly Statistic[],
  pictures: number,
  options: EvaluateSlicesOptions = {},
): SliceReport {
  checkOptions('slice options', options, ['samples', 'seed', 'level', 'minimum']);
  checkInteger('pictures', pictures, 1, 2 ** 32 - 1);
  const minimum = checkInteger('minimum', options.minimum ?? enoughPictures, 2);
  const checked = checkedBootstrapOptions(options);
  const valuesOf = (members: Uint32Array): SliceValue[] =>
    bootstrapAmong(statistics, pictures, members, checked).map(({ name, value, interval }) => ({ name, value, interval }));
  const overall = valuesOf(Uint32Array.from({ length: pictures }, (_, i) => i));
  const evaluated = slices.map(({ label, members }) => {
    if (members.length === 0 || members.some((member) => member >= pictures)) {
      throw invalidArgument(`slice ${describeValue(label)}`, `pictures from 0 to ${pictures - 1}, at least one`, members);
    }
    return { label, count: members.length, isEnough: members.length >= minimum, values: valuesOf(members) };
  });
  const worst = statistics.map((statistic, s) => worstOf(evaluated, overall, statistic, s));
  return { pictures, minimum, overall, slices: evaluated, worst };
}

function worstOf(
  slices: readonly EvaluatedSlice[],
  overall: readonly SliceValue[],
  { lowerIsBetter = false }: Statistic,
  s: number,
): WorstSlice | undefined {
  const candidates = slices
    .filter((slice) => slice.isEnough)
    .map(({ label, count, values }) => ({ label, count, value: values[s] as SliceValue }))
    .filter(({ value }) => !Number.isNaN(value.value));
  const [first, ...others] = candidates;
  if (first === undefined || others.length === 0) return undefined;
  const sign = lowerIsBetter ? -1 : 1;
  const worst = others.reduce((worst, slice) => (sign * slice.value.value < sign * worst.value.value ? slice : worst), first);
  const whole = (overall[s] as SliceValue).value;
  const { low, high } = worst.value.interval;
  return { ...worst, standsOut: lowerIsBetter ? whole < low : whole > high };
}
