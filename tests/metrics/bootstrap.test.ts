/** Random numbers, intervals, slices and comparisons against numpy and scipy: tests/reference/metrics/comparison.py. */
import { describe, expect, it, test } from 'vitest';

import {
  bootstrap,
  compareRuns,
  compareSamples,
  evaluateSlices,
  mcNemar,
  meanStatistic,
  percentileInterval,
  sliceBy,
  sliceBySize,
  type EvaluatedRun,
} from '../../lib/metrics/index.js';
import { Random } from '../../lib/metrics/random.js';
import { expectFailure, thrownBy } from '../errors/failure.js';
import { expectClose, Numbers, readAnswers, type Answer } from './made.js';

interface Answers {
  readonly random: { seed: number; numbers: number[]; below: { limit: number; numbers: number[] }[] }[];
  readonly bootstrap: { pictures: number; seed: number; samples: number; level: number; expected: Answer }[];
  readonly mcNemar: { baselineOnly: number; candidateOnly: number; pValue: number }[];
  readonly comparison: { pictures: number; seed: number; gain: number; expected: Answer }[];
  readonly slices: { pictures: number; seed: number; bins: number; members: number[][] }[];
}

const answers = readAnswers<Answers>('comparison');
const namesOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}.jpg`);

/** A run in which `right` pictures of `count` are, the first ones. */
function runOf(name: string, right: ArrayLike<number>): EvaluatedRun {
  return { name, pictures: namesOf(right.length), statistics: [meanStatistic('accuracy', right)] };
}

describe('random numbers', () => {
  test.each(answers.random)('from seed $seed are those of xoshiro128**', ({ seed, numbers, below }) => {
    const random = new Random(seed);
    expect(numbers.map(() => random.next())).toEqual(numbers);
    for (const { limit, numbers: limited } of below) expect(limited.map(() => random.below(limit))).toEqual(limited);
  });
});

describe('the bootstrap', () => {
  test.each(answers.bootstrap)('of $pictures pictures equals numpy', ({ pictures, seed, samples, level, expected }) => {
    const numbers = new Numbers(seed);
    const values = Array.from({ length: pictures }, (_, i) => (i % 7 === 6 || pictures === 3 ? NaN : numbers.fraction()));
    const [estimate] = bootstrap([meanStatistic('mean', values)], pictures, { samples, seed, level });
    expectClose(estimate, expected);
  });

  it('draws the same pictures for all statistics, and other pictures for another seed', () => {
    const values = Float64Array.from({ length: 40 }, (_, i) => i);
    const twice = [
      meanStatistic('mean', values),
      meanStatistic(
        'double',
        values.map((value) => 2 * value),
      ),
    ];
    const [first, second] = bootstrap(twice, 40, { samples: 50 });
    expect(second!.samples).toEqual(first!.samples.map((value) => 2 * value));
    expect(bootstrap(twice, 40, { samples: 50, seed: 1 })[0]!.samples).not.toEqual(first!.samples);
    expect(bootstrap(twice, 40, { samples: 50 })[0]!.samples).toEqual(first!.samples);
  });

  it('holds the true mean in about as many intervals as the level says', () => {
    let held = 0;
    for (let round = 0; round < 400; round++) {
      const random = new Random(1000 + round);
      const right = Uint8Array.from({ length: 150 }, () => Number(random.below(10) < 7));
      const { low, high } = bootstrap([meanStatistic('accuracy', right)], 150, { samples: 300, seed: round })[0]!.interval;
      held += Number(low <= 0.7 && high >= 0.7);
    }
    expect(held / 400).toBeGreaterThan(0.91);
    expect(held / 400).toBeLessThan(0.98);
  });

  it('knows an interval of equal infinite samples, and none of undefined ones', () => {
    const [infinite, undefined_] = [Float64Array.of(Infinity, Infinity), Float64Array.of(NaN, NaN)];
    expect(percentileInterval(infinite, 0.95)).toEqual({ low: Infinity, high: Infinity, level: 0.95, samples: 2 });
    expect(percentileInterval(undefined_, 0.95)).toEqual({ low: NaN, high: NaN, level: 0.95, samples: 0 });
  });

  it.each([
    ['samples', { samples: 9 }],
    ['seed', { seed: -1 }],
    ['seed', { seed: 2 ** 32 }],
    ['level', { level: 1 }],
    ['level', { level: 95 }],
  ])('refuses %s of %o', (name, options) => {
    expectFailure(
      thrownBy(() => bootstrap([meanStatistic('mean', [1, 2])], 2, options)),
      'INVALID_ARGUMENT',
      new RegExp(name),
    );
  });

  it('refuses an unknown option, no pictures, and statistics of other pictures', () => {
    const statistics = [meanStatistic('mean', [1, 2])];
    expectFailure(
      thrownBy(() => bootstrap(statistics, 2, { sample: 50 } as object)),
      'UNKNOWN_OPTION',
      /sample/,
      /samples/,
    );
    for (const pictures of [0, 3]) {
      expectFailure(
        thrownBy(() => bootstrap(statistics, pictures)),
        'INVALID_ARGUMENT',
        /pictures|weights/,
      );
    }
  });
});

describe('slices', () => {
  test.each(answers.slices)('of $pictures numbers in $bins bins equal numpy', ({ pictures, seed, bins, members }) => {
    const numbers = new Numbers(seed);
    const values = Array.from({ length: pictures }, () => numbers.below(30) / 4);
    const slices = sliceBy(values, { bins });
    expect(slices.map((slice) => [...slice.members])).toEqual(members);
    expect(new Set(slices.map(({ label }) => label)).size).toBe(members.length);
  });

  const labelled = (slices: readonly { label: string; members: Uint32Array }[]) =>
    Object.fromEntries(slices.map(({ label, members }) => [label, [...members]]));

  it('are one for each string or boolean, and one for what is unknown', () => {
    expect(labelled(sliceBy(['night', 'day', undefined, 'day']))).toEqual({ day: [1, 3], night: [0], unknown: [2] });
    expect(labelled(sliceBy([true, false, true]))).toEqual({ false: [1], true: [0, 2] });
    expect(labelled(sliceBy([3, NaN, 1, 3]))).toEqual({ 1: [2], 3: [0, 3], unknown: [1] });
    expect(labelled(sliceBy([1, 'a', 1]))).toEqual({ 1: [0, 2], a: [1] });
    expect(labelled(sliceBy([undefined]))).toEqual({ unknown: [0] });
    expect(labelled(sliceBy([]))).toEqual({});
  });

  it('say in their names where bins of numbers begin and end', () => {
    const slices = sliceBy([0, 1, 2, 3, 4, 5, 6, 7, 8], { bins: 2 });
    expect(labelled(slices)).toEqual({ '0 to below 4': [0, 1, 2, 3], '4 to 8': [4, 5, 6, 7, 8] });
    const near = sliceBy([1.00001, 1.00002, 1.00003, 1.00004, 1.00005], { bins: 2 });
    expect(near.map(({ label }) => label)).toEqual(['1.00001 to below 1.00003', '1.00003 to 1.00005']);
  });

  it('by size begin at their limits', () => {
    expect(labelled(sliceBySize([1023, 1024, 9215, 9216, undefined]))).toEqual({
      small: [0],
      medium: [1, 2],
      large: [3],
      unknown: [4],
    });
    expect(labelled(sliceBySize([1, 50, 100], [50, 100]))).toEqual({ small: [0], medium: [1], large: [2] });
    for (const limits of [
      [0, 1],
      [2, 2],
      [1, NaN],
    ] as [number, number][]) {
      expectFailure(
        thrownBy(() => sliceBySize([1], limits)),
        'INVALID_ARGUMENT',
        /limits/,
      );
    }
  });

  /** 400 pictures by day, of which 90% are right; 100 by night with 60%; 10 in fog, all wrong. */
  const when = [...Array<string>(400).fill('day'), ...Array<string>(100).fill('night'), ...Array<string>(10).fill('fog')];
  const right = when.map((time, i) => Number(time === 'day' ? i % 10 !== 0 : time === 'night' && i % 5 < 3));

  it('have the values of their pictures, and the worst is one with enough of them', () => {
    const report = evaluateSlices(sliceBy(when), [meanStatistic('accuracy', right)], when.length, { samples: 300 });
    expect(report.slices.map(({ label, count, isEnough }) => [label, count, isEnough])).toEqual([
      ['day', 400, true],
      ['fog', 10, false],
      ['night', 100, true],
    ]);
    expect(report.slices.map(({ values }) => values[0]!.value)).toEqual([0.9, 0, 0.6]);
    expect(report.overall[0]!.value).toBe(420 / 510);
    const [worst] = report.worst;
    expect([worst!.label, worst!.standsOut]).toEqual(['night', true]);
    // Of 100 pictures, an interval reaches about 1.96 * sqrt(0.6 * 0.4 / 100) = 0.096 to either side.
    expect(worst!.value.interval.low).toBeCloseTo(0.504, 1);
    expect(worst!.value.interval.high).toBeCloseTo(0.696, 1);
  });

  it('are worst where a loss is highest', () => {
    const loss = meanStatistic(
      'loss',
      right.map((one) => 1.5 - one),
      { lowerIsBetter: true },
    );
    const { worst } = evaluateSlices(sliceBy(when), [loss], when.length, { samples: 100 });
    expect([worst[0]!.label, worst[0]!.standsOut]).toEqual(['night', true]);
  });

  it('that differ by chance alone do not stand out', () => {
    const random = new Random(5);
    const values = Array.from({ length: 300 }, () => random.below(2));
    const groups = values.map((_, i) => `group ${i % 3}`);
    const { worst } = evaluateSlices(sliceBy(groups), [meanStatistic('accuracy', values)], 300, { samples: 300 });
    expect(worst[0]!.standsOut).toBe(false);
  });

  it('have no worst where fewer than two have enough pictures', () => {
    const statistics = [meanStatistic('accuracy', right)];
    const { worst } = evaluateSlices(sliceBy(when), statistics, when.length, { samples: 10, minimum: 200 });
    expect(worst).toEqual([undefined]);
  });

  it('of pictures that are not there are refused', () => {
    const evaluate = (members: Uint32Array) =>
      thrownBy(() => evaluateSlices([{ label: 'odd', members }], [meanStatistic('accuracy', [1, 0])], 2));
    expectFailure(evaluate(Uint32Array.of(2)), 'INVALID_ARGUMENT', /odd/);
    expectFailure(evaluate(Uint32Array.of()), 'INVALID_ARGUMENT', /odd/);
  });
});

describe('McNemar’s test', () => {
  test.each(answers.mcNemar)('of $baselineOnly and $candidateOnly equals scipy', ({ baselineOnly, candidateOnly, pValue }) => {
    // Pictures that the baseline alone has right, then those of the candidate, two of both and one of neither.
    const only = baselineOnly + candidateOnly;
    const baseline = Uint8Array.from({ length: only + 3 }, (_, i) => Number(i < baselineOnly || (i >= only && i < only + 2)));
    const candidate = Uint8Array.from({ length: only + 3 }, (_, i) => Number(i >= baselineOnly && i < only + 2));
    expectClose(mcNemar(baseline, candidate), { baselineOnly, candidateOnly, pValue });
  });
});

describe('a comparison', () => {
  test.each(answers.comparison)('of $pictures pictures, gain $gain, equals numpy', ({ pictures, seed, gain, expected }) => {
    const numbers = new Numbers(seed);
    const baseline = Array.from({ length: pictures }, () => Number(numbers.fraction() < 0.6));
    const gained = baseline.map((right) => (numbers.fraction() > gain ? right : 1));
    const candidate = gained.map((right) => (numbers.fraction() > 0.1 ? right : 0));
    const [comparison] = compareRuns(runOf('a', baseline), runOf('b', candidate), { samples: 500, seed });
    expectClose(comparison, expected);
  });

  const outcomes = (count: number, right: (i: number) => boolean): number[] =>
    Array.from({ length: count }, (_, i) => Number(right(i)));
  const verdictOf = (baseline: readonly number[], candidate: readonly number[]) =>
    compareRuns(runOf('a', baseline), runOf('b', candidate))[0]!;

  it('tells a run that is better, and the same the other way round', () => {
    const [low, high] = [outcomes(400, (i) => i % 10 < 6), outcomes(400, (i) => i % 10 < 7)];
    const better = verdictOf(low, high);
    expect([better.verdict, better.difference]).toEqual(['better', expect.closeTo(0.1, 12)]);
    expect(better.words).toMatch(
      /^accuracy: better\. 0\.6000 became 0\.7000, \+0\.1000; 95% interval \+0\.0.* over 400 pictures\. Signal/,
    );
    const worse = verdictOf(high, low);
    expect(worse.verdict).toBe('worse');
    expect(worse.interval.low).toBeCloseTo(-better.interval.high, 12);
  });

  it('tells of a loss that less is better', () => {
    const run = (name: string, shift: number): EvaluatedRun => ({
      name,
      pictures: namesOf(50),
      statistics: [
        meanStatistic(
          'loss',
          Array.from({ length: 50 }, (_, i) => (i % 5) + shift),
          { lowerIsBetter: true },
        ),
      ],
    });
    expect(compareRuns(run('a', 0.5), run('b', 0))[0]!.verdict).toBe('better');
    expect(compareRuns(run('a', 0), run('b', 0.5))[0]!.verdict).toBe('worse');
  });

  it('finds no difference between a run and itself', () => {
    const same = verdictOf(
      outcomes(100, (i) => i % 3 > 0),
      outcomes(100, (i) => i % 3 > 0),
    );
    expect([same.verdict, same.difference, same.pValue]).toEqual(['no difference that shows', 0, 1]);
    expect(same.words).toMatch(/The runs are the same/);
  });

  it('says from which size on a difference would show', () => {
    const other = verdictOf(
      outcomes(200, (i) => i % 2 === 0),
      outcomes(200, (i) => i % 2 === 1 || i < 4),
    );
    expect(other.verdict).toBe('no difference that shows');
    expect(other.words).toMatch(/Noise would do that: with these pictures, a difference below about 0\.1\d+ does not show/);
  });

  it('does not believe five pictures, all on one side: the exact test is 2 / 2^5', () => {
    const few = verdictOf(
      outcomes(1000, (i) => i < 500),
      outcomes(1000, (i) => i < 505),
    );
    expect(few.interval.low).toBeGreaterThan(0);
    expect(few.mcNemar!.pValue).toBe(0.0625);
    expect(few.verdict).toBe('no difference that shows');
    expect(few.words).toMatch(/only 5 pictures turned out differently \(exact McNemar test, p = 0\.06\d\)/);
  });

  it('does not judge by fewer than 30 pictures', () => {
    const few = verdictOf(
      outcomes(29, () => false),
      outcomes(29, () => true),
    );
    expect([few.verdict, few.mcNemar!.candidateOnly]).toEqual(['no difference that shows', 29]);
    expect(few.words).toMatch(/Fewer than 30 pictures/);
    expect(
      verdictOf(
        outcomes(30, () => false),
        outcomes(30, () => true),
      ).verdict,
    ).toBe('better');
  });

  it('finds a difference between equally good runs in about one of twenty cases at most', () => {
    let found = 0;
    for (let round = 0; round < 400; round++) {
      const random = new Random(round);
      const draw = (): number[] => outcomes(120, () => random.below(10) < 8);
      const [comparison] = compareRuns(runOf('a', draw()), runOf('b', draw()), { samples: 200 });
      found += Number(comparison!.verdict !== 'no difference that shows');
    }
    expect(found / 400).toBeLessThan(0.06);
    expect(found).toBeGreaterThan(0);
  });

  it('takes samples that were drawn elsewhere', () => {
    const samples = (shift: number) => Float64Array.from({ length: 100 }, (_, i) => i / 100 + shift);
    const compared = {
      name: 'mAP',
      pictures: 100,
      baseline: { value: 0.5, samples: samples(0) },
      candidate: { value: 0.75, samples: samples(0.25) },
    };
    const { verdict, interval, mcNemar: test_ } = compareSamples(compared);
    expect([verdict, interval.low, interval.high, test_]).toEqual([
      'better',
      expect.closeTo(0.25),
      expect.closeTo(0.25),
      undefined,
    ]);
    const failure = thrownBy(() => compareSamples({ ...compared, baseline: { value: 0, samples: new Float64Array(3) } }));
    expectFailure(failure, 'INVALID_ARGUMENT', /samples/, /same seed/);
  });

  it('of what is undefined says so', () => {
    const nothing = { value: NaN, samples: new Float64Array(10).fill(NaN) };
    const { verdict, pValue, words } = compareSamples({ name: 'AP', pictures: 50, baseline: nothing, candidate: nothing });
    expect([verdict, pValue]).toEqual(['no difference that shows', NaN]);
    expect(words).toMatch(/undefined/);
  });

  it('refuses runs over different pictures, and tells order from difference', () => {
    const first = runOf('a', [1, 0, 1]);
    const failureOf = (pictures: readonly string[]) =>
      thrownBy(() =>
        compareRuns(first, {
          ...runOf(
            'b',
            pictures.map(() => 1),
          ),
          pictures,
        }),
      );
    expectFailure(
      failureOf(['0.jpg', '1.jpg']),
      'INVALID_ARGUMENT',
      /3 pictures and b has 2: 1 are in the first alone, 0/,
      /same data set/,
    );
    expectFailure(failureOf(['0.jpg', '1.jpg', 'x.jpg']), 'INVALID_ARGUMENT', /1 are in the first alone, 1/, /same data set/);
    expectFailure(failureOf(['0.jpg', '2.jpg', '1.jpg']), 'INVALID_ARGUMENT', /another order, from picture 1 on/, /by name/);
  });

  it('refuses runs that have no statistic in common', () => {
    const other = { ...runOf('b', [1]), statistics: [meanStatistic('loss', [1])] };
    expectFailure(
      thrownBy(() => compareRuns(runOf('a', [1]), other)),
      'INVALID_ARGUMENT',
      /accuracy.*loss/,
    );
  });
});
