import { ArgumentError } from '../errors/index.js';
import type { EvaluationResult, MetricIntervals } from './evaluation-result.js';
import type { AllowedDrop, GateLimit, GateRules } from './gate-file.js';

/** Errors and counts of them: of these, a rise is what a drop is of others. */
const lowerIsBetter: ReadonlySet<string> = new Set(['logLoss', 'brier', 'calibrationError', 'FP', 'FN', 'IDSW', 'Frag', 'ML']);

/** What a gate said of one of its rules. */
export interface GateVerdict {
  /** Of the rule: `AP`, `drop of AP`, `latency p95`. */
  readonly name: string;
  readonly passed: boolean;
  /** What was found and what was asked for, in words. */
  readonly message: string;
  /** What was found; null where there was nothing to count. */
  readonly value: number | null;
  /** What it was held against, in the unit of the value. */
  readonly limit: number | null;
}

/**
 * Holds results against the rules of a gate. What a rule speaks of has to be there: a number that is missing does not pass. `baseline`: the results that drops
 * are from.
 *
 * Throws INVALID_ARGUMENT where drops are limited and no baseline is given, or one of another task or data set.
 */
export function judge(
  rules: GateRules,
  results: EvaluationResult,
  baseline: EvaluationResult | undefined,
): readonly GateVerdict[] {
  return [
    ...[...rules.metrics].map(([metric, limit]) =>
      limitVerdict(metric, results.metrics[metric], limit, unknownMetric(metric, results), results.intervals[metric]),
    ),
    ...dropVerdicts(rules.maxDrop, results, baseline),
    ...worstVerdicts('class', rules.classes, results.classes),
    ...worstVerdicts(
      'slice',
      rules.slices,
      results.slices
        .filter(({ images }) => images >= rules.slicePictures)
        .map(({ attribute, value, ...slice }) => ({ name: `${attribute} = ${value}`, ...slice })),
    ),
    ...[...rules.latencyMs].map(([name, limit]) => {
      const latency = results.latencyMs?.[name as 'mean' | 'p50' | 'p95' | 'p99'];
      return limitVerdict(`latency ${name}`, latency, limit, 'the predictions were read from a file that tells no times');
    }),
    ...(rules.modelBytes === undefined
      ? []
      : [limitVerdict('bytes of the model', results.model?.bytes, rules.modelBytes, 'the results name no model')]),
  ];
}

function unknownMetric(metric: string, { metrics }: EvaluationResult): string {
  return Object.hasOwn(metrics, metric) ? 'there is nothing to count' : `the results have ${Object.keys(metrics).join(', ')}`;
}

function limitVerdict(
  name: string,
  value: number | null | undefined,
  { min, max }: GateLimit,
  why: string,
  interval?: readonly [number, number],
): GateVerdict {
  if (typeof value !== 'number') {
    return { name, passed: false, message: `${name} is not known: ${why}`, value: null, limit: min ?? max ?? null };
  }
  const isBelow = min !== undefined && value < min;
  const isAbove = max !== undefined && value > max;
  const limit = (isAbove ? max : (min ?? max)) as number;
  const relation = isBelow ? 'is below' : isAbove ? 'is above' : min !== undefined ? 'reaches' : 'is within';
  const message = `${name} ${shown(value)} ${relation} ${shown(limit)}${doubt(interval, limit)}`;
  return { name, passed: !isBelow && !isAbove, message, value, limit };
}

/** Said where the pictures are too few to tell on which side of the limit a number lies. */
function doubt(interval: readonly [number, number] | undefined, limit: number): string {
  if (interval === undefined || limit < interval[0] || limit > interval[1]) return '';
  return ` (95 % interval ${shown(interval[0])} to ${shown(interval[1])}: more pictures would tell for sure)`;
}

function dropVerdicts(
  rules: ReadonlyMap<string, AllowedDrop>,
  results: EvaluationResult,
  baseline: EvaluationResult | undefined,
): GateVerdict[] {
  if (rules.size === 0) return [];
  if (baseline === undefined) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: 'Expected a baseline for the maxDrop of the gate',
      hint: 'Name its results in the gate, as baseline: FILE, or with --baseline FILE.',
    });
  }
  checkComparable(results, baseline);
  return [...rules].map(([metric, { amount, relative }]) => {
    const name = `drop of ${metric}`;
    const [now, before] = [results.metrics[metric], baseline.metrics[metric]];
    if (typeof now !== 'number' || typeof before !== 'number') {
      const where = typeof now !== 'number' ? results : baseline;
      return {
        name,
        passed: false,
        message: `${name} is not known: ${unknownMetric(metric, where)}`,
        value: null,
        limit: amount,
      };
    }
    const drop = lowerIsBetter.has(metric) ? now - before : before - now;
    const limit = relative ? amount * Math.abs(before) : amount;
    const noise = isWithin(results.intervals, metric, before) ? '; it lies within the noise of so few pictures' : '';
    const message = `${metric} went from ${shown(before)} to ${shown(now)}: ${shown(Math.abs(now - before))} ${now <= before ? 'less' : 'more'}, ${shown(limit)} ${lowerIsBetter.has(metric) ? 'more' : 'less'} is allowed${noise}`;
    // Differences of decimals are not whole: 0.5 - 0.49 is 0.010000000000000009.
    return { name, passed: drop <= limit + 1e-12, message, value: drop, limit };
  });
}

function isWithin(intervals: MetricIntervals, metric: string, value: number): boolean {
  const interval = intervals[metric];
  return interval !== undefined && value >= interval[0] && value <= interval[1];
}

/** Results that are of the same pictures. */
function checkComparable(results: EvaluationResult, baseline: EvaluationResult): void {
  const shownOf = ({ task, dataset }: EvaluationResult): string =>
    `${task} on ${dataset.images} pictures and ${dataset.annotations} labels`;
  const [now, before] = [shownOf(results), shownOf(baseline)];
  const isOther = results.dataset.sha256 !== baseline.dataset.sha256;
  if (now === before && !isOther) return;
  throw new ArgumentError('INVALID_ARGUMENT', {
    message: `The baseline is not of the same pictures and labels: ${before === now ? 'what they are has changed' : `expected ${now}, received ${before}`}`,
    hint: 'Evaluate the model of the baseline on this data set.',
  });
}

/** The worst class or slice stands for all. */
function worstVerdicts(
  kind: 'class' | 'slice',
  rules: ReadonlyMap<string, GateLimit>,
  parts: readonly {
    readonly name: string;
    readonly metrics: EvaluationResult['metrics'];
    readonly intervals?: MetricIntervals;
  }[],
): GateVerdict[] {
  return [...rules].map(([metric, limit]) => {
    const known = parts.flatMap(({ name, metrics, intervals }) => {
      const value = metrics[metric];
      return typeof value === 'number' ? [{ name, value, interval: intervals?.[metric] }] : [];
    });
    const excess = ({ value }: { value: number }): number =>
      Math.max((limit.min ?? -Infinity) - value, value - (limit.max ?? Infinity));
    const worst = known.reduce<(typeof known)[number] | undefined>(
      (found, part) => (found === undefined || excess(part) > excess(found) ? part : found),
      undefined,
    );
    const label = kind === 'class' ? `${metric} of the worst class` : `${metric} of the worst slice`;
    if (worst === undefined) {
      return limitVerdict(label, null, limit, `no ${kind} ${kind === 'slice' ? 'with enough pictures ' : ''}has it`);
    }
    return limitVerdict(`${label}, ${worst.name}:`, worst.value, limit, '', worst.interval);
  });
}

function shown(value: number): string {
  return Number.isInteger(value)
    ? value.toLocaleString('en')
    : value
        .toPrecision(4)
        .replace(/(\.\d*?)0+$/, '$1')
        .replace(/\.$/, '');
}
