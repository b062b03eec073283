import { describe, expect, it } from 'vitest';

import { Cascade, type CascadeGoal, type LearnThresholdOptions } from '../../lib/cascade/index.js';
import { isShownBelow, leastValues, shownMean } from '../../lib/cascade/shown-below.js';
import { Random } from '../../lib/metrics/random.js';

/** What the models make of an item: how sure the small one is, and which of them are right. */
interface Item {
  readonly confidence: number;
  readonly small: boolean;
  readonly large: boolean;
}

interface Answer {
  readonly isRight: boolean;
  readonly confidence: number;
}

/** The small model is right as often as it is sure to be, the large one 96 times of 100. */
function drawn(random: Random): Item {
  const fraction = (): number => random.next() / 2 ** 32;
  const confidence = 0.4 + 0.6 * Math.sqrt(fraction());
  return { confidence, small: fraction() < confidence, large: fraction() < 0.96 };
}

/** What is lost at a threshold by all items that there could be: large less small, where the small one is sure. */
function trueDrop(threshold: number): number {
  const [steps, from] = [20_000, 0.4];
  let sum = 0;
  for (let i = 0; i < steps; i++) {
    const confidence = from + 0.6 * Math.sqrt((i + 0.5) / steps);
    if (confidence >= threshold) sum += 0.96 - confidence;
  }
  return sum / steps;
}

function items(count: number, seed: number): Item[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => drawn(random));
}

function learn(of: readonly Item[], goal: CascadeGoal, more: Partial<LearnThresholdOptions<Item, Answer>> = {}) {
  return Cascade.learn<Item, Answer>({
    items: of,
    small: async ({ confidence, small }) => ({ isRight: small, confidence }),
    large: async ({ large }) => ({ isRight: large, confidence: 1 }),
    confidence: ({ confidence }) => confidence,
    quality: ({ isRight }) => isRight,
    goal,
    ...more,
  });
}

describe('a threshold that bounds the drop', () => {
  it('is found, and saves work', async () => {
    const found = await learn(items(4000, 1), { accuracyDrop: 0.03 });
    expect(found.items).toBe(4000);
    expect(found.heldOut).toBe(2000);
    expect(found.threshold).toBeGreaterThan(0.5);
    expect(found.threshold).toBeLessThan(0.95);
    expect(found.accuracyDrop.bound).toBeGreaterThan(found.accuracyDrop.estimate);
    expect(found.accuracyDrop.bound).toBeLessThan(0.06);
    expect(found.largeShare.estimate).toBeLessThan(0.7);
    const { small, large, cascade } = found.quality;
    expect(small).toBeLessThan(cascade);
    expect(cascade).toBeCloseTo(large - found.accuracyDrop.estimate, 10);
    expect(found.words).toContain('went on');
  });

  it('keeps to the goal as often as it says, though a hundred are tried (100 times)', async () => {
    let broken = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const { threshold } = await learn(items(600, seed), { accuracyDrop: 0.05 }, { level: 0.8 });
      if (threshold < Infinity && trueDrop(threshold) > 0.05) broken++;
    }
    expect(broken / 100).toBeLessThanOrEqual(0.2 + 4 * Math.sqrt((0.2 * 0.8) / 100));
  });

  it('is close to the best one where there are many items', async () => {
    const { threshold } = await learn(items(40_000, 3), { accuracyDrop: 0.05 });
    expect(trueDrop(threshold)).toBeGreaterThan(0.035);
    expect(trueDrop(threshold)).toBeLessThan(0.05);
  });

  it('is none where too few items show anything, and tells how many it takes', async () => {
    const found = await learn(items(100, 1), { accuracyDrop: 0.005 });
    expect(found.threshold).toBe(Infinity);
    expect(found.accuracyDrop).toEqual({ estimate: 0, bound: 0 });
    expect(found.largeShare.estimate).toBe(1);
    expect(found.words).toContain(`at least ${2 * leastValues(0.005, 0.95)} items`);
  });

  it('is none where the small model is sure of what it gets wrong', async () => {
    const wrong = items(2000, 1).map((item) => ({ ...item, small: false, large: true }));
    const found = await learn(wrong, { accuracyDrop: 0.02 });
    expect(found.threshold).toBeGreaterThan(0.97);
    expect(found.accuracyDrop.bound).toBeLessThan(0.03);
    const always = wrong.map((item) => ({ ...item, confidence: 0.9 }));
    expect(await learn(always, { accuracyDrop: 0.02 })).toMatchObject({
      threshold: Infinity,
      words: expect.stringContaining('no threshold') as string,
    });
  });

  it('lets the small model answer all where it is as good', async () => {
    const good = items(2000, 1).map((item) => ({ ...item, small: item.large }));
    const { largeShare, accuracyDrop } = await learn(good, { accuracyDrop: 0.02 });
    expect(largeShare.estimate).toBeLessThan(0.05);
    expect(accuracyDrop.estimate).toBe(0);
  });

  it('never trusts what has no confidence', async () => {
    const unsure = items(1000, 1).map((item, i) =>
      i % 2 ? item : { ...item, confidence: Number.NaN, small: false, large: true },
    );
    const { threshold, largeShare } = await learn(unsure, { accuracyDrop: 0.1 });
    expect(Number.isFinite(threshold)).toBe(true);
    expect(largeShare.estimate).toBeGreaterThan(0.4);
  });
});

describe('a threshold that bounds the share of the large model', () => {
  it('is found, as often as it says (100 times)', async () => {
    // A share of s goes on where sqrt of the rest of the confidences is below: P(confidence < t) = ((t - 0.4) / 0.6)^2.
    const shareOf = (threshold: number): number => ((threshold - 0.4) / 0.6) ** 2;
    let broken = 0;
    let mean = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const { threshold } = await learn(items(600, seed), { largeShare: 0.3 }, { level: 0.8 });
      if (threshold > 0 && shareOf(threshold) > 0.3) broken++;
      mean += shareOf(threshold) / 100;
    }
    expect(broken / 100).toBeLessThanOrEqual(0.2 + 4 * Math.sqrt((0.2 * 0.8) / 100));
    expect(mean).toBeGreaterThan(0.2);
  });

  it('is none where nothing can be shown', async () => {
    const found = await learn(items(20, 1), { largeShare: 0.01 });
    expect(found.threshold).toBe(-Infinity);
    expect(found.words).toContain('large model');
  });
});

it('without labels, agreement with the large model is what must not drop', async () => {
  const { quality, threshold } = await learn(
    items(3000, 1),
    { accuracyDrop: 0.1 },
    { quality: undefined, agreement: (small, large) => small.isRight === large.isRight },
  );
  expect(quality.large).toBe(1);
  expect(quality.cascade).toBeGreaterThan(0.9);
  expect(threshold).toBeGreaterThan(0.5);
});

it('bounds are right as often as they say, and not far off', () => {
  const random = new Random(1);
  let missed = 0;
  let width = 0;
  for (let run = 0; run < 500; run++) {
    const draw = (): number[] =>
      Array.from({ length: 300 }, () => {
        const value = random.below(100);
        return value < 10 ? 1 : value < 15 ? -1 : 0;
      });
    const { estimate, bound } = shownMean(draw(), draw(), 0.9);
    if (bound < 0.05) missed++;
    width += (bound - estimate) / 500;
  }
  expect(missed / 500).toBeLessThanOrEqual(0.1 + 4 * Math.sqrt(0.09 / 500));
  expect(width).toBeLessThan(0.06); // 0.022 is a standard error
  const zeros = Array<number>(leastValues(0.01, 0.95)).fill(0);
  expect(isShownBelow(zeros, zeros, 0.01, 0.95)).toBe(true);
  expect(isShownBelow(zeros.slice(1), zeros, 0.01, 0.95)).toBe(false);
});

it('is the same with the same seed', async () => {
  const all = items(1000, 1);
  const thresholds = await Promise.all(
    [1, 1, 2, 3, 4].map(async (seed) => (await learn(all, { accuracyDrop: 0.06 }, { seed })).threshold),
  );
  expect(thresholds[0]).toBe(thresholds[1]);
  expect(new Set(thresholds).size).toBeGreaterThan(1);
});

describe('what goes wrong', () => {
  it('options', async () => {
    const all = items(30, 1);
    const wrong: [CascadeGoal, object][] = [
      [{ accuracyDrop: 0 }, {}],
      [{ accuracyDrop: 1 }, {}],
      [{ accuracyDrop: Number.NaN }, {}],
      [{} as CascadeGoal, {}],
      [{ accuracyDrop: 0.1, largeShare: 0.1 } as CascadeGoal, {}],
      [undefined as unknown as CascadeGoal, {}],
      [{ accuracyDrop: 0.1 }, { quality: undefined }],
      [{ accuracyDrop: 0.1 }, { agreement: () => 1 }],
      [{ accuracyDrop: 0.1 }, { items: 'a.jpg' }],
      [{ accuracyDrop: 0.1 }, { items: all.slice(0, 19) }],
      [{ accuracyDrop: 0.1 }, { level: 1 }],
      [{ accuracyDrop: 0.1 }, { small: 1 }],
      [{ accuracyDrop: 0.1 }, { quality: () => Number.NaN }],
      [{ accuracyDrop: 0.1 }, { quality: () => 2 }],
    ];
    for (const [goal, more] of wrong) {
      await expect(learn(all, goal, more), JSON.stringify([goal, Object.keys(more)])).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
    await expect(learn(all, { drop: 1 } as never)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' });
  });

  it('models that fail, whose results are given back', async () => {
    let disposed = 0;
    const small = async (): Promise<Answer> => ({ isRight: true, confidence: 1, dispose: () => disposed++ }) as Answer;
    const large = (): Promise<Answer> => Promise.reject(new Error('large'));
    await expect(learn(items(30, 1), { accuracyDrop: 0.1 }, { small, large })).rejects.toThrow('large');
    expect(disposed).toBe(1);
  });

  it('an abort', async () => {
    const controller = new AbortController();
    let asked = 0;
    const small = async (): Promise<Answer> => {
      if (++asked === 3) controller.abort();
      return { isRight: true, confidence: 1 };
    };
    await expect(learn(items(30, 1), { accuracyDrop: 0.1 }, { small, signal: controller.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(asked).toBe(3);
  });
});
