/** Real sessions, for tens of milliseconds each: what is counted and how often, not how fast. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, test } from 'vitest';

import { benchModel, type BenchOptions } from '../../lib/index.js';
import { turnOrder } from '../../lib/bench/bench-options.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';

const root = join(import.meta.dirname, '../..');
const classifier = join(root, 'examples/models/shapes-classifier.onnx');
const fixture = (name: string): string => join(root, 'tests/native/fixtures', `${name}.onnx`);
const pictures = ['circle.jpg', 'shapes-480x360.png', 'star.jpg'].map((name) => join(root, 'examples/pictures', name));
const short = { durationMs: 20, rounds: 2, open: { device: 'cpu' } } as const satisfies BenchOptions;

describe('benchModel', () => {
  it('measures every cell as often as there are rounds', async () => {
    const turns: [number, number][] = [];
    const report = await benchModel(classifier, {
      ...{ ...short, batch: [2, 1], lanes: [1, 2], threads: [1] },
      onProgress: (done, total) => turns.push([done, total]),
    });
    expect(report.cells.map(({ batch, lanes, threads }) => [batch, lanes, threads])).toEqual([
      [1, 1, 1],
      [2, 1, 1],
      [1, 2, 1],
      [2, 2, 1],
    ]);
    expect(turns).toEqual(Array.from({ length: 8 }, (_, i) => [i + 1, 8]));
    for (const cell of report.cells) {
      expect(cell.windows).toHaveLength(2);
      expect(cell.inFlight).toBe(cell.lanes);
      expect(cell.windows.every(({ calls }) => calls >= 3 * cell.lanes)).toBe(true);
      expect(cell.latencyMs.p50).toBeLessThanOrEqual(cell.latencyMs.p99 as number);
      expect(cell.stagesMs.computeMs).toBeGreaterThan(0);
      expect(cell.peakRssBytes).toBeGreaterThan(2 ** 20);
    }
    expect(report).toMatchObject({
      ...{ schema: 'foveate-bench', version: 1, interrupted: false, failed: [] },
      settings: { input: 'tensors', device: 'cpu', shapes: { images: [3, 96, 96] }, pictures: null, inFlight: null },
    });
    expect(report.model.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(report.findings.length).toBeGreaterThanOrEqual(3);
  });

  it('takes pictures through the task, and leaves out what is none', async () => {
    const bytes = readFileSync(join(root, 'examples/pictures/ring.jpg'));
    const report = await benchModel(classifier, {
      ...{ ...short, batch: [2], lanes: [1] },
      pictures: [...pictures, bytes, Buffer.from('no picture')],
    });
    expect(report.settings).toMatchObject({ input: 'pictures', pictures: { count: 4, leftOut: 1 } });
    const [cell] = report.cells;
    expect(cell?.inFlight).toBe(2);
    const { decodeMs, preprocessMs, computeMs } = cell?.stagesMs as NonNullable<typeof cell>['stagesMs'];
    expect(Math.min(decodeMs, preprocessMs, computeMs)).toBeGreaterThan(0);
  });

  it('runs a model with a fixed batch at that, and fills free sizes', async () => {
    const { cells } = await benchModel(fixture('fixed'), { ...short, lanes: [1] });
    expect(cells.map(({ batch }) => batch)).toEqual([2]);
    const { settings } = await benchModel(fixture('dynamic'), { ...short, batch: [1], lanes: [1] });
    expect(settings.shapes).toEqual({ images: [16, 4] });
    const shapes = { images: [7, 4] };
    expect((await benchModel(fixture('dynamic'), { ...short, batch: [1], lanes: [1], shapes })).settings.shapes).toEqual(shapes);
  });

  test.each(['uint8', 'int64', 'bool', 'float16', 'bfloat16', 'float64'])('makes %s up', async (dtype) => {
    const { cells } = await benchModel(fixture(`identity_${dtype}`), { ...short, batch: [3], lanes: [1] }).catch((error) => {
      // ONNX Runtime has no kernel of some.
      expect(error).toMatchObject({ code: 'MODEL_UNSUPPORTED' });
      return { cells: [{ batch: 3 }] };
    });
    expect(cells[0]?.batch).toBe(3);
  });

  it('gives what was measured when it is aborted', async () => {
    const abort = new AbortController();
    const report = await benchModel(classifier, {
      ...{ ...short, rounds: 50, batch: [1, 2], lanes: [1], signal: abort.signal },
      onProgress: (done) => void (done === 3 && abort.abort()),
    });
    expect(report.interrupted).toBe(true);
    expect(report.cells.map(({ windows }) => windows.length)).toEqual([1, 2]);
  });

  it('rejects where it is aborted before anything was measured', async () => {
    expect((await rejectionOf(benchModel(classifier, { signal: AbortSignal.abort() }))).code).toBe('ABORTED');
  });

  test.each<[string, BenchOptions, RegExp]>([
    ['an empty sweep', { batch: [] }, /a list of at least one number for batch/],
    ['a batch of nothing', { batch: [0] }, /for batch\[0\] but received 0/],
    ['NaN', { durationMs: NaN }, /for durationMs but received NaN/],
    ['one round', { rounds: 1 }, /from 2 to 50 for rounds/],
    ['pictures beside tensors', { input: 'tensors', pictures }, /none with input: 'tensors' for pictures/],
    ['no pictures', { input: 'pictures' }, /at least one picture for pictures/],
    ['shapes of other inputs', { shapes: { other: [3] } }, /inputs of the model: images for shapes/],
    ['shapes that do not fit', { shapes: { images: [3, 1, 1] } }, /sizes that fit \[3, 96, 96\]/],
  ])('refuses %s', async (_, options, message) => {
    expectFailure(await rejectionOf(benchModel(classifier, options)), 'INVALID_ARGUMENT', message);
  });

  it('refuses options of a task for tensors, and what is told for each cell', async () => {
    const ofTask = await rejectionOf(benchModel(classifier, { open: { topK: 3 } }));
    expectFailure(ofTask, 'UNKNOWN_OPTION', /The option topK is for pictures/);
    const ours = await rejectionOf(benchModel(classifier, { open: { lanes: 3 } as object }));
    expectFailure(ours, 'UNKNOWN_OPTION', /Unknown option "lanes" in open/);
  });

  it('refuses another batch than the model was exported with, and a model that is not there', async () => {
    const batch = await rejectionOf(benchModel(fixture('fixed'), { batch: [1, 2] }));
    expectFailure(batch, 'INVALID_ARGUMENT', /Expected 2, which the model was exported with, for batch but received \[1, 2\]/);
    expect((await rejectionOf(benchModel('none.onnx'))).code).toBe('MODEL_NOT_FOUND');
  });
});

describe('the order of turns', () => {
  it('has each cell once in each round, and early as often as late', () => {
    expect(Array.from({ length: 4 }, (_, round) => turnOrder(2, round))).toEqual([
      [0, 1],
      [1, 0],
      [1, 0],
      [0, 1],
    ]);
    const rounds = Array.from({ length: 8 }, (_, round) => turnOrder(4, round));
    for (const order of rounds) expect([...order].sort()).toEqual([0, 1, 2, 3]);
    for (const cell of [0, 1, 2, 3]) expect(rounds.reduce((sum, order) => sum + order.indexOf(cell), 0)).toBe(12);
  });
});
