/** Classification metrics against scikit-learn: tests/reference/metrics/classification.py. */
import { describe, expect, it, test } from 'vitest';

import {
  classificationStatistics,
  evaluateClassification,
  evaluateRankedClassification,
  precisionRecallCurve,
  rocCurve,
  thinCurve,
  type ClassificationMetrics,
  type ClassMetrics,
} from '../../lib/metrics/index.js';
import { expectFailure, thrownBy } from '../errors/failure.js';
import { expectClose, madeClassification, readAnswers, type Answer } from './made.js';

interface Case {
  readonly kind: string;
  readonly pictures: number;
  readonly classes: number;
  readonly seed: number;
  readonly k: number;
  readonly expected: Record<string, Answer>;
}

const cases = readAnswers<Case[]>('classification');
const names = ['precision', 'recall', 'f1', 'support', 'rocAuc'] as const satisfies (keyof ClassMetrics)[];
const byName = (metrics: ClassificationMetrics): Record<string, number[]> =>
  Object.fromEntries(names.map((name) => [name, metrics.perClass.map((one) => one[name])]));

describe('classification metrics', () => {
  test('there are enough cases', () => {
    expect(cases.length).toBeGreaterThanOrEqual(200);
  });

  test.each(cases)('$kind, $pictures x $classes, equal scikit-learn', ({ kind, pictures, classes, seed, k, expected }) => {
    const { truth, scores, weights } = madeClassification(kind, pictures, classes, seed);
    const metrics = evaluateClassification(truth, scores, { k });
    const { perClass, bins, confusion, repeated, curveClass, roc, precisionRecall, ...others } = expected;
    expectClose(metrics, others);
    expectClose(byName(metrics), perClass!);
    if (confusion !== undefined) expectClose(metrics.confusion, confusion);
    if (bins === null) expect(metrics.calibration).toEqual([]);
    else {
      const received = Object.fromEntries(
        (['count', 'accuracy', 'confidence'] as const).map((name) => [name, metrics.calibration.map((bin) => bin[name])]),
      );
      expectClose(received, bins!);
    }
    for (const statistic of classificationStatistics(truth, metrics.predicted, classes)) {
      expectClose(statistic.compute(weights), (repeated as Record<string, Answer>)[statistic.name]!);
    }
    const curves = [
      [rocCurve(truth, scores, curveClass as number), roc],
      [precisionRecallCurve(truth, scores, curveClass as number), precisionRecall],
    ] as const;
    for (const [received, wanted] of curves) {
      if (wanted === null) expect(received).toBeUndefined();
      else expectClose(received, wanted!);
    }
  });

  test.each(cases.filter(({ kind, classes }) => kind === 'good' && classes === 7))(
    'ranked classes alone give the same where they can, and NaN elsewhere: $pictures pictures',
    ({ pictures, seed }) => {
      const { truth, scores } = madeClassification('good', pictures, 7, seed);
      const ranked = Array.from(truth, (_, i) => {
        const row = scores.values.subarray(i * 7, i * 7 + 7);
        return [0, 1, 2, 3, 4, 5, 6].sort((a, b) => row[b]! - row[a]!).slice(0, 3);
      });
      const predictions = { classIds: Int32Array.from(ranked.flat()), ranks: 3, classes: 7 };
      const whole = evaluateClassification(truth, scores, { k: 3 });
      expect(evaluateRankedClassification(truth, predictions, { k: 3 })).toEqual({
        ...whole,
        perClass: whole.perClass.map((one) => ({ ...one, rocAuc: NaN })),
        rocAuc: { macro: NaN, weighted: NaN },
        logLoss: NaN,
        brier: NaN,
        calibrationError: NaN,
        calibration: [],
      });
      const beyond = evaluateRankedClassification(truth, predictions, { k: 4 });
      expect(beyond.topK).toBeNaN();
      expect(beyond.correctTopK).toBeUndefined();
      expect(beyond.accuracy).toBe(whole.accuracy);
    },
  );

  it('counts a picture without a prediction as missed, and as nobody’s false alarm', () => {
    const metrics = evaluateRankedClassification(Int32Array.of(0, 0, 1), {
      classIds: Int32Array.of(0, -1, 1),
      ranks: 1,
      classes: 2,
    });
    expect(metrics.accuracy).toBeCloseTo(2 / 3, 15);
    expect(metrics.perClass.map(({ precision, recall }) => [precision, recall])).toEqual([
      [1, 0.5],
      [1, 1],
    ]);
    expect([...metrics.confusion!]).toEqual([1, 0, 0, 1]);
  });

  it('leaves the confusion matrix out where it would be large', () => {
    const predictions = { classIds: Int32Array.of(4096), ranks: 1, classes: 4097 };
    expect(evaluateRankedClassification(Int32Array.of(4096), predictions).confusion).toBeUndefined();
    expect(
      evaluateRankedClassification(Int32Array.of(0), { ...predictions, classIds: Int32Array.of(0), classes: 4096 }).confusion
        ?.length,
    ).toBe(4096 ** 2);
  });

  it.each([
    ['NaN', [0.5, NaN, 0.1, 0.9], /picture 0, class 1/],
    ['Infinity', [0.5, 0.5, 0.1, Infinity], /picture 1, class 1/],
    ['-Infinity', [0.5, 0.5, -Infinity, 0.1], /picture 1, class 0/],
  ])('refuses %s among the scores', (_, values, message) => {
    const scores = { values: Float32Array.from(values), classes: 2 };
    expectFailure(
      thrownBy(() => evaluateClassification(Int32Array.of(0, 1), scores)),
      'INVALID_ARGUMENT',
      message,
    );
  });

  it('takes finite scores whose sum is not', () => {
    const scores = { values: Float64Array.of(1e308, 1.1e308, 0, 1), classes: 2 };
    const metrics = evaluateClassification(Int32Array.of(1, 0), scores);
    expect([metrics.accuracy, metrics.logLoss]).toEqual([0.5, NaN]);
  });

  it.each([
    ['a label that is no class', Int32Array.of(0, 2), [0, 1, 1, 0], /truth\[1\].*2/],
    ['a label below 0', Int32Array.of(-1, 0), [0, 1, 1, 0], /truth\[0\].*-1/],
    ['labels of other pictures', Int32Array.of(0), [0, 1, 1, 0], /truth/],
    ['half a row', Int32Array.of(0), [0, 1, 1], /rows of 2 scores/],
    ['no pictures', Int32Array.of(), [], /rows of 2 scores/],
  ])('refuses %s', (_, truth, values, message) => {
    const scores = { values: Float64Array.from(values), classes: 2 };
    expectFailure(
      thrownBy(() => evaluateClassification(truth, scores)),
      'INVALID_ARGUMENT',
      message,
    );
  });

  it('refuses ranked classes that are none', () => {
    for (const classIds of [Int32Array.of(0, 2), Int32Array.of(-2, 1), Int32Array.of()]) {
      const failure = thrownBy(() => evaluateRankedClassification(Int32Array.of(0, 0), { classIds, ranks: 1, classes: 2 }));
      expectFailure(failure, 'INVALID_ARGUMENT', /classIds/);
    }
  });

  it('counts a score on any edge of any number of bins to the bin below', () => {
    for (let bins = 2; bins <= 60; bins++) {
      const edges = Array.from({ length: bins - 1 }, (_, i) => (i + 1) * (1 / bins)).filter((edge) => edge > 0.5);
      const scores = { values: Float64Array.from(edges.flatMap((edge) => [edge, 1 - edge])), classes: 2 };
      if (edges.length === 0) continue;
      const { calibration } = evaluateClassification(new Int32Array(edges.length), scores, { bins });
      const filled = calibration.filter(({ count }) => count > 0);
      expect(filled.map(({ count, to }) => [count, to])).toEqual(edges.map((edge) => [1, edge]));
    }
  });

  it.each([
    ['a score that is no number', Int32Array.of(0, 1), [0, NaN, 0, 1], /scores\.values\[1\]/],
    ['labels of fewer pictures', Int32Array.of(1), [0, 1, 1, 0], /2 classes/],
  ])('refuses to draw a curve of %s', (_, truth, values, message) => {
    const scores = { values: Float64Array.from(values), classes: 2 };
    for (const curveOf of [rocCurve, precisionRecallCurve]) {
      expectFailure(
        thrownBy(() => curveOf(truth, scores, 1)),
        'INVALID_ARGUMENT',
        message,
      );
    }
  });

  it('thins a curve to its own points, the ends among them', () => {
    const { truth, scores } = madeClassification('noise', 2000, 3, 9);
    const curve = rocCurve(truth, scores, 1)!;
    const thin = thinCurve(curve, 50);
    expect(curve.x.length).toBeGreaterThan(500);
    expect(thin.x.length).toBeLessThanOrEqual(50);
    expect(thin.x.length).toBeGreaterThan(40);
    const places = Array.from(thin.thresholds, (threshold) => curve.thresholds.indexOf(threshold));
    expect(places[0]).toBe(0);
    expect(places.at(-1)).toBe(curve.x.length - 1);
    expect(Array.from(places, (place) => [curve.x[place], curve.y[place]])).toEqual(Array.from(thin.x, (x, i) => [x, thin.y[i]]));
    // Nothing of the curve is far from a kept point: 2 is its length.
    expect(Math.max(...thin.x.slice(1).map((x, i) => x - thin.x[i]! + thin.y[i + 1]! - thin.y[i]!))).toBeLessThan(0.09);
    expect(thinCurve(thin, 50)).toBe(thin);
  });
});
