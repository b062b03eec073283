import { isFieldSet } from '@bufbuild/protobuf';
import { AttributeProto_AttributeType as AttributeType, AttributeProtoSchema } from './onnx_pb.js';
import type { AttributeProto, GraphProto, NodeProto, SparseTensorProto, TypeProto } from './onnx_pb.js';
import { OnnxTensor } from './onnx-tensor.js';
import { valueInfo, type ValueInfo } from './value-info.js';

/**
 * The value of an attribute. Integers beyond 2^53 are bigint; strings that are not UTF-8 are their bytes; undefined stands for an attribute
 * that has no value of its own (in a function it refers to the caller's) or one of a kind that this reader does not know.
 */
export type AttributeValue =
  | number
  | bigint
  | string
  | Uint8Array
  | OnnxTensor
  | OnnxGraph
  | SparseTensorProto
  | TypeProto
  | readonly (number | bigint)[]
  | readonly (string | Uint8Array)[]
  | readonly OnnxTensor[]
  | readonly OnnxGraph[]
  | readonly SparseTensorProto[]
  | readonly TypeProto[]
  | undefined;

/** One operator of a graph. */
export class OnnxNode {
  readonly name: string;
  readonly opType: string;
  /** Empty for the operators of ONNX itself. */
  readonly domain: string;
  /** Names of values; an empty one stands for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly proto: NodeProto;
  readonly #folder: string | undefined;
  #attributes: ReadonlyMap<string, AttributeValue> | undefined;

  /** @internal */
  constructor(proto: NodeProto, folder: string | undefined) {
    this.proto = proto;
    this.name = proto.name;
    this.opType = proto.opType;
    this.domain = plainDomain(proto.domain);
    this.inputs = proto.input;
    this.outputs = proto.output;
    this.#folder = folder;
  }

  /** Throws MODEL_INVALID where a tensor or subgraph in them is damaged. */
  get attributes(): ReadonlyMap<string, AttributeValue> {
    return (this.#attributes ??= new Map(this.proto.attribute.map((proto) => [proto.name, attributeValue(proto, this.#folder)])));
  }
}

/** Nodes in topological order, the values that go in and out, and the constants. Subgraphs of If, Loop and Scan are such too. */
export class OnnxGraph {
  readonly name: string;
  /** What a caller has to give: inputs that are initializers too are left out. */
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** By name. Sparse initializers are only in `proto`. */
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly nodes: readonly OnnxNode[];
  readonly proto: GraphProto;

  /** @internal Throws MODEL_INVALID for a damaged initializer, input or output. */
  constructor(proto: GraphProto, folder: string | undefined) {
    this.proto = proto;
    this.name = proto.name;
    this.initializers = new Map(proto.initializer.map((tensor) => [tensor.name, new OnnxTensor(tensor, folder)]));
    const sparse = new Set(proto.sparseInitializer.map((tensor) => tensor.values?.name));
    const given = proto.input.filter(({ name }) => !this.initializers.has(name) && !sparse.has(name));
    this.inputs = Object.freeze(given.map(valueInfo));
    this.outputs = Object.freeze(proto.output.map(valueInfo));
    this.nodes = Object.freeze(proto.node.map((node) => new OnnxNode(node, folder)));
  }
}

/** `ai.onnx` is another way to write the empty domain. */
export function plainDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

function attributeValue(proto: AttributeProto, folder: string | undefined): AttributeValue {
  switch (isFieldSet(proto, AttributeProtoSchema.field.type) ? proto.type : impliedType(proto)) {
    case AttributeType.FLOAT:
      return proto.f;
    case AttributeType.INT:
      return plainInteger(proto.i);
    case AttributeType.STRING:
      return plainString(proto.s);
    case AttributeType.TENSOR:
      return proto.t && new OnnxTensor(proto.t, folder);
    case AttributeType.GRAPH:
      return proto.g && new OnnxGraph(proto.g, folder);
    case AttributeType.SPARSE_TENSOR:
      return proto.sparseTensor;
    case AttributeType.TYPE_PROTO:
      return proto.tp;
    case AttributeType.FLOATS:
      return proto.floats;
    case AttributeType.INTS:
      return proto.ints.map(plainInteger);
    case AttributeType.STRINGS:
      return proto.strings.map(plainString);
    case AttributeType.TENSORS:
      return proto.tensors.map((tensor) => new OnnxTensor(tensor, folder));
    case AttributeType.GRAPHS:
      return proto.graphs.map((graph) => new OnnxGraph(graph, folder));
    case AttributeType.SPARSE_TENSORS:
      return proto.sparseTensors;
    case AttributeType.TYPE_PROTOS:
      return proto.typeProtos;
    case AttributeType.UNDEFINED:
      return undefined;
  }
}

/** Files of IR version 1 do not say the type: the one field that is set does. */
function impliedType(proto: AttributeProto): AttributeType {
  const fields = AttributeProtoSchema.field;
  if (isFieldSet(proto, fields.f)) return AttributeType.FLOAT;
  if (isFieldSet(proto, fields.i)) return AttributeType.INT;
  if (isFieldSet(proto, fields.s)) return AttributeType.STRING;
  if (proto.t !== undefined) return AttributeType.TENSOR;
  if (proto.g !== undefined) return AttributeType.GRAPH;
  if (proto.floats.length > 0) return AttributeType.FLOATS;
  if (proto.ints.length > 0) return AttributeType.INTS;
  if (proto.strings.length > 0) return AttributeType.STRINGS;
  if (proto.tensors.length > 0) return AttributeType.TENSORS;
  return proto.graphs.length > 0 ? AttributeType.GRAPHS : AttributeType.UNDEFINED;
}

function plainInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function plainString(bytes: Uint8Array): string | Uint8Array {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return bytes;
  }
}
