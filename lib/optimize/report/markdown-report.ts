import { reasonText, worstNoiseDb } from '../quantized-layer.js';
import type { OptimizationReport } from '../optimization-report.js';
import { calibrationText, machineText, reportTitle } from './words.js';
import { searchColumns, searchRows } from './search-rows.js';
import { formRows, formTitle, shortNumber, zerosText, type FormCell } from './form-rows.js';

/** An optimisation as Markdown, with tables as GitHub writes them. */
export function markdownReport(report: OptimizationReport): string {
  const { forms, layers, pruning, decisions, notices, foveate, made } = report;
  const worst = forms.flatMap(({ form, agreement }) =>
    (agreement?.worst ?? []).map(({ picture, value }) => [
      formTitle(report, form),
      picture,
      value === null ? '' : value.toFixed(3),
    ]),
  );
  const searched = searchRows(report);
  return [
    `# ${escaped(reportTitle(report))}`,
    `${escaped(machineText(report))}. ${escaped(calibrationText(report))}.`,
    '## Before and after',
    table(
      ['', ...forms.map(({ form }) => formTitle(report, form))],
      formRows(report).map(({ name, cells }) => [name, ...cells.map(cellText)]),
    ),
    ...(searched.length === 0
      ? []
      : [
          '## Measured for the budget',
          table(
            [...searchColumns],
            searched.map(({ cells }) => [...cells]),
          ),
        ]),
    ...listed('Decided', decisions),
    ...listed('Notes', notices),
    ...(worst.length === 0 ? [] : ['## Pictures that differ most', table(['Form', 'Picture', 'Likeness'], worst)]),
    ...(layers.length === 0
      ? []
      : [
          '## Layers',
          table(
            [
              ...['Layer', 'Operator', 'MACs', 'ONNX Runtime', 'TensorRT', 'Noise, dB', 'Range', 'Reason'],
              ...(pruning === undefined ? [] : ['Zeros']),
            ],
            layers.map((layer) => {
              const { name, operator, macs, precision, range } = layer;
              return [
                ...[name, operator, macs === null ? '' : macs.toLocaleString('en-US')],
                ...[precision.onnxruntime, precision.tensorrt, worstNoiseDb(layer)?.toFixed(1) ?? ''],
                range === undefined ? '' : `${shortNumber(range.min)} to ${shortNumber(range.max)}`,
                reasonText(layer),
                ...(pruning === undefined ? [] : [zerosText(layer)]),
              ];
            }),
          ),
        ]),
    `Made by foveate ${foveate}, ${made}.`,
    '',
  ].join('\n\n');
}

function listed(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`## ${title}`, lines.map((line) => `- ${escaped(line)}`).join('\n')];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  return [line(head), `|${head.map(() => ' --- |').join('')}`, ...rows.map(line)].join('\n');
}

function cellText({ text, note }: FormCell): string {
  return note === undefined ? text : `${text} (${note})`;
}

/** Names come from models and file systems: none of them may begin a tag, a link or a cell, or end its line. */
function escaped(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ').replace(/[\\`*_{}[\]<>|#&]/g, '\\$&');
}
