/** Sends requests when they are due, or when others have been answered, and keeps account of each. */
import { setMaxListeners } from 'node:events';

import type { Clock } from '../../batching/clock.js';
import type { LoadTarget } from './load-target.js';

/** What is known of every request, by its place in the order of intended starts. Times are in milliseconds from the start; NaN where a thing did not happen. */
export interface LoadAccount {
  readonly intendedMs: number[];
  /** When the generator got to it: later than intended where it was itself late. */
  readonly takenMs: number[];
  /** When it was sent: later where too many were in flight. */
  readonly sentMs: number[];
  readonly endedMs: number[];
  readonly labels: string[];
  readonly good: boolean[];
  /** Requests of an open loop that were not sent when they were taken, because too many were in flight. */
  held: number;
  /** Whether requests were still to come when it was aborted. */
  interrupted: boolean;
}

export type LoadLoop =
  | { readonly kind: 'open'; readonly arrivals: Iterable<number>; readonly maxInFlight: number }
  | { readonly kind: 'closed'; readonly concurrency: number; readonly thinkMs: number };

export interface LoadRunOptions {
  readonly loop: LoadLoop;
  readonly durationMs: number;
  readonly deadlineMs: number | undefined;
  /** How long answers are waited for after the last request was due. */
  readonly drainMs: number;
  readonly signal: AbortSignal | undefined;
}

/** A closed loop goes on no earlier after a request that failed, in milliseconds. */
const failurePauseMs = 1;

/** The label of a request whose answer was waited for no longer. */
export const unfinished = 'UNFINISHED';

/** Settles when every request has been answered or given up; it never rejects. What is given up is aborted, and counted as {@link unfinished}. */
export function runLoad(target: LoadTarget, options: LoadRunOptions, clock: Clock): Promise<LoadAccount> {
  return new LoadRun(target, options, clock).done;
}

class LoadRun {
  readonly done: Promise<LoadAccount>;
  readonly #target: LoadTarget;
  readonly #options: LoadRunOptions;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #abort = new AbortController();
  readonly #account: LoadAccount = {
    ...{ intendedMs: [], takenMs: [], sentMs: [], endedMs: [], labels: [], good: [], held: 0, interrupted: false },
  };
  /** Requests that are due and not sent, from `#nextWaiting` on. */
  readonly #waiting: number[] = [];
  #nextWaiting = 0;
  readonly #inFlight = new Set<number>();
  /** Of an open loop: those to come, and the next of them. */
  #arrivals: Iterator<number> | undefined;
  #due: number | undefined;
  readonly #timers = new Set<unknown>();
  #isOver = false;
  #resolve!: (account: LoadAccount) => void;

  constructor(target: LoadTarget, options: LoadRunOptions, clock: Clock) {
    this.#target = target;
    this.#options = options;
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.done = new Promise((resolve) => (this.#resolve = resolve));
    const { loop, durationMs, drainMs, signal } = options;
    setMaxListeners(0, this.#abort.signal); // all requests in flight listen
    this.#timer(durationMs + drainMs, () => this.#giveUp());
    if (signal?.aborted) this.#onAbort();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (loop.kind === 'open') {
      this.#arrivals = loop.arrivals[Symbol.iterator]();
      this.#advance();
      this.#take();
    } else {
      for (let i = 0; i < loop.concurrency; i++) this.#again(0);
    }
  }

  readonly #onAbort = (): void => {
    this.#account.interrupted = this.#due !== undefined || this.#now() < this.#options.durationMs;
    this.#giveUp();
  };

  #now(): number {
    return this.#clock.now() - this.#startedAt;
  }

  #timer(ms: number, callback: () => void): void {
    const timer = this.#clock.setTimer(() => {
      this.#timers.delete(timer);
      callback();
    }, ms);
    this.#timers.add(timer);
  }

  #advance(): void {
    const { done, value } = (this.#arrivals as Iterator<number>).next();
    this.#due = done === true ? undefined : value;
  }

  /** Open loop: takes all that is due, and comes back for the next. */
  #take(): void {
    if (this.#isOver) return;
    const now = this.#now();
    const first = this.#waiting.length;
    for (; this.#due !== undefined && this.#due <= now; this.#advance()) this.#waiting.push(this.#add(this.#due, now));
    this.#sendWaiting();
    this.#account.held += this.#waiting.length - Math.max(first, this.#nextWaiting);
    if (this.#due !== undefined) this.#timer(this.#due - this.#now(), () => this.#take());
    this.#endIfDone();
  }

  /** Closed loop: one more request, after a while; unless the time is over. */
  #again(afterMs: number): void {
    const begin = (): void => {
      const now = this.#now();
      if (!this.#isOver && now < this.#options.durationMs) this.#send(this.#add(now, now));
      this.#endIfDone();
    };
    if (afterMs === 0) begin();
    else this.#timer(afterMs, begin);
  }

  #add(intendedMs: number, now: number): number {
    const { intendedMs: all, takenMs, sentMs, endedMs, labels, good } = this.#account;
    takenMs.push(now);
    for (const times of [sentMs, endedMs]) times.push(NaN);
    labels.push('');
    good.push(false);
    return all.push(intendedMs) - 1;
  }

  #sendWaiting(): void {
    const { loop, deadlineMs = Infinity } = this.#options;
    const most = loop.kind === 'open' ? loop.maxInFlight : Infinity;
    while (this.#nextWaiting < this.#waiting.length && this.#inFlight.size < most) {
      const index = this.#waiting[this.#nextWaiting++] as number;
      const leftMs = deadlineMs - (this.#now() - (this.#account.intendedMs[index] as number));
      if (leftMs > 0) this.#send(index, leftMs === Infinity ? undefined : leftMs);
      else this.#answer(index, 'DEADLINE_EXCEEDED', false);
    }
  }

  #send(index: number, deadlineMs = this.#options.deadlineMs): void {
    this.#account.sentMs[index] = this.#now();
    this.#inFlight.add(index);
    const settled = this.#target.send(index, deadlineMs, this.#abort.signal);
    void settled.then(({ label, isGood }) => {
      if (!this.#inFlight.delete(index)) return; // it was given up
      this.#answer(index, label, isGood);
      const { loop } = this.#options;
      // What fails at once would otherwise be sent again before anything else on this thread has its turn.
      if (loop.kind === 'closed') this.#again(isGood ? loop.thinkMs : Math.max(loop.thinkMs, failurePauseMs));
      else this.#sendWaiting();
      this.#endIfDone();
    });
  }

  #answer(index: number, label: string, isGood: boolean): void {
    const { endedMs, labels, good } = this.#account;
    endedMs[index] = this.#now();
    labels[index] = label;
    good[index] = isGood;
  }

  /** All that has no answer gets none any more. */
  #giveUp(): void {
    if (this.#isOver) return;
    const left = [...this.#inFlight, ...this.#waiting.slice(this.#nextWaiting)];
    this.#inFlight.clear();
    this.#nextWaiting = this.#waiting.length;
    for (const index of left) {
      this.#answer(index, unfinished, false);
      this.#account.endedMs[index] = NaN;
    }
    this.#end();
    this.#abort.abort();
  }

  #endIfDone(): void {
    const { loop, durationMs } = this.#options;
    const comesMore = loop.kind === 'open' ? this.#due !== undefined : this.#now() < durationMs;
    const isWaited = this.#inFlight.size > 0 || this.#nextWaiting < this.#waiting.length;
    if (!this.#isOver && !comesMore && !isWaited) this.#end();
  }

  #end(): void {
    this.#isOver = true;
    for (const timer of this.#timers) this.#clock.clearTimer(timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#resolve(this.#account);
  }
}
