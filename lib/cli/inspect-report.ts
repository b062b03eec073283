import type { MacCount, ValueInfo } from '../graph/index.js';
import { alignRows, printable, type Cell } from '../text/index.js';
import { paint } from './color.js';
import type { Inspection, Recognition } from './inspect.js';
import { nouns } from './recognized.js';

/** An inspection for people. `recognizedAs`: the line of a model that was recognised whole. */
export function inspectionLines(inspection: Inspection, recognizedAs: string | undefined): string[] {
  const { model, bytes, irVersion, opsets, producer, inputs, outputs, parameters, operators, macs, metadata } = inspection;
  const imports = Object.entries(opsets).map(([domain, version]) => `${domain === '' ? 'opset' : domain} ${version}`);
  const total = parameters.types.length === 0 ? '' : `  ${quantity(parameters.count)}, ${size(parameters.bytes)}`;
  const typeRows = parameters.types.map(({ dtype, count, bytes }) => [
    dtype,
    { number: grouped(count) },
    { number: size(bytes) },
  ]);
  const operatorRows = operators.map(({ operator, count }) => [operator, { number: grouped(count) }]);
  const nodes = operators.reduce((sum, { count }) => sum + count, 0);
  return [
    `${paint(process.stdout, 'bold', printable(model))}  ${size(bytes)}`,
    ...alignRows([[`IR version ${irVersion}, ${imports.join(', ')}${producer === '' ? '' : `, written by ${producer}`}`]]),
    ...section('Inputs', inputs.map(valueRow)),
    ...section('Outputs', outputs.map(valueRow)),
    ...section('Parameters', typeRows, total),
    ...section('Operators', operatorRows, `  ${grouped(nodes)}`),
    ...section('Multiply-accumulates', macRows(macs)),
    ...section(
      'Metadata',
      Object.entries(metadata).map(([key, value]) => [shortened(key), shortened(value)]),
    ),
    ...section('Recognised as', recognitionRows(inspection.recognized, recognizedAs)),
  ];
}

export function section(heading: string, rows: readonly (readonly Cell[])[], note = ''): string[] {
  return ['', `${paint(process.stdout, 'bold', heading)}${note}`, ...alignRows(rows.length === 0 ? [['none']] : rows)];
}

function valueRow({ name, kind, dtype, shape }: ValueInfo): readonly Cell[] {
  const type = kind === 'tensor' ? dtype : `${kind} of ${dtype}`;
  return [name, type, shape === null ? 'of unknown shape' : `[${shape.map((dim) => dim ?? '?').join(', ')}]`];
}

function macRows({ total, known, knownNodes, nodes, takenAsOne }: MacCount): readonly (readonly Cell[])[] {
  if (nodes === 0) return [];
  const those = total === null && knownNodes > 0 ? `: they take ${quantity(known)}` : '';
  return [
    [total === null ? 'unknown' : quantity(total)],
    [`shapes known for ${knownNodes} of ${nodes} convolutions and matrix products${those}`],
    ...(takenAsOne.length === 0 ? [] : [[`with the free batch dimension ${takenAsOne.join(', ')} taken as 1`]]),
  ];
}

function recognitionRows(recognized: Recognition, line: string | undefined): readonly (readonly Cell[])[] {
  if (!('error' in recognized)) return [[line ?? '']];
  const { task, error } = recognized;
  const told = task === null ? 'nothing' : `${nouns[task]}; more cannot be told`;
  const lines = `${told}: ${error.message} [${error.code}]`.split('\n');
  return [...lines.map((text) => [text]), ...(error.hint === undefined ? [] : [[`hint: ${error.hint}`]])];
}

export const grouped = (count: number): string => count.toLocaleString('en-US');

/** `3.19 M (3,193,923)` */
function quantity(count: number): string {
  const rounded = short(count, ['', 'k', 'M', 'G', 'T', 'P']);
  return count < 1000 ? rounded : `${rounded} (${grouped(count)})`;
}

export function size(bytes: number | null): string {
  return bytes === null ? 'of unknown size' : short(bytes, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
}

function short(value: number, units: readonly string[]): string {
  const step = 1000;
  let power = 0;
  // What would round to the next unit belongs to it.
  while (power < units.length - 1 && Number((value / step ** power).toPrecision(3)) >= step) power++;
  const scaled = value / step ** power;
  return `${power === 0 ? value : scaled.toPrecision(3)} ${units[power]}`.trimEnd();
}

const longest = 80;

/** Names of classes and the like fill pages: `--json` has them whole. */
function shortened(text: string): string {
  const characters = [...text];
  return characters.length <= longest
    ? text
    : `${characters.slice(0, longest).join('')}… (${grouped(characters.length)} characters)`;
}
