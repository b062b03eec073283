/** What values tell of their mean, where each may be anything from -1 to 1: by betting against larger means, as in `MeanAboveTest` of lib/metrics, looked at once. */

/** A mean, and what it is at most. */
export interface ShownMean {
  readonly estimate: number;
  /** At the level that was asked for. */
  readonly bound: number;
}

/** Shares of what could be lost that may be bet. How boldly is decided on other values of the same kind, on which nothing else rests. */
const bets = Array.from({ length: 24 }, (_, i) => 0.95 * 0.75 ** i);

/** The logarithm of what the money is multiplied by, by bets that each value is below `mean`. It grows with the mean. */
function gain(values: readonly number[], mean: number, share: number): number {
  return values.reduce((sum, value) => sum + Math.log1p((share * (mean - value)) / (1 - mean)), 0);
}

/** Whether the mean of the values is shown to be below a limit, above 0 and below 1. */
export function isShownBelow(values: readonly number[], others: readonly number[], limit: number, level: number): boolean {
  let best = { share: 0, gain: -Infinity };
  for (const share of bets) {
    const gained = gain(others, limit, share);
    if (gained > best.gain) best = { share, gain: gained };
  }
  return gain(values, limit, best.share) >= -Math.log(1 - level);
}

export function shownMean(values: readonly number[], others: readonly number[], level: number): ShownMean {
  let best = { share: bets[0] as number, bound: Infinity };
  for (const share of bets) {
    const bound = leastShown(others, share, level);
    if (bound < best.bound) best = { share, bound };
  }
  const estimate = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { estimate, bound: leastShown(values, best.share, level) };
}

/** The least mean that the true one is shown to be below. */
function leastShown(values: readonly number[], share: number, level: number): number {
  let [low, high] = [-1, 1];
  for (let i = 0; i < 20; i++) {
    const middle = (low + high) / 2;
    if (gain(values, middle, share) >= -Math.log(1 - level)) high = middle;
    else low = middle;
  }
  return high;
}

/** How many values it takes at least to show that a mean is below a limit, were all of them 0. */
export function leastValues(limit: number, level: number): number {
  return Math.ceil(-Math.log(1 - level) / gain([0], limit, bets[0] as number));
}
