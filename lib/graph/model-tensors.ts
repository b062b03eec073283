import type { AttributeProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto } from './onnx_pb.js';
import { changed } from './passes/changed.js';

/**
 * Every tensor that is stored with a model: initializers and values of attributes, in its graph, in the graphs within nodes, in functions and in the
 * graphs for its training; of sparse ones their values and indices.
 */
export function tensorsOf({ graph, functions, trainingInfo }: ModelProto): readonly TensorProto[] {
  const graphs = [graph, ...trainingInfo.flatMap(({ initialization, algorithm }) => [initialization, algorithm])];
  return [
    ...graphs.flatMap((one) => (one === undefined ? [] : inGraph(one))),
    ...functions.flatMap(({ node, attributeProto }) =>
      inAttributes([...node.flatMap(({ attribute }) => attribute), ...attributeProto]),
    ),
  ];
}

function inGraph({ initializer, sparseInitializer, node }: GraphProto): TensorProto[] {
  return [...initializer, ...sparseInitializer.flatMap(inSparse), ...node.flatMap(({ attribute }) => inAttributes(attribute))];
}

function inAttributes(attributes: readonly AttributeProto[]): TensorProto[] {
  return attributes.flatMap(({ t, tensors, sparseTensor, sparseTensors, g, graphs }) => [
    ...(t === undefined ? [] : [t]),
    ...tensors,
    ...(sparseTensor === undefined ? [] : inSparse(sparseTensor)),
    ...sparseTensors.flatMap(inSparse),
    ...(g === undefined ? [] : inGraph(g)),
    ...graphs.flatMap(inGraph),
  ]);
}

function inSparse({ values, indices }: SparseTensorProto): TensorProto[] {
  return [values, indices].filter((part) => part !== undefined);
}

/** The model with other tensors in the place of some, wherever they are; all that holds none of them is shared. */
export function withTensors(model: ModelProto, replaced: ReadonlyMap<TensorProto, TensorProto>): ModelProto {
  if (replaced.size === 0) return model;
  const tensor = (one: TensorProto): TensorProto => replaced.get(one) ?? one;
  const sparse = (one: SparseTensorProto): SparseTensorProto =>
    changed(one, { ...(one.values && { values: tensor(one.values) }), ...(one.indices && { indices: tensor(one.indices) }) });
  const attribute = (one: AttributeProto): AttributeProto => {
    if (!inAttributes([one]).some((held) => replaced.has(held))) return one;
    return changed(one, {
      ...(one.t && { t: tensor(one.t) }),
      ...(one.sparseTensor && { sparseTensor: sparse(one.sparseTensor) }),
      ...(one.g && { g: graph(one.g) }),
      tensors: one.tensors.map(tensor),
      sparseTensors: one.sparseTensors.map(sparse),
      graphs: one.graphs.map(graph),
    });
  };
  const node = (one: NodeProto): NodeProto => {
    const attributes = one.attribute.map(attribute);
    return attributes.every((own, index) => own === one.attribute[index]) ? one : changed(one, { attribute: attributes });
  };
  const graph = (one: GraphProto): GraphProto =>
    changed(one, {
      initializer: one.initializer.map(tensor),
      sparseInitializer: one.sparseInitializer.map(sparse),
      node: one.node.map(node),
    });
  return changed(model, {
    ...(model.graph && { graph: graph(model.graph) }),
    functions: model.functions.map((one) =>
      changed(one, { node: one.node.map(node), attributeProto: one.attributeProto.map(attribute) }),
    ),
    trainingInfo: model.trainingInfo.map((one) =>
      changed(one, {
        ...(one.initialization && { initialization: graph(one.initialization) }),
        ...(one.algorithm && { algorithm: graph(one.algorithm) }),
      }),
    ),
  });
}
