/** Which weights have four bits, and which eight, as they lose too much. */
import type { Trial } from './trials.js';

/** Noise over signal of all weights together that is good: 23 dB, as for values that are quantised. */
const good = 10 ** (-23 / 10);

/**
 * The trials to leave at eight bits, so that what the others add up to is good in each group of channels: those first that make most noise for each of their weights.
 * Unlike values, weights lose much the same everywhere, so that no few of them stand out. `noise` is of each trial alone, over the signal in each group. Returns indices of trials.
 */
export function trialsAtEightBits(
  trials: readonly Pick<Trial, 'weights'>[],
  noise: readonly (readonly number[])[],
): readonly number[] {
  const left = new Set(trials.keys());
  const kept: number[] = [];
  for (;;) {
    const totals = [...left].reduce<number[]>((sums, trial) => noise[trial]!.map((own, group) => own + (sums[group] ?? 0)), []);
    const worthOf = (trial: number): number =>
      Math.max(0, ...noise[trial]!.map((own, group) => (totals[group]! > good ? own / totals[group]! : 0))) /
      trials[trial]!.weights;
    const [worst] = [...left].sort((a, b) => worthOf(b) - worthOf(a));
    if (worst === undefined || worthOf(worst) === 0) return kept;
    left.delete(worst);
    kept.push(worst);
  }
}
