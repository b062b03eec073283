/** What `benchModel` gives: plain data, which all reports and comparisons are made of. */
import { type BenchWindow } from './bench-window.js';
import { coefficientOfVariation, median, percentiles, type Percentiles } from './percentiles.js';
import { noTimes, stageNames, type CellPlace, type StageTimes } from './workload.js';

export const benchSchema = { schema: 'foveate-bench', version: 1 } as const;

/** One stretch of calls, each in a session of its own. */
export interface ReportedWindow {
  readonly calls: number;
  readonly seconds: number;
  /** Samples or pictures a second. */
  readonly throughput: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** Whether warming up before it came to rest. */
  readonly settled: boolean;
}

/** How busy what does the work was: 0 to 1, a little above where stages overlap. */
export interface Busy {
  /** The lanes of the session: computing, and moving data to and from a GPU. */
  readonly lanes: number;
  /** The threads that decode and prepare pictures, and read results. */
  readonly pictures: number;
  /** All cores, by processor time of the process. */
  readonly cores: number;
}

/** One place of the sweep, measured. */
export interface BenchCell extends CellPlace {
  readonly device: string;
  readonly inFlight: number;
  /** Samples or pictures a second: the median of the windows. */
  readonly throughput: number;
  /** Standard deviation over mean of the windows' throughputs. */
  readonly variation: number;
  /** Of one call, of all windows together. */
  readonly latencyMs: Percentiles;
  /** Of one call, the mean. */
  readonly stagesMs: StageTimes;
  readonly busy: Busy;
  /** Processor time of one sample or picture. */
  readonly cpuMsPerItem: number;
  /** The most memory the process held, and by how much that is more than before the model was opened: the median of the windows. */
  readonly peakRssBytes: number;
  readonly rssGrowthBytes: number;
  readonly windows: readonly ReportedWindow[];
}

/** A place that could not be measured, such as one for which there is too little memory. */
export interface FailedCell extends CellPlace {
  readonly error: { readonly code: string; readonly message: string };
}

export type FindingKind =
  | 'compute'
  | 'transfer'
  | 'preprocessing'
  | 'postprocessing'
  | 'hand-over'
  | 'in-flight'
  | 'noise'
  | 'batch'
  | 'lanes'
  | 'threads';

/** What the numbers say. */
export interface Finding {
  readonly kind: FindingKind;
  readonly words: string;
}

/** What has to be the same for two reports to be compared. */
export interface BenchSettings {
  readonly input: 'tensors' | 'pictures';
  /** As it was asked for. */
  readonly device: string;
  /** Of one sample, by input; with tensors. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** How many, how many were left out because they cannot be read, and the SHA-256 of those that are taken; with pictures. */
  readonly pictures: { readonly count: number; readonly leftOut: number; readonly sha256: string } | null;
  /** Calls in flight; null: as many as there are lanes, and one more with pictures. */
  readonly inFlight: number | null;
}

export interface BenchMachine {
  readonly cpu: string;
  readonly cores: number;
  /** Threads that prepare pictures. */
  readonly pictureLanes: number;
  readonly platform: string;
  readonly node: string;
  readonly runtime: string;
}

export interface BenchReport {
  readonly schema: (typeof benchSchema)['schema'];
  readonly version: (typeof benchSchema)['version'];
  readonly foveate: string;
  /** When, as ISO 8601. */
  readonly made: string;
  /** Whether it was ended before all windows were measured. */
  readonly interrupted: boolean;
  readonly model: { readonly name: string; readonly sha256: string };
  readonly machine: BenchMachine;
  readonly settings: BenchSettings;
  readonly rounds: number;
  /** Of each cell, in all rounds together. */
  readonly durationMs: number;
  readonly seed: number;
  readonly cells: readonly BenchCell[];
  readonly failed: readonly FailedCell[];
  /** The first names the bottleneck of the fastest cell. */
  readonly findings: readonly Finding[];
}

/** A window, and what was known around it. */
export interface CellWindow {
  readonly window: BenchWindow;
  readonly settled: boolean;
  readonly device: string;
  readonly rssBefore: number;
}

/** `windows`: at least one. */
export function cellOf(
  place: CellPlace,
  inFlight: number,
  windows: readonly CellWindow[],
  { cores, pictureLanes }: Pick<BenchMachine, 'cores' | 'pictureLanes'>,
): BenchCell {
  const total = (of: (window: BenchWindow) => number): number => windows.reduce((sum, { window }) => sum + of(window), 0);
  const calls = total((window) => window.calls);
  const ms = 1000 * total(({ seconds }) => seconds);
  const cpuMs = total((window) => window.cpuMs);
  const stagesMs = noTimes();
  for (const stage of stageNames) stagesMs[stage] = total(({ stages }) => stages[stage]) / calls;
  const { decodeMs, preprocessMs, computeMs, transferMs, postprocessMs } = stagesMs;
  const reported = windows.map(({ window, settled }): ReportedWindow => {
    const { p50, p95 } = percentiles(window.latenciesMs);
    const throughput = window.items / window.seconds;
    return { calls: window.calls, seconds: window.seconds, throughput, p50Ms: p50 as number, p95Ms: p95 as number, settled };
  });
  const throughputs = reported.map(({ throughput }) => throughput);
  return {
    ...place,
    device: (windows.at(-1) as CellWindow).device,
    inFlight,
    throughput: median(throughputs),
    variation: coefficientOfVariation(throughputs),
    latencyMs: percentiles(windows.flatMap(({ window }) => window.latenciesMs)),
    stagesMs,
    busy: {
      lanes: (calls * (computeMs + transferMs)) / (ms * place.lanes),
      pictures: (calls * (decodeMs + preprocessMs + postprocessMs)) / (ms * pictureLanes),
      cores: cpuMs / (ms * cores),
    },
    cpuMsPerItem: cpuMs / total(({ items }) => items),
    peakRssBytes: Math.max(...windows.map(({ window }) => window.peakRssBytes)),
    rssGrowthBytes: median(windows.map(({ window, rssBefore }) => window.peakRssBytes - rssBefore)),
    windows: reported,
  };
}

export function isSamePlace(a: CellPlace, b: CellPlace): boolean {
  return a.batch === b.batch && a.lanes === b.lanes && a.threads === b.threads;
}

/** The cell of the highest throughput; undefined where there is none. */
export function fastestCell(cells: readonly BenchCell[]): BenchCell | undefined {
  return cells.reduce<BenchCell | undefined>(
    (best, cell) => (best === undefined || cell.throughput > best.throughput ? cell : best),
    undefined,
  );
}
