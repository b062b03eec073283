/** The exact test of paired outcomes (McNemar 1947): whether the pictures on which two runs differ fall to one side more than a coin would. */
import { invalidArgument } from '../errors/index.js';

export interface Discordance {
  /** Pictures that only the baseline has right. */
  readonly baselineOnly: number;
  /** Pictures that only the candidate has right. */
  readonly candidateOnly: number;
  /** Two-sided, exact. 1 where the runs differ nowhere. */
  readonly pValue: number;
}

/** `baseline` and `candidate` hold 1 for each picture that is right, 0 for the others. Throws INVALID_ARGUMENT where they are not as long. */
export function mcNemar(baseline: Uint8Array, candidate: Uint8Array): Discordance {
  if (baseline.length !== candidate.length) {
    throw invalidArgument('candidate', `${baseline.length} outcomes, as of the baseline`, candidate.length);
  }
  let baselineOnly = 0;
  let candidateOnly = 0;
  for (let i = 0; i < baseline.length; i++) {
    if ((baseline[i] as number) > (candidate[i] as number)) baselineOnly++;
    if ((baseline[i] as number) < (candidate[i] as number)) candidateOnly++;
  }
  return { baselineOnly, candidateOnly, pValue: signTest(Math.min(baselineOnly, candidateOnly), baselineOnly + candidateOnly) };
}

/**
 * How likely `tosses` of a coin fall `fewer` times or less often on either side. The binomial coefficients are taken relative to the middle one, from
 * there outwards, so that nothing overflows, and the sum of all of them is exact to rounding.
 */
function signTest(fewer: number, tosses: number): number {
  const middle = Math.floor(tosses / 2);
  if (fewer === middle) return 1;
  let coefficient = 1;
  let upper = tosses % 2 === 0 ? 0.5 : 1; // of the half from `middle` down; an even number of tosses has one middle for both
  let tail = 0;
  for (let k = middle - 1; k >= 0; k--) {
    coefficient *= (k + 1) / (tosses - k);
    upper += coefficient;
    if (k <= fewer) tail += coefficient;
  }
  return tail / upper;
}
