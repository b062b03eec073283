import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, test } from 'vitest';

import type { BenchComparison, BenchReport } from '../../lib/index.js';
import { foveate, models, picturesFolder, temporaryFolder } from './foveate.js';

const folder = temporaryFolder();
const short = ['--device', 'cpu', '--duration', '40ms', '--rounds', '2', '-q'];
const bench = (...args: string[]): ReturnType<typeof foveate> => foveate(['bench', models.classifier, ...short, ...args]);

describe('foveate bench', () => {
  it('prints a table with the bottleneck, and writes all files', async () => {
    const files = ['report.json', 'report.csv', 'report.md', 'plot.svg'].map((name) => join(folder, name));
    const [json, csv, markdown, plot] = files as [string, string, string, string];
    const { code, stdout, stderr } = await bench(
      ...['--batch', '1,2', '--lanes', '1', '--save', json, '--csv', csv, '--markdown', markdown, '--plot', plot],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^shapes-classifier\.onnx, random tensors, images 3x96x96, on cpu, 2 windows of each cell\n/);
    expect(stdout.match(/< fastest\n/g)).toHaveLength(1);
    expect(stdout).toMatch(/\n(The bottleneck is|Nothing is busy) /);
    expect((JSON.parse(readFileSync(json, 'utf8')) as BenchReport).cells).toHaveLength(2);
    expect(readFileSync(csv, 'utf8').trimEnd().split('\r\n')).toHaveLength(3);
    expect(readFileSync(markdown, 'utf8')).toMatch(/^# shapes-classifier\.onnx\n/);
    expect(readFileSync(plot, 'utf8')).toMatch(/^<svg [^]*<\/svg>\n$/);
  });

  it('takes pictures, and prints JSON', async () => {
    const { code, stdout } = await bench('--data', picturesFolder, '--batch', '1', '--lanes', '1', '--json');
    expect(code).toBe(0);
    const { settings, cells } = JSON.parse(stdout) as BenchReport;
    expect(settings).toMatchObject({ input: 'pictures', pictures: { leftOut: 0 } });
    expect(cells[0]?.stagesMs.decodeMs).toBeGreaterThan(0);
  });

  it('ends with 1 where it is slower than before and that was to fail', async () => {
    const [before, fast] = ['before.json', 'fast.json'].map((name) => join(folder, name)) as [string, string];
    const sweep = ['--batch', '1', '--lanes', '1', '--rounds', '6'];
    await bench(...sweep, '--save', before);
    const report = JSON.parse(readFileSync(before, 'utf8')) as BenchReport;
    const faster = (value: number): number => 1000 * value;
    const cells = report.cells.map((cell) => ({
      ...cell,
      throughput: faster(cell.throughput),
      windows: cell.windows.map((window) => ({ ...window, throughput: faster(window.throughput) })),
    }));
    writeFileSync(fast, JSON.stringify({ ...report, cells }));
    const slower = await bench(...sweep, '--compare', fast, '--fail-on-slower', '--json');
    expect(slower.code).toBe(1);
    const { comparison } = JSON.parse(slower.stdout) as { comparison: BenchComparison };
    expect(comparison.cells.map(({ verdict }) => verdict)).toEqual(['slower']);
    const told = await bench(...sweep, '--compare', fast);
    expect(told.code).toBe(0);
    expect(told.stdout).toMatch(/: 1 slower, 0 faster, 0 without a difference that shows\.\n/);
    const other = await foveate(['bench', models.segmenter, ...short, ...sweep, '--compare', fast]);
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/The two benchmarks differ in the model: \w{12} and \w{12} \[INVALID_ARGUMENT\]/);
  });

  it('shows what was measured when it is interrupted', async () => {
    const saved = join(folder, 'interrupted.json');
    const sweep = ['--device', 'cpu', '--duration', '10s', '--rounds', '50', '--batch', '1', '--lanes', '1', '--save', saved];
    const { code, stdout, stderr } = await foveate(['bench', models.classifier, ...sweep], {
      onStderr: (child, text) => void (text.includes('/50 windows') && child.kill('SIGINT')),
    });
    expect({ code, last: stderr.trimEnd().split('\n').at(-1) }).toEqual({ code: 130, last: 'Interrupted' });
    expect(stdout).toMatch(/\nInterrupted: these are the windows that were measured until then\.\n$/);
    expect(existsSync(saved)).toBe(true);
  });

  test.each([
    [['--duration', '5'], /'--duration <time>' argument '5' is invalid\. Expected a time with its unit/],
    [['--batch', '1,b'], /Expected whole numbers, as in 1,2,4/],
    [['--batch', '0'], /for --batch\[0\] but received 0/],
    [['--shape', '3x4'], /Expected the name of an input/],
    [['--input', 'pictures'], /at least one picture for --data/],
    [['--score-threshold', '0.5'], /The option --score-threshold is for pictures/],
    [['--fail-on-slower'], /Give --compare/],
    [['--compare', 'none.json'], /foveate bench --save wrote/],
  ])('refuses %j', async (args, message) => {
    const { code, stdout, stderr } = await bench(...args);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});
