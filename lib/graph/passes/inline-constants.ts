import type { GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto } from '../onnx_pb.js';
import { OnnxTensor } from '../onnx-tensor.js';
import { changed } from './changed.js';
import { constantOf } from './constant-tensors.js';
import { soundModel } from './sound-model.js';
import { withSubgraphs } from './subgraphs.js';

/** From this version of the format on, initializers need not be listed as inputs. */
const irOfInitializers = 4n;

/**
 * The same model with all its constants as initializers: those that are listed as inputs too are inputs no longer, so that nobody can give others in
 * their place, and Constant nodes become initializers of their graph, in the graphs within nodes too. A Constant that is an output of its graph stays.
 *
 * The IR version becomes 4 where it is older. `model` is left as it is and shares its weights with the result; a model in which there is nothing to do is
 * returned itself. Throws MODEL_UNSUPPORTED below opset 7, MODEL_INVALID for a damaged model.
 */
export function inlineConstants(model: ModelProto): ModelProto {
  const { graph } = soundModel(model);
  const inlined = withInitializersOnly(graph);
  const constants = new Set([
    ...inlined.initializer.map(({ name }) => name),
    ...inlined.sparseInitializer.map(({ values }) => values?.name),
  ]);
  const input = inlined.input.filter(({ name }) => !constants.has(name));
  if (inlined === graph && input.length === graph.input.length) return model;
  return changed(model, { irVersion: irWithInitializers(model), graph: changed(inlined, { input }) });
}

/** The IR version of a model in which initializers need not be inputs. */
export function irWithInitializers({ irVersion }: ModelProto): bigint {
  return irVersion < irOfInitializers ? irOfInitializers : irVersion;
}

/** A graph whose Constant nodes are initializers, but for those that are its outputs. */
export function withInitializersOnly(graph: GraphProto): GraphProto {
  const outputs = new Set(graph.output.map(({ name }) => name));
  const initializer: TensorProto[] = [];
  const sparseInitializer: SparseTensorProto[] = [];
  const node: NodeProto[] = [];
  for (const one of graph.node) {
    const value = outputs.has(one.output[0] ?? '') ? undefined : constantOf(one);
    if (value === undefined) node.push(withSubgraphs(one, withInitializersOnly));
    // A damaged one is refused here: as an initializer it would make a model that cannot be read.
    else if (value.$typeName === 'onnx.TensorProto') initializer.push(new OnnxTensor(value, undefined).proto);
    else sparseInitializer.push(value);
  }
  if (node.length === graph.node.length && node.every((one, i) => one === graph.node[i])) return graph;
  return changed(graph, {
    node,
    initializer: [...graph.initializer, ...initializer],
    sparseInitializer: [...graph.sparseInitializer, ...sparseInitializer],
  });
}
