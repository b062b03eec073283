import type { Candidate } from './budget.js';

/** Those than which no other costs as little or less of everything, and less of something. */
export function paretoFront(
  candidates: readonly Candidate[],
  costsOf: (candidate: Candidate) => readonly number[] = allCosts,
): ReadonlySet<Candidate> {
  const costs = candidates.map(costsOf);
  const isBeaten = (own: readonly number[]): boolean =>
    costs.some((other) => own.every((cost, i) => other[i]! <= cost) && own.some((cost, i) => other[i]! < cost));
  return new Set(candidates.filter((_, place) => !isBeaten(costs[place]!)));
}

/** A time that is not known, is so of all candidates of a form. */
function allCosts({ drop, bytes, latencyMs }: Candidate): readonly number[] {
  return [drop, bytes, latencyMs ?? 0];
}
