import type * as Prometheus from 'prom-client';

import { ArgumentError } from '../errors/index.js';
import { metricDefinitions, type MetricDefinition } from './metric-definitions.js';

type Definitions = typeof metricDefinitions;
export type MetricKey = keyof Definitions;

interface Kinds {
  readonly counter: Prometheus.Counter;
  readonly gauge: Prometheus.Gauge;
  readonly histogram: Prometheus.Histogram;
}
export type Metrics = { readonly [Key in MetricKey]: Kinds[Definitions[Key]['kind']] };

/** What gives a metric its values whenever the registry is read. */
export type Collectors = { readonly [Key in MetricKey]?: (metric: Metrics[Key]) => void | Promise<void> };

/** Makes all metrics in the registry, or none. Throws INVALID_ARGUMENT where it has one of these names already. */
export function createMetrics(
  client: typeof Prometheus,
  register: Prometheus.Registry,
  prefix: string,
  collectors: Collectors,
): Metrics {
  const definitions = Object.entries<MetricDefinition>(metricDefinitions);
  for (const { name } of Object.values<MetricDefinition>(metricDefinitions)) {
    if (register.getSingleMetric(prefix + name) === undefined) continue;
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `Expected a registry without a metric ${prefix}${name}, but it has one`,
      hint: 'Call collectMetrics once for each registry, stop the other first, or give another prefix.',
      details: { name: 'register', metric: prefix + name },
    });
  }
  const made = definitions.map(([key, definition]) => {
    const collector = collectors[key as MetricKey] as ((metric: unknown) => void | Promise<void>) | undefined;
    return [key, createMetric(client, register, prefix, definition, collector)];
  });
  return Object.fromEntries(made) as Metrics;
}

export function removeMetrics(register: Prometheus.Registry, prefix: string): void {
  for (const { name } of Object.values<MetricDefinition>(metricDefinitions)) register.removeSingleMetric(prefix + name);
}

function createMetric(
  client: typeof Prometheus,
  register: Prometheus.Registry,
  prefix: string,
  { kind, name, help, labels, buckets = [] }: MetricDefinition,
  collector: ((metric: unknown) => void | Promise<void>) | undefined,
): Kinds[keyof Kinds] {
  const configuration = {
    ...{ name: prefix + name, help, labelNames: [...labels], registers: [register] },
    // The library calls it as a method of the metric.
    ...(collector && {
      collect(this: unknown): void | Promise<void> {
        return collector(this);
      },
    }),
  };
  if (kind === 'histogram') return new client.Histogram({ ...configuration, buckets: [...buckets] });
  return kind === 'gauge' ? new client.Gauge(configuration) : new client.Counter(configuration);
}
