import type { AttributeProto, GraphProto, ModelProto, SparseTensorProto, TensorProto } from './onnx_pb.js';

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
