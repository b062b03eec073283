/** Models made for the tests, so that every result can be told by hand: they average, select and pass on colours. */
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
  type NodeProtoSchema,
  type TensorProtoSchema,
} from '../../lib/graph/onnx_pb.js';

type Node = MessageInitShape<typeof NodeProtoSchema>;
type Initializer = MessageInitShape<typeof TensorProtoSchema>;
/** A number is fixed, a name free. */
type Shape = readonly (number | string)[];

export interface MadeModel {
  readonly input: Shape;
  readonly output: Shape;
  readonly nodes: readonly Node[];
  /** Element type of the input; the nodes cast where they must. Default float32. */
  readonly inputType?: DataType;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly initializers?: readonly Initializer[];
  /** Shapes that the file declares for values between the nodes. */
  readonly declared?: Readonly<Record<string, Shape>>;
}

export { DataType };

/** A node with one input and one output, or several of either. */
export function node(
  opType: string,
  input: string | string[],
  output: string | string[],
  ints: Readonly<Record<string, number | number[]>> = {},
): Node {
  return {
    opType,
    input: [input].flat(),
    output: [output].flat(),
    attribute: Object.entries(ints).map(([name, value]) =>
      Array.isArray(value)
        ? { name, type: AttributeType.INTS, ints: value.map(BigInt) }
        : { name, type: AttributeType.INT, i: BigInt(value) },
    ),
  };
}

/** An initializer of zeros of type float32. */
export function zeros(name: string, dims: readonly number[]): Initializer {
  const bytes = 4 * dims.reduce((product, size) => product * size, 1);
  return { name, dims: dims.map(BigInt), dataType: DataType.FLOAT, rawData: new Uint8Array(bytes) };
}

/** An initializer that is a list of integers of type int64. */
export function integers(name: string, values: readonly number[]): Initializer {
  return { name, dims: [BigInt(values.length)], dataType: DataType.INT64, int64Data: values.map(BigInt) };
}

function value(name: string, shape: Shape, elemType: DataType) {
  return {
    name,
    type: {
      value: {
        case: 'tensorType' as const,
        value: {
          elemType,
          shape: {
            dim: shape.map((dim) =>
              typeof dim === 'number'
                ? { value: { case: 'dimValue' as const, value: BigInt(dim) } }
                : { value: { case: 'dimParam' as const, value: dim } },
            ),
          },
        },
      },
    },
  };
}

/** The bytes of an ONNX model from `x` to `y`. */
export function madeModel({
  input,
  output,
  nodes,
  inputType = DataType.FLOAT,
  metadata = {},
  initializers = [],
  declared = {},
}: MadeModel): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: {
      name: 'made',
      node: [...nodes],
      input: [value('x', input, inputType)],
      output: [value('y', output, DataType.FLOAT)],
      initializer: [...initializers],
      valueInfo: Object.entries(declared).map(([name, shape]) => value(name, shape, DataType.FLOAT)),
    },
    metadataProps: Object.entries(metadata).map(([key, text]) => ({ key, value: text })),
  });
  return toBinary(ModelProtoSchema, model);
}

/** An output of a {@link constantModel}. */
export interface ConstantOutput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
  /** Default float32. */
  readonly type?: DataType;
}

/** A model that gives the same outputs whatever it is shown. */
export function constantModel({
  input,
  inputName = 'images',
  outputs,
  metadata = {},
}: {
  readonly input: Shape;
  readonly inputName?: string;
  readonly outputs: readonly ConstantOutput[];
  readonly metadata?: Readonly<Record<string, string>>;
}): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: {
      name: 'constant',
      node: outputs.map(({ name, type = DataType.FLOAT }) => node('Cast', `${name} values`, name, { to: type })),
      input: [value(inputName, input, DataType.FLOAT)],
      output: outputs.map(({ name, shape, type = DataType.FLOAT }) => value(name, shape, type)),
      initializer: outputs.map(({ name, shape, values }) => ({
        name: `${name} values`,
        dims: shape.map(BigInt),
        dataType: DataType.FLOAT,
        rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      })),
    },
    metadataProps: Object.entries(metadata).map(([key, text]) => ({ key, value: text })),
  });
  return toBinary(ModelProtoSchema, model);
}

const names = "{0: 'red', 1: 'green', 2: 'blue'}";

/** `[N, 3]`: how red, green and blue the picture is on average, 0 to 1. Class 0 is red. */
export function averageColor(change: Partial<MadeModel> = {}): Uint8Array {
  return madeModel({
    input: ['n', 3, 8, 8],
    output: ['n', 3],
    nodes: [node('GlobalAveragePool', 'x', 'mean'), node('Flatten', 'mean', 'y')],
    metadata: { names },
    ...change,
  });
}

/** `[N, 3, H, W]`: each pixel's colour is its scores, so that its class is its strongest colour. */
export function colorMap(change: Partial<MadeModel> = {}): Uint8Array {
  return madeModel({
    input: ['n', 3, 'h', 'w'],
    output: ['n', 3, 'h', 'w'],
    nodes: [node('Identity', 'x', 'y')],
    metadata: { names },
    ...change,
  });
}

/** `[N, 1, H, W]`: how bright each pixel is. */
export function brightness(change: Partial<MadeModel> = {}): Uint8Array {
  return madeModel({
    input: ['n', 3, 16, 16],
    output: ['n', 1, 16, 16],
    nodes: [node('ReduceMean', 'x', 'y', { axes: [1], keepdims: 1 })],
    ...change,
  });
}
