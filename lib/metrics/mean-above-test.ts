/** The shares of what could be lost that are bet, from bold to careful: some are near the best one, whether few values differ or many do a little. */
const bets = Array.from({ length: 16 }, (_, i) => 0.9 * 0.65 ** i);

/**
 * Whether the mean of bounded values is above a limit, by a test that may be looked at after every value, and stopped whenever one likes: betting, as of Waudby-Smith and Ramdas, "Estimating
 * means of bounded random variables by betting" (Journal of the Royal Statistical Society B 86, 2024). A gambler bets at fair odds that the next value is above the limit, always the same share
 * of what is there; here 16 of them, of different shares, each with a 16th of the money (the method of mixtures). As long as no value is above the limit in expectation, given those
 * before, nobody gets rich by that: the money ever reaches 1 / alpha times what it was with a probability of at most alpha (Ville's inequality). No distribution is assumed.
 *
 * A mean that is below a limit is tested by values, limit and bound with their signs changed.
 */
export class MeanAboveTest {
  readonly #limit: number;
  readonly #range: number;
  /** Logarithms of what each gambler's money has been multiplied by. */
  readonly #gains: Float64Array;
  readonly #shares: readonly number[];
  #most = 0;

  /** `lowest`: no value is below; it is below the limit. `shares`: those that are bet, each above 0 and below 1. */
  constructor(limit: number, lowest: number, shares: readonly number[] = bets) {
    this.#shares = shares;
    this.#limit = limit;
    this.#range = limit - lowest;
    this.#gains = new Float64Array(shares.length);
  }

  add(value: number): void {
    const surprise = (value - this.#limit) / this.#range; // at least -1
    let highest = -Infinity;
    for (const [i, share] of this.#shares.entries()) {
      const gain = (this.#gains[i] as number) + Math.log1p(share * surprise);
      this.#gains[i] = gain;
      if (gain > highest) highest = gain;
    }
    let sum = 0;
    for (const gain of this.#gains) sum += Math.exp(gain - highest);
    this.#most = Math.max(this.#most, highest + Math.log(sum / this.#shares.length));
  }

  /** The logarithm of the most that the money was ever multiplied by; at least 0. */
  get logEvidence(): number {
    return this.#most;
  }

  /** Valid at every look: where the mean is not above the limit, it is ever at most alpha with a probability of at most alpha. */
  get pValue(): number {
    return Math.exp(-this.#most);
  }
}
