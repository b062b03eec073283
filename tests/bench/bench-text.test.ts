import { describe, expect, it } from 'vitest';

import { compareBench } from '../../lib/bench/compare-bench.js';
import { benchPlot } from '../../lib/bench/report/bench-plot.js';
import { benchCsv, benchMarkdown, benchTable } from '../../lib/bench/report/bench-text.js';
import { madeCell, madeReport } from './made-reports.js';

const report = madeReport([
  madeCell({ throughputs: [90, 95, 100] }),
  madeCell({ batch: 4, throughputs: [150, 160, 170], settled: false }),
  madeCell({ batch: 4, lanes: 2, threads: 1, throughputs: [140, 140, 140] }),
]);

describe('the table', () => {
  const lines = benchTable(report);

  it('has a row for each cell, the fastest marked, and sentences below', () => {
    expect(lines[0]).toBe('model.onnx, random tensors, images 3x8x8, on cpu, 3 windows of each cell');
    expect(lines[3]).toMatch(/^ +batch +lanes +threads +samples\/s +variation +p50 ms/);
    expect(lines[5]).toMatch(/^ +4 +1 +default +160 +6\.3 % +10\.0 +10\.0 .* 50 MB +10 MB +< fastest$/);
    expect(lines.filter((line) => line.endsWith('< fastest'))).toHaveLength(1);
    expect(lines).toContain('In 1 of 3 cells, a window began although warming up had not come to rest.');
  });

  it('tells what was not measured, an interruption and a comparison', () => {
    const failed = [{ batch: 64, lanes: 1, threads: null, error: { code: 'OUT_OF_MEMORY', message: 'No memory\nleft' } }];
    const shown = benchTable({ ...report, failed, interrupted: true }, compareBench(report, report));
    expect(shown).toContain('Not measured: batch 64, lanes 1: No memory\uFFFDleft [OUT_OF_MEMORY]');
    expect(shown.at(-1)).toMatch(/^Interrupted/);
    expect(shown.join('\n')).toMatch(/0 slower, 0 faster, 3 without a difference that shows\./);
    expect(shown.filter((line) => line.endsWith('  same'))).toHaveLength(3);
  });

  it('shows an empty sweep', () => {
    expect(benchTable(madeReport([], { interrupted: true })).at(-1)).toMatch(/^Interrupted/);
    expect(benchPlot(madeReport([]))).toMatch(/^<svg /);
  });
});

it('is Markdown in which names are no markup', () => {
  const markdown = benchMarkdown({ ...report, model: { ...report.model, name: 'a_b|<c>.onnx' } }, compareBench(report, report));
  expect(markdown).toMatch(/^# a\\_b\|\\<c\\>\.onnx\n/);
  expect(markdown.split('\n').filter((line) => line.startsWith('| '))).toHaveLength(2 + 3 + 2 + 3);
});

it('is CSV with a record for each cell', () => {
  const records = benchCsv(report).trimEnd().split('\r\n');
  expect(records).toHaveLength(4);
  const [names, first] = [records[0], records[1]].map((record) => (record as string).split(','));
  expect(first).toHaveLength((names as string[]).length);
  expect(first?.slice(0, 7)).toEqual(['model.onnx', 'cpu', '1', '1', '', '1', '95']);
});

it('is a plot with a line for each number of lanes and threads, in which names are no markup', () => {
  const plot = benchPlot({ ...report, model: { ...report.model, name: '<script>"' } });
  expect(plot).not.toContain('<script>');
  expect(plot.match(/<polyline/g)).toHaveLength(4);
  expect(plot.match(/2 lanes, 1 thread</g)).toHaveLength(2);
  expect(plot).not.toMatch(/NaN|Infinity/);
});
