import { plainDomain } from '../onnx-graph.js';
import type { GraphProto, ModelProto, NodeProto, ValueInfoProto } from '../onnx_pb.js';
import { changed } from './changed.js';
import { constantsOf, type ConstantLookup } from './constant-tensors.js';
import { readBy } from './names.js';
import { soundModel } from './sound-model.js';
import { madeIn, renamedReads, withSubgraphs } from './subgraphs.js';

/**
 * The same model without what changes nothing: nodes, constants and declared types that nobody reads, Identity, and Dropout that does not train, in the
 * graphs within nodes too. Names of inputs and outputs stay; an Identity between an input or a constant and an output therefore does too.
 *
 * `model` is left as it is and shares its weights with the result; a model in which all is used is returned itself.
 * Throws MODEL_UNSUPPORTED below opset 7, MODEL_INVALID for a damaged model.
 */
export function removeUnused(model: ModelProto): ModelProto {
  const { graph, opset } = soundModel(model);
  const cleaned = used(graph, opset, () => undefined);
  return cleaned === graph ? model : changed(model, { graph: cleaned });
}

function used(graph: GraphProto, opset: number, outer: ConstantLookup): GraphProto {
  const constants = constantsOf(graph, outer);
  const within = graph.node.map((node) => withSubgraphs(node, (inner) => used(inner, opset, constants)));
  const node = withoutPassing(graph, within, (one) => passes(one, opset, constants));
  const kept = withoutUnread(changed(graph, { node }));
  const isSame = (['node', 'initializer', 'sparseInitializer', 'valueInfo', 'quantizationAnnotation'] as const).every(
    (field) => kept[field].length === graph[field].length && kept[field].every((one, i) => one === graph[field][i]),
  );
  return isSame ? graph : kept;
}

/** Whether the first output of a node is its first input, and nobody can have the others. */
function passes({ opType, domain, input, output }: NodeProto, opset: number, constants: ConstantLookup): boolean {
  if (plainDomain(domain) !== '' || !input[0] || !output[0]) return false;
  if (opType === 'Identity') return true;
  if (opType !== 'Dropout' || (output[1] ?? '') !== '') return false;
  const training = opset < 12 ? '' : (input[2] ?? '');
  return training === '' || constants(training)?.data?.[0] === 0;
}

/** The nodes without those that only hand on, whose readers read what goes in. */
function withoutPassing(graph: GraphProto, nodes: readonly NodeProto[], isPassing: (node: NodeProto) => boolean): NodeProto[] {
  const outputs = new Set(graph.output.map(({ name }) => name));
  const made = new Set(nodes.flatMap(({ output }) => output));
  // Where an output is only another name for a value that a node makes, the node makes it under that name.
  const outputNames = new Map<string, string>();
  const names = new Map<string, string>();
  const kept = nodes.filter((node) => {
    if (!isPassing(node)) return true;
    const [from, to] = [node.input[0] as string, node.output[0] as string];
    const source = names.get(from) ?? from;
    if (!outputs.has(to)) {
      names.set(to, source);
      return false;
    }
    if (!made.has(source) || outputs.has(source) || outputNames.has(source)) return true;
    outputNames.set(source, to);
    return false;
  });
  if (names.size === 0 && outputNames.size === 0) return kept;
  for (const [name, source] of names) names.set(name, outputNames.get(source) ?? source);
  for (const [name, output] of outputNames) names.set(name, output);
  return kept.map((node) => {
    const read = renamedReads(node, names);
    if (!node.output.some((name) => outputNames.has(name))) return read;
    return changed(read, { output: read.output.map((name) => outputNames.get(name) ?? name) });
  });
}

/** Without the nodes, constants and declared types of values that are not read any more. */
export function withoutUnread(graph: GraphProto): GraphProto {
  const read = new Set(graph.output.map(({ name }) => name));
  const node = graph.node
    .toReversed()
    .filter((one) => {
      const isRead = one.output.some((name) => read.has(name));
      if (isRead) for (const name of readBy(one)) read.add(name);
      return isRead;
    })
    .toReversed();
  for (const { name } of graph.input) read.add(name);
  const initializer = graph.initializer.filter(({ name }) => read.has(name));
  const sparseInitializer = graph.sparseInitializer.filter(({ values }) => read.has(values?.name ?? ''));
  const made = new Set(madeIn(changed(graph, { node, initializer, sparseInitializer })));
  return changed(graph, {
    node,
    initializer,
    sparseInitializer,
    valueInfo: graph.valueInfo.filter(({ name }: ValueInfoProto) => made.has(name)),
    quantizationAnnotation: graph.quantizationAnnotation.filter(({ tensorName }) => made.has(tensorName)),
  });
}
