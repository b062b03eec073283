import { noValue } from '../../evaluation/report/metric.js';
import { alignRows, printable, type Cell } from '../../text/index.js';
import type { OptimizationReport } from '../optimization-report.js';
import { searchColumns, searchRows, textColumns } from './search-rows.js';
import { formRows, formTitle, type FormCell } from './form-rows.js';
import { reportTitle } from './words.js';

/** An optimisation in lines for a terminal: the table before and after, what was decided, what to know. */
export function tableReport(report: OptimizationReport): string[] {
  const { forms, decisions, notices } = report;
  const head: Cell[] = ['', ...forms.flatMap(({ form }): Cell[] => [{ number: formTitle(report, form) }, ''])];
  const rows = formRows(report).map(({ name, cells }): Cell[] => [name, ...cells.flatMap(cellsOf)]);
  return [
    printable(reportTitle(report)),
    '',
    ...alignRows([head, ...rows]),
    ...searchLines(report),
    ...listed('Decided', decisions),
    ...listed('Note', notices),
  ];
}

function cellsOf({ text, note }: FormCell): Cell[] {
  return [{ number: text }, note === undefined || text === noValue ? '' : `(${note})`];
}

function searchLines(report: OptimizationReport): string[] {
  const rows = searchRows(report).map(({ cells }): Cell[] =>
    cells.map((text, i) => (textColumns.has(i) ? text : { number: text })),
  );
  if (rows.length === 0) return [];
  const head = searchColumns.map((name, i): Cell => (textColumns.has(i) ? name : { number: name }));
  return ['', 'Measured for the budget', ...alignRows([head, ...rows]).map((line) => `  ${line}`)];
}

function listed(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => printable(`  ${line}`))];
}
