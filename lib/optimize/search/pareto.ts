import type { Candidate } from './budget.js';

/** Those of one form than which no other loses no more, is no larger and no slower, and less of one of these. */
export function paretoFront(candidates: readonly Candidate[]): ReadonlySet<Candidate> {
  return new Set(candidates.filter((one) => !candidates.some((other) => dominates(other, one))));
}

function dominates(one: Candidate, other: Candidate): boolean {
  const [costs, others] = [costsOf(one), costsOf(other)];
  return costs.every((cost, i) => cost <= others[i]!) && costs.some((cost, i) => cost < others[i]!);
}

/** A time that is not known, is so of all candidates of a form. */
function costsOf({ drop, bytes, latencyMs }: Candidate): readonly number[] {
  return [drop, bytes, latencyMs ?? 0];
}
