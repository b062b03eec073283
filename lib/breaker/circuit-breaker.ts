import { aborted } from '../binding/index.js';
import { realClock, type Clock } from '../batching/clock.js';
import { checkInteger, checkNumber, checkOptions, checkSignal, invalidArgument, isFailure, QueueError } from '../errors/index.js';
import { publish } from '../events/index.js';
import { FailureWindow } from './failure-window.js';

/** 'closed': calls go through. 'open': none do. 'half-open': a few do, to see. */
export type CircuitState = 'closed' | 'open' | 'half-open';

/** When a breaker opens, and for how long. */
export interface CircuitBreakerOptions<Item, Result, Options> {
  /** In messages and events. Default 'model'. */
  readonly name?: string | undefined;
  /** How long an outcome counts, in milliseconds. Default 10,000. */
  readonly windowMs?: number | undefined;
  /** Of fewer calls in the window nothing is concluded. Default 20. */
  readonly minCalls?: number | undefined;
  /** It opens where this share of the calls in the window fails, above 0 and up to 1. Default 0.5. */
  readonly failureRate?: number | undefined;
  /** How long it stays open before it tries again, in milliseconds; twice as long each time that a probe fails, up to a minute or this, whichever is longer. Default 5000. */
  readonly pauseMs?: number | undefined;
  /** How many calls have to succeed before it closes. Default 3. */
  readonly probes?: number | undefined;
  /** Answers in place of the function while none of its calls go through. Default: they are rejected with CIRCUIT_OPEN, which it is given. */
  readonly fallback?: ((item: Item, options: Options, error: QueueError) => Promise<Result>) | undefined;
}

/** What a breaker has done so far. */
export interface CircuitBreakerStatistics {
  readonly state: CircuitState;
  readonly succeeded: number;
  /** Calls that failed by a fault of what was called. */
  readonly failed: number;
  /** Calls that failed by the caller's own fault, were aborted, or found no room: nothing is concluded from them. */
  readonly ignored: number;
  /** Calls that were rejected with CIRCUIT_OPEN. */
  readonly rejected: number;
  /** Calls that `fallback` was asked for instead. */
  readonly fallbacks: number;
  /** How often it has opened. */
  readonly opened: number;
  /** Calls in the window that count, and those of them that failed. */
  readonly window: { readonly calls: number; readonly failures: number };
}

const optionNames = ['name', 'windowMs', 'minCalls', 'failureRate', 'pauseMs', 'probes', 'fallback'] as const;
const longestPauseMs = 60_000;
const dayMs = 86_400_000;

/**
 * Leaves a function alone that fails too often: its calls are then rejected at once, or answered by a `fallback`, and now and then a few go through to see whether it works again. What counts
 * are failures of engines and devices, models that cannot be loaded, deadlines that pass, time-outs of `AbortSignal.timeout`, and errors that are not foveate's; not INVALID_ARGUMENT, ABORTED,
 * MEDIA_INVALID, QUEUE_FULL and the like. There are no timers: the state changes with calls.
 *
 *     const breaker = new CircuitBreaker((inputs, options) => batcher.run(inputs, options), { name: 'faces' });
 *     const result = await breaker.run(inputs, { deadlineMs: 200 });
 */
export class CircuitBreaker<Item, Result, Options extends object | undefined> {
  readonly #call: (item: Item, options: Options) => Promise<Result>;
  readonly #clock: Clock;
  readonly #name: string;
  readonly #window: FailureWindow;
  readonly #minCalls: number;
  readonly #failureRate: number;
  readonly #firstPauseMs: number;
  readonly #probes: number;
  readonly #fallback: CircuitBreakerOptions<Item, Result, Options>['fallback'];
  readonly #counts = { succeeded: 0, failed: 0, ignored: 0, rejected: 0, fallbacks: 0, opened: 0 };
  #state: CircuitState = 'closed';
  /** Changes with the state: what was begun in another says nothing any more. */
  #era = 0;
  #pauseMs: number;
  /** When the state began. */
  #since = 0;
  /** Of this half-open state: probes under way, and those that have succeeded. */
  #probing = 0;
  #proved = 0;

  /** Throws INVALID_ARGUMENT and UNKNOWN_OPTION. */
  constructor(call: (item: Item, options: Options) => Promise<Result>, options?: CircuitBreakerOptions<Item, Result, Options>);
  /** @internal */
  constructor(
    call: (item: Item, options: Options) => Promise<Result>,
    options: CircuitBreakerOptions<Item, Result, Options>,
    clock: Clock,
  );
  constructor(
    call: (item: Item, options: Options) => Promise<Result>,
    options: CircuitBreakerOptions<Item, Result, Options> = {},
    clock: Clock = realClock,
  ) {
    if (typeof call !== 'function') throw invalidArgument('call', 'a function (item, options) => Promise', call);
    checkOptions('circuit breaker options', options, optionNames);
    const { name = 'model', fallback } = options;
    if (typeof name !== 'string') throw invalidArgument('name', 'a string', name);
    if (fallback !== undefined && typeof fallback !== 'function') throw invalidArgument('fallback', 'a function', fallback);
    this.#call = call;
    this.#clock = clock;
    this.#name = name;
    this.#fallback = fallback;
    this.#window = new FailureWindow(checkNumber('windowMs', options.windowMs ?? 10_000, 10, dayMs));
    this.#minCalls = checkInteger('minCalls', options.minCalls ?? 20, 1, 1_000_000);
    this.#failureRate = checkNumber('failureRate', options.failureRate ?? 0.5, 0.001, 1);
    this.#firstPauseMs = checkNumber('pauseMs', options.pauseMs ?? 5000, 1, dayMs);
    this.#probes = checkInteger('probes', options.probes ?? 3, 1, 1000);
    this.#pauseMs = this.#firstPauseMs;
  }

  /** As of the last call: it becomes half-open with the first call after the pause. */
  get state(): CircuitState {
    return this.#state;
  }

  /** Calls the function, unless it is left alone. Throws as that and `fallback` do, ABORTED, and CIRCUIT_OPEN with `details.retryAfterMs`. */
  async run(item: Item, options?: Options): Promise<Result> {
    const signal = (options as { readonly signal?: AbortSignal | undefined } | undefined)?.signal;
    checkSignal(signal);
    if (signal?.aborted) throw aborted(signal);
    this.#awake();
    if (!this.#admits()) {
      const error = this.#refusal();
      if (this.#fallback === undefined) {
        this.#counts.rejected++;
        publish('foveate:breaker.reject', { name: this.#name, answer: 'error' });
        throw error;
      }
      this.#counts.fallbacks++;
      publish('foveate:breaker.reject', { name: this.#name, answer: 'fallback' });
      return this.#fallback(item, options as Options, error);
    }
    const era = this.#era;
    if (this.#state === 'half-open') this.#probing++;
    try {
      const result = await this.#call(item, options as Options);
      this.#counts.succeeded++;
      this.#learn(era, false);
      return result;
    } catch (error) {
      const failed = isFailure(error, signal);
      this.#counts[failed ? 'failed' : 'ignored']++;
      this.#learn(era, failed ? true : undefined);
      throw error;
    }
  }

  /** What the time that has passed does. */
  #awake(): void {
    const waited = this.#clock.now() - this.#since;
    if (this.#state === 'half-open' && this.#probing + this.#proved >= this.#probes && waited >= this.#pauseMs) {
      this.#open(this.#probes, this.#probing); // probes that are not answered for so long have failed
    } else if (this.#state === 'open' && waited >= this.#pauseMs) {
      this.#probing = 0;
      this.#proved = 0;
      this.#change('half-open', 0, 0);
    }
  }

  #admits(): boolean {
    if (this.#state === 'half-open') return this.#probing + this.#proved < this.#probes;
    return this.#state === 'closed';
  }

  /** `failed`: undefined where nothing is concluded. */
  #learn(era: number, failed: boolean | undefined): void {
    if (era !== this.#era) return;
    if (this.#state === 'half-open') {
      this.#probing--;
      if (failed === true) this.#open(this.#proved + 1, 1);
      else if (failed === false && ++this.#proved >= this.#probes) {
        this.#pauseMs = this.#firstPauseMs;
        this.#window.clear();
        this.#change('closed', this.#proved, 0);
      }
    } else if (failed !== undefined) {
      const now = this.#clock.now();
      this.#window.add(now, failed);
      const { calls, failures } = this.#window.count(now);
      if (failed && calls >= this.#minCalls && failures >= this.#failureRate * calls) this.#open(calls, failures);
    }
  }

  #open(calls: number, failures: number): void {
    if (this.#state === 'half-open') this.#pauseMs = Math.min(2 * this.#pauseMs, Math.max(longestPauseMs, this.#firstPauseMs));
    this.#counts.opened++;
    this.#change('open', calls, failures);
  }

  #change(to: CircuitState, calls: number, failures: number): void {
    const from = this.#state;
    this.#state = to;
    this.#era++;
    this.#since = this.#clock.now();
    const pauseMs = to === 'open' ? this.#pauseMs : undefined;
    publish('foveate:breaker.change', { name: this.#name, from, to, calls, failures, pauseMs });
  }

  #refusal(): QueueError {
    const retryAfterMs = Math.max(0, Math.ceil(this.#since + this.#pauseMs - this.#clock.now()));
    const why = this.#state === 'open' ? 'has failed too often lately' : 'is being tried after it failed';
    return new QueueError('CIRCUIT_OPEN', {
      message: `Expected ${JSON.stringify(this.#name)} to work, but it ${why}: the call was not made`,
      hint: `Try again in ${retryAfterMs} ms, or give the breaker a fallback.`,
      details: { name: this.#name, retryAfterMs, state: this.#state },
    });
  }

  statistics(): CircuitBreakerStatistics {
    return { state: this.#state, ...this.#counts, window: this.#window.count(this.#clock.now()) };
  }
}
