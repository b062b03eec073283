/** How metrics are called, ordered and written, for all reports. */
import type { EvaluationTask, MetricValues } from '../evaluation-result.js';

/** What stands for a value that there is none of. */
export const noValue = '\u2013';

/** What metrics are, in a few words: those whose name does not say it. */
const meanings: Readonly<Record<string, string>> = {
  top1: 'the likeliest class is right',
  top5: 'among the five likeliest',
  AP: 'mean over IoU 0.50 to 0.95',
  AP50: 'at IoU 0.50',
  AP75: 'at IoU 0.75',
  APs: 'small objects',
  APm: 'medium objects',
  APl: 'large objects',
  AR1: 'recall, one object a picture',
  AR10: 'recall, ten objects a picture',
  AR100: 'recall, 100 objects a picture',
  mIoU: 'mean over classes',
  IoU: 'intersection over union',
  ECE: 'calibration error, less is better',
  HOTA: 'detection and association',
  DetA: 'detection alone',
  AssA: 'association alone',
  LocA: 'localisation',
  MOTA: 'all errors over all objects',
  MOTP: 'overlap of what was matched',
  IDF1: 'identities kept',
  IDSW: 'switches of identity, less is better',
  Frag: 'broken tracks, less is better',
  MT: 'tracks mostly found',
  PT: 'tracks partly found',
  ML: 'tracks mostly lost, less is better',
};

/** Metrics that count. Of a number alone one cannot tell whether 1 is a count or all. */
const counts = new Set(['IDSW', 'Frag', 'MT', 'PT', 'ML', 'TP', 'FP', 'FN', 'IDTP', 'IDFP', 'IDFN', 'GT', 'Dets', 'IDs']);

/** What tells most, for each task the first that there is. */
const headlines: Readonly<Record<EvaluationTask, readonly string[]>> = {
  classify: ['top1', 'accuracy', 'F1', 'f1', 'recall', 'AP'],
  detect: ['AP', 'mask.AP', 'keypoints.AP', 'AP50', 'F1', 'f1', 'recall'],
  segment: ['mIoU', 'IoU', 'dice', 'Dice', 'accuracy'],
  track: ['HOTA', 'IDF1', 'MOTA'],
};

/** `keypoints.AP` is AP, of keypoints; the point in `AP@0.5` parts nothing. */
export function metricParts(name: string): { readonly subject: string; readonly base: string } {
  const [, subject = '', base = name] = /^([^]+)\.([a-z][^]*)$/i.exec(name) ?? [];
  return { subject, base };
}

/** A few words on a metric; undefined for one that is not known. */
export function metricMeaning(name: string): string | undefined {
  const { base } = metricParts(name);
  return Object.hasOwn(meanings, base) ? meanings[base] : undefined;
}

/** Whether it is a share of 1, so that it can stand on an axis from 0 to 1. */
export function isShare(name: string, value: number | null | undefined): value is number {
  return isNumber(value) && value >= 0 && value <= 1 && !counts.has(metricParts(name).base);
}

/** Results that were read from a file may hold null for what JSON has no number for. */
export function isNumber(value: number | null | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** A value as people read it: shares with three decimals, counts with none. */
export function metricText(name: string, value: number | null | undefined): string {
  if (!isNumber(value)) return noValue;
  if (counts.has(metricParts(name).base) || (Number.isInteger(value) && Math.abs(value) > 1)) return countText(value);
  return value.toFixed(Math.abs(value) >= 100 ? 1 : 3);
}

/** 36335 as 36,335. */
export function countText(value: number): string {
  return isNumber(value) ? value.toLocaleString('en-US') : noValue;
}

/** The metric that tells most, of those in `values`; undefined where there are none. */
export function headlineOf(task: EvaluationTask, values: readonly MetricValues[]): string | undefined {
  const names = metricNames(values);
  return headlines[task].find((name) => names.includes(name)) ?? names[0];
}

/** All names, in the order they come in. */
export function metricNames(values: readonly MetricValues[]): string[] {
  return [...new Set(values.flatMap((metrics) => Object.keys(metrics)))];
}

/** The items from the lowest value of `metric` to the highest; those without one come last. */
export function worstFirst<T extends { readonly metrics: MetricValues }>(items: readonly T[], metric: string): T[] {
  const rank = ({ metrics }: T): number => (isNumber(metrics[metric]) ? metrics[metric] : Infinity);
  return items.toSorted((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
}

/** The item with the lowest value; undefined unless others have a higher one. */
export function worstOf<T extends { readonly metrics: MetricValues }>(items: readonly T[], metric: string): T | undefined {
  const ranked = worstFirst(items, metric).filter(({ metrics }) => isNumber(metrics[metric]));
  return ranked.length > 1 && ranked[0]?.metrics[metric] !== ranked.at(-1)?.metrics[metric] ? ranked[0] : undefined;
}

/** A name that is too long for its place. */
export function shortened(name: string, length: number): string {
  if (name.length <= length) return name;
  const whole = name.slice(0, length - 1).replace(/[\ud800-\udbff]$/, ''); // no half of a character
  return `${whole.trimEnd()}\u2026`;
}

/** Items by a key, in the order they come in. */
export function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
