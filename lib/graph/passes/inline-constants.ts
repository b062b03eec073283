import { create } from '@bufbuild/protobuf';
import { plainDomain } from '../onnx-graph.js';
import {
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
} from '../onnx_pb.js';
import { changed } from './changed.js';
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
  const irVersion = model.irVersion < irOfInitializers ? irOfInitializers : model.irVersion;
  return changed(model, { irVersion, graph: changed(inlined, { input }) });
}

function withInitializersOnly(graph: GraphProto): GraphProto {
  const outputs = new Set(graph.output.map(({ name }) => name));
  const initializer: TensorProto[] = [];
  const sparseInitializer: SparseTensorProto[] = [];
  const node: NodeProto[] = [];
  for (const one of graph.node) {
    const value = outputs.has(one.output[0] ?? '') ? undefined : constantOf(one);
    if (value === undefined) node.push(withSubgraphs(one, withInitializersOnly));
    else if (value.$typeName === 'onnx.TensorProto') initializer.push(value);
    else sparseInitializer.push(value);
  }
  if (node.length === graph.node.length && node.every((one, i) => one === graph.node[i])) return graph;
  return changed(graph, {
    node,
    initializer: [...graph.initializer, ...initializer],
    sparseInitializer: [...graph.sparseInitializer, ...sparseInitializer],
  });
}

/** What a Constant holds, under the name of its output; undefined for other nodes, and for a value of a kind that this module does not know. */
export function constantOf({ opType, domain, attribute, output }: NodeProto): TensorProto | SparseTensorProto | undefined {
  const [name] = output;
  const [value] = attribute;
  if (opType !== 'Constant' || plainDomain(domain) !== '' || !name || value === undefined || attribute.length > 1)
    return undefined;
  if (value.name === 'sparse_value') {
    const values = value.sparseTensor?.values;
    return value.sparseTensor && values && changed(value.sparseTensor, { values: changed(values, { name }) });
  }
  return value.name === 'value' ? value.t && changed(value.t, { name }) : listed(value, name);
}

/** Numbers and text that are no tensor yet. */
function listed({ name: kind, f, i, s, floats, ints, strings }: AttributeProto, name: string): TensorProto | undefined {
  const tensor = (
    dataType: DataType,
    count: number | undefined,
    data: { readonly rawData: Uint8Array<ArrayBuffer> } | { readonly stringData: Uint8Array[] },
  ): TensorProto => create(TensorProtoSchema, { name, dataType, dims: count === undefined ? [] : [BigInt(count)], ...data });
  const raw = ({ buffer }: Float32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>) => ({ rawData: new Uint8Array(buffer) });
  switch (kind) {
    case 'value_float':
      return tensor(DataType.FLOAT, undefined, raw(Float32Array.of(f)));
    case 'value_floats':
      return tensor(DataType.FLOAT, floats.length, raw(Float32Array.from(floats)));
    case 'value_int':
      return tensor(DataType.INT64, undefined, raw(BigInt64Array.of(i)));
    case 'value_ints':
      return tensor(DataType.INT64, ints.length, raw(BigInt64Array.from(ints)));
    case 'value_string':
      return tensor(DataType.STRING, undefined, { stringData: [s] });
    case 'value_strings':
      return tensor(DataType.STRING, strings.length, { stringData: strings });
    default:
      return undefined;
  }
}
