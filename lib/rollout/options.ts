import { checkBoolean, checkInteger, checkNumber, checkOneOf, checkOptions, invalidArgument } from '../errors/index.js';
import type { RolloutVerdict } from './verdict.js';

/**
 * 'shadow': the stable version answers, and the candidate is given the same, for comparison alone. 'canary': the candidate answers a share of the requests that grows by steps. 'ab': a share that
 * stays.
 */
export type RolloutMode = 'shadow' | 'canary' | 'ab';
const modes = ['shadow', 'canary', 'ab'] as const satisfies readonly RolloutMode[];

/** How much worse the candidate may be. */
export interface RolloutMargins {
  /** How many more of all requests may fail, 0 to 1. Default 0.01. `false`: errors do not count. */
  readonly errors?: number | false | undefined;
  /** By how much the candidate may be slower at `latencyQuantile`, 0.2 for 20 %. Default 0.2. `false`: latency does not count. */
  readonly latency?: number | false | undefined;
  /** How far the mean of `compare` may be below 1. Default 0.1. Only with `compare`. */
  readonly agreement?: number | undefined;
  /** How far the mean of what is reported may be below that of the stable version; negative where it has to be better by so much. Default: outcomes do not count. Not in shadow mode. */
  readonly outcome?: number | undefined;
}

/** How a candidate is tried. */
export interface RolloutOptions<Result> {
  readonly mode: RolloutMode;
  /** In events. Default 'rollout'. */
  readonly name?: string | undefined;
  /** In shadow mode, of requests that the candidate is given too (default 1); in A/B, of those that it answers (default 0.5). Above 0, up to 1, in A/B below. */
  readonly share?: number | undefined;
  /** Of a canary: the shares of requests that the candidate answers, one after the other, each above that before and below 1. Default [0.01, 0.1, 0.5]. */
  readonly steps?: readonly number[] | undefined;
  /** Of a canary: how many answers of the candidate a step takes at least. Default 100. */
  readonly stepRequests?: number | undefined;
  /** In shadow mode: how many requests the candidate may have at a time; more are not given to it. Default 4. */
  readonly maxShadows?: number | undefined;
  /** In shadow mode: a copy of an item for the candidate, which may read it when the caller has its answer already. Default: the item itself, which is to be left alone then. */
  readonly copy?: (<Item>(item: Item) => Item) | undefined;
  /** In shadow mode: how much two results agree, 0 to 1. What it throws counts as not compared. */
  readonly compare?: ((stable: Result, candidate: Result) => number) | undefined;
  readonly margins?: RolloutMargins | undefined;
  /** Which latency is compared. Default 0.95. */
  readonly latencyQuantile?: number | undefined;
  /** The probability of a wrong verdict, of either kind, at most. Default 0.05. */
  readonly alpha?: number | undefined;
  /** After so many answers of the candidate without a verdict it is 'inconclusive'. Default 100,000. */
  readonly maxRequests?: number | undefined;
  /** Whether a verdict is carried out: 'promote' gives the candidate all requests, the others give it none. Default true for a canary, else false. */
  readonly automatic?: boolean | undefined;
  /** Told once. */
  readonly onVerdict?: ((verdict: RolloutVerdict) => void) | undefined;
  /** Of the choice of requests: an integer from 0 to 2^32 - 1. The same seed puts a caller on the same side. Default 0. */
  readonly seed?: number | undefined;
}

/** Margins with nothing left open; undefined: does not count. */
export interface Margins {
  readonly errors: number | undefined;
  readonly latency: number | undefined;
  readonly agreement: number | undefined;
  readonly outcome: number | undefined;
}

export interface RolloutSettings<Result> {
  readonly mode: RolloutMode;
  readonly name: string;
  /** Shares of requests, one after the other. */
  readonly steps: readonly number[];
  readonly stepRequests: number;
  readonly maxShadows: number;
  readonly copy: <Item>(item: Item) => Item;
  readonly compare: ((stable: Result, candidate: Result) => number) | undefined;
  readonly margins: Margins;
  readonly latencyQuantile: number;
  readonly alpha: number;
  readonly maxRequests: number;
  readonly automatic: boolean;
  readonly onVerdict: ((verdict: RolloutVerdict) => void) | undefined;
  readonly seed: number;
}

const common = ['mode', 'name', 'margins', 'latencyQuantile', 'alpha', 'maxRequests', 'automatic', 'onVerdict', 'seed'];
const ofMode: Record<RolloutMode, readonly string[]> = {
  shadow: ['share', 'maxShadows', 'copy', 'compare'],
  canary: ['steps', 'stepRequests'],
  ab: ['share'],
};
const smallest = 1e-6;

/** Throws INVALID_ARGUMENT and UNKNOWN_OPTION, the latter also for an option of another mode. */
export function rolloutSettings<Result>(options: RolloutOptions<Result>): RolloutSettings<Result> {
  const mode = checkOneOf('mode', options?.mode, modes);
  checkOptions(`rollout options of mode '${mode}'`, options, [...common, ...ofMode[mode]]);
  const { name = 'rollout', copy, compare, onVerdict } = options;
  if (typeof name !== 'string') throw invalidArgument('name', 'a string', name);
  for (const [key, value] of Object.entries({ copy, compare, onVerdict })) {
    if (value !== undefined && typeof value !== 'function') throw invalidArgument(key, 'a function', value);
  }
  return {
    mode,
    name,
    steps: checkSteps(mode, options),
    stepRequests: checkInteger('stepRequests', options.stepRequests ?? (mode === 'canary' ? 100 : 0), 0),
    maxShadows: checkInteger('maxShadows', options.maxShadows ?? 4, 1, 10_000),
    copy: copy ?? ((item) => item),
    compare,
    margins: checkMargins(mode, options.margins, compare !== undefined),
    latencyQuantile: checkNumber('latencyQuantile', options.latencyQuantile ?? 0.95, 0.01, 0.999),
    alpha: checkNumber('alpha', options.alpha ?? 0.05, 1e-9, 0.5),
    maxRequests: checkInteger('maxRequests', options.maxRequests ?? 100_000, 1),
    automatic: checkBoolean('automatic', options.automatic ?? mode === 'canary'),
    onVerdict,
    seed: checkInteger('seed', options.seed ?? 0, 0, 2 ** 32 - 1),
  };
}

function checkSteps<Result>(mode: RolloutMode, { share, steps = [0.01, 0.1, 0.5] }: RolloutOptions<Result>): readonly number[] {
  if (mode === 'shadow') return [checkNumber('share', share ?? 1, smallest, 1)];
  if (mode === 'ab') return [checkNumber('share', share ?? 0.5, smallest, 1 - smallest)];
  if (!Array.isArray(steps) || steps.length === 0) throw invalidArgument('steps', 'an array of at least one share', steps);
  steps.forEach((step: unknown, i) => {
    checkNumber(`steps[${i}]`, step, smallest, 1 - smallest);
    const before = i === 0 ? 0 : (steps[i - 1] as number);
    if ((step as number) <= before) throw invalidArgument(`steps[${i}]`, `more than the step before, ${before}`, step);
  });
  return [...(steps as number[])];
}

function checkMargins(mode: RolloutMode, given: RolloutMargins = {}, compares: boolean): Margins {
  const known = ['errors', 'latency', ...(compares ? ['agreement'] : []), ...(mode === 'shadow' ? [] : ['outcome'])];
  checkOptions(`margins of mode '${mode}'${compares ? '' : ' without compare'}`, given, known);
  const { errors = 0.01, latency = 0.2, agreement = 0.1, outcome } = given;
  const margins = {
    errors: errors === false ? undefined : checkNumber('margins.errors', errors, 0, 0.99),
    latency: latency === false ? undefined : checkNumber('margins.latency', latency, 0, 100),
    agreement: compares ? checkNumber('margins.agreement', agreement, 0.001, 0.99) : undefined,
    outcome: outcome === undefined ? undefined : checkNumber('margins.outcome', outcome, -0.99, 0.99),
  };
  if (Object.values(margins).every((margin) => margin === undefined)) {
    throw invalidArgument('margins', 'at least one measure that counts', given);
  }
  return margins;
}
