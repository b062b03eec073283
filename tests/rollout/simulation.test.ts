/** Whether verdicts are right as often as they say, on thousands of simulated rollouts that are looked at after every answer. */
import { describe, expect, it } from 'vitest';

import { Random } from '../../lib/metrics/random.js';
import { Latencies, type Arm } from '../../lib/rollout/arms.js';
import { Measures } from '../../lib/rollout/measures.js';
import type { Margins } from '../../lib/rollout/options.js';
import { verdictOf } from '../../lib/rollout/verdict.js';

interface Version {
  readonly errors: number;
  /** Of a log-normal latency. */
  readonly medianMs: number;
  readonly sigma: number;
  /** The mean of outcomes of 0 and 1. */
  readonly outcome: number;
}

interface Simulated {
  readonly stable: Version;
  readonly candidate: Version;
  readonly share: number;
  readonly requests: number;
  readonly margins: Margins;
  readonly alpha: number;
  /** Whether both versions answer each request. */
  readonly isShadow?: boolean;
}

const usual: Version = { errors: 0.02, medianMs: 20, sigma: 0.4, outcome: 0.9 };
const margins: Margins = { errors: 0.01, latency: 0.2, agreement: undefined, outcome: 0.02 };

class Source {
  readonly #random: Random;
  constructor(seed: number) {
    this.#random = new Random(seed);
  }
  fraction(): number {
    return (this.#random.next() + 0.5) / 2 ** 32;
  }
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.fraction())) * Math.cos(2 * Math.PI * this.fraction());
  }
}

/** The decision, and after how many requests it came. */
function simulate(simulated: Simulated, seed: number): { decision: string; at: number } {
  const source = new Source(seed);
  const measures = new Measures(simulated.margins, 0.95);
  const latencies = { stable: new Latencies(), candidate: new Latencies() };
  const answer = (arm: Arm): { failed: boolean; ms: number } => {
    const { errors, medianMs, sigma } = simulated[arm];
    return { failed: source.fraction() < errors, ms: medianMs * Math.exp(sigma * source.normal()) };
  };
  for (let at = 1; at <= simulated.requests; at++) {
    if (simulated.isShadow === true) {
      const line = measures.slowLine(latencies.stable);
      const stable = answer('stable');
      measures.answeredBoth(stable, answer('candidate'), line);
      if (!stable.failed) latencies.stable.add(stable.ms);
    } else {
      const arm = source.fraction() < simulated.share ? 'candidate' : 'stable';
      const one = answer(arm);
      measures.answered(arm, one, latencies.stable);
      if (!one.failed) latencies[arm].add(one.ms);
      if (simulated.margins.outcome !== undefined) measures.reported(arm, source.fraction() < simulated[arm].outcome ? 1 : 0);
    }
    const verdict = verdictOf(measures.report(), simulated.alpha);
    if (verdict !== undefined) return { decision: verdict.decision, at };
  }
  return { decision: 'none', at: simulated.requests };
}

function decisions(simulated: Simulated, runs: number): { rollback: number; promote: number; meanAt: number } {
  const all = Array.from({ length: runs }, (_, i) => simulate(simulated, i + 1));
  const share = (decision: string): number => all.filter((one) => one.decision === decision).length / runs;
  return { rollback: share('rollback'), promote: share('promote'), meanAt: all.reduce((sum, { at }) => sum + at, 0) / runs };
}

/** The most that a share of so many runs strays from a probability, but for once in 30,000 times. */
const slack = (probability: number, runs: number): number => 4 * Math.sqrt((probability * (1 - probability)) / runs);

describe('equal versions, looked at after every answer', () => {
  // Margins of next to nothing, so that equal versions lie on the very border of what is allowed.
  const border: Margins = { errors: 0, latency: 0, agreement: undefined, outcome: 0 };
  it.each([
    ['half and half', { share: 0.5, isShadow: false }],
    ['one in ten', { share: 0.1, isShadow: false }],
    ['both', { share: 1, isShadow: true }],
  ])('are hardly ever told apart: %s', (_name, how) => {
    const runs = 150;
    const forMode = how.isShadow ? { ...border, outcome: undefined } : border;
    const { rollback, promote } = decisions(
      { stable: usual, candidate: usual, requests: 1500, margins: forMode, alpha: 0.1, ...how },
      runs,
    );
    expect(rollback).toBeLessThanOrEqual(0.1 + slack(0.1, runs));
    expect(promote).toBeLessThanOrEqual(0.1 + slack(0.1, runs));
  });

  it('would be told apart far too often by a test that is made for one look', () => {
    let alarms = 0;
    const runs = 300;
    for (let seed = 1; seed <= runs; seed++) {
      const source = new Source(seed);
      let [total, squares] = [0, 0];
      for (let n = 1; n <= 1500; n++) {
        const difference = Number(source.fraction() < 0.1) - Number(source.fraction() < 0.1);
        total += difference;
        squares += difference ** 2;
        if (n >= 50 && total / Math.sqrt(squares) > 1.2816) {
          alarms++; // p < 0.1, one-sided
          break;
        }
      }
    }
    expect(alarms / runs).toBeGreaterThan(0.3);
  });

  it('are promoted within the usual margins', () => {
    const { promote, rollback, meanAt } = decisions(
      { stable: usual, candidate: usual, share: 0.5, requests: 30_000, margins, alpha: 0.05 },
      20,
    );
    expect(rollback).toBe(0);
    expect(promote).toBeGreaterThanOrEqual(0.95);
    expect(meanAt).toBeGreaterThan(1000); // nobody knows that from a few requests
  }, 120_000);
});

describe('a candidate that is worse', () => {
  const worse: [string, Partial<Version>, number][] = [
    ['fails always', { errors: 1 }, 150],
    ['fails more often', { errors: 0.12 }, 4000],
    ['is slower', { medianMs: 40 }, 4000],
    ['is slow now and then', { sigma: 0.9 }, 6000],
    ['finds less', { outcome: 0.8 }, 6000],
  ];
  it.each(worse)('%s: is rolled back, with a tenth of the requests', (_name, change, most) => {
    const runs = 20;
    const candidate = { ...usual, ...change };
    const { rollback, promote, meanAt } = decisions(
      { stable: usual, candidate, share: 0.1, requests: 20_000, margins, alpha: 0.05 },
      runs,
    );
    expect(rollback).toBe(1);
    expect(promote).toBe(0);
    expect(meanAt).toBeLessThan(most);
  });

  it('by just the margin is promoted with a probability of at most alpha', () => {
    const runs = 100;
    const candidate = { ...usual, errors: usual.errors + 0.01 };
    const { promote } = decisions(
      {
        stable: usual,
        candidate,
        share: 0.5,
        requests: 3000,
        margins: { ...margins, outcome: undefined, latency: undefined },
        alpha: 0.2,
      },
      runs,
    );
    expect(promote).toBeLessThanOrEqual(0.2 + slack(0.2, runs));
  });
});

it('a candidate that has to be better is promoted where it is', () => {
  const needsGain: Margins = { errors: undefined, latency: undefined, agreement: undefined, outcome: -0.02 };
  const simulated = { stable: { ...usual, outcome: 0.8 }, share: 0.5, requests: 20_000, margins: needsGain, alpha: 0.05 };
  expect(decisions({ ...simulated, candidate: { ...usual, outcome: 0.9 } }, 10)).toMatchObject({ promote: 1 });
  expect(decisions({ ...simulated, candidate: { ...usual, outcome: 0.8 } }, 10)).toMatchObject({ promote: 0 });
});

it('load that changes with the time of day is not taken for a difference', () => {
  const runs = 100;
  let alarms = 0;
  for (let seed = 1; seed <= runs; seed++) {
    const source = new Source(seed);
    const measures = new Measures({ ...margins, outcome: undefined }, 0.95);
    const latencies = { stable: new Latencies(), candidate: new Latencies() };
    for (let at = 0; at < 3000; at++) {
      const arm = source.fraction() < 0.05 + (0.45 * at) / 3000 ? 'candidate' : 'stable'; // a share that grows, too
      const busy = 1 + 4 * (at / 3000);
      const one = { failed: source.fraction() < 0.02 * busy, ms: 20 * busy * Math.exp(0.3 * source.normal()) };
      measures.answered(arm, one, latencies.stable);
      if (!one.failed) latencies[arm].add(one.ms);
    }
    if (verdictOf(measures.report(), 0.05)?.decision === 'rollback') alarms++;
  }
  expect(alarms / runs).toBeLessThanOrEqual(0.05 + slack(0.05, runs));
});
