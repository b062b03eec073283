import { aborted } from '../binding/index.js';
import { realClock, type Clock } from '../batching/clock.js';
import { checkOptions, checkSignal, invalidArgument, QueueError } from '../errors/index.js';
import { disposeOf } from '../results/index.js';
import { learnThreshold, type LearnedThreshold, type LearnThresholdOptions } from './learn-threshold.js';

/** What a cascade is made of: two functions of one kind. They stay yours. */
export interface CascadeModels<Item, Result, Options> {
  readonly small: (item: Item, options: Options) => Promise<Result>;
  readonly large: (item: Item, options: Options) => Promise<Result>;
}

/** When the small model's result is taken. */
export interface CascadeOptions<Result> {
  /** How sure a result of the small model is, such as `topScore`. NaN is never enough. */
  readonly confidence: (result: Result) => number;
  /** Results at least as sure as this are taken: see `Cascade.learn`. Infinity takes none of them. */
  readonly threshold: number;
}

/** What a cascade has done so far, and what it saved. */
export interface CascadeStatistics {
  /** Requests that the small model's result was the answer to. */
  readonly small: number;
  /** Requests that went on to the large model, and were answered. */
  readonly large: number;
  readonly failed: number;
  /** `small` of all that were answered; NaN before the first. */
  readonly hitRate: number;
  /** Mean milliseconds of a call of each model; NaN before the first. */
  readonly smallMs: number;
  readonly largeMs: number;
  /** Milliseconds that all requests would have taken longer on the large model alone, by the mean of those that went there; below 0 where the cascade takes longer. NaN while none did. */
  readonly savedMs: number;
}

interface Taken {
  count: number;
  totalMs: number;
}

/**
 * Asks a small model first, and a large one where the small one is not sure. What that costs in accuracy, and how much of the work it saves, `Cascade.learn` finds out on data.
 *
 *     const { threshold } = await Cascade.learn({ items, small, large, confidence: topScore, quality, goal: { accuracyDrop: 0.01 } });
 *     const cascade = new Cascade({ small, large }, { confidence: topScore, threshold });
 *     const classification = await cascade.run('cat.jpg');
 */
export class Cascade<Item, Result, Options extends object | undefined> {
  readonly threshold: number;
  readonly #models: CascadeModels<Item, Result, Options>;
  readonly #confidence: (result: Result) => number;
  readonly #clock: Clock;
  readonly #small: Taken = { count: 0, totalMs: 0 };
  readonly #large: Taken = { count: 0, totalMs: 0 };
  #failed = 0;
  #hits = 0;

  /** Throws INVALID_ARGUMENT and UNKNOWN_OPTION. */
  constructor(models: CascadeModels<Item, Result, Options>, options: CascadeOptions<Result>);
  /** @internal */
  constructor(models: CascadeModels<Item, Result, Options>, options: CascadeOptions<Result>, clock: Clock);
  constructor(models: CascadeModels<Item, Result, Options>, options: CascadeOptions<Result>, clock: Clock = realClock) {
    for (const name of ['small', 'large'] as const) {
      if (typeof models?.[name] !== 'function') {
        throw invalidArgument(`models.${name}`, 'a function (item, options) => Promise', models?.[name]);
      }
    }
    checkOptions('cascade options', options, ['confidence', 'threshold']);
    const { confidence, threshold } = options ?? {};
    if (typeof confidence !== 'function') throw invalidArgument('confidence', 'a function (result) => number', confidence);
    if (typeof threshold !== 'number' || Number.isNaN(threshold)) throw invalidArgument('threshold', 'a number', threshold);
    this.threshold = threshold;
    this.#models = models;
    this.#confidence = confidence;
    this.#clock = clock;
  }

  /** Finds the threshold that keeps to a goal, on data: see {@link LearnThresholdOptions}. Throws as the models do, INVALID_ARGUMENT, UNKNOWN_OPTION, ABORTED. */
  static learn<Item, Result>(options: LearnThresholdOptions<Item, Result>): Promise<LearnedThreshold> {
    return learnThreshold(options, realClock);
  }

  /**
   * The small model's result, or the large one's; the options are given to both, but of `deadlineMs` the large one gets what is left. Throws as the models and `confidence` do, ABORTED, and
   * DEADLINE_EXCEEDED where nothing is left.
   */
  async run(item: Item, options?: Options): Promise<Result> {
    const { signal, deadlineMs } = (options ?? {}) as {
      readonly signal?: AbortSignal | undefined;
      readonly deadlineMs?: unknown;
    };
    checkSignal(signal);
    if (signal?.aborted) throw aborted(signal);
    const began = this.#clock.now();
    try {
      const small = await this.#timed(this.#small, () => this.#models.small(item, options as Options));
      if (await this.#isSure(small)) {
        this.#hits++;
        return small;
      }
      await disposeOf(small);
      if (signal?.aborted) throw aborted(signal);
      const rest = typeof deadlineMs === 'number' ? { ...options, deadlineMs: this.#leftMs(deadlineMs, began) } : options;
      return await this.#timed(this.#large, () => this.#models.large(item, rest as Options));
    } catch (error) {
      this.#failed++;
      throw error;
    }
  }

  /** Throws DEADLINE_EXCEEDED. */
  #leftMs(deadlineMs: number, began: number): number {
    const takenMs = this.#clock.now() - began;
    if (takenMs < deadlineMs) return deadlineMs - takenMs;
    throw new QueueError('DEADLINE_EXCEEDED', {
      message: `Expected a result within ${deadlineMs} ms, but the small model, which was not sure, took ${takenMs.toFixed(1)} ms`,
      hint: 'Give the request more time, or leave the small model out.',
      details: { deadlineMs, stage: 'run' },
    });
  }

  async #isSure(small: Result): Promise<boolean> {
    try {
      return this.#confidence(small) >= this.threshold && this.threshold < Infinity;
    } catch (error) {
      await disposeOf(small);
      throw error;
    }
  }

  async #timed(taken: Taken, call: () => Promise<Result>): Promise<Result> {
    const began = this.#clock.now();
    const result = await call();
    taken.count++;
    taken.totalMs += this.#clock.now() - began;
    return result;
  }

  statistics(): CascadeStatistics {
    const [small, large] = [this.#small, this.#large];
    const answered = this.#hits + large.count;
    const largeMs = large.totalMs / large.count;
    return {
      small: this.#hits,
      large: large.count,
      failed: this.#failed,
      hitRate: this.#hits / answered,
      smallMs: small.totalMs / small.count,
      largeMs,
      savedMs: answered * largeMs - small.totalMs - large.totalMs,
    };
  }
}
