/** What `loadTest` gives: plain data, which all reports are made of. */
import type { BatcherStatistics } from '../../batching/index.js';
import type { BenchMachine } from '../bench-report.js';
import { percentiles, type Percentiles } from '../percentiles.js';
import { unfinished, type LoadAccount } from './load-run.js';

export const loadSchema = { schema: 'foveate-load', version: 1 } as const;

export interface OpenLoop {
  readonly kind: 'open';
  readonly arrivals: 'poisson' | 'constant';
  /** As it was asked for; a steady one with its rate, as in `steady:50`. */
  readonly shape: string;
  readonly maxInFlight: number;
}

export interface ClosedLoop {
  readonly kind: 'closed';
  readonly concurrency: number;
  readonly thinkMs: number;
}

/** One second of the test. */
export interface LoadSecond {
  readonly second: number;
  /** Requests that were to begin in it. */
  readonly intended: number;
  /** Answers and failures that came in it. */
  readonly answered: number;
  readonly failed: number;
  /** Response times of the requests that were to begin in it and were answered. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

/** How requests were batched. */
export interface LoadBatching {
  readonly batches: number;
  readonly meanSize: number | null;
  readonly sizes: BatcherStatistics['sizes'];
  readonly reasons: BatcherStatistics['reasons'];
  readonly mostWaitingSamples: number;
}

/** Whether the generator itself kept up. */
export interface LoadGenerator {
  /** How much later than intended it got to requests. */
  readonly lagMs: Percentiles;
  readonly eventLoopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Requests that had to wait because too many were in flight. */
  readonly held: number;
  /** Cores that this process had at work: with a model, for that too. */
  readonly cores: number;
}

/** A limit that was asked for. */
export interface LoadVerdict {
  readonly limit: 'maxP99Ms' | 'maxErrors';
  readonly most: number;
  /** null: there were no requests, or so many failed that their p99 is infinite. */
  readonly found: number | null;
  readonly passed: boolean;
}

export interface LoadReport {
  readonly schema: (typeof loadSchema)['schema'];
  readonly version: (typeof loadSchema)['version'];
  readonly foveate: string;
  readonly made: string;
  /** Whether it was ended before its time. */
  readonly interrupted: boolean;
  readonly target: { readonly kind: 'model' | 'url'; readonly name: string; readonly device: string | null };
  readonly machine: Pick<BenchMachine, 'cpu' | 'cores' | 'platform' | 'node'>;
  readonly loop: OpenLoop | ClosedLoop;
  readonly durationMs: number;
  readonly deadlineMs: number | null;
  readonly seed: number;
  readonly requests: {
    /** All of them; each is answered, or failed, and in no other way. */
    readonly intended: number;
    readonly answered: number;
    readonly failed: number;
    /** How many had which answer or failure. */
    readonly outcomes: Readonly<Record<string, number>>;
  };
  /** Per second: requests that were to come, and answers that came, within the duration. */
  readonly rate: { readonly intended: number; readonly achieved: number };
  /** Of answered requests, from their intended start: in an open loop, waiting that the target caused is part of it. */
  readonly responseMs: Percentiles;
  /** Of answered requests, from when they were sent. */
  readonly serviceMs: Percentiles;
  readonly seconds: readonly LoadSecond[];
  /** Of a model. */
  readonly batching: LoadBatching | null;
  readonly generator: LoadGenerator;
  /** What is to be known of the numbers, in sentences. */
  readonly notes: readonly string[];
  readonly verdicts: readonly LoadVerdict[];
}

export type LoadNumbers = Pick<LoadReport, 'requests' | 'rate' | 'responseMs' | 'serviceMs' | 'seconds'>;

/** Counts what a run kept account of. `durationMs`: of the whole, or until it was interrupted. */
export function countLoad({ intendedMs, sentMs, endedMs, labels, good }: LoadAccount, durationMs: number): LoadNumbers {
  const outcomes: Record<string, number> = {};
  const [response, service]: [number[], number[]] = [[], []];
  const seconds: { intended: number; answered: number; failed: number; response: number[] }[] = [];
  const second = (ms: number): (typeof seconds)[number] => {
    const at = Math.max(0, Math.floor(ms / 1000));
    while (seconds.length <= at) seconds.push({ intended: 0, answered: 0, failed: 0, response: [] });
    return seconds[at] as (typeof seconds)[number];
  };
  let inTime = 0;
  for (const [i, intended] of intendedMs.entries()) {
    const [ended, label] = [endedMs[i] as number, labels[i] as string];
    outcomes[label] = (outcomes[label] ?? 0) + 1;
    second(intended).intended++;
    if (good[i] === true) {
      response.push(ended - intended);
      service.push(ended - (sentMs[i] as number));
      second(intended).response.push(ended - intended);
      second(ended).answered++;
      if (ended <= durationMs) inTime++;
    } else if (label !== unfinished) second(ended).failed++;
  }
  const all = intendedMs.length;
  return {
    requests: { intended: all, answered: response.length, failed: all - response.length, outcomes },
    rate: { intended: (1000 * all) / durationMs, achieved: (1000 * inTime) / durationMs },
    ...{ responseMs: percentiles(response), serviceMs: percentiles(service) },
    seconds: seconds.map(({ intended, answered, failed, response: times }, at) => {
      const { p50, p95, p99 } = percentiles(times);
      return { second: at, intended, answered, failed, p50Ms: p50, p95Ms: p95, p99Ms: p99 };
    }),
  };
}

export function batchingOf(statistics: BatcherStatistics | undefined): LoadBatching | null {
  if (statistics === undefined) return null;
  const { batches, sizes, reasons, mostWaitingSamples } = statistics;
  const samples = Object.entries(sizes).reduce((sum, [size, count]) => sum + Number(size) * count, 0);
  return { batches, meanSize: batches === 0 ? null : samples / batches, sizes, reasons, mostWaitingSamples };
}

/** Limits that {@link judgeLoad} holds a test against. */
export interface LoadLimits {
  /** Of response times, in milliseconds; requests that failed count as infinitely slow. */
  readonly maxP99Ms?: number | undefined;
  /** Part of all requests that may fail, 0 to 1. */
  readonly maxErrors?: number | undefined;
}

/** `numbers`: of the account. */
export function judgeLoad(account: LoadAccount, { requests }: LoadNumbers, { maxP99Ms, maxErrors }: LoadLimits): LoadVerdict[] {
  const verdicts: LoadVerdict[] = [];
  if (maxP99Ms !== undefined) {
    const found = p99OfAll(account);
    verdicts.push({ limit: 'maxP99Ms', most: maxP99Ms, found, passed: found !== null && found <= maxP99Ms });
  }
  if (maxErrors !== undefined) {
    const found = requests.intended === 0 ? null : requests.failed / requests.intended;
    verdicts.push({ limit: 'maxErrors', most: maxErrors, found, passed: found !== null && found <= maxErrors });
  }
  return verdicts;
}

/** The p99 of response times where failed requests count as infinitely slow; null where it is infinite because more than 1 % failed. */
function p99OfAll({ intendedMs, endedMs, good }: LoadAccount): number | null {
  const answered = intendedMs.flatMap((intended, i) => (good[i] === true ? [(endedMs[i] as number) - intended] : []));
  const failed = intendedMs.length - answered.length;
  if (100 * failed > intendedMs.length) return null;
  // Of so few, at most the first is a neighbour of the p99, and no infinite one is to be interpolated with.
  const slowest = answered.reduce((most, ms) => Math.max(most, ms), 0);
  return percentiles([...answered, ...Array.from({ length: failed }, () => slowest)]).p99;
}
