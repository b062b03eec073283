import {
  changed,
  DataType,
  FreshNames,
  madeNode,
  plainDomain,
  readWithin,
  typesOfValues,
  type GraphProto,
  type ModelProto,
  type NodeProto,
} from '../graph/index.js';
import { halfDataTypes } from './half-form.js';
import type { HalfType } from './plan-half.js';

/**
 * The same model, of which every node of half precision is computed in float32 and what it makes is rounded: what tensors of 16 bits cost where sums are kept in 32.
 * On a CPU, ONNX Runtime computes such nodes of float16 in float32 too, but leaves out the rounding in between; of bfloat16 it has none.
 */
export function simulateHalf(model: ModelProto, halfType: HalfType = 'float16'): ModelProto {
  const half = halfDataTypes[halfType];
  const graph = model.graph as GraphProto;
  const typeOf = typesOfValues(graph);
  const names = new FreshNames(graph);
  const nodes: NodeProto[] = [];
  const floats = new Map<string, string>();
  const asFloat = (name: string): string => {
    if (typeOf(name) !== half) return name;
    const known = floats.get(name);
    if (known !== undefined) return known;
    const made = names.fresh(`${name}/float32`);
    nodes.push(madeNode('Cast', [name], made, { to: DataType.FLOAT }));
    floats.set(name, made);
    return made;
  };
  for (const node of graph.node) {
    // Of others it is not known what they may be given; what graphs within nodes read keeps its type.
    if (node.opType === 'Cast' || plainDomain(node.domain) !== '' || readWithin(node).length > 0) {
      nodes.push(node);
      continue;
    }
    const input = node.input.map(asFloat);
    const rounded: NodeProto[] = [];
    const output = node.output.map((name) => {
      if (typeOf(name) !== half) return name;
      const made = names.fresh(`${name}/unrounded`);
      // The node may be called as what it makes.
      rounded.push(changed(madeNode('Cast', [made], name, { to: half }), { name: names.fresh(`${name}/rounded`) }));
      return made;
    });
    nodes.push(changed(node, { input, output }), ...rounded);
  }
  return changed(model, { graph: changed(graph, { node: nodes }) });
}
