import type { LoadReport, LoadSecond } from '../load/load-report.js';
import { lineChart, type ChartLine } from './line-chart.js';

/** Rates and response times by second, as SVG. */
export function loadPlot({ seconds, target }: LoadReport): string {
  const step = Math.max(1, Math.ceil(seconds.length / 10));
  const xTicks = seconds.filter(({ second }) => second % step === 0).map(({ second }) => ({ x: second, text: String(second) }));
  const line = (name: string, y: (second: LoadSecond) => number | null, dashed = false): ChartLine => ({
    ...{ name, dashed },
    points: seconds.map((second) => ({ x: second.second, y: y(second) })),
  });
  return lineChart(`Load test of ${target.name}`, [
    {
      ...{ title: 'Requests a second', xTitle: 'second', xTicks },
      lines: [
        line('to come', ({ intended }) => intended, true),
        line('answered', ({ answered }) => answered),
        line('failed', ({ failed }) => failed),
      ],
    },
    {
      ...{ title: 'Response time in ms, from the intended start', xTitle: 'second', xTicks },
      lines: [line('p50', ({ p50Ms }) => p50Ms), line('p95', ({ p95Ms }) => p95Ms), line('p99', ({ p99Ms }) => p99Ms)],
    },
  ]);
}
