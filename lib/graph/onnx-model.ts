import { fromBinary } from '@bufbuild/protobuf';
import { ModelError } from '../errors/index.js';
import { fileKind } from './file-kind.js';
import { ModelProtoSchema, type GraphProto, type ModelProto } from './onnx_pb.js';
import { OnnxGraph, plainDomain, type OnnxNode } from './onnx-graph.js';
import type { OnnxTensor } from './onnx-tensor.js';
import type { ValueInfo } from './value-info.js';
import { checkWire, WireError } from './wire.js';

export interface ParseOptions {
  /** Folder in which external data is looked for; without it, external data cannot be read. */
  readonly folder?: string | undefined;
}

/**
 * An ONNX model, to look at. Tensors are views over the bytes it was parsed from.
 *
 * @example
 * const model = await readModel('yolov8n.onnx');
 * console.log(model.opset, model.inputs[0]?.shape, model.metadata.get('names'));
 */
export class OnnxModel {
  readonly irVersion: number;
  /** Version of ONNX's own operators; undefined for a model that uses none. */
  readonly opset: number | undefined;
  /** Operator domain to version; ONNX's own domain is the empty string. */
  readonly opsets: ReadonlyMap<string, number>;
  /** Name and version of the program that wrote the file, as far as it says. */
  readonly producer: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly graph: OnnxGraph;
  /** The message as it was parsed, with fields unknown to the schema in `$unknown`. */
  readonly proto: ModelProto;

  /** @internal */
  constructor(proto: ModelProto, graph: GraphProto, folder: string | undefined) {
    this.proto = proto;
    this.irVersion = Number(proto.irVersion);
    this.opsets = new Map(proto.opsetImport.map(({ domain, version }) => [plainDomain(domain), Number(version)]));
    // Files older than IR version 3 do not import operator sets: they mean the first one.
    this.opset = this.opsets.get('') ?? (this.irVersion < 3 ? 1 : undefined);
    this.producer = `${proto.producerName} ${proto.producerVersion}`.trim();
    this.metadata = new Map(proto.metadataProps.map(({ key, value }) => [key, value]));
    this.graph = new OnnxGraph(graph, folder);
  }

  /** What a caller has to give: inputs that are initializers too are left out. */
  get inputs(): readonly ValueInfo[] {
    return this.graph.inputs;
  }

  get outputs(): readonly ValueInfo[] {
    return this.graph.outputs;
  }

  /** Constants of the main graph by name. */
  get initializers(): ReadonlyMap<string, OnnxTensor> {
    return this.graph.initializers;
  }

  /** Operators of the main graph, in topological order. */
  get nodes(): readonly OnnxNode[] {
    return this.graph.nodes;
  }
}

/**
 * Parses the bytes of an ONNX file. The model keeps views over `bytes`: do not change them afterwards.
 *
 * Throws MODEL_INVALID for anything that is not a whole and consistent ONNX model; the message says what the bytes look like instead.
 */
export function parseModel(bytes: Uint8Array, options: ParseOptions = {}): OnnxModel {
  if (bytes.length === 0) {
    throw invalid('the file is empty (0 bytes)', 'Copy or export the model again.');
  }
  // A Buffer's views are Buffers, which are slower to make: look at the same memory through a plain array.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let proto: ModelProto;
  try {
    checkWire(plain, ModelProtoSchema);
    proto = fromBinary(ModelProtoSchema, plain);
  } catch (error) {
    throw notOnnx(plain, error);
  }
  if (proto.graph === undefined) throw notOnnx(plain, new Error('it has no graph'));
  if (proto.irVersion <= 0n) throw notOnnx(plain, new Error('it has no IR version'));
  if (proto.irVersion >= 3n && proto.opsetImport.length === 0) throw notOnnx(plain, new Error('it names no operator set'));
  return new OnnxModel(proto, proto.graph, options.folder);
}

function notOnnx(bytes: Uint8Array, cause: unknown): ModelError {
  const kind = fileKind(bytes);
  if (kind !== undefined) return invalid(`it looks like ${kind}`, 'Give the path of an .onnx file.', cause);
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof WireError && cause.truncated) {
    return invalid(
      `the file ends too early, after ${bytes.length} bytes: ${reason}`,
      'The file is truncated: copy or download it again.',
      cause,
    );
  }
  return invalid(reason, 'The file is damaged, or it is not an ONNX model: copy or export it again.', cause);
}

function invalid(reason: string, hint: string, cause?: unknown): ModelError {
  return new ModelError('MODEL_INVALID', { message: `Expected an ONNX model but ${reason}`, hint, cause });
}
