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

/** Where no time is known, of a form of TensorRT, what stays float32 stands for it. */
function allCosts({ drop, bytes, latencyMs, floatMacs }: Candidate): readonly number[] {
  return [drop, bytes, latencyMs ?? floatMacs];
}
