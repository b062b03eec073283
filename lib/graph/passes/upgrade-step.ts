import { create } from '@bufbuild/protobuf';
import { ModelError } from '../../errors/index.js';
import { float32ToFloat16Bits } from '../../tensor/index.js';
import { TensorProto_DataType as DataType, TensorProtoSchema, type AttributeProto, type NodeProto } from '../onnx_pb.js';
import { OnnxNode } from '../onnx-graph.js';
import type { OnnxTensor } from '../onnx-tensor.js';
import type { Sizes } from '../shape-rule.js';
import { changed } from './changed.js';
import { integerList, madeNode } from './made-nodes.js';
import type { FreshNames } from './names.js';

/** What is known around a node that is upgraded. */
export interface UpgradeSurroundings {
  /** The opset that the model has, and the one that it is to have. */
  readonly from: number;
  readonly target: number;
  readonly names: FreshNames;
  /** Sizes that are the same whatever the batch. */
  readonly sizes: (name: string) => Sizes;
  readonly typeOf: (name: string) => DataType | undefined;
  /** Undefined for what is no constant, or can be given another value by the caller. */
  readonly constant: (name: string) => OnnxTensor | undefined;
  /** Whether anything reads a value, or the graph gives it out. */
  readonly isRead: (name: string) => boolean;
}

/** A node of an older opset: its rule looks at it, and gives the nodes that mean the same now. */
export class UpgradeStep {
  readonly proto: NodeProto;
  /** The same, to look at. */
  readonly node: OnnxNode;
  readonly from: number;
  readonly target: number;
  /** Constants and nodes that come before. */
  readonly made: NodeProto[] = [];
  readonly #around: UpgradeSurroundings;

  constructor(proto: NodeProto, around: UpgradeSurroundings) {
    this.proto = proto;
    this.node = new OnnxNode(proto, undefined);
    this.from = around.from;
    this.target = around.target;
    this.#around = around;
  }

  /** Sizes of an input that are the same whatever the batch. */
  sizes(index: number): Sizes {
    return this.#around.sizes(this.proto.input[index] ?? '');
  }

  /** The elements of a constant input of numbers. */
  numbers(index: number): readonly number[] | undefined {
    const data = this.#around.constant(this.proto.input[index] ?? '')?.data;
    return data && Array.from(data, Number);
  }

  isRead(output: number): boolean {
    const name = this.proto.output[output] ?? '';
    return name !== '' && this.#around.isRead(name);
  }

  /** The node with other attributes and inputs; trailing inputs that are left out are not written. */
  with(fields: {
    input?: readonly string[];
    without?: readonly string[];
    attribute?: readonly AttributeProto[];
    opType?: string;
  }): NodeProto {
    const input = [...(fields.input ?? this.proto.input)];
    while (input.at(-1) === '') input.pop();
    const kept = this.proto.attribute.filter(({ name }) => fields.without?.includes(name) !== true);
    return changed(this.proto, {
      opType: fields.opType ?? this.proto.opType,
      input,
      attribute: [...kept, ...(fields.attribute ?? [])],
    });
  }

  /** The name of the output of a node that comes before. */
  before(
    opType: string,
    input: readonly string[],
    attributes: Parameters<typeof madeNode>[3] = {},
    label = opType.toLowerCase(),
  ): string {
    const node = madeNode(opType, input, this.fresh(label), attributes);
    this.made.push(node);
    return node.output[0] as string;
  }

  integers(values: readonly number[], label: string): string {
    const node = integerList(values, this.fresh(label));
    this.made.push(node);
    return node.output[0] as string;
  }

  /** One number, of int64. */
  integer(value: number, label: string): string {
    return this.#constant(label, DataType.INT64, [], BigInt64Array.of(BigInt(value)));
  }

  floats(values: readonly number[], label: string): string {
    return this.#constant(label, DataType.FLOAT, [values.length], Float32Array.from(values));
  }

  /** A scalar of the element type that an input has. */
  scalarLike(value: number, index: number, label: string): string {
    const like = this.proto.input[index] ?? '';
    const type = this.#around.typeOf(like);
    if (type === DataType.FLOAT16) return this.#constant(label, type, [], Uint16Array.of(float32ToFloat16Bits(value)));
    if (type === DataType.DOUBLE) return this.#constant(label, type, [], Float64Array.of(value));
    if (type === DataType.FLOAT) return this.#constant(label, type, [], Float32Array.of(value));
    const float = this.#constant(`${label}/float`, DataType.FLOAT, [], Float32Array.of(value));
    return this.before('CastLike', [float, like], {}, label);
  }

  #constant(
    label: string,
    dataType: DataType,
    dims: readonly number[],
    { buffer }: Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>,
  ): string {
    const name = this.fresh(label);
    const value = create(TensorProtoSchema, { name, dataType, dims: dims.map(BigInt), rawData: new Uint8Array(buffer) });
    this.made.push(madeNode('Constant', [], name, { value }));
    return name;
  }

  /** A name for a value that comes before. */
  fresh(label: string): string {
    return this.#around.names.fresh(`${this.proto.output[0] ?? this.proto.name}/${label}`);
  }

  refuse(reason: string, hint?: string): never {
    throw refusedUpgrade(this.proto, reason, hint);
  }
}

/** A model whose opset cannot be raised, and the node that is why. */
export function refusedUpgrade(
  { opType, name, output }: NodeProto,
  reason: string,
  hint = 'Export the model again with opset 17 (`opset_version=17` of torch.onnx.export).',
): ModelError {
  const label = name === '' ? `${opType}, which makes ${JSON.stringify(output[0] ?? '')},` : `${opType} ${JSON.stringify(name)}`;
  return new ModelError('MODEL_UNSUPPORTED', {
    message: `Expected a model whose opset can be raised but ${label} ${reason}`,
    hint,
    details: { node: name, operator: opType, reason },
  });
}
