import { csvRecord } from '../../text/index.js';
import type { EvaluationResult, MetricIntervals, MetricValues } from '../evaluation-result.js';
import { isNumber } from './metric.js';

/**
 * The numbers of an evaluation as CSV: scope, name, metric, value, low, high. The scope is `all`, `class` or `slice`, whose name is
 * `attribute=value`; low and high are the 95 % interval, where there is one. Classes have their `count`, slices their `images`. What there is no
 * number for is left empty.
 */
export function csvReport({ metrics, intervals, classes, slices }: EvaluationResult): string {
  return [
    csvRecord(['scope', 'name', 'metric', 'value', 'low', 'high']),
    ...records('all', '', metrics, intervals),
    ...classes.flatMap(({ name, count, metrics }) => records('class', name, { count, ...metrics }, {})),
    ...slices.flatMap(({ attribute, value, images, metrics, intervals }) =>
      records('slice', `${attribute}=${value}`, { images, ...metrics }, intervals),
    ),
  ].join('');
}

function records(scope: 'all' | 'class' | 'slice', name: string, metrics: MetricValues, intervals: MetricIntervals): string[] {
  const number = (value: number | null | undefined): number | undefined => (isNumber(value) ? value : undefined);
  return Object.entries(metrics).map(([metric, value]) => {
    const [low, high] = intervals[metric] ?? [];
    return csvRecord([scope, name, metric, number(value), number(low), number(high)]);
  });
}
