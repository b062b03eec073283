/** Small convolutional networks of random weights, in which a fault can be planted. */
import { create, toBinary } from '@bufbuild/protobuf';

import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
} from '../../lib/graph/onnx_pb.js';
import { Random } from '../../lib/metrics/random.js';

export interface ChainOptions {
  /** Factor of the weights of one layer. */
  readonly scaled?: { readonly layer: number; readonly factor: number };
  /** A layer whose bias of one channel is not a number. */
  readonly notANumber?: number;
  /** Order of the axes of a Transpose before the last layer. Default: as they are. */
  readonly order?: readonly number[];
  /** What stands before the names of values and nodes. */
  readonly prefix?: string;
  readonly inputName?: string;
  readonly outputName?: string;
  readonly batch?: number | string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Names of values that are outputs too. */
  readonly alsoOutputs?: readonly string[];
  readonly size?: number;
}

export const layers = 4;
const channels = 6;

/** `[N, 3, S, S]` through four convolutions with ReLU, and a mean, to `[N, 6]`. Nodes are `conv0`, `relu0`, and so on; their values `conv0:out`. */
export function chain(options: ChainOptions = {}): Uint8Array {
  const { prefix = '', inputName = 'x', outputName = 'y', batch = 'n', metadata = {}, alsoOutputs = [], size = 16 } = options;
  const random = new Random(7);
  const node: object[] = [];
  const initializer: object[] = [];
  const add = (opType: string, name: string, inputs: string[], output: string, attribute: object[] = []): void => {
    node.push({ opType, name: prefix + name, input: inputs, output: [output], attribute });
  };
  const value = (name: string): string => `${prefix}${name}:out`;
  let current = inputName;
  for (let i = 0; i < layers; i++) {
    const from = i === 0 ? 3 : channels;
    const factor = options.scaled?.layer === i ? options.scaled.factor : 1;
    const weights = Float32Array.from({ length: channels * from * 9 }, () => (factor * (random.next() / 2 ** 31 - 1)) / 3);
    const bias = Float32Array.from({ length: channels }, (_, c) => (options.notANumber === i && c === 2 ? NaN : 0));
    initializer.push(floats(`${prefix}w${i}`, weights, [channels, from, 3, 3]), floats(`${prefix}b${i}`, bias, [channels]));
    if (i === layers - 1) {
      add('Transpose', 'turn', [current], value('turn'), [ints('perm', options.order ?? [0, 1, 2, 3])]);
      current = value('turn');
    }
    add('Conv', `conv${i}`, [current, `${prefix}w${i}`, `${prefix}b${i}`], value(`conv${i}`), [ints('pads', [1, 1, 1, 1])]);
    add('Relu', `relu${i}`, [value(`conv${i}`)], value(`relu${i}`));
    current = value(`relu${i}`);
  }
  add('GlobalAveragePool', 'mean', [current], value('mean'));
  add('Flatten', 'flat', [value('mean')], outputName);
  return bytesOf({
    node,
    initializer,
    input: [info(inputName, [batch, 3, size, size])],
    output: [info(outputName, [batch, channels]), ...alsoOutputs.map((name) => ({ name }))],
    metadata,
  });
}

export interface MadeGraph {
  readonly node: readonly object[];
  readonly initializer?: readonly object[];
  readonly input: readonly object[];
  readonly output: readonly object[];
  readonly metadata?: Readonly<Record<string, string>>;
}

export function bytesOf({ node, initializer = [], input, output, metadata = {} }: MadeGraph): Uint8Array {
  const metadataProps = Object.entries(metadata).map(([key, text]) => ({ key, value: text }));
  const graph = { name: 'made', node, initializer, input, output };
  const init = { irVersion: 8n, opsetImport: [{ domain: '', version: 17n }], graph, metadataProps };
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, init as never));
}

export function floats(name: string, values: Float32Array, dims: readonly number[]): object {
  const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, dims: dims.map(BigInt), dataType: DataType.FLOAT, rawData };
}

export function ints(name: string, values: readonly number[]): object {
  return { name, type: AttributeType.INTS, ints: values.map(BigInt) };
}

export function int(name: string, value: number): object {
  return { name, type: AttributeType.INT, i: BigInt(value) };
}

/** A number is fixed, a name free. */
export function info(name: string, shape: readonly (number | string)[], elemType: DataType = DataType.FLOAT): object {
  const dim = shape.map((size) => ({
    value: typeof size === 'number' ? { case: 'dimValue', value: BigInt(size) } : { case: 'dimParam', value: size },
  }));
  return { name, type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } } };
}

export { DataType };
