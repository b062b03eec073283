import type { Change, ChangedNode, ModelDiff, NamedTensor, NodeLabel, TensorDifference, TensorLabel } from '../graph/index.js';
import { alignRows, printable, type Cell } from '../text/index.js';
import { paint } from './color.js';
import type { GraphSource } from './graph-source.js';
import { grouped, size } from './inspect-report.js';

/** Longer lists are cut; `--json` has all. */
const longestList = 12;
const longestText = 60;

type Row = readonly Cell[];

/** A diff for people: what is the same is not named. */
export function diffLines(a: GraphSource, b: GraphSource, diff: ModelDiff): string[] {
  const { header, inputs, outputs, operators, nodes, initializers } = diff;
  const head = [`A: ${printable(a.path)}`, `B: ${printable(b.path)}`];
  if (diff.same) return [...head, 'The graphs are the same.'];
  return [
    ...head,
    ...section('Model', header.map(changeRow)),
    ...section('Inputs', inputs.map(changeRow)),
    ...section('Outputs', outputs.map(changeRow)),
    ...section('Operators', operators.map(operatorRow), operators.length),
    ...section(`Nodes only in A: ${counted(nodes.removed)}`, nodes.removed.map(nodeRow)),
    ...section(`Nodes only in B: ${counted(nodes.added)}`, nodes.added.map(nodeRow)),
    ...changedNodes(nodes.changed),
    ...section(`Initializers only in A: ${stored(initializers.removed)}`, largest(initializers.removed).map(tensorRow)),
    ...section(`Initializers only in B: ${stored(initializers.added)}`, largest(initializers.added).map(tensorRow)),
    ...section(`Initializers that differ: ${initializers.changed.length}`, initializers.changed.map(differenceRow)),
    '',
    summary(diff),
  ];
}

function section(heading: string, rows: readonly Row[], most = longestList): string[] {
  if (rows.length === 0) return [];
  return ['', paint(process.stdout, 'bold', heading), ...alignRows(rows.slice(0, most)), ...more(rows.length - most)];
}

function more(count: number): string[] {
  return count > 0 ? [`  ... and ${grouped(count)} more`] : [];
}

function changeRow({ what, before, after }: Change): Row {
  const words = [before, after].map((value) => (value === null ? 'none' : short(value)));
  return [what, words[0] as string, '->', words[1] as string];
}

function operatorRow({ operator, before, after }: ModelDiff['operators'][number]): Row {
  const change = after - before;
  return [
    operator,
    { number: grouped(before) },
    '->',
    { number: grouped(after) },
    { number: `${change > 0 ? '+' : ''}${grouped(change)}` },
  ];
}

function nodeRow({ operator, name, outputs }: NodeLabel): Row {
  return [operator, short(name), `makes ${short(outputs.filter((output) => output !== '').join(', '))}`];
}

/** A line for each node and its first change, one for each other change. */
function changedNodes(nodes: readonly ChangedNode[]): string[] {
  const rows = nodes.slice(0, longestList).flatMap(({ operator, name, outputs, changes }) =>
    changes.map((change, index): Row => {
      const label = index === 0 ? [operator, short(name === '' ? (outputs[0] ?? '') : name)] : ['', ''];
      return [...label, ...changeRow(change)];
    }),
  );
  const lines = section(`Nodes that differ: ${counted(nodes)}`, rows, rows.length);
  return [...lines, ...more(nodes.length - longestList)];
}

function largest(tensors: readonly NamedTensor[]): NamedTensor[] {
  return [...tensors].sort((left, right) => (right.bytes ?? 0) - (left.bytes ?? 0));
}

function tensorRow({ name, ...label }: NamedTensor): Row {
  return [short(name), ...labelCells(label)];
}

function labelCells({ dtype, dims, bytes }: TensorLabel): Row {
  return [dtype, `[${dims.join(', ')}]`, { number: size(bytes) }];
}

function differenceRow({ name, before, after, maxAbsDifference, differing }: TensorDifference): Row {
  const label = ({ dtype, dims }: TensorLabel): string => `${dtype} [${dims.join(', ')}]`;
  if (label(before) !== label(after))
    return [short(name), label(before), `-> ${label(after)}, ${size(before.bytes)} -> ${size(after.bytes)}`];
  if (differing === null || maxAbsDifference === null) return [short(name), label(before), 'other elements'];
  const count = before.dims.reduce((product, length) => product * length, 1);
  return [
    short(name),
    label(before),
    `${grouped(differing)} of ${grouped(count)} elements differ, by ${Number(maxAbsDifference.toPrecision(3))} at most`,
  ];
}

/** `12 (Conv 10, Relu 2)` */
function counted(nodes: readonly NodeLabel[]): string {
  const counts = new Map<string, number>();
  for (const { operator } of nodes) counts.set(operator, (counts.get(operator) ?? 0) + 1);
  const sorted = [...counts].sort(([, left], [, right]) => right - left);
  const named = sorted.slice(0, longestList).map(([operator, count]) => `${printable(operator)} ${grouped(count)}`);
  return `${grouped(nodes.length)} (${named.join(', ')}${sorted.length > longestList ? ', ...' : ''})`;
}

/** `3, 1.20 MB` */
function stored(tensors: readonly NamedTensor[]): string {
  const bytes = tensors.reduce<number | null>(
    (sum, tensor) => (sum === null || tensor.bytes === null ? null : sum + tensor.bytes),
    0,
  );
  return `${grouped(tensors.length)}, ${size(bytes)}`;
}

function summary({ nodes, initializers }: ModelDiff): string {
  const told = ({ added, removed, changed }: Record<'added' | 'removed' | 'changed', readonly unknown[]>): string =>
    `${grouped(added.length)} more, ${grouped(removed.length)} fewer, ${grouped(changed.length)} changed`;
  return `The graphs differ. Nodes: ${told(nodes)}. Initializers: ${told(initializers)}.`;
}

function short(text: string): string {
  const characters = [...text];
  return characters.length <= longestText ? text : `${characters.slice(0, longestText - 1).join('')}…`;
}
