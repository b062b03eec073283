import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it, test } from 'vitest';

import type { BenchReport } from '../../lib/bench/bench-report.js';
import { compareBench, readBenchReport } from '../../lib/bench/compare-bench.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';
import { madeCell, madeMachine, madeReport } from './made-reports.js';

const around = (middle: number): number[] => [-3, -2, -1, 0, 1, 2, 3, 4].map((step) => middle + step / 10);

describe('compareBench', () => {
  it('finds the cell that has become slower, and no other', () => {
    const before = madeReport([1, 2, 4].map((batch) => madeCell({ batch, throughputs: around(100) })));
    const after = madeReport([1, 2, 4].map((batch) => madeCell({ batch, throughputs: around(batch === 2 ? 80 : 100) })));
    const { cells, unmatched, notes } = compareBench(before, after);
    expect(cells.map(({ verdict }) => verdict)).toEqual(['same', 'slower', 'same']);
    expect(cells[1]?.ratio).toBeCloseTo(0.8, 3);
    expect(cells[1]?.pValue).toBeCloseTo(2 / 12_870, 9);
    expect(cells[1]?.adjustedPValue).toBeCloseTo(6 / 12_870, 9);
    const [low, high] = cells[1]?.interval as [number, number];
    expect(low).toBeLessThan(0.8002);
    expect(high).toBeGreaterThan(0.7998);
    expect({ unmatched, notes }).toEqual({ unmatched: [], notes: [] });
    expect(compareBench(after, before).cells[1]?.verdict).toBe('faster');
  });

  it('takes a difference of two processes of the same model for none, however sure it is', () => {
    const [before, after] = [100, 101.5].map((middle) => madeReport([madeCell({ throughputs: around(middle) })]));
    const [cell] = compareBench(before as BenchReport, after as BenchReport).cells;
    expect(cell?.adjustedPValue).toBeLessThan(0.001);
    expect(cell?.verdict).toBe('same');
  });

  it('shows nothing from a few windows, or from ones that lie in each other', () => {
    const few = compareBench(
      madeReport([madeCell({ throughputs: [100, 101] })]),
      madeReport([madeCell({ throughputs: [50, 51] })]),
    );
    expect(few.cells[0]?.verdict).toBe('same');
    const wide = compareBench(
      madeReport([madeCell({ throughputs: [60, 80, 90, 100, 110, 120, 140] })]),
      madeReport([madeCell({ throughputs: [55, 75, 85, 95, 105, 115, 130] })]),
    );
    expect(wide.cells[0]?.verdict).toBe('same');
  });

  it('corrects for the number of cells', () => {
    const report = (middle: number): BenchReport =>
      madeReport(
        Array.from({ length: 8 }, (_, i) => madeCell({ batch: i + 1, throughputs: around(i === 0 ? middle : 100).slice(0, 5) })),
      );
    const { cells } = compareBench(report(100), report(90));
    expect(cells[0]?.pValue).toBeLessThan(0.05);
    expect(cells[0]?.verdict).toBe('same');
  });

  it('tells cells of one report alone, another machine, and an interruption', () => {
    const before = madeReport([madeCell(), madeCell({ lanes: 2 })], {
      machine: { ...madeMachine, cpu: 'another' },
      interrupted: true,
    });
    const { unmatched, notes } = compareBench(before, madeReport([madeCell(), madeCell({ batch: 2 })]));
    expect(unmatched).toEqual([
      { batch: 1, lanes: 2, threads: null },
      { batch: 2, lanes: 1, threads: null },
    ]);
    expect(notes).toHaveLength(2);
    expect(notes[0]).toBe('Measured with another cpu: another before, a processor now.');
  });

  test.each<[string, Partial<BenchReport>, RegExp]>([
    ['model', { model: { name: 'model.onnx', sha256: 'b'.repeat(64) } }, /differ in the model: aaaaaaaaaaaa and bbbbbbbbbbbb/],
    ['device', { settings: { ...madeReport([]).settings, device: 'cpu' } }, /differ in the device: auto and cpu/],
    ['shape', { settings: { ...madeReport([]).settings, shapes: { images: [3, 9, 9] } } }, /differ in the shapes of the inputs/],
    ['number in flight', { settings: { ...madeReport([]).settings, inFlight: 4 } }, /calls in flight: as many as lanes and 4/],
  ])('refuses another %s', (_, changes, message) => {
    const failure = thrownBy(() => compareBench(madeReport([madeCell()]), madeReport([madeCell()], changes)));
    expectFailure(failure, 'INVALID_ARGUMENT', message, /one model, measured in the same way/);
  });

  it('refuses reports without a cell in common', () => {
    const failure = thrownBy(() => compareBench(madeReport([madeCell()]), madeReport([madeCell({ batch: 2 })])));
    expectFailure(failure, 'INVALID_ARGUMENT', /have no cell in common/);
  });
});

describe('readBenchReport', () => {
  const folder = mkdtempSync(join(tmpdir(), 'foveate-bench-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const file = (text: string): string => {
    const path = join(folder, 'report.json');
    writeFileSync(path, text);
    return path;
  };

  it('gives what was written', async () => {
    const report = madeReport([madeCell()]);
    expect(await readBenchReport(file(JSON.stringify(report)))).toEqual(JSON.parse(JSON.stringify(report)));
  });

  test.each([
    ['no JSON', '{', /a file that foveate bench --save wrote|a file that foveate bench/],
    ['null', 'null', /a file that foveate bench/],
    ['another file', '{"schema":"other"}', /a file that foveate bench/],
    ['a later version', '{"schema":"foveate-bench","version":2}', /version 1 of the file for the report but received 2/],
    ['half a report', '{"schema":"foveate-bench","version":1,"cells":[{}]}', /a whole report/],
  ])('refuses %s', async (_, text, message) => {
    expectFailure(await rejectionOf(readBenchReport(file(text))), 'INVALID_ARGUMENT', message);
  });

  it('refuses a file that is not there', async () => {
    expectFailure(await rejectionOf(readBenchReport(join(folder, 'none.json'))), 'INVALID_ARGUMENT', /a file/, /ENOENT/);
  });
});
