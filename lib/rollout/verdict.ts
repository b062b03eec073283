import type { MeasureReport } from './measures.js';

/** What a rollout has found. */
export interface RolloutVerdict {
  /** 'promote': by all measures, the candidate loses less than the margins allow. 'rollback': by one of them it loses more. 'inconclusive': `maxRequests` told neither. */
  readonly decision: 'promote' | 'rollback' | 'inconclusive';
  /** The same in words. */
  readonly words: string;
  readonly measures: readonly MeasureReport[];
}

/**
 * Undefined while nothing is decided. A rollback by any of several measures shares `alpha` among them; for a promotion all have to be shown fine, so each may have the whole of it.
 */
export function verdictOf(measures: readonly MeasureReport[], alpha: number): RolloutVerdict | undefined {
  const worse = measures.filter(({ worsePValue }) => worsePValue <= alpha / measures.length);
  if (worse.length > 0) {
    return { decision: 'rollback', words: `The candidate is worse. ${worse.map(sentence).join(' ')}`, measures };
  }
  if (measures.some(({ finePValue }) => finePValue > alpha)) return undefined;
  return {
    decision: 'promote',
    words: `The candidate is not worse than the margins allow. ${measures.map(sentence).join(' ')}`,
    measures,
  };
}

/** The verdict where there was none after as many requests as were to be made. */
export function inconclusive(measures: readonly MeasureReport[], requests: number, alpha: number): RolloutVerdict {
  const open = measures.filter(({ finePValue }) => finePValue > alpha);
  const words = `After ${requests} answers of the candidate it is neither shown to be worse nor to be fine. ${open.map(sentence).join(' ')}`;
  return { decision: 'inconclusive', words, measures };
}

const phrases = {
  errors: 'more of the requests fail',
  latency: 'more of the answers are slow',
  agreement: 'less than full agreement',
  outcome: 'less outcome',
};

function sentence({ name, loss, limit, comparisons, worsePValue, finePValue }: MeasureReport): string {
  const percent = (value: number): string => `${(value * 100).toFixed(2)} %`;
  if (comparisons === 0) return `${name}: nothing to compare.`;
  const pValue = Math.min(worsePValue, finePValue).toPrecision(2);
  return `${name}: ${percent(loss)} ${phrases[name]}, allowed are ${percent(limit)} (${comparisons} comparisons, p = ${pValue}).`;
}
