import { fastestCell, type BenchReport } from '../bench-report.js';
import type { BenchComparison } from '../compare-bench.js';
import { megabyteText, numberText, percentText, pText, threadText } from './words.js';

/** What the terminal and Markdown show of each cell; all are numbers but the last. */
export function benchColumns({ settings }: BenchReport): string[] {
  const stages = settings.input === 'pictures' ? ['decode', 'prepare', 'queue', 'compute', 'read'] : ['queue', 'compute'];
  return [
    ...['batch', 'lanes', 'threads', settings.input === 'pictures' ? 'pictures/s' : 'samples/s', 'variation'],
    ...['p50 ms', 'p90 ms', 'p95 ms', 'p99 ms', ...stages.map((stage) => `${stage} ms`), 'CPU ms', 'memory', 'growth', ''],
  ];
}

export function benchRows(report: BenchReport): string[][] {
  const { cells, settings } = report;
  const best = fastestCell(cells);
  return cells.map((cell) => {
    const { latencyMs, stagesMs } = cell;
    const { decodeMs, preprocessMs, queueMs, computeMs, transferMs, postprocessMs } = stagesMs;
    const computing = computeMs + transferMs;
    const stages =
      settings.input === 'pictures' ? [decodeMs, preprocessMs, queueMs, computing, postprocessMs] : [queueMs, computing];
    return [
      ...[
        String(cell.batch),
        String(cell.lanes),
        threadText(cell.threads),
        numberText(cell.throughput),
        percentText(cell.variation),
      ],
      ...[latencyMs.p50, latencyMs.p90, latencyMs.p95, latencyMs.p99, ...stages, cell.cpuMsPerItem].map(numberText),
      ...[megabyteText(cell.peakRssBytes), megabyteText(cell.rssGrowthBytes), cell === best ? '< fastest' : ''],
    ];
  });
}

export const comparisonColumns = ['batch', 'lanes', 'threads', 'before', 'now', 'ratio', '95 % interval', 'p', 'adjusted p', ''];

export function comparisonRows({ cells }: BenchComparison): string[][] {
  return cells.map((cell) => [
    ...[String(cell.batch), String(cell.lanes), threadText(cell.threads), numberText(cell.before), numberText(cell.after)],
    ...[cell.ratio.toFixed(3), cell.interval.map((end) => end.toFixed(3)).join(' to '), pText(cell.pValue)],
    ...[pText(cell.adjustedPValue), cell.verdict],
  ]);
}

/** A sentence on all cells of a comparison. */
export function comparisonSummary({ cells, before }: BenchComparison): string {
  const count = (verdict: string): number => cells.filter((cell) => cell.verdict === verdict).length;
  const [slower, faster] = [count('slower'), count('faster')];
  return `Against ${before.made} (foveate ${before.foveate}): ${slower} slower, ${faster} faster, ${cells.length - slower - faster} without a difference that shows.`;
}
