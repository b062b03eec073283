import type { ModelProto } from '../onnx_pb.js';
import { changed } from './changed.js';
import { checkNames, noSuchValue, partOfGraph } from './part-of-graph.js';
import { soundModel } from './sound-model.js';
import { ValueTypes } from './value-types.js';

/**
 * The same model with the values `outputs`, in that order, in the place of its outputs: any that its nodes make, inputs and initializers. What does not
 * lead to them is left out, inputs too. An output whose type the model does not declare gets the one that follows from its operator.
 *
 * Throws TENSOR_NAME where there is no such value, MODEL_UNSUPPORTED where its type cannot be told and below opset 7, MODEL_INVALID for a damaged model,
 * INVALID_ARGUMENT.
 */
export function cutOutputs(model: ModelProto, outputs: readonly string[]): ModelProto {
  checkNames('outputs', outputs);
  const { graph } = soundModel(model);
  const types = new ValueTypes(graph);
  const known = new Set(types.names);
  const unknown = outputs.find((name) => !known.has(name));
  if (unknown !== undefined) throw noSuchValue(unknown, [...known]);
  const { graph: part, read } = partOfGraph(graph, outputs);
  const output = outputs.map((name) => types.valueOf(name));
  return changed(model, {
    graph: changed(part, {
      input: graph.input.filter(({ name }) => read.has(name)),
      output,
      valueInfo: part.valueInfo.filter(({ name }) => !outputs.includes(name)),
    }),
    trainingInfo: [],
  });
}
