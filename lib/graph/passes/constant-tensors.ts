import { create } from '@bufbuild/protobuf';
import { plainDomain } from '../onnx-graph.js';
import {
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
} from '../onnx_pb.js';
import { OnnxTensor } from '../onnx-tensor.js';
import { changed } from './changed.js';

/** A constant by the name of its value; undefined for what is none. */
export type ConstantLookup = (name: string) => OnnxTensor | undefined;

/**
 * The constants of a graph: initializers that are no inputs, for which a caller may give others, and what Constant nodes hold. `outer` knows those around
 * a graph that lies within a node.
 */
export function constantsOf(graph: GraphProto, outer: ConstantLookup = () => undefined): ConstantLookup {
  const inputs = new Set(graph.input.map(({ name }) => name));
  const own = new Map<string, TensorProto>();
  for (const tensor of graph.initializer) if (!inputs.has(tensor.name)) own.set(tensor.name, tensor);
  for (const node of graph.node) {
    const value = constantOf(node);
    if (value?.$typeName === 'onnx.TensorProto') own.set(value.name, value);
  }
  const seen = new Map<string, OnnxTensor>();
  return (name) => {
    const proto = own.get(name);
    if (proto === undefined) return inputs.has(name) ? undefined : outer(name);
    const tensor = seen.get(name) ?? new OnnxTensor(proto, undefined);
    seen.set(name, tensor);
    return tensor;
  };
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
