/** Boxes paired by score, and the statistics that they are told with. */
import { describe, expect, it } from 'vitest';

import { bootstrap, medianStatistic, ratioStatistic, ScoredBoxAgreement, type ScoredBoxes } from '../../lib/metrics/index.js';
import { expectFailure, thrownBy } from '../errors/failure.js';

type Row = readonly [score: number, classId: number, left: number, top: number, right: number, bottom: number];

const picture = (...rows: Row[]): ScoredBoxes => ({
  scores: Float32Array.from(rows, ([score]) => score),
  classIds: Int32Array.from(rows, ([, classId]) => classId),
  boxes: Float32Array.from(rows.flatMap(([, , ...box]) => box)),
});

function valuesOf(agreement: ScoredBoxAgreement, pictures: number): Record<string, number> {
  const ones = new Float64Array(pictures).fill(1);
  return Object.fromEntries(agreement.statistics().map(({ name, compute }) => [name, compute(ones)]));
}

describe('boxes paired by score', () => {
  it('gives the box of the higher score the first choice, and each box once', () => {
    const agreement = new ScoredBoxAgreement();
    // The second overlaps the candidate's more (IoU 1), but the first comes by its score (IoU 0.8) and takes it.
    agreement.add(picture([0.9, 0, 0, 0, 8, 10], [0.5, 0, 0, 0, 10, 10]), picture([0.7, 0, 0, 0, 10, 10]));
    const values = valuesOf(agreement, 1);
    expect(values).toMatchObject({ recall: 0.5, precision: 1 });
    expect(values['mean IoU']).toBeCloseTo(0.8, 12);
    expect(values['score error']).toBeCloseTo(0.2, 6);
  });

  it('pairs no boxes of different classes, nor below the IoU', () => {
    const agreement = new ScoredBoxAgreement();
    agreement.add(picture([0.9, 0, 0, 0, 10, 10]), picture([0.9, 1, 0, 0, 10, 10], [0.9, 0, 6, 0, 16, 10]));
    expect(valuesOf(agreement, 1)).toMatchObject({ recall: 0, precision: 0, 'mean IoU': NaN });
  });

  it('loses no sure box to a threshold that the other crosses by little', () => {
    const agreement = new ScoredBoxAgreement();
    const box = [0, 0, 0, 10, 10] as const;
    const far = [0, 50, 50, 60, 60] as const;
    // 0.36 became 0.22: lost at 0.25, found by hysteresis; 0.3 is no sure box, so that it is not looked for.
    agreement.add(picture([0.36, ...box], [0.3, ...far]), picture([0.22, ...box]));
    expect(valuesOf(agreement, 1)).toMatchObject({ recall: 0, 'hysteresis recall': 1, 'hysteresis precision': NaN });
    // A sure box of the candidate that the reference has nothing of, even at 0.2.
    agreement.add(picture([0.19, ...box]), picture([0.35, ...box]));
    expect(valuesOf(agreement, 2)).toMatchObject({ 'hysteresis precision': 0 });
    expect(agreement.lowestScore).toBe(0.2);
  });

  it('counts boxes, not pictures, and tells each picture by itself', () => {
    const agreement = new ScoredBoxAgreement();
    const rows = [0, 20, 40].map((x): Row => [0.5, 0, x, 0, x + 10, 10]);
    expect(agreement.add(picture(...rows), picture(...rows))).toBe(1);
    expect(agreement.add(picture(rows[0]!), picture())).toBe(0);
    expect(agreement.add(picture(), picture())).toBeNaN();
    expect(valuesOf(agreement, 3)).toMatchObject({ recall: 3 / 4, precision: 1 });
    // The same picture twice, the others not at all.
    const [recall] = agreement.statistics();
    expect(recall?.compute(Float64Array.of(0, 2, 0))).toBe(0);
  });

  it('refuses numbers and lengths that are none', () => {
    const agreement = new ScoredBoxAgreement();
    const one = picture([0.5, 0, 0, 0, 1, 1]);
    for (const [bad, name] of [
      [{ ...one, scores: Float32Array.of() }, /scores/],
      [{ ...one, scores: Float32Array.of(NaN) }, /scores/],
      [{ ...one, boxes: Float32Array.of(0, 0, 1) }, /boxes/],
    ] as const) {
      expectFailure(
        thrownBy(() => agreement.add(one, bad)),
        'INVALID_ARGUMENT',
        name,
      );
    }
    expect(valuesOf(agreement, 0)['recall']).toBeNaN();
    expectFailure(
      thrownBy(() => new ScoredBoxAgreement({ sure: 0.2, possible: 0.3 })),
      'INVALID_ARGUMENT',
      /possible/,
    );
    expectFailure(
      thrownBy(() => new ScoredBoxAgreement({ threshold: 0.2 } as object)),
      'UNKNOWN_OPTION',
      /threshold/,
    );
  });
});

describe('statistics of sums and medians', () => {
  it('weighs pictures', () => {
    const ratio = ratioStatistic('found', [1, 0, 4], [2, 0, 4]);
    expect(ratio.compute(Float64Array.of(1, 1, 1))).toBe(5 / 6);
    expect(ratio.compute(Float64Array.of(3, 1, 0))).toBe(0.5);
    expect(ratio.compute(Float64Array.of(0, 2, 0))).toBeNaN();
    const median = medianStatistic('median', [5, NaN, 1, 3]);
    expect(median.compute(Float64Array.of(1, 1, 1, 1))).toBe(3);
    expect(median.compute(Float64Array.of(1, 9, 1, 0))).toBe(3); // between 1 and 5
    expect(median.compute(Float64Array.of(0, 0, 3, 1))).toBe(1);
    expect(median.compute(Float64Array.of(2, 0, 1, 1))).toBe(4); // between 3 and 5
    expect(median.compute(Float64Array.of(0, 4, 0, 0))).toBeNaN();
  });

  it('makes intervals of them', () => {
    const found = Array.from({ length: 40 }, (_, i) => Number(i % 4 > 0));
    const [estimate] = bootstrap([ratioStatistic('recall', found, new Array(40).fill(1) as number[])], 40);
    expect(estimate?.value).toBe(0.75);
    expect(estimate?.interval.low).toBeGreaterThan(0.55);
    expect(estimate?.interval.high).toBeLessThan(0.95);
  });

  it('refuses weights of other pictures', () => {
    for (const { compute } of [ratioStatistic('r', [1], [1]), medianStatistic('m', [1])]) {
      expectFailure(
        thrownBy(() => compute(Float64Array.of(1, 1))),
        'INVALID_ARGUMENT',
        /weights/,
      );
    }
    expectFailure(
      thrownBy(() => ratioStatistic('r', [1, 2], [1])),
      'INVALID_ARGUMENT',
      /under/,
    );
  });
});
