import { checkOptions, invalidArgument } from '../../errors/index.js';
import { precisionTitles, type FormPrecision } from '../quantized-layer.js';

/** What a form of a model has to keep to. */
export interface Budget {
  /**
   * How much it may lose, as a part: 0.01 is one of a hundred. Of what FP32 reaches by labels (top-1, AP, mIoU); without labels, of full agreement with FP32.
   * The whole interval has to lie within.
   */
  readonly maxDrop?: number | undefined;
  /** Milliseconds that the engine may take for a picture, in the median. */
  readonly latencyMs?: number | undefined;
  /** Of its file, with all weights. */
  readonly bytes?: number | undefined;
}

/** What was measured of a form, and what it is. */
export interface Candidate {
  /** Its place: 0 has the fewest bits, the last is FP32. */
  readonly rung: number;
  /** What all that does not stay float is in; FP32 of the last. */
  readonly precision: FormPrecision;
  /** Share of the multiply-accumulates that are left float, which is float32, and in a mixed form mostly FP16; of the weights, where free sizes leave these unknown. */
  readonly floatMacs: number;
  readonly bytes: number;
  /** In the median of a run of one picture; null where this machine cannot tell. */
  readonly latencyMs: number | null;
  /** As a part, with the interval in which it lies at 95 %; negative where it gained. */
  readonly drop: number;
  readonly dropInterval: readonly [low: number, high: number];
  /** By how many pictures that was told, where some may not be read. */
  readonly pictures?: number | undefined;
}

/** A limit that a candidate goes beyond. */
export interface Shortfall {
  readonly goal: keyof Budget;
  readonly limit: number;
  readonly found: number;
}

const goals = ['maxDrop', 'latencyMs', 'bytes'] as const;

/** Throws UNKNOWN_OPTION, INVALID_ARGUMENT. */
export function checkBudget(budget: Budget): Budget {
  checkOptions('budget', budget, goals);
  const given = goals.filter((goal) => budget[goal] !== undefined);
  if (given.length === 0) throw invalidArgument('budget', `at least one of ${goals.join(', ')}`, budget);
  for (const goal of given) {
    const limit = budget[goal] as unknown;
    const isLimit =
      typeof limit === 'number' && Number.isFinite(limit) && (goal === 'maxDrop' ? limit >= 0 && limit < 1 : limit > 0);
    if (!isLimit) {
      throw invalidArgument(
        `budget.${goal}`,
        goal === 'maxDrop' ? 'a part, from 0 to below 1' : 'a number above 0',
        limit,
        goal === 'maxDrop' ? 'One of a hundred is 0.01.' : undefined,
      );
    }
  }
  return budget;
}

/** `FP16`, `INT8, 35.0 % of the work in FP32`, `INT8 and FP16, 35.0 % of the work not in INT8`: what that is a share of stands with {@link Candidate}. */
export function candidateTitle({ precision, floatMacs }: Pick<Candidate, 'precision' | 'floatMacs'>): string {
  const where = precision === 'mixed' ? 'not in INT8' : 'in FP32';
  const share = floatMacs > 0 && precision !== 'float32' ? `, ${(100 * floatMacs).toFixed(1)} % of the work ${where}` : '';
  return `${precisionTitles[precision]}${share}`;
}

/** The limits that a candidate goes beyond; none where it keeps to all. What is not known keeps to none. */
export function shortfalls({ dropInterval, latencyMs, bytes }: Candidate, budget: Budget): Shortfall[] {
  const found: Record<keyof Budget, number> = { maxDrop: dropInterval[1], latencyMs: latencyMs ?? Infinity, bytes };
  return goals.flatMap((goal) => {
    const limit = budget[goal];
    return limit === undefined || found[goal] <= limit ? [] : [{ goal, limit, found: found[goal] }];
  });
}

/** The candidate that goes least beyond, by the limit that it goes furthest beyond. */
export function nearestMiss(candidates: readonly Candidate[], budget: Budget): Candidate | undefined {
  const excess = (candidate: Candidate): number =>
    Math.max(0, ...shortfalls(candidate, budget).map(({ limit, found }) => (found - limit) / Math.max(limit, 1e-3)));
  return [...candidates].sort((a, b) => excess(a) - excess(b) || a.rung - b.rung)[0];
}
