import type { GraphProto, NodeProto } from '../onnx_pb.js';
import { changed } from './changed.js';
import { readFromAround } from './names.js';
import { invalid } from './sound-model.js';

/**
 * The same graph with each node after those whose values it reads, be it in a graph within it. Nodes that need not move keep their order; a graph in
 * order is returned itself. The graphs within nodes are left as they are.
 *
 * Throws MODEL_INVALID where nodes read from each other in a circle, and names them.
 */
export function sortTopologically(graph: GraphProto): GraphProto {
  const producers = new Map<string, NodeProto>();
  for (const node of graph.node) for (const name of node.output) if (name !== '') producers.set(name, node);
  const sorted: NodeProto[] = [];
  const done = new Set<NodeProto>();
  const begun = new Set<NodeProto>();
  for (const first of graph.node) {
    // Not recursive: a chain of nodes may be longer than the stack.
    const path: { readonly node: NodeProto; readonly reads: Iterator<string> }[] = [];
    const enter = (node: NodeProto): void => {
      begun.add(node);
      path.push({ node, reads: readFromAround(node)[Symbol.iterator]() });
    };
    if (!done.has(first)) enter(first);
    for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
      const { value: name, done: isRead } = last.reads.next() as IteratorResult<string, undefined>;
      if (isRead === true) {
        path.pop();
        done.add(last.node);
        sorted.push(last.node);
        continue;
      }
      const producer = producers.get(name as string);
      if (producer === undefined || done.has(producer)) continue;
      if (begun.has(producer)) throw circle(path.map(({ node }) => node).slice(path.findIndex(({ node }) => node === producer)));
      enter(producer);
    }
  }
  return sorted.every((node, index) => node === graph.node[index]) ? graph : changed(graph, { node: sorted });
}

const mostNamed = 8;

function circle(nodes: readonly NodeProto[]): Error {
  const names = nodes.slice(0, mostNamed).map(({ name, opType, output }) => `${opType} ${JSON.stringify(name || output[0])}`);
  const more = nodes.length > mostNamed ? [`${nodes.length - mostNamed} more`] : [];
  return invalid(`these of its nodes read from each other in a circle: ${[...names, ...more].join(', ')}`);
}
