import type { MetricValues } from './evaluation-result.js';

/** A number as JSON can say it: null where it is undefined. */
export function known(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

export function knownValues(values: Readonly<Record<string, number>>): MetricValues {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, known(value)]));
}
