/** What a search measured, as text: all reports take it from here. */
import type { OptimizationReport } from '../optimization-report.js';
import { engineNames, type QuantizedFormName } from '../quantized-layer.js';
import { shortfalls, type Candidate } from '../search/budget.js';
import { byteText, msText } from './form-rows.js';

export interface SearchRow {
  readonly form: QuantizedFormName;
  /** In the order of {@link searchColumns}. */
  readonly cells: readonly string[];
  readonly isTaken: boolean;
}

export const searchColumns = ['Form for', 'Kept float', 'File', 'Latency', 'Drop', 'Interval', ''] as const;

/** Of each form the candidates, from all in INT8 to FP32; none without a search. */
export function searchRows({ search }: OptimizationReport): SearchRow[] {
  if (search === undefined) return [];
  return (['onnxruntime', 'tensorrt'] as const).flatMap((form) =>
    search.forms[form].candidates.map((candidate): SearchRow => {
      const isTaken = candidate.rung === search.forms[form].chosen?.rung;
      const { floatMacs, bytes, latencyMs, drop, dropInterval } = candidate;
      return {
        form,
        isTaken,
        cells: [
          engineNames[form],
          `${percent(floatMacs)} of MACs`,
          byteText(bytes),
          latencyMs === null ? '' : msText(latencyMs),
          percent(drop),
          `${percent(dropInterval[0])} to ${percent(dropInterval[1])}`,
          isTaken ? 'taken' : verdict(candidate, search.budget),
        ],
      };
    }),
  );
}

const beyond = { maxDrop: 'loses too much', latencyMs: 'too slow', bytes: 'too large' } as const;

function verdict(candidate: Candidate, budget: NonNullable<OptimizationReport['search']>['budget']): string {
  return shortfalls(candidate, candidate.latencyMs === null ? { ...budget, latencyMs: undefined } : budget)
    .map(({ goal }) => beyond[goal])
    .join(', ');
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}
