/** Reports as `benchModel` gives them, with numbers of a test's own. */
import { benchSchema, cellOf, type BenchCell, type BenchReport, type CellWindow } from '../../lib/bench/bench-report.js';
import { findingsOf } from '../../lib/bench/findings.js';
import { noTimes, type CellPlace, type StageTimes } from '../../lib/bench/workload.js';

export const madeMachine = {
  ...{ cpu: 'a processor', cores: 4, pictureLanes: 3, platform: 'linux x64', node: 'v20.0.0', runtime: 'onnxruntime 1.30.0' },
};

export interface MadeCell extends Partial<CellPlace> {
  /** Samples a second, of each window. */
  readonly throughputs?: readonly number[];
  readonly stages?: Partial<StageTimes>;
  /** Of each call; default: the sum of the stages. */
  readonly latencyMs?: number;
  /** Cores at work. */
  readonly cores?: number;
  readonly settled?: boolean;
}

/** Windows of a second each. */
export function madeCell({
  batch = 1,
  lanes = 1,
  threads = null,
  throughputs = [100, 100, 100],
  stages = { computeMs: 10 },
  cores = 1,
  settled = true,
  ...rest
}: MadeCell = {}): BenchCell {
  const each = { ...noTimes(), ...stages };
  const latencyMs = rest.latencyMs ?? Object.values(each).reduce((sum, value) => sum + value, 0);
  const windows = throughputs.map((throughput): CellWindow => {
    const calls = throughput / batch;
    const total = Object.fromEntries(Object.entries(each).map(([stage, ms]) => [stage, ms * calls])) as unknown as StageTimes;
    return {
      window: {
        ...{ calls, items: throughput, seconds: 1, latenciesMs: [latencyMs, latencyMs], stages: total },
        ...{ cpuMs: 1000 * cores, peakRssBytes: 50 * 2 ** 20 },
      },
      ...{ settled, device: 'cpu', rssBefore: 40 * 2 ** 20 },
    };
  });
  return cellOf({ batch, lanes, threads }, lanes, windows, madeMachine);
}

export function madeReport(cells: readonly BenchCell[], changes: Partial<BenchReport> = {}): BenchReport {
  return {
    ...benchSchema,
    ...{ foveate: '0.1.0', made: '2026-01-01T00:00:00.000Z', interrupted: false },
    model: { name: 'model.onnx', sha256: 'a'.repeat(64) },
    machine: madeMachine,
    settings: { input: 'tensors', device: 'auto', shapes: { images: [3, 8, 8] }, pictures: null, inFlight: null },
    ...{ rounds: 3, durationMs: 3000, seed: 0, cells, failed: [], findings: findingsOf(cells, madeMachine) },
    ...changes,
  };
}
