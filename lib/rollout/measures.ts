import { MeanAboveTest } from '../metrics/index.js';
import { Differences, SlowLine, type Arm, type Latencies } from './arms.js';
import type { Margins } from './options.js';

/** What two versions are compared by. */
export type MeasureName = 'errors' | 'latency' | 'agreement' | 'outcome';

/** How the candidate does by one measure. */
export interface MeasureReport {
  readonly name: MeasureName;
  /** Differences, or with 'agreement' results, that were looked at. */
  readonly comparisons: number;
  /**
   * How much worse the candidate is on average, from -1 to 1: more errors, more slow answers, less outcome, less than full agreement. NaN before the first.
   */
  readonly loss: number;
  /** What is allowed of it; 0 for 'latency', whose margin is in the line above which an answer is slow. */
  readonly limit: number;
  /** Against "the loss is at most the limit", and against "at least". Valid at every look. */
  readonly worsePValue: number;
  readonly finePValue: number;
}

/** A loss of the candidate, from `lowest` to 1, and what it is held against, from both sides. */
class Measure {
  readonly name: MeasureName;
  readonly #limit: number;
  readonly #worse: MeanAboveTest;
  readonly #fine: MeanAboveTest;
  #count = 0;
  #total = 0;

  constructor(name: MeasureName, limit: number, lowest: number) {
    this.name = name;
    this.#limit = limit;
    this.#worse = new MeanAboveTest(limit, lowest);
    this.#fine = new MeanAboveTest(-limit, -1);
  }

  add(loss: number): void {
    this.#count++;
    this.#total += loss;
    this.#worse.add(loss);
    this.#fine.add(-loss);
  }

  report(): MeasureReport {
    return {
      name: this.name,
      comparisons: this.#count,
      loss: this.#total / this.#count,
      limit: this.#limit,
      worsePValue: this.#worse.pValue,
      finePValue: this.#fine.pValue,
    };
  }
}

/** What became of one request on one version. */
export interface Answer {
  readonly failed: boolean;
  readonly ms: number;
}

/** All that two versions are compared by. */
export class Measures {
  readonly #errors: Measure | undefined;
  readonly #latency: Measure | undefined;
  readonly #agreement: Measure | undefined;
  readonly #outcome: Measure | undefined;
  readonly #all: readonly Measure[];
  readonly #slow: SlowLine;
  readonly #errorDifferences = new Differences();
  readonly #slowDifferences = new Differences();
  readonly #outcomeDifferences = new Differences();
  /** Of the difference that is being made. */
  #lineMs: number | undefined;

  constructor({ errors, latency, agreement, outcome }: Margins, latencyQuantile: number) {
    this.#errors = errors === undefined ? undefined : new Measure('errors', errors, -1);
    this.#latency = latency === undefined ? undefined : new Measure('latency', 0, -1);
    this.#agreement = agreement === undefined ? undefined : new Measure('agreement', agreement, 0);
    this.#outcome = outcome === undefined ? undefined : new Measure('outcome', outcome, -1);
    this.#all = [this.#errors, this.#latency, this.#agreement, this.#outcome].filter((measure) => measure !== undefined);
    this.#slow = new SlowLine(latencyQuantile, latency ?? 0);
  }

  /** An answer of one version. `stable`: the latencies of that version before. */
  answered(arm: Arm, { failed, ms }: Answer, stable: Latencies): void {
    const errors = this.#errorDifferences.add(arm, failed ? 1 : 0);
    if (errors !== undefined) this.#errors?.add(errors);
    if (failed) return;
    if (this.#slowDifferences.isEmpty) this.#lineMs = this.#slow.draw(stable);
    if (this.#lineMs === undefined) return;
    const slower = this.#slowDifferences.add(arm, this.#slow.isSlow(this.#lineMs, arm, ms));
    if (slower !== undefined) this.#latency?.add(slower);
  }

  /** What is slow, for a request that is about to be given to both versions. */
  slowLine(stable: Latencies): number | undefined {
    return this.#slow.draw(stable);
  }

  /** Answers of both versions to the same request. */
  answeredBoth(stable: Answer, candidate: Answer, lineMs: number | undefined): void {
    this.#errors?.add(Number(candidate.failed) - Number(stable.failed));
    if (stable.failed || candidate.failed || lineMs === undefined) return;
    this.#latency?.add(this.#slow.isSlow(lineMs, 'candidate', candidate.ms) - this.#slow.isSlow(lineMs, 'stable', stable.ms));
  }

  /** How much two results agree, 0 to 1. */
  agreed(agreement: number): void {
    this.#agreement?.add(1 - agreement);
  }

  /** How good a result was, 0 to 1. */
  reported(arm: Arm, outcome: number): void {
    const gain = this.#outcomeDifferences.add(arm, outcome);
    if (gain !== undefined) this.#outcome?.add(-gain);
  }

  report(): MeasureReport[] {
    return this.#all.map((measure) => measure.report());
  }
}
