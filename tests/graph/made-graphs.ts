/** Graphs made for the tests of passes, and ONNX Runtime to run them. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { encodeModel, parseModel, type ModelProto, type ValueInfo } from '../../lib/graph/index.js';
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  type AttributeProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from '../../lib/graph/onnx_pb.js';
import { createSession } from '../../lib/session/index.js';
import { float32ToFloat16Bits, float16BitsToFloat32, Tensor } from '../../lib/tensor/index.js';

export { DataType };
export type Node = MessageInitShape<typeof NodeProtoSchema>;
export type Constant = MessageInitShape<typeof TensorProtoSchema>;
export type Value = MessageInitShape<typeof ValueInfoProtoSchema>;
type Attribute =
  | number
  | readonly number[]
  | string
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly tensor: Constant };

/** A node with attributes by name: whole numbers, lists of them, text; floating ones and tensors say what they are. */
export function node(
  opType: string,
  input: string | readonly string[],
  output: string | readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): Node {
  return {
    opType,
    name: `the ${[output].flat()[0] ?? ''}`,
    input: [input].flat(),
    output: [output].flat(),
    attribute: Object.entries(attributes).map(([name, value]) => ({ name, ...attribute(value) })),
  };
}

/** An If whose branches are a node each. */
export function choice(condition: string, output: string, whenSo: Node, otherwise: Node): Node {
  const graph = (name: string, one: Node) => ({ name, node: [one], output: [value(one.output?.[0] ?? '', undefined)] });
  const graphs = { then_branch: graph('then', whenSo), else_branch: graph('else', otherwise) };
  const attributes = Object.entries(graphs).map(([name, g]) => ({ name, type: AttributeType.GRAPH, g }));
  return { opType: 'If', name: `the ${output}`, input: [condition], output: [output], attribute: attributes };
}

function attribute(value: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === 'number') return { type: AttributeType.INT, i: BigInt(value) };
  if (typeof value === 'string') return { type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if ('float' in value) return { type: AttributeType.FLOAT, f: value.float };
  if ('floats' in value) return { type: AttributeType.FLOATS, floats: [...value.floats] };
  if ('tensor' in value) return { type: AttributeType.TENSOR, t: value.tensor };
  return { type: AttributeType.INTS, ints: value.map(BigInt) };
}

/** A list of int64, or a scalar. */
export function integers(name: string, values: readonly number[] | number): Constant {
  const list = [values].flat();
  return {
    name,
    dims: Array.isArray(values) ? [BigInt(list.length)] : [],
    dataType: DataType.INT64,
    int64Data: list.map(BigInt),
  };
}

/** Different numbers between -1 and 1. */
export function weights(name: string, dims: readonly number[]): Constant {
  const values = pseudoRandom(
    dims.reduce((product, size) => product * size, 1),
    name.length + 1,
  );
  return { name, dims: dims.map(BigInt), dataType: DataType.FLOAT, rawData: new Uint8Array(values.buffer) };
}

export function scales(name: string, values: readonly number[]): Constant {
  return {
    name,
    dims: [BigInt(values.length)],
    dataType: DataType.FLOAT,
    rawData: new Uint8Array(Float32Array.from(values).buffer),
  };
}

/** Two elements in the file of that name. */
export function elsewhere(name: string, location: string, dataType: DataType): Constant {
  const externalData = [{ key: 'location', value: location }];
  return { name, dims: [2n], dataType, dataLocation: DataLocation.EXTERNAL, externalData };
}

export function value(name: string, shape: readonly (number | string)[] | undefined, elemType: DataType = DataType.FLOAT): Value {
  const dim = shape?.map((size) =>
    typeof size === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(size) } }
      : { value: { case: 'dimParam' as const, value: size } },
  );
  return { name, type: { value: { case: 'tensorType', value: { elemType, ...(dim && { shape: { dim } }) } } } };
}

export interface MadeGraph {
  /** Shapes of the inputs; a Value for those of other types. */
  readonly inputs: Readonly<Record<string, readonly (number | string)[] | Value>>;
  readonly nodes: readonly Node[];
  /** Default: `y`, of which only the type is declared. */
  readonly outputs?: readonly (string | Value)[];
  readonly constants?: readonly Constant[];
  readonly declared?: readonly Value[];
  readonly opset?: number;
  readonly irVersion?: number;
}

export function graphModel({
  inputs,
  nodes,
  outputs = ['y'],
  constants = [],
  declared = [],
  opset = 17,
  irVersion = 8,
}: MadeGraph): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: BigInt(irVersion),
    opsetImport: [{ domain: '', version: BigInt(opset) }],
    graph: {
      name: 'made',
      node: [...nodes],
      input: Object.entries(inputs).map(([name, shape]) => (Array.isArray(shape) ? value(name, shape) : (shape as Value))),
      output: outputs.map((output) => (typeof output === 'string' ? value(output, undefined) : output)),
      initializer: [...constants],
      valueInfo: [...declared],
    },
  });
}

export interface Result {
  readonly dims: readonly number[];
  readonly values: readonly number[];
}

/** Runs a model once; bit patterns of float16 are given as what they stand for. */
export async function run(
  model: ModelProto | Uint8Array,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Result>> {
  await using session = await createSession(model instanceof Uint8Array ? model : encodeModel(model), {
    threads: 2,
    graphOptimization: 'basic',
  });
  using result = await session.run(inputs);
  return Object.fromEntries(
    Object.entries(result.outputs).map(([name, { dims, data, dtype }]) => {
      const values = dtype === 'float16' ? Array.from(data as Uint16Array, float16BitsToFloat32) : Array.from(data, Number);
      return [name, { dims: [...dims], values }];
    }),
  );
}

export function pseudoRandom(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

export function inputsOf(model: ModelProto): readonly ValueInfo[] {
  return parseModel(encodeModel(model)).inputs;
}

export function outputsOf(model: ModelProto): readonly ValueInfo[] {
  return parseModel(encodeModel(model)).outputs;
}

/** A tensor of random numbers: of floats between -1 and 1, of whole numbers from 0 to 9, of bytes from 0 to 255. */
export function randomTensor(dtype: ValueInfo['dtype'], dims: readonly number[], seed: number): Tensor {
  const values = pseudoRandom(
    dims.reduce((product, size) => product * size, 1),
    seed,
  );
  switch (dtype) {
    case 'float32':
      return new Tensor(dtype, values, dims);
    case 'float16':
      return new Tensor(dtype, Uint16Array.from(values, float32ToFloat16Bits), dims);
    case 'uint8':
      return new Tensor(
        dtype,
        Uint8Array.from(values, (one) => Math.floor((one + 1) * 127.99)),
        dims,
      );
    case 'int64':
      return new Tensor(
        dtype,
        BigInt64Array.from(values, (one) => BigInt(Math.floor((one + 1) * 4.99))),
        dims,
      );
    case 'bool':
      return new Tensor(
        dtype,
        Uint8Array.from(values, (one) => Number(one > 0)),
        dims,
      );
    default:
      throw new Error(`no random tensor of ${dtype}`);
  }
}

/** Several tensors of the same sizes, as one: along the first axis. */
export function stacked(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors as readonly [Tensor, ...Tensor[]];
  const length = first.data.length;
  const data = new (first.data.constructor as Uint8ArrayConstructor)(length * tensors.length) as typeof first.data;
  tensors.forEach((tensor, i) => (data as Uint8Array).set(tensor.data as Uint8Array, i * length));
  return new Tensor(first.dtype, data as never, [(first.dims[0] as number) * tensors.length, ...first.dims.slice(1)]);
}

/** The largest difference in proportion to the largest number. */
export function difference(received: Result, expected: Result): number {
  if (received.values.length !== expected.values.length) return Infinity;
  let [largest, most] = [0, 0];
  expected.values.forEach((one, i) => {
    const other = received.values[i] as number;
    const distance = Object.is(one, other) ? 0 : Math.abs(one - other);
    largest = Number.isNaN(distance) ? Infinity : Math.max(largest, distance);
    most = Math.max(most, Math.abs(one));
  });
  return largest === 0 ? 0 : largest / most;
}
