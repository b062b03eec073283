import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  NodeProtoSchema,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  type NodeProto,
  type TensorProto,
} from '../onnx_pb.js';

/** What a pass writes of attributes. */
export type MadeAttribute = number | readonly number[] | TensorProto;

/** An operator of ONNX itself with one output. */
export function madeNode(
  opType: string,
  input: readonly string[],
  output: string,
  attributes: Readonly<Record<string, MadeAttribute>> = {},
): NodeProto {
  const attribute = Object.entries(attributes).map(([name, value]) => {
    if (typeof value === 'number') return { name, type: AttributeType.INT, i: BigInt(value) };
    if ('$typeName' in value) return { name, type: AttributeType.TENSOR, t: value };
    return { name, type: AttributeType.INTS, ints: value.map(BigInt) };
  });
  return create(NodeProtoSchema, { opType, input: [...input], output: [output], name: output, attribute });
}

/** A Constant, which unlike an initializer is no input of the graph in any version of the format. */
export function integerList(values: readonly number[], output: string): NodeProto {
  const elements = BigInt64Array.from(values, BigInt);
  return constant(elements, DataType.INT64, [values.length], output);
}

export function floats(values: readonly number[], output: string): NodeProto {
  return constant(Float32Array.from(values), DataType.FLOAT, [values.length], output);
}

function constant(
  elements: BigInt64Array | Float32Array,
  dataType: DataType,
  dims: readonly number[],
  output: string,
): NodeProto {
  const rawData = new Uint8Array(elements.buffer as ArrayBuffer);
  const value = create(TensorProtoSchema, { name: output, dataType, dims: dims.map(BigInt), rawData });
  return madeNode('Constant', [], output, { value });
}
