/** The two versions of a rollout. */
export type Arm = 'stable' | 'candidate';

interface Sum {
  total: number;
  count: number;
}

/**
 * Makes differences of values that come from one version or the other, in any mixture: of the mean of those of the candidate and the mean of those of the stable version, since the last
 * difference, as soon as there are some of both. What changes with the time of day meets both versions alike.
 */
export class Differences {
  #sums: Record<Arm, Sum> = emptySums();

  /** Whether a difference is to be begun. */
  get isEmpty(): boolean {
    return this.#sums.stable.count + this.#sums.candidate.count === 0;
  }

  /** Candidate less stable, where the value completes a difference. */
  add(arm: Arm, value: number): number | undefined {
    const { stable, candidate } = this.#sums;
    this.#sums[arm].total += value;
    this.#sums[arm].count++;
    if (stable.count === 0 || candidate.count === 0) return undefined;
    this.#sums = emptySums();
    return candidate.total / candidate.count - stable.total / stable.count;
  }
}

function emptySums(): Record<Arm, Sum> {
  return { stable: { total: 0, count: 0 }, candidate: { total: 0, count: 0 } };
}

const keptLatencies = 256;

/** The last latencies of a version, and the mean of all. */
export class Latencies {
  readonly #recent: number[] = [];
  #count = 0;
  #total = 0;

  add(ms: number): void {
    this.#recent[this.#count % keptLatencies] = ms;
    this.#count++;
    this.#total += ms;
  }

  get count(): number {
    return this.#count;
  }

  /** NaN without any. */
  get mean(): number {
    return this.#total / this.#count;
  }

  /** Of the last 256; NaN without any. */
  quantile(share: number): number {
    const sorted = [...this.#recent].sort((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  }
}

/** So many latencies of the stable version tell what is slow; until then none is compared. */
const enoughLatencies = 32;

/**
 * What counts as slow: as long as a share of the stable version's last answers do not take, and for the candidate longer by the margin. A line is drawn from earlier answers alone, so that it
 * treats both versions alike; where it lies decides how soon a difference shows, not whether the test is right.
 */
export class SlowLine {
  readonly #quantile: number;
  readonly #margin: number;
  #ms: number | undefined;
  #drawnAt = 0;

  constructor(quantile: number, margin: number) {
    this.#quantile = quantile;
    this.#margin = margin;
  }

  /** Milliseconds, by the latencies so far; undefined while there are too few. */
  draw(stable: Latencies): number | undefined {
    if (stable.count >= enoughLatencies && (this.#ms === undefined || stable.count >= this.#drawnAt + enoughLatencies / 2)) {
      this.#ms = stable.quantile(this.#quantile);
      this.#drawnAt = stable.count;
    }
    return this.#ms;
  }

  /** 1 for slow, 0 for not. */
  isSlow(lineMs: number, arm: Arm, ms: number): 0 | 1 {
    const isSlow = arm === 'stable' ? ms >= lineMs : ms > lineMs * (1 + this.#margin); // just the margin is allowed
    return isSlow ? 1 : 0;
  }
}
