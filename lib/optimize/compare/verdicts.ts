import type { Agreement } from '../agreement.js';
import type { CompareVerdict, ComparedOutput } from './model-comparison.js';
import type { ValueDifference } from './value-difference.js';

/** What two models may differ by. */
export interface CompareLimits {
  /** Lowest signal to noise ratio of an output, in dB; of the layers, the first below it is the one that diverges. Undefined: any. */
  readonly minSnr: number | undefined;
  /** Largest difference of two elements of an output, as a part of the largest magnitude in A's. Undefined: any. */
  readonly tolerance: number | undefined;
  /** How far the agreement of results may be from a perfect one. Undefined: as far as it likes. */
  readonly maxDelta: number | undefined;
}

/** Whether a value differs by more than the limits allow. */
export function isBeyond(difference: ValueDifference, { minSnr, tolerance }: CompareLimits): boolean {
  const { equal, snrDb, largestRelative, nonFinite } = difference;
  if (nonFinite.onlyB > 0) return true;
  if (equal) return false;
  if (minSnr !== undefined && !(snrDb >= minSnr)) return true;
  // A's own NaN has no difference, but what is finite in its place is another thing.
  return tolerance !== undefined && !(largestRelative <= tolerance && nonFinite.a === nonFinite.b);
}

/** Numbers of an agreement that are 1 where both models find the same. Lowest values and those with another threshold are told, and not judged. */
const shares = ['top-1', 'recall', 'precision', 'mean IoU', 'median cosine'];
/** Those that are 0. */
const errors = ['relative error'];

/** Holds outputs and results against the limits. */
export function verdictsOf(
  outputs: readonly ComparedOutput[],
  agreement: Agreement | undefined,
  limits: CompareLimits,
): CompareVerdict[] {
  return [
    ...outputs.flatMap(({ name, difference }) => (difference === undefined ? [] : outputVerdicts(name, difference, limits))),
    ...(agreement === undefined || limits.maxDelta === undefined ? [] : agreementVerdicts(agreement, limits.maxDelta)),
  ];
}

function outputVerdicts(name: string, difference: ValueDifference, { minSnr, tolerance }: CompareLimits): CompareVerdict[] {
  const output = `output ${JSON.stringify(name)}`;
  const { equal, snrDb, largestRelative, nonFinite } = difference;
  const { onlyB } = nonFinite;
  const verdicts: CompareVerdict[] = [];
  if (onlyB > 0) {
    const message = `${output} has ${onlyB} ${onlyB === 1 ? 'element' : 'elements'} that ${onlyB === 1 ? 'is' : 'are'} not finite in B alone`;
    verdicts.push({ name: `${name}: finite`, passed: false, message });
  }
  if (minSnr !== undefined) {
    const passed = equal || snrDb >= minSnr;
    const found = `${output} has ${decibelText(snrDb)}`;
    const message = passed
      ? `${found}, at least ${decibelText(minSnr)}`
      : `${found}, ${Number.isFinite(snrDb) ? decibelText(minSnr - snrDb) : 'far'} below the limit of ${decibelText(minSnr)}`;
    verdicts.push({ name: `${name}: SNR`, passed, message });
  }
  if (tolerance !== undefined) {
    const passed = equal || (largestRelative <= tolerance && nonFinite.a === nonFinite.b);
    const found = `${output} ${nonFinite.a === nonFinite.b ? '' : 'has other elements that are not finite, and '}differs by ${smallText(largestRelative)} of its largest magnitude`;
    const times = smallText(largestRelative / tolerance);
    const message = passed
      ? `${found}, at most ${smallText(tolerance)}`
      : `${found}, ${tolerance === 0 ? 'where nothing is allowed' : `${times} times the limit of ${smallText(tolerance)}`}`;
    verdicts.push({ name: `${name}: difference`, passed, message });
  }
  return verdicts;
}

function agreementVerdicts({ task, metrics }: Agreement, maxDelta: number): CompareVerdict[] {
  return metrics.flatMap(({ name, value }) => {
    if (value === null || !(shares.includes(name) || errors.includes(name))) return [];
    const delta = errors.includes(name) ? value : 1 - value;
    // A difference of rounding is none.
    const passed = delta <= maxDelta + 1e-12;
    const limit = errors.includes(name) ? maxDelta : 1 - maxDelta;
    const beyond = `${Math.abs(value - limit).toPrecision(2)} ${errors.includes(name) ? 'above' : 'below'} the limit of ${fixed(limit)}`;
    const within = `${errors.includes(name) ? 'at most' : 'at least'} ${fixed(limit)}`;
    const message = `${name} (${task}) is ${fixed(value)}, ${passed ? within : beyond}`;
    return [{ name, passed, message }];
  });
}

function fixed(value: number): string {
  return value.toFixed(3);
}

/** `8.3 dB` */
export function decibelText(value: number): string {
  if (value === Infinity) return 'no difference';
  return Number.isFinite(value) ? `${value.toFixed(1)} dB` : 'no signal';
}

/** A number of any size, in three digits. */
export function smallText(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : '-';
}
