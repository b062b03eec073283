import { changed, readBy, type GraphProto, type ModelProto, type OnnxNode } from '../graph/index.js';
import { firstOpset, inOpset } from './in-opset.js';
import type { Int4Weights } from './int4-weights.js';
import type { LayerWeights } from './layer-weights.js';
import { QdqWriter } from './qdq-writer.js';
import type { Structure } from './structure.js';

/** Writes a model whose layers compute in float, with weights that are stored in four or eight bits: those of the map. */
export function writeWeightOnlyForm(
  model: ModelProto,
  structure: Structure,
  weights: ReadonlyMap<OnnxNode, Int4Weights | LayerWeights>,
): ModelProto {
  const graph = model.graph as GraphProto;
  const writer = new QdqWriter(graph);
  for (const node of structure.nodes) {
    const stored = weights.get(node);
    const [first = '', name = '', ...others] = node.inputs;
    if (stored === undefined) writer.nodes.push(node.proto);
    else writer.nodes.push(changed(node.proto, { input: [first, writer.weights(name, stored), ...others] }));
  }
  const read = new Set([...writer.nodes.flatMap(readBy), ...graph.output.map(({ name }) => name)]);
  const written = changed(model, {
    graph: changed(graph, {
      node: writer.nodes,
      initializer: [...graph.initializer.filter(({ name }) => read.has(name)), ...writer.initializers],
    }),
  });
  return inOpset(written, Math.max(...[...weights.values()].map(({ dtype }) => firstOpset[dtype])));
}
