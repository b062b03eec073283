/** Segmentation metrics against scikit-learn and scipy: tests/reference/metrics/segmentation.py. */
import { describe, expect, it, test } from 'vitest';

import { SegmentationMetrics, type SegmentedClass } from '../../lib/metrics/index.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';
import { expectClose, madeLabelMaps, readAnswers, type Answer } from './made.js';

interface Case {
  readonly kind: string;
  readonly classes: number;
  readonly seed: number;
  readonly tolerance: number;
  readonly sizes: readonly [number, number][];
  readonly expected: Record<string, Answer>;
}

const cases = readAnswers<Case[]>('segmentation');
const names = ['iou', 'dice', 'accuracy', 'boundaryF'] as const satisfies (keyof SegmentedClass)[];
const map = (data: readonly number[], width: number, height: number) => ({ data: Uint8Array.from(data), width, height });

describe('segmentation metrics', () => {
  test('there are enough cases', () => {
    expect(cases.length).toBeGreaterThanOrEqual(200);
  });

  test.each(cases)('$kind, $classes classes, $sizes, equal the reference', async (given) => {
    const { kind, classes, seed, tolerance, sizes, expected } = given;
    const { pictures, weights } = madeLabelMaps(kind, classes, seed, sizes);
    const metrics = new SegmentationMetrics({ classes, boundaryTolerance: tolerance });
    await Promise.all(pictures.map(({ truth, predicted }) => metrics.add(truth, predicted)));
    const summary = metrics.summary();
    const { perClass, repeated, ...others } = expected;
    expectClose(summary, others);
    expectClose(Object.fromEntries(names.map((name) => [name, summary.perClass.map((one) => one[name])])), perClass!);
    expect(summary.pictures).toBe(sizes.length);
    const statistics = metrics.statistics();
    expect(statistics.map(({ name }) => name)).toEqual(Object.keys(repeated as object));
    for (const { name, compute } of statistics) expectClose(compute(weights), (repeated as Record<string, Answer>)[name]!);
  });

  it('leaves boundaries out where they are not asked for', async () => {
    const metrics = new SegmentationMetrics({ classes: 2, boundaries: false });
    await metrics.add(map([0, 1, 0, 1], 2, 2), map([0, 1, 1, 1], 2, 2));
    const { meanBoundaryF, pixelAccuracy } = metrics.summary();
    expect([meanBoundaryF, pixelAccuracy]).toEqual([NaN, 0.75]);
    expect(metrics.statistics().map(({ name }) => name)).toEqual(['mean IoU', 'mean Dice', 'pixel accuracy']);
  });

  it('keeps pictures in the order of the calls, and leaves out those that were refused', async () => {
    const metrics = new SegmentationMetrics({ classes: 2 });
    const large = { data: new Uint8Array(4_000_000), width: 2000, height: 2000 };
    const wrong = metrics.add(map([0, 2], 2, 1), map([0, 0], 2, 1));
    await Promise.all([
      metrics.add(large, large),
      rejectionOf(wrong).then((error) => expectFailure(error, 'INVALID_ARGUMENT', /true label map has a pixel of class 2/)),
      metrics.add(map([0, 0], 2, 1), map([1, 1], 2, 1)),
    ]);
    expect(metrics.pictures).toBe(2);
    const accuracy = metrics.statistics().find(({ name }) => name === 'pixel accuracy')!;
    expect([accuracy.compute(Float64Array.of(1, 0)), accuracy.compute(Float64Array.of(0, 1))]).toEqual([1, 0]);
  });

  it('reads the maps before the call returns', async () => {
    const metrics = new SegmentationMetrics({ classes: 2 });
    const truth = map([0, 1], 2, 1);
    const predicted = map([0, 1], 2, 1);
    const added = metrics.add(truth, predicted);
    truth.data.fill(7);
    predicted.data.fill(7);
    await added;
    expect(metrics.summary().pixelAccuracy).toBe(1);
  });

  it('says nothing of no pictures', () => {
    const summary = new SegmentationMetrics({ classes: 2 }).summary();
    expect([summary.pictures, summary.pixels, summary.meanIou, summary.pixelAccuracy]).toEqual([0, 0, NaN, NaN]);
  });

  it('stops when it is aborted', async () => {
    const metrics = new SegmentationMetrics({ classes: 2 });
    const noise = {
      data: Uint8Array.from({ length: 9_000_000 }, (_, i) => ((i * 2654435761) >>> 13) & 1),
      width: 3000,
      height: 3000,
    };
    const controller = new AbortController();
    const stopped = rejectionOf(metrics.add(noise, { ...noise, data: noise.data.toReversed() }, controller.signal));
    controller.abort();
    expectFailure(await stopped, 'ABORTED', /aborted/);
    expect(metrics.pictures).toBe(0);
  });

  it.each([
    ['maps of two sizes', map([0, 0], 2, 1), map([0, 0], 1, 2), /2 x 1/],
    ['labels that do not fill the map', map([0, 0, 0], 2, 1), map([0, 0], 2, 1), /truth\.data/],
    ['an empty map', map([], 0, 0), map([], 0, 0), /truth\.width/],
    ['a prediction that is no class', map([0, 0], 2, 1), map([0, 2], 2, 1), /predicted label map has a pixel of class 2/],
    ['a prediction that is ignored', map([0, 0], 2, 1), map([0, 255], 2, 1), /class 255/],
  ])('refuses %s', async (_, truth, predicted, message) => {
    const error = await rejectionOf(new SegmentationMetrics({ classes: 2 }).add(truth, predicted));
    expectFailure(error, 'INVALID_ARGUMENT', message);
  });

  it.each([0, 256, 1.5])('refuses %s classes', (classes) => {
    expectFailure(
      thrownBy(() => new SegmentationMetrics({ classes })),
      'INVALID_ARGUMENT',
      /classes/,
    );
  });
});
