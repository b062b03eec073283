import type { Trial } from '../../precision/index.js';

/** How much stays float, and what. */
export interface Rung {
  /** Trials, by their places. */
  readonly kept: readonly number[];
  /** Share of all multiply-accumulates; of all weights, where sizes that are free leave these unknown. */
  readonly macs: number;
}

/** Shares of the multiply-accumulates up to which rungs are filled. */
const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75] as const;
/** Groups of channels with less noise than this, 50 dB below the signal, give no reason. */
const silent = 1e-5;
/** A rung has at most this part of the noise of the one before. */
const worthwhile = 0.9;
/** So that what costs nothing is not worth everything. */
const leastMacs = 0.001;

/**
 * Sets of trials to leave float, each of more work than the one before and with less noise left. `noise` is of each trial alone, over the signal in each group of
 * channels: that of several adds up.
 */
export function rungsOf(
  trials: readonly Trial[],
  noise: readonly (readonly number[])[],
  all: { readonly macs: number; readonly weights: number },
): Rung[] {
  const totals = noise.reduce<number[]>((sums, groups) => groups.map((own, group) => (sums[group] ?? 0) + own), []);
  const work = all.macs > 0 ? 'macs' : 'weights';
  const macsOf = (trial: number): number => (all[work] > 0 ? trials[trial]![work] / all[work] : 0);
  /** The part of the noise of the group in which it makes most. */
  const shareOf = (trial: number): number =>
    Math.max(0, ...(noise[trial] ?? []).map((own, group) => ((totals[group] ?? 0) > silent ? own / totals[group]! : 0)));
  const ordered = (worth: (trial: number) => number): readonly number[] =>
    [...trials.keys()].sort((a, b) => worth(b) - worth(a) || a - b);
  // Neither is always better: what makes most may be all that fits, and much that is cheap may be worth more.
  const orders = [ordered(shareOf), ordered((trial) => shareOf(trial) / Math.max(leastMacs, macsOf(trial)))];
  const filled = (order: readonly number[], limit: number): Rung => {
    const kept: number[] = [];
    let macs = 0;
    for (const trial of order) {
      if (shareOf(trial) === 0 || macs + macsOf(trial) > limit) continue;
      kept.push(trial);
      macs += macsOf(trial);
    }
    return { kept, macs };
  };
  const leftBy = ({ kept }: Rung): number => {
    const gone = new Set(kept);
    const left = totals.map((_, group) => noise.reduce((sum, own, trial) => sum + (gone.has(trial) ? 0 : (own[group] ?? 0)), 0));
    return Math.max(0, ...left);
  };
  const rungs: Rung[] = [{ kept: [], macs: 0 }];
  for (const limit of steps) {
    const [one, other] = orders.map((order) => filled(order, limit)) as [Rung, Rung];
    const best = leftBy(other) < leftBy(one) ? other : one;
    if (leftBy(best) < worthwhile * leftBy(rungs.at(-1)!)) rungs.push(best);
  }
  return rungs;
}
