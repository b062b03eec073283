import type { Trial } from '../../precision/index.js';

/** How much stays float, and what. */
export interface Rung {
  /** Trials, by their places. */
  readonly kept: readonly number[];
  /** Share of all multiply-accumulates. */
  readonly macs: number;
}

/** Shares of the multiply-accumulates up to which rungs are filled. */
const steps = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75] as const;
/** Groups of channels with less noise than this, 50 dB below the signal, give no reason. */
const silent = 1e-5;
/** So that what costs nothing is not worth everything. */
const leastMacs = 0.001;

/**
 * Sets of trials to leave float, each within the next: first what makes most of the noise for the work that it takes. `noise` is of each trial alone, over the signal
 * in each group of channels.
 */
export function rungsOf(trials: readonly Trial[], noise: readonly (readonly number[])[], allMacs: number): Rung[] {
  const totals = noise.reduce<number[]>((sums, groups) => groups.map((own, group) => (sums[group] ?? 0) + own), []);
  const worth = (trial: number): number => {
    const shares = (noise[trial] ?? []).map((own, group) => ((totals[group] ?? 0) > silent ? own / totals[group]! : 0));
    return Math.max(0, ...shares) / Math.max(leastMacs, shareOf(trial));
  };
  const shareOf = (trial: number): number => (allMacs > 0 ? trials[trial]!.macs / allMacs : 0);
  const order = [...trials.keys()]
    .map((trial) => ({ trial, worth: worth(trial) }))
    .sort((a, b) => b.worth - a.worth || a.trial - b.trial);
  const rungs: Rung[] = [{ kept: [], macs: 0 }];
  for (const limit of steps.slice(1)) {
    const below = rungs.at(-1)!;
    const kept = [...below.kept];
    let { macs } = below;
    for (const { trial } of order) {
      if (kept.includes(trial) || macs + shareOf(trial) > limit) continue;
      kept.push(trial);
      macs += shareOf(trial);
    }
    if (kept.length > below.kept.length) rungs.push({ kept, macs });
  }
  return rungs;
}
