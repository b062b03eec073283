import type { BatchCost } from './batch-sizes.js';
import type { DelayReport } from './delay.js';
import { closeReasons, type CloseReason } from './policy.js';

/** What was learned of the requests that may share a batch. */
export interface GroupReport {
  readonly group: string;
  /** The size that batches are made of, where enough requests wait. */
  readonly target: number;
  /** What each size costs; sizes that were given up without a try have no number. */
  readonly costs: readonly BatchCost[];
}

/** What a batcher has done so far, and what it is doing. */
export interface BatcherStatistics {
  readonly waitingSamples: number;
  readonly waitingRequests: number;
  /** Calls that wait outside the queue for room. */
  readonly blockedCalls: number;
  /** Batches that are being run. */
  readonly runningBatches: number;
  /** The most samples that have waited at a time. */
  readonly mostWaitingSamples: number;
  /** Calls that were answered with a result. */
  readonly succeeded: number;
  /** Calls that were answered with an error, by what became of them. */
  readonly failed: {
    /** Their own, or that of their batch. */
    readonly error: number;
    readonly queueFull: number;
    readonly deadline: number;
    readonly aborted: number;
    readonly disposed: number;
  };
  readonly batches: number;
  /** How many batches closed for which reason. */
  readonly reasons: Readonly<Record<CloseReason, number>>;
  /** How many batches had how many samples. */
  readonly sizes: Readonly<Record<number, number>>;
  /** The delay now, in milliseconds. */
  readonly maxDelayMs: number;
  /** With `maxDelayMs: 'auto'`: what the delay is tuned to, and whether that can be held. */
  readonly delay: DelayReport | undefined;
  readonly groups: readonly GroupReport[];
}

/** Counts for {@link BatcherStatistics}. */
export class Counts {
  mostWaitingSamples = 0;
  succeeded = 0;
  readonly failed = { error: 0, queueFull: 0, deadline: 0, aborted: 0, disposed: 0 };
  readonly #reasons = Object.fromEntries(closeReasons.map((reason) => [reason, 0])) as Record<CloseReason, number>;
  readonly #sizes = new Map<number, number>();
  #batches = 0;

  closed(size: number, reason: CloseReason): void {
    this.#batches++;
    this.#reasons[reason]++;
    this.#sizes.set(size, (this.#sizes.get(size) ?? 0) + 1);
  }

  report(): Pick<BatcherStatistics, 'mostWaitingSamples' | 'succeeded' | 'failed' | 'batches' | 'reasons' | 'sizes'> {
    return {
      mostWaitingSamples: this.mostWaitingSamples,
      succeeded: this.succeeded,
      failed: { ...this.failed },
      batches: this.#batches,
      reasons: { ...this.#reasons },
      sizes: Object.fromEntries(this.#sizes),
    };
  }
}
