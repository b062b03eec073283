import { aborted } from '../binding/index.js';
import { realClock, type Clock } from '../batching/clock.js';
import { checkNumber, checkOptions, checkSignal, DisposedError, invalidArgument, isFailure, isRefusal } from '../errors/index.js';
import { publish } from '../events/index.js';
import { disposeOf } from '../results/index.js';
import { Latencies, type Arm } from './arms.js';
import { Measures, type Answer } from './measures.js';
import { rolloutSettings, type RolloutOptions, type RolloutSettings } from './options.js';
import { Routing } from './routing.js';
import { Shadows } from './shadows.js';
import { versionStatistics, type RolloutState, type RolloutStatistics } from './statistics.js';
import { inconclusive, verdictOf, type RolloutVerdict } from './verdict.js';

/** What is tried: two functions of one kind. They stay yours. */
export interface RolloutVersions<Item, Result, Options> {
  readonly stable: (item: Item, options: Options) => Promise<Result>;
  readonly candidate: (item: Item, options: Options) => Promise<Result>;
}

/** Whose request it is. */
export interface RolloutRequest {
  /** All requests of one caller go to the same version, as far as the share allows. Without one, each request goes for itself. */
  readonly caller?: string | undefined;
  /** For `report()`: any string that no other request has. */
  readonly id?: string | undefined;
}

/** What became of a call. `answer` is undefined where it tells nothing of the version: see `isFailure`. */
type Attempt<Result> = { readonly answer: Answer | undefined } & (
  { readonly ok: true; readonly result: Result } | { readonly ok: false; readonly error: unknown }
);

/** The oldest of more requests that wait for their outcome are forgotten. */
const mostPending = 100_000;

/** Of a request that the candidate refused and the stable version answered. How long that took counts nowhere. */
const refusedAlone: Answer = { failed: true, ms: NaN };

/**
 * Tries a new version of a model beside the one that serves: as a shadow, as a canary whose share grows by steps, or in a fixed share. Errors, latency, agreement and outcomes that are reported are held
 * against margins, and the verdict is carried out where `automatic` says so.
 *
 * The verdict may be looked at after every answer: the tests are valid at all times (see docs/rollout.md), so that a candidate that is not worse than the margins allow is rolled back with a
 * probability of at most `alpha`, and one that is worse is promoted with no more, whenever one looks. That holds for requests that are independent: where callers stick to a version and
 * differ much from one another, few callers with many requests each tell less than their number promises.
 *
 *     const rollout = new Rollout({ stable: (picture) => before.detect(picture), candidate: (picture) => after.detect(picture) }, { mode: 'canary' });
 *     const detections = await rollout.run('street.jpg', undefined, { caller: 'camera 1' });
 *     console.log(rollout.state, rollout.verdict?.words);
 */
export class Rollout<Item, Result, Options extends object | undefined> implements AsyncDisposable {
  readonly #versions: RolloutVersions<Item, Result, Options>;
  readonly #settings: RolloutSettings<Result>;
  readonly #clock: Clock;
  readonly #routing: Routing;
  readonly #measures: Measures;
  readonly #shadows: Shadows;
  readonly #latencies: Record<Arm, Latencies> = { stable: new Latencies(), candidate: new Latencies() };
  readonly #answered: Record<Arm, number> = { stable: 0, candidate: 0 };
  readonly #failed: Record<Arm, number> = { stable: 0, candidate: 0 };
  /** Which version answered a request, by its id. */
  readonly #pending = new Map<string, Arm>();
  #state: RolloutState = 'running';
  #verdict: RolloutVerdict | undefined;
  #step = 0;
  /** Answers of the candidate in this step. */
  #stepAnswers = 0;
  #dropped = 0;
  #uncompared = 0;
  #disposal: Promise<void> | undefined;

  /** Throws INVALID_ARGUMENT and UNKNOWN_OPTION. */
  constructor(versions: RolloutVersions<Item, Result, Options>, options: RolloutOptions<Result>);
  /** @internal */
  constructor(versions: RolloutVersions<Item, Result, Options>, options: RolloutOptions<Result>, clock: Clock);
  constructor(versions: RolloutVersions<Item, Result, Options>, options: RolloutOptions<Result>, clock: Clock = realClock) {
    for (const arm of ['stable', 'candidate'] as const) {
      if (typeof versions?.[arm] !== 'function') {
        throw invalidArgument(`versions.${arm}`, 'a function (item, options) => Promise', versions?.[arm]);
      }
    }
    this.#versions = versions;
    this.#settings = rolloutSettings(options);
    this.#clock = clock;
    this.#routing = new Routing(this.#settings.seed);
    this.#measures = new Measures(this.#settings.margins, this.#settings.latencyQuantile);
    this.#shadows = new Shadows(this.#settings.maxShadows);
  }

  get state(): RolloutState {
    return this.#state;
  }

  /** Undefined while there is none. It is final. */
  get verdict(): RolloutVerdict | undefined {
    return this.#verdict;
  }

  /** Of requests that the candidate answers, 0 to 1; in shadow mode while it runs, of those that it is given too. */
  get share(): number {
    if (this.#state !== 'running') return this.#state === 'promoted' ? 1 : 0;
    return this.#settings.steps[this.#step] as number;
  }

  /**
   * Has one of the versions answer. Throws as that does, ABORTED and DISPOSED. In shadow mode the candidate gets the same item, which is to be left alone until it has read it, or copied by
   * `copy`; it neither delays nor fails the call. Otherwise what the candidate refuses as the caller's fault is given to the stable version too, to see whose fault it is, before the call fails.
   */
  async run(item: Item, options?: Options, request: RolloutRequest = {}): Promise<Result> {
    const signal = signalOf(options);
    checkSignal(signal);
    checkRequest(request);
    if (signal?.aborted) throw aborted(signal);
    if (this.#disposal !== undefined) throw disposed();
    const isTried = this.#state === 'running' && this.#verdict === undefined;
    const arm = this.#arm(request.caller);
    if (isTried && request.id !== undefined && this.#settings.margins.outcome !== undefined) this.#await(request.id, arm);
    const attempt = this.#attempt(arm, item, options as Options);
    const isShadowed = isTried && this.#settings.mode === 'shadow' && this.#routing.picks(this.share, request.caller);
    if (isShadowed) this.#shadow(item, options as Options, attempt);
    const ended = await attempt;
    const isRefusedInTrial = isTried && arm === 'candidate' && !ended.ok && isRefusal(ended.error);
    const answer = isRefusedInTrial && (await this.#isAnswered(item, options as Options)) ? refusedAlone : ended.answer;
    this.#count(arm, answer, this.#settings.mode !== 'shadow');
    if (!ended.ok) throw ended.error;
    return ended.result;
  }

  #arm(caller: string | undefined): Arm {
    if (this.#state === 'promoted') return 'candidate';
    if (this.#state === 'rolled-back' || this.#settings.mode === 'shadow') return 'stable';
    return this.#routing.picks(this.share, caller) ? 'candidate' : 'stable';
  }

  async #attempt(arm: Arm, item: Item, options: Options): Promise<Attempt<Result>> {
    const began = this.#clock.now();
    try {
      const result = await this.#versions[arm](item, options);
      return { ok: true, result, answer: { failed: false, ms: this.#clock.now() - began } };
    } catch (error) {
      const answer = isFailure(error, signalOf(options)) ? { failed: true, ms: this.#clock.now() - began } : undefined;
      return { ok: false, error, answer };
    }
  }

  /** Whether the stable version answers what the candidate has refused: then that was not the caller's fault. */
  async #isAnswered(item: Item, options: Options): Promise<boolean> {
    const stable = await this.#attempt('stable', item, options);
    if (stable.ok) await disposeOf(stable.result);
    return stable.ok;
  }

  /** `compares`: the answer counts by itself, and not only beside another of the same request. */
  #count(arm: Arm, answer: Answer | undefined, compares: boolean): void {
    if (answer === undefined) return;
    const isTried = this.#verdict === undefined && this.#state === 'running';
    if (compares && isTried) this.#measures.answered(arm, answer, this.#latencies.stable);
    this.#answered[arm]++;
    if (answer.failed) this.#failed[arm]++;
    else this.#latencies[arm].add(answer.ms);
    if (arm === 'candidate') this.#stepAnswers++;
    if (compares) this.#decide();
  }

  #shadow(item: Item, options: Options, stable: Promise<Attempt<Result>>): void {
    if (!this.#shadows.hasRoom) {
      this.#dropped++;
      return;
    }
    const lineMs = this.#measures.slowLine(this.#latencies.stable);
    this.#shadows.start(async (signal) => {
      let candidate: Attempt<Result> | undefined;
      try {
        candidate = await this.#attempt('candidate', this.#settings.copy(item), { ...options, signal } as unknown as Options);
      } catch {
        // of `copy`
      }
      const first = await stable;
      if (first.ok && candidate?.ok === false && isRefusal(candidate.error)) candidate = { ...candidate, answer: refusedAlone };
      this.#count('candidate', candidate?.answer, false);
      if (this.#verdict === undefined && this.#state === 'running') this.#compare(first, candidate, lineMs);
      if (candidate?.ok === true) await disposeOf(candidate.result);
    });
  }

  #compare(stable: Attempt<Result>, candidate: Attempt<Result> | undefined, lineMs: number | undefined): void {
    if (stable.answer === undefined || candidate?.answer === undefined) {
      this.#uncompared++;
      return;
    }
    this.#measures.answeredBoth(stable.answer, candidate.answer, lineMs);
    const { compare } = this.#settings;
    if (compare !== undefined && stable.ok && candidate.ok) {
      try {
        this.#measures.agreed(checkNumber('the result of compare', compare(stable.result, candidate.result), 0, 1));
      } catch {
        this.#uncompared++;
      }
    }
    this.#decide();
  }

  #await(id: string, arm: Arm): void {
    this.#pending.delete(id);
    this.#pending.set(id, arm);
    if (this.#pending.size <= mostPending) return;
    for (const oldest of this.#pending.keys()) {
      this.#pending.delete(oldest);
      break;
    }
  }

  /**
   * Tells how good the answer to a request turned out to be, 0 to 1: of labels that came later, of what users did. False where the request is not known (any more), or nothing is to be learned from
   * it. Throws INVALID_ARGUMENT, also where `margins.outcome` was not given.
   */
  report(id: string, outcome: number): boolean {
    checkNumber('outcome', outcome, 0, 1);
    if (this.#settings.margins.outcome === undefined) {
      throw invalidArgument('margins.outcome', 'a margin', undefined, 'It says how much less outcome is allowed.');
    }
    const arm = this.#pending.get(id);
    if (arm === undefined || this.#verdict !== undefined || this.#state !== 'running') return false;
    this.#pending.delete(id);
    this.#measures.reported(arm, outcome);
    this.#decide();
    return true;
  }

  /** What follows from all answers so far. */
  #decide(): void {
    if (this.#verdict !== undefined || this.#state !== 'running') return;
    const { alpha, maxRequests, steps, stepRequests } = this.#settings;
    const measures = this.#measures.report();
    const verdict = verdictOf(measures, alpha);
    const isStepDone = this.#stepAnswers >= stepRequests;
    const isLast = this.#step === steps.length - 1;
    if (verdict !== undefined && (verdict.decision === 'rollback' || (isLast && isStepDone))) this.#conclude(verdict);
    else if (this.#answered.candidate >= maxRequests) this.#conclude(inconclusive(measures, this.#answered.candidate, alpha));
    else if (isStepDone && !isLast) {
      this.#step++;
      this.#stepAnswers = 0;
      this.#publish(`The step before took ${stepRequests} answers of the candidate, and it is not shown to be worse.`);
    }
  }

  #conclude(verdict: RolloutVerdict): void {
    this.#verdict = verdict;
    this.#pending.clear();
    if (!this.#settings.automatic) this.#publish(verdict.words);
    else this.#end(verdict.decision === 'promote' ? 'promoted' : 'rolled-back', verdict.words);
    const { onVerdict } = this.#settings;
    if (onVerdict !== undefined) queueMicrotask(() => onVerdict(verdict)); // what it throws is no request's error
  }

  /** Gives the candidate all requests from now on, whatever was found. */
  promote(): void {
    this.#end('promoted', 'It was told to.');
  }

  /** Gives the candidate no more requests, whatever was found. */
  rollback(): void {
    this.#end('rolled-back', 'It was told to.');
  }

  #end(state: 'promoted' | 'rolled-back', reason: string): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#pending.clear();
    void this.#shadows.end();
    this.#publish(reason);
  }

  #publish(reason: string): void {
    publish('foveate:rollout.change', { name: this.#settings.name, state: this.#state, share: this.share, reason });
  }

  statistics(): RolloutStatistics {
    const version = (arm: Arm): RolloutStatistics['versions'][Arm] =>
      versionStatistics(this.#answered[arm], this.#failed[arm], this.#latencies[arm]);
    return {
      mode: this.#settings.mode,
      state: this.#state,
      share: this.share,
      versions: { stable: version('stable'), candidate: version('candidate') },
      measures: this.#measures.report(),
      verdict: this.#verdict,
      shadows: { running: this.#shadows.running, dropped: this.#dropped, uncompared: this.#uncompared },
      pendingOutcomes: this.#pending.size,
    };
  }

  /** Takes no more requests, aborts shadows, and settles when they have ended. The versions stay yours. Idempotent. */
  dispose(): Promise<void> {
    return (this.#disposal ??= this.#shadows.end());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

function signalOf(options: unknown): AbortSignal | undefined {
  return (options as { readonly signal?: AbortSignal | undefined } | undefined)?.signal;
}

function checkRequest(request: RolloutRequest): void {
  checkOptions('rollout request', request, ['caller', 'id']);
  for (const [name, value] of Object.entries(request)) {
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      throw invalidArgument(name, 'a string that is not empty', value);
    }
  }
}

function disposed(): DisposedError {
  return new DisposedError('DISPOSED', {
    message: 'The rollout was disposed before the call',
    hint: 'Dispose of it after its last use.',
  });
}
