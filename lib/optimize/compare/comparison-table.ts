import { alignRows, printable, type Cell } from '../../text/index.js';
import type { ComparedLayer, ComparedLayers, ModelComparison } from './model-comparison.js';
import { decibelText, smallText } from './verdicts.js';

/** So many of the layers with the most new noise are shown. */
const shownLayers = 10;
const nameLength = 48;

/** A comparison in lines for a terminal. The last says whether all is within the limits, else what is beyond and by how much. */
export function comparisonTable(comparison: ModelComparison): string[] {
  const { layers, notices, outputs, agreement } = comparison;
  const blocks = [
    outputs.length === 0 ? [] : ['Outputs, as shipped', ...alignRows([differenceHead('output'), ...outputs.map(outputRow)])],
    layerLines(layers),
    agreement === undefined ? [] : agreementLines(agreement),
    notices.map((notice) => printable(`note: ${notice}`)),
  ];
  return [
    ...headingLines(comparison),
    ...blocks.filter((lines) => lines.length > 0).flatMap((lines) => ['', ...lines]),
    '',
    divergingLine(layers),
    verdictLine(comparison),
  ];
}

function headingLines({ a, b, inputs }: ModelComparison): string[] {
  const named = ({ name, quantized }: ModelComparison['a']): string => `${name}${quantized ? ' (quantized)' : ''}`;
  const kind = inputs.kind === 'random' ? 'random input' : 'picture';
  return [
    printable(`A: ${named(a)}`),
    printable(`B: ${named(b)}`),
    `On ${inputs.count} ${inputs.count === 1 ? kind : `${kind}s`}`,
  ];
}

function differenceHead(first: string): Cell[] {
  const numbers = ['SNR', 'worst channel', 'largest difference', 'relative', 'cosine'];
  return [first, ...numbers.map((number) => ({ number }))];
}

function outputRow({ name, difference }: ModelComparison['outputs'][number]): Cell[] {
  if (difference === undefined) return [shortened(name), 'cannot be compared'];
  const { snrDb, worstChannel, largestDifference, largestRelative, cosine } = difference;
  const worst = worstChannel === undefined ? '' : `${decibelText(worstChannel.snrDb)} (${worstChannel.channel})`;
  const numbers = [decibelText(snrDb), worst, smallText(largestDifference), smallText(largestRelative), cosine.toFixed(5)];
  return [shortened(name), ...numbers.map((number) => ({ number }))];
}

function layerLines({ optimization, compared, left }: ComparedLayers): string[] {
  const how = optimization === 'disabled' ? 'without optimizations' : 'fused, as shipped';
  const noisiest = compared
    .filter(({ addedNoise }) => addedNoise > 0)
    .toSorted((one, other) => other.addedNoise - one.addedNoise)
    .slice(0, shownLayers);
  const head: Cell[] = ['operator', 'node', { number: 'inputs' }, { number: 'SNR' }, { number: 'worst channel' }];
  return [
    `Layers, ${how}: ${compared.length} compared${left.map(({ reason, count }) => `, ${count} ${reason}`).join('')}`,
    ...(noisiest.length === 0 ? [] : ['Where the most noise comes in', ...alignRows([head, ...noisiest.map(layerRow)])]),
  ];
}

function layerRow({ operator, node, inputs, snrDb, worstChannel }: ComparedLayer): Cell[] {
  return [
    operator,
    shortened(node),
    { number: decibelText(Math.min(...inputs.map((input) => input.snrDb))) },
    { number: decibelText(snrDb) },
    { number: worstChannel === undefined ? '' : `${decibelText(worstChannel.snrDb)} (${worstChannel.channel})` },
  ];
}

function agreementLines({ pictures, metrics }: NonNullable<ModelComparison['agreement']>): string[] {
  const rows = metrics.map(({ name, value, interval }): Cell[] => [
    name,
    { number: value === null ? '-' : value.toFixed(3) },
    interval === undefined ? '' : interval.map((end) => end.toFixed(3)).join(' to '),
  ]);
  return [`Results on ${pictures} pictures, as shipped`, ...alignRows([['agreement', { number: 'value' }, '95 %'], ...rows])];
}

/** `The first layer that diverges is Conv "/model.22/…": 8.3 dB, its input has 31.2 dB.` */
export function divergingLine({ firstDiverging: first, compared }: ComparedLayers): string {
  if (first === undefined) return compared.length === 0 ? 'No layer was compared.' : 'No layer diverges.';
  const { operator, node, inputs, nonFinite, equal, snrDb } = first;
  const { onlyB } = nonFinite;
  const found = [
    ...(onlyB > 0 ? [`${onlyB} elements are not finite in B alone`] : []),
    ...(equal || snrDb === Infinity ? [] : [decibelText(snrDb)]),
  ];
  const before = inputs.map((input) => decibelText(input.snrDb));
  const inputText =
    before.length === 0 ? '' : before.length === 1 ? `, its input has ${before[0]}` : `, its inputs have ${before.join(' and ')}`;
  return printable(`The first layer that diverges is ${operator} ${JSON.stringify(node)}: ${found.join(', ')}${inputText}.`);
}

function verdictLine({ verdicts, passed }: ModelComparison): string {
  if (verdicts.length === 0) return 'Nothing was held against a limit.';
  if (passed) return `Within the limits: ${verdicts.length} of ${verdicts.length}.`;
  const failed = verdicts.filter((verdict) => !verdict.passed);
  return printable(`Beyond the limits: ${failed.map(({ message }) => message).join('; ')}.`);
}

/** The end of a name tells more than its beginning. */
function shortened(name: string): string {
  return name.length <= nameLength ? name : `\u2026${name.slice(1 - nameLength)}`;
}
