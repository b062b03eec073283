/** What a search measured, as text: all reports take it from here. */
import type { OptimizationReport } from '../optimization-report.js';
import { engineNames, type QuantizedFormName } from '../quantized-layer.js';
import { candidateTitle, shortfalls, type Candidate } from '../search/budget.js';
import { paretoFront } from '../search/pareto.js';
import { byteText, msText } from './form-rows.js';

export interface SearchRow {
  readonly form: QuantizedFormName;
  /** In the order of {@link searchColumns}. */
  readonly cells: readonly string[];
  readonly isTaken: boolean;
}

/** On the Pareto front is what no other form is better than in all of size, time and drop. */
export const searchColumns = ['Form for', 'Layers', 'File', 'Latency', 'Drop', 'Interval', 'Front', ''] as const;
export const textColumns: ReadonlySet<number> = new Set([0, 1, 6, 7]);

/** Of each form the candidates, from the one with the fewest bits to FP32; none without a search. */
export function searchRows({ search }: OptimizationReport): SearchRow[] {
  if (search === undefined) return [];
  return (Object.keys(search.forms) as QuantizedFormName[]).flatMap((form) => {
    const { candidates, chosen } = search.forms[form]!;
    const front = paretoFront(candidates);
    return candidates.map((candidate): SearchRow => {
      const isTaken = candidate.rung === chosen?.rung;
      const { bytes, latencyMs, drop, dropInterval } = candidate;
      return {
        form,
        isTaken,
        cells: [
          engineNames[form],
          candidateTitle(candidate),
          byteText(bytes),
          latencyMs === null ? '' : msText(latencyMs),
          percent(drop),
          `${percent(dropInterval[0])} to ${percent(dropInterval[1])}`,
          front.has(candidate) ? '\u25cf' : '',
          isTaken ? 'taken' : verdict(candidate, search.budget),
        ],
      };
    });
  });
}

const beyond = { maxDrop: 'loses too much', latencyMs: 'too slow', bytes: 'too large' } as const;

function verdict(candidate: Candidate, budget: NonNullable<OptimizationReport['search']>['budget']): string {
  return shortfalls(candidate, candidate.latencyMs === null ? { ...budget, latencyMs: undefined } : budget)
    .map(({ goal }) => beyond[goal])
    .join(', ');
}

export function percent(part: number, digits = 1): string {
  return `${(100 * part).toFixed(digits)} %`;
}
