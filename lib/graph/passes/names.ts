import type { GraphProto, NodeProto } from '../onnx_pb.js';

/** The graphs within a node: branches of If, bodies of Loop and Scan. */
export function subgraphsOf({ attribute }: NodeProto): readonly GraphProto[] {
  return attribute.flatMap(({ g, graphs }) => [...(g === undefined ? [] : [g]), ...graphs]);
}

/** The values that a node reads, those that its subgraphs take from around them included, and what they make for themselves. */
export function readBy(node: NodeProto): readonly string[] {
  return [...node.input, ...readWithin(node)];
}

/** The values that the subgraphs of a node read: from around them, and what they make for themselves. */
export function readWithin(node: NodeProto): readonly string[] {
  return subgraphsOf(node).flatMap((graph) => [
    ...graph.node.flatMap(readBy),
    // An output may be a value from around the graph.
    ...graph.output.map(({ name }) => name),
  ]);
}

/** The values that a node takes from the graph it is in: its inputs, and what its subgraphs read and do not make. */
export function readFromAround(node: NodeProto): readonly string[] {
  const own = node.input.filter((name) => name !== '');
  return [...own, ...subgraphsOf(node).flatMap(readByGraph)];
}

function readByGraph({ node, input, initializer, sparseInitializer, output }: GraphProto): readonly string[] {
  const made = new Set([
    ...[...input, ...initializer].map(({ name }) => name),
    ...sparseInitializer.map(({ values }) => values?.name ?? ''),
    ...node.flatMap((one) => one.output),
  ]);
  const read = [...node.flatMap(readFromAround), ...output.map(({ name }) => name)];
  return read.filter((name) => !made.has(name));
}

/** Names that nothing in a graph has yet, neither a value nor a node. */
export class FreshNames {
  readonly #taken = new Set<string>();

  constructor(graph: GraphProto) {
    this.#take(graph);
  }

  /** `name`, with a number where it is taken. */
  fresh(name: string): string {
    let free = name;
    for (let count = 2; this.#taken.has(free); count++) free = `${name}_${count}`;
    this.#taken.add(free);
    return free;
  }

  #take({ node, initializer, sparseInitializer, input, output, valueInfo }: GraphProto): void {
    for (const { name } of [...initializer, ...input, ...output, ...valueInfo]) this.#taken.add(name);
    for (const { values } of sparseInitializer) this.#taken.add(values?.name ?? '');
    for (const one of node) {
      for (const name of [one.name, ...one.input, ...one.output]) this.#taken.add(name);
      for (const graph of subgraphsOf(one)) this.#take(graph);
    }
  }
}
