import { isDeepStrictEqual } from 'node:util';
import { ModelError } from '../errors/index.js';
import { differenceOfTensors, type TensorDifference } from './diff-tensors.js';
import { countOperators } from './model-counts.js';
import { OnnxGraph, type AttributeValue, type OnnxNode } from './onnx-graph.js';
import { OnnxModel } from './onnx-model.js';
import type { ModelProto } from './onnx_pb.js';
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
  /** Operator, inputs, outputs, and attributes by name. */
  readonly changes: readonly Change[];
}

/** What differs between two models; names of nodes and texts for people do not count, nor does the order of nodes. */
export interface ModelDiff {
  readonly same: boolean;
  /** IR version, operator sets and metadata. */
  readonly header: readonly Change[];
  readonly inputs: readonly Change[];
  readonly outputs: readonly Change[];
  readonly nodes: {
    readonly added: readonly NodeLabel[];
    readonly removed: readonly NodeLabel[];
    readonly changed: readonly ChangedNode[];
  };
  readonly initializers: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly TensorDifference[];
  };
  /** Operators of which there are more or fewer, most used first. */
  readonly operators: readonly { readonly operator: string; readonly before: number; readonly after: number }[];
}

/**
 * Compares the graphs of two models. Nodes are the same where they make the same values; of the others, those that are equal but for the names of what they
 * make are paired, each value that only was renamed being followed on. Elements in other files are compared by their place.
 *
 * Throws MODEL_INVALID for a damaged model.
 */
export function diffModels(before: ModelProto, after: ModelProto): ModelDiff {
  const [one, other] = [read(before), read(after)];
  const nodes = diffNodes(one.graph, other.graph);
  const initializers = diffInitializers(one.graph, other.graph);
  const header = diffEntries(headerOf(one), headerOf(other));
  const inputs = diffEntries(valuesOf(one.inputs), valuesOf(other.inputs));
  const outputs = diffEntries(valuesOf(one.outputs), valuesOf(other.outputs));
  const lists = [
    header,
    inputs,
    outputs,
    ...Object.values(nodes),
    ...Object.values(initializers),
  ] as readonly (readonly unknown[])[];
  return {
    same: lists.every(({ length }) => length === 0),
    header,
    inputs,
    outputs,
    nodes,
    initializers,
    operators: diffOperators(one, other),
  };
}

function read(proto: ModelProto): OnnxModel {
  if (proto.graph === undefined) {
    throw new ModelError('MODEL_INVALID', {
      message: 'Expected two models but one has no graph',
      hint: 'Export the model again.',
    });
  }
  return new OnnxModel(proto, proto.graph, undefined);
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

function diffInitializers(before: OnnxGraph, after: OnnxGraph): ModelDiff['initializers'] {
  const [one, other] = [before.initializers, after.initializers];
  return {
    added: [...other.keys()].filter((name) => !one.has(name)),
    removed: [...one.keys()].filter((name) => !other.has(name)),
    changed: [...one].flatMap(([name, tensor]) => {
      const same = other.get(name);
      return (same && differenceOfTensors(tensor, same)) ?? [];
    }),
  };
}

function diffNodes(before: OnnxGraph, after: OnnxGraph): ModelDiff['nodes'] {
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
      const index = candidates.findIndex((other) => attributeChanges(node, other).length === 0);
      pair(node, candidates.splice(Math.max(index, 0), 1)[0]);
    }
    const other = pairs.get(node);
    node.outputs.forEach((name, index) => renamed.set(name, other?.outputs[index] ?? name));
  }
  return {
    added: after.nodes.filter((node) => !taken.has(node)).map(labelOf),
    removed: before.nodes.filter((node) => !pairs.has(node)).map(labelOf),
    changed: before.nodes.flatMap((one) => {
      const other = pairs.get(one);
      if (other === undefined) return [];
      const known = one.inputs.map((name) => renamed.get(name) ?? name);
      const changes = [
        ...(isDeepStrictEqual(known, other.inputs) ? [] : list('inputs', one.inputs, other.inputs)),
        ...list('outputs', one.outputs, other.outputs),
        ...attributeChanges(one, other),
      ];
      return changes.length === 0 ? [] : [{ ...labelOf(one), changes }];
    }),
  };
}

function list(what: string, before: readonly string[], after: readonly string[]): Change[] {
  return isDeepStrictEqual(before, after) ? [] : [{ what, before: before.join(', '), after: after.join(', ') }];
}

function labelOf({ opType, domain, name, outputs }: OnnxNode): NodeLabel {
  return { operator: domain === '' ? opType : `${domain}.${opType}`, name, outputs };
}

function attributeChanges(one: OnnxNode, other: OnnxNode): Change[] {
  const names = new Set([...one.attributes.keys(), ...other.attributes.keys()]);
  return [...names].flatMap((name) => {
    const [before, after] = [one.attributes.get(name), other.attributes.get(name)];
    if (one.attributes.has(name) === other.attributes.has(name) && sameValue(before, after)) return [];
    const told = (node: OnnxNode, value: AttributeValue): string | null => (node.attributes.has(name) ? inWords(value) : null);
    return [{ what: `attribute ${name}`, before: told(one, before), after: told(other, after) }];
  });
}

function sameValue(one: AttributeValue, other: AttributeValue): boolean {
  if (one instanceof OnnxTensor && other instanceof OnnxTensor) return differenceOfTensors(one, other) === undefined;
  if (one instanceof OnnxGraph && other instanceof OnnxGraph) {
    const { added, removed, changed } = diffNodes(one, other);
    const weights = diffInitializers(one, other);
    const outputs = isDeepStrictEqual(valuesOf(one.outputs), valuesOf(other.outputs));
    return outputs && [added, removed, changed, ...Object.values(weights)].every(({ length }) => length === 0);
  }
  return isDeepStrictEqual(one, other);
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
