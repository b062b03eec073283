import type { BenchCell, BenchReport } from '../bench-report.js';
import { lineChart, type ChartLine } from './line-chart.js';

/** Throughput and latency by batch, a line for each number of lanes and threads, as SVG. */
export function benchPlot({ cells, model, settings }: BenchReport): string {
  const batches = [...new Set(cells.map(({ batch }) => batch))].sort((a, b) => a - b);
  const xTicks = batches.map((batch, x) => ({ x, text: String(batch) }));
  const linesOf = (y: (cell: BenchCell) => number | null, range?: (cell: BenchCell) => readonly [number, number]): ChartLine[] =>
    [...new Set(cells.map(lineName))].map((name) => ({
      name,
      points: cells
        .filter((cell) => lineName(cell) === name)
        .map((cell) => ({ x: batches.indexOf(cell.batch), y: y(cell), range: range?.(cell) })),
    }));
  const noun = settings.input === 'pictures' ? 'Pictures' : 'Samples';
  return lineChart(`Throughput and latency of ${model.name} by batch`, [
    {
      ...{ title: `${noun} a second, with the slowest and fastest window`, xTitle: 'batch', xTicks },
      lines: linesOf(
        ({ throughput }) => throughput,
        ({ windows }) => {
          const all = windows.map(({ throughput }) => throughput);
          return [Math.min(...all), Math.max(...all)];
        },
      ),
    },
    {
      ...{ title: 'Latency of a call in ms: median, up to p95', xTitle: 'batch', xTicks },
      lines: linesOf(
        ({ latencyMs }) => latencyMs.p50,
        ({ latencyMs }) => [latencyMs.p50 as number, latencyMs.p95 as number],
      ),
    },
  ]);
}

function lineName({ lanes, threads }: BenchCell): string {
  return `${lanes} ${lanes === 1 ? 'lane' : 'lanes'}${threads === null ? '' : `, ${threads} ${threads === 1 ? 'thread' : 'threads'}`}`;
}
