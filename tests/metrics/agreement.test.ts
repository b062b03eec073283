/** Agreement of two models against scikit-learn and scipy: tests/reference/metrics/comparison.py. */
import { describe, expect, it, test } from 'vitest';

import {
  boxAgreement,
  embeddingAgreement,
  maskAgreement,
  predictionAgreement,
  scoreAgreement,
  type FoundBoxes,
} from '../../lib/metrics/index.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';
import { expectClose, Numbers, readAnswers, type Answer } from './made.js';

interface Answers {
  readonly predictions: { pictures: number; classes: number; seed: number; expected: Answer }[];
  readonly scores: { classes: number; first: number[]; second: number[]; expected: Answer }[];
  readonly boxes: { pictures: number; seed: number; expected: Answer }[];
  readonly embeddings: { pictures: number; dimension: number; seed: number; expected: Answer }[];
}

const answers = readAnswers<Answers>('comparison');
const scoresOf = (values: readonly number[], classes: number) => ({ values: Float64Array.from(values), classes });
const boxesOf = (...boxes: [classId: number, ...box: number[]][]): FoundBoxes => ({
  classIds: Int32Array.from(boxes, ([classId]) => classId),
  boxes: Float64Array.from(boxes.flatMap(([, ...box]) => box)),
});

it('refuses options that it does not know', async () => {
  const failure = thrownBy(() => boxAgreement([], [], { threshold: 0.4 } as object));
  expectFailure(failure, 'UNKNOWN_OPTION', /threshold/);
  const rejection = await rejectionOf(maskAgreement([], [], { classes: 2, ignored: 0 } as { classes: number }));
  expectFailure(rejection, 'UNKNOWN_OPTION', /ignored/);
});

describe('agreement of predictions', () => {
  test.each(answers.predictions)('$pictures pictures, $classes classes, equals scikit-learn', (given) => {
    const numbers = new Numbers(given.seed);
    const first = Int32Array.from({ length: given.pictures }, () => numbers.below(given.classes));
    const second = first.map((label) => (numbers.below(3) > 0 ? label : numbers.below(given.classes)));
    expectClose(predictionAgreement(first, second, given.classes), given.expected);
  });

  it('has no kappa where both predict one class throughout', () => {
    expect(predictionAgreement(Int32Array.of(1, 1), Int32Array.of(1, 1), 2)).toEqual({ pictures: 2, top1: 1, kappa: NaN });
  });

  it('refuses other pictures, none, and classes that are none', () => {
    const two = Int32Array.of(0, 1);
    for (const [first, second] of [
      [two, Int32Array.of(0)],
      [Int32Array.of(), Int32Array.of()],
      [two, Int32Array.of(0, 2)],
      [Int32Array.of(-1, 0), two],
    ] as const) {
      expectFailure(
        thrownBy(() => predictionAgreement(first, second, 2)),
        'INVALID_ARGUMENT',
        /first|second/,
      );
    }
  });
});

describe('agreement of scores', () => {
  test.each(answers.scores)('equals scipy, $classes classes', ({ classes, first, second, expected }) => {
    expectClose(scoreAgreement(scoresOf(first, classes), scoresOf(second, classes)), expected);
  });

  it('is exact for scores that are the same, and for those that exclude each other', () => {
    const third = scoresOf([1 / 3, 1 / 3, 1 / 3], 3);
    expect(scoreAgreement(third, third)).toMatchObject({ jensenShannon: 0, kullbackLeibler: 0, largestDifference: 0 });
    const opposite = scoreAgreement(scoresOf([1, 0], 2), scoresOf([0, 1], 2));
    expect(opposite).toMatchObject({ top1: 0, jensenShannon: Math.log(2), kullbackLeibler: Infinity, largestDifference: 1 });
  });

  it('has no divergence where scores are no probabilities', () => {
    const { top1, jensenShannon, kullbackLeibler } = scoreAgreement(scoresOf([3, -1], 2), scoresOf([0.5, 0.5], 2));
    expect([top1, jensenShannon, kullbackLeibler]).toEqual([1, NaN, NaN]);
  });

  it('refuses scores of other sizes, and NaN', () => {
    const two = scoresOf([0, 1, 1, 0], 2);
    for (const other of [scoresOf([0, 1], 2), scoresOf([0, 1, 1, 0], 4), scoresOf([0, 1, NaN, 0], 2)]) {
      expectFailure(
        thrownBy(() => scoreAgreement(two, other)),
        'INVALID_ARGUMENT',
        /second/,
      );
    }
  });
});

describe('agreement of boxes', () => {
  const found = (numbers: Numbers, count: number): FoundBoxes =>
    boxesOf(
      ...Array.from({ length: count }, () => {
        const [left, top] = [numbers.below(24), numbers.below(24)];
        const box = [left, top, left + numbers.below(20), top + numbers.below(20)];
        return [numbers.below(2), ...box] as [number, ...number[]];
      }),
    );

  test.each(answers.boxes)('of $pictures pictures equals the reference', ({ pictures, seed, expected }) => {
    const numbers = new Numbers(seed);
    const first: FoundBoxes[] = [];
    const second: FoundBoxes[] = [];
    for (let i = 0; i < pictures; i++) {
      const one = found(numbers, numbers.below(9));
      let other = found(numbers, numbers.below(9));
      if (numbers.below(2) === 1) {
        const shift = numbers.below(3);
        other = {
          boxes: Float64Array.from([...one.boxes].map((edge) => edge + shift).concat([...other.boxes])),
          classIds: Int32Array.from([...one.classIds, ...other.classIds]),
        };
      }
      first.push(one);
      second.push(other);
    }
    expectClose(boxAgreement(first, second), expected);
    const turned = boxAgreement(second, first);
    const { precision, recall, f1 } = boxAgreement(first, second);
    expect([turned.recall, turned.precision, turned.f1]).toEqual([precision, recall, f1]);
  });

  it('pairs from the threshold on, within a class, each box once', () => {
    const square = boxesOf([0, 0, 0, 10, 10]);
    expect(boxAgreement([square], [boxesOf([0, 0, 0, 10, 5])]).matched).toBe(1); // an IoU of exactly 0.5
    expect(boxAgreement([square], [boxesOf([0, 0, 0, 10, 4.99])]).matched).toBe(0);
    expect(boxAgreement([square], [boxesOf([0, 0, 0, 10, 4.99])], { iouThreshold: 0.4 }).matched).toBe(1);
    expect(boxAgreement([square], [boxesOf([1, 0, 0, 10, 10])]).matched).toBe(0);
    expect(boxAgreement([square], [boxesOf([0, 0, 0, 10, 9], [0, 0, 0, 10, 10])])).toMatchObject({ matched: 1, meanIou: 1 });
  });

  it('is undefined where there is nothing', () => {
    const nothing = boxesOf();
    expect(boxAgreement([nothing], [nothing])).toEqual({
      ...{ pictures: 1, first: 0, second: 0, matched: 0, sameCounts: 1 },
      ...{ precision: NaN, recall: NaN, f1: NaN, meanIou: NaN },
    });
    const empty = boxesOf([0, 3, 3, 3, 3]);
    expect(boxAgreement([empty], [empty]).matched).toBe(0);
  });

  it.each([
    ['other pictures', [boxesOf()], [], {}, /second/],
    ['no pictures', [], [], {}, /first/],
    ['half a box', [boxesOf([0, 1, 2, 3])], [boxesOf()], {}, /first\[0\]\.boxes/],
    ['NaN', [boxesOf()], [boxesOf([0, 1, 2, 3, NaN])], {}, /second\[0\]\.boxes/],
    ['a threshold of 0', [boxesOf()], [boxesOf()], { iouThreshold: 0 }, /iouThreshold/],
  ])('refuses %s', (_, first, second, options, message) => {
    expectFailure(
      thrownBy(() => boxAgreement(first, second, options)),
      'INVALID_ARGUMENT',
      message,
    );
  });
});

describe('agreement of masks', () => {
  const map = (...data: number[]) => ({ data: Uint8Array.from(data), width: data.length, height: 1 });

  it('is the share of pixels, and the mean IoU of the classes that occur', async () => {
    const agreement = await maskAgreement([map(0, 0, 1, 1), map(0, 0)], [map(0, 1, 1, 1), map(0, 0)], { classes: 5 });
    expect(agreement).toEqual({ pictures: 2, pixels: 5 / 6, meanIou: expect.closeTo((3 / 4 + 2 / 3) / 2, 15) });
  });

  it('refuses other pictures, and none', async () => {
    const failures = [maskAgreement([map(0)], [], { classes: 2 }), maskAgreement([], [], { classes: 2 })];
    const errors = await Promise.all(failures.map((failure) => rejectionOf(failure)));
    for (const error of errors) expectFailure(error, 'INVALID_ARGUMENT', /first|second/);
  });
});

describe('agreement of embeddings', () => {
  test.each(answers.embeddings)('of $pictures vectors of $dimension equals scipy', ({ pictures, dimension, seed, expected }) => {
    const numbers = new Numbers(seed);
    const made = () => Float64Array.from({ length: pictures * dimension }, () => numbers.fraction() - 0.5);
    expectClose(embeddingAgreement(made(), made(), dimension), expected);
  });

  it('refuses vectors without a direction, and other pictures', () => {
    const two = Float32Array.of(1, 0, 0, 1);
    for (const other of [Float32Array.of(1, 0, 0, 0), Float32Array.of(1, 0, NaN, 0), Float32Array.of(1, 0), Float32Array.of()]) {
      expectFailure(
        thrownBy(() => embeddingAgreement(two, other, 2)),
        'INVALID_ARGUMENT',
        /picture 1|second/,
      );
    }
    expectFailure(
      thrownBy(() => embeddingAgreement(two, two, 3)),
      'INVALID_ARGUMENT',
      /vectors of 3/,
    );
  });
});
