/**
 * What batches of each size cost, and which size pays. Learned from the runs themselves: on a CPU a larger batch is often no faster per sample, on a GPU it is, up
 * to some size.
 *
 * Sizes are tried in ascending order (1, 2, 4, ...), and only with requests that wait anyway: nothing is ever delayed to find out. Each is run three times; two sizes
 * in a row that gain nothing end it. After that, the neighbours of the chosen size are looked at once in a while.
 */

/** Times that are kept of each size. Few, so that a machine that has changed is noticed. */
const keptTimes = 9;
const enoughTimes = 3;
/** A larger batch has to save that much of the time per sample: less may be noise, and a smaller one answers sooner. */
const leastGain = 0.15;
/** Larger sizes are given up after so many in a row that gain nothing: engines have kernels that are bad at one size. */
const patience = 2;
/** Runs between two looks at a neighbour of the chosen size. */
const lookEvery = 256;
/** A run counts for the size that it is within this part of. */
const nearness = 0.25;

/** What is known of one size, for people to look at. */
export interface BatchCost {
  readonly size: number;
  /** Milliseconds per sample, as a quarter of the runs or fewer were faster than; undefined where it was run too few times. */
  readonly msPerSample: number | undefined;
}

interface Candidate {
  readonly size: number;
  /** Milliseconds per sample, the newest last. */
  readonly times: number[];
  cost: number | undefined;
}

export class BatchSizes {
  readonly #candidates: Candidate[];
  readonly #preferred: readonly number[] | undefined;
  /** Sizes from here on have failed. */
  #tooMany = Infinity;
  /** The size to try next; undefined where none is left. */
  #untried: Candidate | undefined;
  #chosen: readonly number[];
  #runsUntilLook = lookEvery;
  #looksUp = true;

  /** `preferred`: the user's own, in ascending order; then nothing is tried out. */
  constructor(maxBatch: number, preferred?: readonly number[]) {
    this.#preferred = preferred;
    this.#candidates = (preferred ?? doublings(maxBatch)).map((size) => ({ size, times: [], cost: undefined }));
    this.#untried = preferred === undefined ? this.#candidates[0] : undefined;
    this.#chosen = preferred ?? [maxBatch];
  }

  /** The sizes at which a batch is to be closed at once, ascending, with so many samples waiting. */
  sizes(waiting: number): readonly number[] {
    const trial = this.#untried ?? this.#neighbour();
    return trial !== undefined && trial.size <= waiting ? [trial.size] : this.#chosen;
  }

  /** The size that batches are made of: the largest of those that the user prefers; while not all is known, the largest that may be. */
  get target(): number {
    return this.#chosen.at(-1) as number;
  }

  /** A run of so many samples took so long. */
  record(samples: number, ms: number): void {
    if (!(ms >= 0 && ms < Infinity)) return; // by a Batchable that does not tell how long it waited
    if (this.#runsUntilLook > 0) this.#runsUntilLook--;
    const candidate = this.#nearest(samples);
    if (candidate === undefined) return;
    if (candidate === this.#neighbour()) {
      this.#runsUntilLook = lookEvery;
      this.#looksUp = !this.#looksUp;
    }
    candidate.times.push(ms / samples);
    if (candidate.times.length > keptTimes) candidate.times.shift();
    if (candidate.times.length < enoughTimes) return;
    candidate.cost = lowerQuartile(candidate.times);
    this.#choose();
  }

  /** So many samples at once are more than there is memory for, or than a run takes. */
  ranTooMany(samples: number): void {
    if (samples < 2 || samples >= this.#tooMany) return;
    this.#tooMany = samples;
    const kept = this.#candidates.filter(({ size }) => size < samples);
    this.#candidates.splice(0, this.#candidates.length, ...kept);
    // None of the user's own is small enough: what is left is what has not failed.
    if (kept.length === 0) this.#candidates.push({ size: samples - 1, times: [], cost: undefined });
    this.#choose();
  }

  /** What a run of so many samples is likely to take, in milliseconds; 0 while nothing is known. */
  expectedMs(samples: number): number {
    let nearest: Candidate | undefined;
    for (const candidate of this.#candidates) {
      if (candidate.cost !== undefined && (nearest === undefined || candidate.size <= samples)) nearest = candidate;
    }
    // A batch is never cheaper than a smaller one: where only larger ones are known, theirs is the bound.
    return nearest === undefined ? 0 : (nearest.cost as number) * Math.max(samples, nearest.size);
  }

  costs(): readonly BatchCost[] {
    return this.#candidates.map(({ size, cost: msPerSample }) => ({ size, msPerSample }));
  }

  #choose(): void {
    if (this.#preferred !== undefined) {
      this.#chosen = this.#candidates.map(({ size }) => size);
      return;
    }
    this.#untried = this.#firstUntried();
    // While a larger one may still pay, batches are waited for as the user asked for.
    this.#chosen = [this.#untried === undefined ? this.#smallestThatPays() : (this.#candidates.at(-1) as Candidate).size];
  }

  #firstUntried(): Candidate | undefined {
    let least = Infinity;
    let inVain = 0;
    for (const candidate of this.#candidates) {
      if (candidate.cost === undefined) return candidate;
      if (candidate.cost < least * (1 - leastGain)) {
        least = candidate.cost;
        inVain = 0;
      } else if (++inVain === patience) return undefined;
    }
    return undefined;
  }

  #smallestThatPays(): number {
    const known = this.#candidates.filter(({ cost }) => cost !== undefined) as (Candidate & { cost: number })[];
    const least = Math.min(...known.map(({ cost }) => cost));
    return (known.find(({ cost }) => cost * (1 - leastGain) <= least) as Candidate).size;
  }

  /** The neighbour of the chosen size that it is time to look at again. */
  #neighbour(): Candidate | undefined {
    if (this.#runsUntilLook > 0 || this.#preferred !== undefined || this.#untried !== undefined) return undefined;
    const at = this.#candidates.findIndex(({ size }) => size === this.target);
    return this.#candidates[at + (this.#looksUp ? 1 : -1)] ?? this.#candidates[at + (this.#looksUp ? -1 : 1)];
  }

  #nearest(samples: number): Candidate | undefined {
    let nearest: Candidate | undefined;
    for (const candidate of this.#candidates) {
      if (nearest === undefined || Math.abs(candidate.size - samples) < Math.abs(nearest.size - samples)) nearest = candidate;
    }
    return nearest !== undefined && Math.abs(nearest.size - samples) <= nearest.size * nearness ? nearest : undefined;
  }
}

/** 1, 2, 4, ... and `most`. */
function doublings(most: number): number[] {
  const sizes: number[] = [];
  for (let size = 1; size < most; size *= 2) sizes.push(size);
  return [...sizes, most];
}

/** What else a machine does makes runs slower, never faster: the lower quartile is steadier than the median. */
function lowerQuartile(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 2] as number;
}
