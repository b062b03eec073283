/** Which form a budget takes, of forms whose numbers are made up. */
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { searchNotices } from '../../../lib/optimize/decisions.js';
import { ModelProtoSchema } from '../../../lib/graph/onnx_pb.js';
import type { LayerPrecision, QuantizedLayer } from '../../../lib/optimize/quantized-layer.js';
import type { ReportedForm } from '../../../lib/optimize/optimization-report.js';
import { checkBudget, nearestMiss, shortfalls, type Budget, type Candidate } from '../../../lib/optimize/search/budget.js';
import { dropOf } from '../../../lib/optimize/search/candidate-judge.js';
import { stackedLadder, type Ladder } from '../../../lib/optimize/search/ladder.js';
import { paretoFront } from '../../../lib/optimize/search/pareto.js';
import { rungsOf } from '../../../lib/optimize/search/rungs.js';
import type { ReportedSearch } from '../../../lib/optimize/search/search-model.js';
import { searchForm } from '../../../lib/optimize/search/search-form.js';
import type { Trial } from '../../../lib/precision/index.js';
import { thrownBy } from '../../errors/failure.js';

const candidate = (rung: number, changes: Partial<Candidate> = {}): Candidate => ({
  rung,
  precision: rung === 10 ? 'float32' : 'int8',
  floatMacs: rung / 10,
  bytes: 1000 + 100 * rung,
  latencyMs: 5 + rung,
  drop: (10 - rung) / 100,
  dropInterval: [(9 - rung) / 100, (10.5 - rung) / 100],
  ...changes,
});

/** Eleven rungs: the last, FP32, loses nothing. */
async function found(budget: Budget, made: (rung: number) => Candidate = candidate) {
  const looked: number[] = [];
  const search = await searchForm(11, budget, (rung) => {
    looked.push(rung);
    return Promise.resolve(rung === 10 ? made(rung) : made(rung));
  });
  return { ...search, looked };
}
const float = (rung: number): Candidate => (rung === 10 ? candidate(rung, { drop: 0, dropInterval: [0, 0] }) : candidate(rung));

describe('a search', () => {
  it('takes the least in float that loses little enough with confidence, and looks at each once', async () => {
    const { chosen, looked, candidates } = await found({ maxDrop: 0.05 }, float);
    // 0.055 is the end of the interval of rung 5, whose drop itself is 0.05.
    expect(chosen?.rung).toBe(6);
    expect(looked.length).toBeLessThanOrEqual(6);
    expect(new Set(looked).size).toBe(looked.length);
    expect(candidates.map(({ rung }) => rung)).toEqual([...looked].sort((a, b) => a - b));
  });

  it('takes all in INT8 where that is good enough, after a look at both ends', async () => {
    expect(await found({ maxDrop: 0.2 }, float)).toMatchObject({ chosen: { rung: 0 }, looked: [10, 0] });
  });

  it('takes FP32 where nothing else is', async () => {
    expect((await found({ maxDrop: 0 }, float)).chosen?.rung).toBe(10);
  });

  it('takes what loses least of what is small and fast enough, where nothing is said of a drop', async () => {
    // More in float that loses more is no gain.
    const odd = (rung: number): Candidate => candidate(rung, { dropInterval: [0, rung === 2 ? 0.01 : 0.05] });
    expect((await found({ latencyMs: 9 }, odd)).chosen?.rung).toBe(2);
    expect((await found({ latencyMs: 9 })).chosen?.rung).toBe(4);
    expect((await found({ bytes: 1350, latencyMs: 9 })).chosen?.rung).toBe(3);
    expect((await found({ bytes: 5000 })).chosen?.rung).toBe(10);
  });

  it('tells the nearest where none fits', async () => {
    const { chosen, nearest, looked } = await found({ maxDrop: 0.05, latencyMs: 10.8 }, float);
    expect(chosen).toBeUndefined();
    // Rung 6 keeps to the drop and takes 11 ms.
    expect(nearest?.rung).toBe(6);
    expect(looked).toContain(6);
    const none = await found({ bytes: 10 });
    expect(none).toMatchObject({ nearest: { rung: 0 } });
    // Not before all have been measured.
    expect(none.looked).toHaveLength(11);
  });

  it('finds one that fits where what is lost rises again', async () => {
    const odd = (rung: number): Candidate =>
      candidate(rung, { dropInterval: [0, [0.5, 0.5, 0.5, 0.01, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0][rung]!] });
    expect((await found({ maxDrop: 0.02, latencyMs: 9 }, odd)).chosen?.rung).toBe(3);
  });

  it('takes FP32 where it alone is fast enough', async () => {
    const slow = (rung: number): Candidate => candidate(rung, { latencyMs: rung === 10 ? 4 : 20 });
    expect((await found({ latencyMs: 5 }, slow)).chosen?.rung).toBe(10);
  });
});

describe('a ladder on top of another', () => {
  const layer = (precision: LayerPrecision, reason?: string): QuantizedLayer => ({
    ...{ name: 'conv', operator: 'Conv', macs: 1, noiseDb: {} },
    precision: { onnxruntime: precision, tensorrt: precision },
    reasons: reason === undefined ? {} : { onnxruntime: reason, tensorrt: reason },
  });
  const ladder = (precision: LayerPrecision, rungs: number, told: string[]): Ladder => {
    const all = Array.from({ length: rungs }, (_, i) => ({ precision, macs: i / 10 }));
    return {
      rungs: { onnxruntime: all, tensorrt: all },
      make: (form, rung) => {
        told.push(`${precision} ${form} ${rung}`);
        return Promise.resolve({ model: create(ModelProtoSchema, {}) });
      },
      layers: ({ onnxruntime, tensorrt }) => Promise.resolve([layer(precision, `${precision} ${onnxruntime} ${tensorrt}`)]),
    };
  };

  it('has the rungs of both, and of each form what was taken of it', async () => {
    const told: string[] = [];
    const both = stackedLadder(ladder('int8', 3, told), ladder('float16', 1, told));
    expect(both.rungs.tensorrt.map(({ precision }) => precision)).toEqual(['int8', 'int8', 'int8', 'float16']);
    await both.make('tensorrt', 2);
    await both.make('tensorrt', 3);
    expect(told).toEqual(['int8 tensorrt 2', 'float16 tensorrt 0']);
    expect(await both.layers({ onnxruntime: 1, tensorrt: 3 })).toEqual([
      expect.objectContaining({
        precision: { onnxruntime: 'int8', tensorrt: 'float16' },
        reasons: { onnxruntime: 'int8 1 2', tensorrt: 'float16 0 0' },
      }),
    ]);
  });
});

describe('the Pareto front', () => {
  it('is what no other is better than in all that it costs', () => {
    const [small, worse, exact] = [
      candidate(0, { drop: 0.1, bytes: 10, latencyMs: 1 }),
      candidate(1, { drop: 0.1, bytes: 11, latencyMs: 1 }),
      candidate(2, { drop: 0, bytes: 40, latencyMs: 3 }),
    ];
    expect([...paretoFront([small, worse, exact])]).toEqual([small, exact]);
    expect([...paretoFront([small, worse, exact], ({ bytes }) => [bytes])]).toEqual([small]);
    // Neither of two that are alike is better.
    expect(paretoFront([small, { ...small, rung: 3 }]).size).toBe(2);
    expect(paretoFront([]).size).toBe(0);
  });
});

describe('a budget', () => {
  it.each([
    [{}, 'INVALID_ARGUMENT'],
    [{ maxDrop: 1 }, 'INVALID_ARGUMENT'],
    [{ maxDrop: -0.1 }, 'INVALID_ARGUMENT'],
    [{ latencyMs: 0 }, 'INVALID_ARGUMENT'],
    [{ bytes: NaN }, 'INVALID_ARGUMENT'],
    [{ maxLoss: 0.1 }, 'UNKNOWN_OPTION'],
  ] as const)('%o is none', (budget, code) => {
    expect(thrownBy(() => checkBudget(budget as Budget)).code).toBe(code);
  });

  it('is gone beyond by what is not known', () => {
    expect(shortfalls(candidate(0, { latencyMs: null }), { latencyMs: 5 })).toEqual([
      { goal: 'latencyMs', limit: 5, found: Infinity },
    ]);
    expect(shortfalls(candidate(0), { latencyMs: 5, bytes: 1000, maxDrop: 0.105 })).toEqual([]);
    expect(nearestMiss([], { bytes: 1 })).toBeUndefined();
  });
});

describe('rungs', () => {
  const trial = (macs: number): Trial => ({ value: `of ${macs}`, values: new Map(), macs, weights: 0 });

  const all = { macs: 100, weights: 0 };

  it('go by weights where free sizes leave the work unknown', () => {
    const heavy = { ...trial(0), weights: 90 };
    const light = { ...trial(0), weights: 4 };
    const rungs = rungsOf([heavy, light], [[0.5], [0.4]], { macs: 0, weights: 100 });
    expect(rungs.map(({ kept, macs }) => [kept, macs])).toEqual([
      [[], 0],
      [[1], 0.04],
    ]);
  });

  it('leave less noise for more work, each with what fits best', () => {
    // The first makes most of all for half the work, the third makes nothing.
    const rungs = rungsOf([trial(50), trial(1), trial(9), trial(40)], [[0.06], [0.03], [0], [0.01]], all);
    expect(rungs.map(({ kept }) => kept.toSorted())).toEqual([[], [1], [0], [0, 1]]);
    expect(rungs.map(({ macs }) => macs)).toEqual([0, 0.01, 0.5, 0.51]);
  });

  it('take one that makes most before many that are cheap, where that leaves less', () => {
    const cheap = Array.from({ length: 10 }, () => trial(1));
    const rungs = rungsOf([trial(18), ...cheap], [[1], ...cheap.map(() => [0.03])], all);
    expect(rungs.find(({ macs }) => macs > 0.15 && macs <= 0.2)?.kept).toContain(0);
    expect(rungs.find(({ macs }) => macs > 0.05 && macs <= 0.1)?.kept).toHaveLength(10);
  });

  it('go by the group of channels that suffers most, and not by silent ones', () => {
    const rungs = rungsOf(
      [trial(5), trial(5)],
      [
        [0.5, 1e-9],
        [0.4, 9e-9],
      ],
      all,
    );
    expect(rungs.find(({ kept }) => kept.length === 1)?.kept).toEqual([0]);
  });

  it('are one where there is nothing to leave', () => {
    expect(rungsOf([], [], all)).toEqual([{ kept: [], macs: 0 }]);
    expect(rungsOf([trial(0)], [[0.1]], { macs: 0, weights: 0 })).toEqual([
      { kept: [], macs: 0 },
      { kept: [0], macs: 0 },
    ]);
  });
});

describe('notices', () => {
  const taken = (dropInterval: readonly [number, number], floatMacs = 0.2) => {
    const chosen = candidate(1, { precision: floatMacs === 1 ? 'float32' : 'int8', floatMacs, dropInterval });
    return { candidates: [chosen], chosen };
  };
  const search = (
    maxDrop: number,
    pictures: number,
    interval: readonly [number, number],
    floatMacs?: number,
  ): ReportedSearch => ({
    budget: { maxDrop },
    metric: 'top-1',
    byLabels: false,
    pictures,
    forms: { onnxruntime: taken(interval, floatMacs), tensorrt: taken(interval, floatMacs) },
  });
  const judged = (value: number): ReportedForm => ({
    ...{ form: 'tensorrt', precision: 'int8', bytes: 1, sizeRatio: 1, shipped: true, judged: '', latency: [] },
    agreement: {
      task: 'classify',
      pictures: 50,
      metrics: [{ name: 'top-1', value, interval: [value - 0.02, value] }],
      worst: [],
      failures: [],
    },
  });

  it('say what so few pictures cannot show', () => {
    expect(searchNotices(search(0.01, 83, [0, 0]), [])).toEqual([
      expect.stringMatching(/83 pictures .* less than 3\.61 % would.* give 600 pictures/),
    ]);
    // Of a gain nothing more is known.
    expect(searchNotices(search(0.01, 83, [-0.05, 0]), [])).toHaveLength(1);
    expect(searchNotices(search(0.001, 83, [0, 0]), [])).toEqual([
      expect.stringMatching(/0\.1 % cannot be shown, as at most 1000/),
    ]);
    expect(searchNotices(search(0, 83, [0, 0]), [])).toEqual([expect.stringMatching(/0 % cannot be shown/)]);
    expect(searchNotices(search(0.05, 83, [0, 0]), [])).toEqual([]);
    expect(searchNotices(search(0.01, 83, [0, 0.01]), [])).toEqual([]);
    expect(searchNotices(search(0.01, 83, [0, 0], 1), [])).toEqual([]);
    expect(searchNotices(undefined, [])).toEqual([]);
  });

  it('say where labels of the pictures that judge tell of more', () => {
    const accuracy: ReportedForm['accuracy'] = {
      ...{ dataset: 'labels.csv', pictures: 200, metrics: {}, intervals: {} },
      comparison: [
        {
          ...{ name: 'top1', before: 0.8, after: 0.76, difference: -0.04, interval: [-0.06, -0.02] },
          ...{ verdict: 'worse', words: '' },
        },
      ],
    };
    const byLabels = { ...search(0.02, 500, [0, 0.01]), byLabels: true, metric: 'top1' };
    expect(searchNotices(byLabels, [{ ...judged(1), accuracy }])).toEqual([
      expect.stringMatching(/form for TensorRT loses 5 % \(2.5 % to 7.5 %\)/),
    ]);
    expect(searchNotices(byLabels, [judged(0.5)])).toEqual([]);
  });

  it('say where the pictures that judge find more', () => {
    expect(searchNotices(search(0.02, 500, [0, 0.01]), [judged(0.99)])).toEqual([]);
    // Nothing to lose in any of them is no failure of what was taken.
    const none = { ...judged(0.5), agreement: { ...judged(0.5).agreement!, metrics: [{ name: 'top-1', value: null }] } };
    expect(searchNotices(search(0.02, 500, [0, 0.01]), [none])).toEqual([]);
    expect(searchNotices(search(0.02, 500, [0, 0.01]), [judged(0.97)])).toEqual([
      expect.stringMatching(/form for TensorRT loses 3 % \(3 % to 5 %\), more than the budget allows/),
    ]);
  });
});

describe('a drop', () => {
  const agreement = { pictures: 9, worst: [], failures: [] };
  it('is what is missing of agreement, by the number that tells most', () => {
    const metrics = [
      { name: 'hysteresis recall', value: 0.99, interval: [0.97, 1] },
      { name: 'hysteresis precision', value: 0.98, interval: [0.94, 1] },
      { name: 'recall', value: 0.5, interval: [0.4, 0.6] },
    ] as const;
    const { drop, dropInterval } = dropOf({ ...agreement, task: 'detect', metrics });
    expect(drop).toBeCloseTo(0.02);
    expect(dropInterval.map((end) => Number(end.toFixed(6)))).toEqual([0, 0.06]);
  });

  it('is the error of dense maps, and nothing where there is nothing to lose', () => {
    const metrics = [{ name: 'relative error', value: 0.03, interval: [0.02, 0.04] }] as const;
    expect(dropOf({ ...agreement, task: 'dense', metrics })).toEqual({ drop: 0.03, dropInterval: [0.02, 0.04], pictures: 9 });
    const none = [
      { name: 'hysteresis recall', value: null },
      { name: 'hysteresis precision', value: null },
    ];
    expect(thrownBy(() => dropOf({ ...agreement, task: 'detect', metrics: none })).message).toMatch(/finds nothing in any/);
    const some = [none[0]!, { name: 'hysteresis precision', value: 0.9 }];
    expect(dropOf({ ...agreement, task: 'detect', metrics: some }).drop).toBeCloseTo(0.1);
    expect(thrownBy(() => dropOf({ ...agreement, pictures: 7, task: 'dense', metrics }))).toMatchObject({
      code: 'DATASET_INVALID',
    });
  });
});
