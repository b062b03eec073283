import type { AttributeProto, GraphProto, NodeProto } from '../onnx_pb.js';
import { changed } from './changed.js';
import { subgraphsOf } from './names.js';

/** A node with the graphs within it changed; the node itself where none is. */
export function withSubgraphs(node: NodeProto, change: (graph: GraphProto) => GraphProto): NodeProto {
  if (subgraphsOf(node).length === 0) return node;
  const attribute = node.attribute.map((own) => attributeWith(own, change));
  return attribute.every((own, i) => own === node.attribute[i]) ? node : changed(node, { attribute });
}

function attributeWith(own: AttributeProto, change: (graph: GraphProto) => GraphProto): AttributeProto {
  const g = own.g && change(own.g);
  const graphs = own.graphs.map(change);
  if (g === own.g && graphs.every((graph, i) => graph === own.graphs[i])) return own;
  return changed(own, { ...(g && { g }), graphs });
}

/** Other names for values that are read, by the names that they had. */
export type Renaming = ReadonlyMap<string, string>;

/** A node that reads values by other names, in the graphs within it too; the node itself where it reads none of them. */
export function renamedReads(node: NodeProto, names: Renaming): NodeProto {
  if (names.size === 0) return node;
  const within = withSubgraphs(node, (graph) => renamedWithin(graph, names));
  if (!within.input.some((name) => names.has(name))) return within;
  return changed(within, { input: within.input.map((name) => names.get(name) ?? name) });
}

function renamedWithin(graph: GraphProto, names: Renaming): GraphProto {
  // What a graph makes for itself under a name hides what is around it.
  const own = new Set(madeIn(graph));
  const outer = new Map([...names].filter(([name]) => !own.has(name)));
  const node = graph.node.map((one) => renamedReads(one, outer));
  const output = graph.output.map((value) => {
    const name = outer.get(value.name);
    return name === undefined ? value : changed(value, { name });
  });
  const isSame = node.every((one, i) => one === graph.node[i]) && output.every((one, i) => one === graph.output[i]);
  return isSame ? graph : changed(graph, { node, output });
}

/** Names of the values that a graph has of its own: inputs, constants, and what its nodes make. */
export function madeIn({ input, initializer, sparseInitializer, node }: GraphProto): readonly string[] {
  return [
    ...input.map(({ name }) => name),
    ...initializer.map(({ name }) => name),
    ...sparseInitializer.map(({ values }) => values?.name ?? ''),
    ...node.flatMap(({ output }) => output),
  ].filter((name) => name !== '');
}
