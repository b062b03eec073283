import { csvRecord, type CsvField } from '../../text/index.js';
import type { ModelComparison } from './model-comparison.js';
import type { ValueDifference } from './value-difference.js';

const head = [
  ...['kind', 'name', 'name in B', 'paired by', 'operator', 'node', 'input dB', 'SNR dB', 'added noise'],
  ...['worst channel dB', 'worst channel', 'largest difference', 'largest relative', 'cosine'],
  ...['not finite in A', 'not finite in B', 'not finite in B alone', 'equal'],
];

/** A row for each output, then one for each layer in A's order. What is infinite, as the ratio of what is the same, is written as `inf`. */
export function comparisonCsv({ outputs, layers }: ModelComparison): string {
  return [
    csvRecord(head),
    ...outputs.map(({ name, nameInB, difference }) =>
      csvRecord(['output', name, nameInB, 'output', '', '', '', ...numbersOf(difference, '')]),
    ),
    ...layers.compared.map(({ value, valueInB, pairedBy, operator, node, inputs, addedNoise, ...difference }) => {
      const before = inputs.length === 0 ? '' : number(Math.min(...inputs.map(({ snrDb }) => snrDb)));
      return csvRecord(['layer', value, valueInB, pairedBy, operator, node, before, ...numbersOf(difference, addedNoise)]);
    }),
  ].join('');
}

function numbersOf(difference: ValueDifference | undefined, addedNoise: CsvField): CsvField[] {
  if (difference === undefined) return Array.from({ length: head.length - 7 }, () => '');
  const { snrDb, worstChannel, largestDifference, largestRelative, cosine, nonFinite, equal } = difference;
  return [
    ...[number(snrDb), addedNoise, number(worstChannel?.snrDb), worstChannel?.channel ?? ''],
    ...[number(largestDifference), number(largestRelative), number(cosine)],
    ...[nonFinite.a, nonFinite.b, nonFinite.onlyB, String(equal)],
  ];
}

function number(value: number | undefined): CsvField {
  if (value === undefined || Number.isNaN(value)) return '';
  if (Number.isFinite(value)) return value;
  return value > 0 ? 'inf' : '-inf';
}
