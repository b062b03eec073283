import type { CloseReason } from './policy.js';

/** What came of so many waits tells what will come of the next. */
const keptWaits = 3;
/** After so many batches that were not waited for to the end, one is again, lest nobody ever find out that more would come now; each time in vain after twice as many. */
const firstRetryAfter = 32;
const lastRetryAfter = 1024;

/**
 * Whether waiting for more requests is worth it in a group. A few callers that each send their next request when they have the last result would wait the whole delay every
 * time, for nobody: so once as many are there as came in each of the last waits, there is no more waiting. Batches still grow while all lanes are busy.
 */
export class Patience {
  /** Samples of the last batches that waited the whole delay, the newest last. */
  readonly #found: number[] = [];
  #hurried = 0;
  #retryAfter = firstRetryAfter;

  /** Whether to wait for more than these. */
  isPatient(samples: number): boolean {
    return this.#found.length < keptWaits || this.#hurried >= this.#retryAfter || samples < Math.max(...this.#found);
  }

  /** To be told of each batch that closes. */
  closed(reason: CloseReason, samples: number): void {
    if (reason === 'idle-lane') this.#hurried++;
    if (reason !== 'delay') return;
    if (this.#hurried >= this.#retryAfter) {
      const hasMore = samples > Math.max(...this.#found);
      this.#retryAfter = hasMore ? firstRetryAfter : Math.min(2 * this.#retryAfter, lastRetryAfter);
    }
    this.#hurried = 0;
    this.#found.push(samples);
    if (this.#found.length > keptWaits) this.#found.shift();
  }
}
