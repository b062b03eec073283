import { isDeepStrictEqual } from 'node:util';
import { toBinary } from '@bufbuild/protobuf';
import { AbortedError } from '../errors/index.js';
import { differenceOfTensors, labelOf, type TensorDifference, type TensorLabel } from './diff-tensors.js';
import type { ReadOptions } from './file-bytes.js';
import { countOperators } from './model-counts.js';
import { OnnxGraph, plainDomain, type AttributeValue, type OnnxNode } from './onnx-graph.js';
import type { OnnxModel } from './onnx-model.js';
import { FunctionProtoSchema, SparseTensorProtoSchema } from './onnx_pb.js';
import { OnnxTensor } from './onnx-tensor.js';
import type { ValueInfo } from './value-info.js';

/** A thing that is other in the second model: how it was and how it is, in words; null where it was or is not there. */
export interface Change {
  readonly what: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** A node, as a diff names it. */
export interface NodeLabel {
  readonly operator: string;
  readonly name: string;
  readonly outputs: readonly string[];
}

export interface ChangedNode extends NodeLabel {
  /** Inputs and outputs by their place (all at once where their number differs), attributes by name. */
  readonly changes: readonly Change[];
}

/** What differs between two models; names of nodes and texts for people do not count, nor does the order of nodes. */
export interface ModelDiff {
  readonly same: boolean;
  /** IR version, operator sets, metadata, functions of the model's own and sparse initializers. */
  readonly header: readonly Change[];
  readonly inputs: readonly Change[];
  readonly outputs: readonly Change[];
  readonly nodes: {
    readonly added: readonly NodeLabel[];
    readonly removed: readonly NodeLabel[];
    readonly changed: readonly ChangedNode[];
  };
  readonly initializers: {
    readonly added: readonly NamedTensor[];
    readonly removed: readonly NamedTensor[];
    readonly changed: readonly TensorDifference[];
  };
  /** Operators of which there are more or fewer, most used first. */
  readonly operators: readonly { readonly operator: string; readonly before: number; readonly after: number }[];
}

/** A constant that only one of the models has. */
export interface NamedTensor extends TensorLabel {
  readonly name: string;
}

/**
 * Compares the graphs of two models. Nodes are the same where they make the same values; of the others, those that are equal but for the names of what they
 * make are paired, each value that only was renamed being followed on. Elements are compared wherever they are stored: those in other files are read a
 * piece at a time.
 *
 * Rejects with MODEL_INVALID for a damaged model, MODEL_NOT_FOUND where the file of external elements is not there, ABORTED.
 */
export async function diffModels(before: OnnxModel, after: OnnxModel, options: ReadOptions = {}): Promise<ModelDiff> {
  const nodes = await diffNodes(before.graph, after.graph, options);
  const initializers = await diffInitializers(before.graph, after.graph, options);
  const header = [...diffEntries(headerOf(before), headerOf(after)), ...diffParts(partsOf(before), partsOf(after))];
  const inputs = diffEntries(valuesOf(before.inputs), valuesOf(after.inputs));
  const outputs = diffEntries(valuesOf(before.outputs), valuesOf(after.outputs));
  const order = (values: readonly ValueInfo[]): string => values.map(({ name }) => name).join(', ');
  for (const [changes, one, other] of [
    [inputs, before.inputs, after.inputs],
    [outputs, before.outputs, after.outputs],
  ] as const) {
    if (changes.length === 0 && order(one) !== order(other))
      changes.push({ what: 'order', before: order(one), after: order(other) });
  }
  const lists: readonly (readonly unknown[])[] = [
    header,
    inputs,
    outputs,
    ...Object.values(nodes),
    ...Object.values(initializers),
  ];
  return {
    same: lists.every(({ length }) => length === 0),
    header,
    inputs,
    outputs,
    nodes,
    initializers,
    operators: diffOperators(before, after),
  };
}

type Entries = ReadonlyMap<string, string>;

function headerOf({ irVersion, opsets, metadata }: OnnxModel): Entries {
  return new Map([
    ['IR version', String(irVersion)],
    ...[...opsets].map(([domain, version]) => [`opset of ${domain === '' ? 'ONNX' : domain}`, String(version)] as const),
    ...[...metadata].map(([key, value]) => [`metadata ${JSON.stringify(key)}`, JSON.stringify(value)] as const),
  ]);
}

function valuesOf(values: readonly ValueInfo[]): Entries {
  return new Map(
    values.map(({ name, kind, dtype, shape }) => [
      name,
      `${kind === 'tensor' ? '' : `${kind} of `}${dtype} ${shape === null ? 'of any shape' : `[${shape.map((size) => size ?? '?').join(', ')}]`}`,
    ]),
  );
}

function diffEntries(before: Entries, after: Entries): Change[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((what) => {
    const [one, other] = [before.get(what) ?? null, after.get(what) ?? null];
    return one === other ? [] : [{ what, before: one, after: other }];
  });
}

/** What is only told to be there or other: what it is, in words, and its bytes. */
type Parts = ReadonlyMap<string, readonly [words: string, bytes: Uint8Array]>;

function partsOf({ proto, graph }: OnnxModel): Parts {
  const parts = new Map<string, readonly [string, Uint8Array]>();
  for (const one of proto.functions) {
    const name = [plainDomain(one.domain), one.name].filter((part) => part !== '').join('.');
    parts.set(`function ${name}`, [`${one.node.length} nodes`, toBinary(FunctionProtoSchema, one)]);
  }
  for (const one of graph.proto.sparseInitializer) {
    const words = `${one.values?.dims.join() ?? 'no'} elements of [${one.dims.join(', ')}]`;
    parts.set(`sparse initializer ${JSON.stringify(one.values?.name ?? '')}`, [words, toBinary(SparseTensorProtoSchema, one)]);
  }
  return parts;
}

function diffParts(before: Parts, after: Parts): Change[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((what) => {
    const [one, other] = [before.get(what), after.get(what)];
    if (one && other && Buffer.compare(one[1], other[1]) === 0) return [];
    const words = other === undefined ? null : one?.[0] === other[0] ? `${other[0]}, others` : other[0];
    return [{ what, before: one?.[0] ?? null, after: words }];
  });
}

async function diffInitializers(before: OnnxGraph, after: OnnxGraph, options: ReadOptions): Promise<ModelDiff['initializers']> {
  const [one, other] = [before.initializers, after.initializers];
  const changed: TensorDifference[] = [];
  for (const [name, tensor] of one) {
    const same = other.get(name);
    const difference = same && (await differenceOfTensors(tensor, same, options));
    if (difference !== undefined) changed.push(difference);
  }
  const only = (those: typeof one, rest: typeof one): NamedTensor[] =>
    [...those].filter(([name]) => !rest.has(name)).map(([name, tensor]) => ({ name, ...labelOf(tensor) }));
  return { added: only(other, one), removed: only(one, other), changed };
}

async function diffNodes(before: OnnxGraph, after: OnnxGraph, options: ReadOptions): Promise<ModelDiff['nodes']> {
  const made = new Map(
    after.nodes.flatMap((node) => node.outputs.filter((name) => name !== '').map((name) => [name, node] as const)),
  );
  const [pairs, taken] = [new Map<OnnxNode, OnnxNode>(), new Set<OnnxNode>()];
  const pair = (one: OnnxNode, other: OnnxNode | undefined): void => {
    if (other === undefined || taken.has(other)) return;
    pairs.set(one, other);
    taken.add(other);
  };
  for (const node of before.nodes) {
    const other = node.outputs
      .map((name) => made.get(name))
      .find((one) => one?.opType === node.opType && one.domain === node.domain);
    pair(node, other);
  }
  // What was renamed, in the order of the graph: so the inputs of the next ones are known by their new names.
  const renamed = new Map<string, string>();
  const signature = (node: OnnxNode, names: ReadonlyMap<string, string>): string =>
    JSON.stringify([node.domain, node.opType, node.inputs.map((name) => names.get(name) ?? name), node.outputs.length]);
  const free = new Map<string, OnnxNode[]>();
  for (const node of after.nodes) {
    if (taken.has(node)) continue;
    const key = signature(node, new Map());
    free.set(key, [...(free.get(key) ?? []), node]);
  }
  for (const node of before.nodes) {
    if (!pairs.has(node)) {
      const candidates = free.get(signature(node, renamed)) ?? [];
      const index = await firstWhere(candidates, async (other) => (await attributeChanges(node, other, options)).length === 0);
      pair(node, candidates.splice(Math.max(index, 0), 1)[0]);
    }
    const other = pairs.get(node);
    node.outputs.forEach((name, index) => renamed.set(name, other?.outputs[index] ?? name));
  }
  const changed: ChangedNode[] = [];
  for (const one of before.nodes) {
    const other = pairs.get(one);
    if (other === undefined) continue;
    const known = one.inputs.map((name) => renamed.get(name) ?? name);
    const changes = [
      ...diffNames('input', one.inputs, other.inputs, known),
      ...diffNames('output', one.outputs, other.outputs),
      ...(await attributeChanges(one, other, options)),
    ];
    if (changes.length > 0) changed.push({ ...nodeLabel(one), changes });
  }
  return {
    added: after.nodes.filter((node) => !taken.has(node)).map(nodeLabel),
    removed: before.nodes.filter((node) => !pairs.has(node)).map(nodeLabel),
    changed,
  };
}

async function firstWhere<T>(items: readonly T[], holds: (item: T) => Promise<boolean>): Promise<number> {
  for (const [index, item] of items.entries()) if (await holds(item)) return index;
  return -1;
}

/** Those in the same place, where there are as many. `known`: what the first ones are called now. */
function diffNames(what: string, before: readonly string[], after: readonly string[], known = before): Change[] {
  if (before.length !== after.length) return [{ what: `${what}s`, before: before.join(', '), after: after.join(', ') }];
  return before.flatMap((name, index) => {
    const now = after[index] as string;
    return known[index] === now ? [] : [{ what: `${what} ${index}`, before: name, after: now }];
  });
}

function nodeLabel({ opType, domain, name, outputs }: OnnxNode): NodeLabel {
  return { operator: domain === '' ? opType : `${domain}.${opType}`, name, outputs };
}

async function attributeChanges(one: OnnxNode, other: OnnxNode, options: ReadOptions): Promise<Change[]> {
  if (options.signal?.aborted) {
    throw new AbortedError('ABORTED', { message: 'Comparing the models was aborted', cause: options.signal.reason });
  }
  const changes: Change[] = [];
  for (const name of new Set([...one.attributes.keys(), ...other.attributes.keys()])) {
    const [before, after] = [one.attributes.get(name), other.attributes.get(name)];
    if (one.attributes.has(name) === other.attributes.has(name) && (await isSame(before, after, options))) continue;
    const told = (node: OnnxNode, value: AttributeValue): string | null => (node.attributes.has(name) ? inWords(value) : null);
    changes.push({ what: `attribute ${name}`, before: told(one, before), after: told(other, after) });
  }
  return changes;
}

async function isSame(one: AttributeValue, other: AttributeValue, options: ReadOptions): Promise<boolean> {
  if (one instanceof OnnxTensor && other instanceof OnnxTensor) {
    return (await differenceOfTensors(one, other, options)) === undefined;
  }
  if (one instanceof OnnxGraph && other instanceof OnnxGraph) {
    if (!isDeepStrictEqual(valuesOf(one.outputs), valuesOf(other.outputs))) return false;
    const nodes = await diffNodes(one, other, options);
    const weights = await diffInitializers(one, other, options);
    return [...Object.values(nodes), ...Object.values(weights)].every(({ length }) => length === 0);
  }
  if (Array.isArray(one) && Array.isArray(other)) {
    if (!hasParts(one) || !hasParts(other)) return isDeepStrictEqual(one, other);
    const paired = one.map((item, index) => [item, other[index]] as const);
    return one.length === other.length && (await firstWhere(paired, async (pair) => !(await isSame(...pair, options)))) === -1;
  }
  return isDeepStrictEqual(one, other);
}

/** Lists of tensors and graphs, which are not looked at as they are stored. */
function hasParts(list: readonly unknown[]): list is readonly (OnnxTensor | OnnxGraph)[] {
  return list.every((item) => item instanceof OnnxTensor || item instanceof OnnxGraph);
}

/** Longer lists and texts are cut. */
const longestTold = 60;

function inWords(value: AttributeValue): string {
  if (value instanceof OnnxTensor) return `tensor ${value.dtype} [${value.dims.join(', ')}]`;
  if (value instanceof OnnxGraph) return `graph of ${value.nodes.length} nodes`;
  const text = Array.isArray(value)
    ? `[${value.map(String).join(', ')}]`
    : typeof value === 'object'
      ? 'other values'
      : String(value);
  return text.length > longestTold ? `${text.slice(0, longestTold - 3)}...` : text;
}

function diffOperators(before: OnnxModel, after: OnnxModel): ModelDiff['operators'] {
  const [one, other] = [before, after].map(
    (model) => new Map(countOperators(model).map(({ operator, count }) => [operator, count])),
  );
  return [...new Set([...(one?.keys() ?? []), ...(other?.keys() ?? [])])]
    .map((operator) => ({ operator, before: one?.get(operator) ?? 0, after: other?.get(operator) ?? 0 }))
    .filter((row) => row.before !== row.after);
}
