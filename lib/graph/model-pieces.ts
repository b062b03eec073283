import { clearField, toBinary, type Message } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema, type ModelProto, type TensorProto } from './onnx_pb.js';
import type { OnnxTensor } from './onnx-tensor.js';
import { changed } from './passes/changed.js';

/** Elements above this are not copied into the bytes around them. */
const largeBytes = 64 * 1024;

/** Where elements are taken from that are not in the message. */
export interface ElementSource {
  readonly tensor: OnnxTensor;
  readonly bytes: number;
}

/** The bytes of a file, in order: as they are, or still to be read. */
export interface ModelPieces {
  readonly bytes: number;
  readonly pieces: readonly (Uint8Array | ElementSource)[];
}

/**
 * The same message that `encodeModel` writes, in pieces: large initializers of the main graph are views over the memory they are in, and those in
 * `sources` are still to be read. Fields come in another order than there, which means nothing.
 */
export function piecesOf(model: ModelProto, sources: ReadonlyMap<TensorProto, ElementSource>): ModelPieces {
  const { graph } = model;
  if (graph === undefined) return joined([toBinary(ModelProtoSchema, model)]);
  const parts = graph.initializer.map((tensor) =>
    lengthField(GraphProtoSchema, 'initializer', tensorPieces(tensor, sources.get(tensor))),
  );
  const inGraph = joined([
    toBinary(GraphProtoSchema, changed(graph, { initializer: [] })),
    ...parts.flatMap(({ pieces }) => pieces),
  ]);
  const around = changed(model, {});
  clearField(around, ModelProtoSchema.field.graph);
  return joined([toBinary(ModelProtoSchema, around), ...lengthField(ModelProtoSchema, 'graph', inGraph).pieces]);
}

/** A tensor without its elements, wherever they are. */
export function withoutElements(tensor: TensorProto): TensorProto {
  const bare = changed(tensor, {
    ...{ floatData: [], int32Data: [], stringData: [], int64Data: [], doubleData: [], uint64Data: [] },
    externalData: [],
  });
  clearField(bare, TensorProtoSchema.field.rawData);
  clearField(bare, TensorProtoSchema.field.dataLocation);
  return bare;
}

function tensorPieces(tensor: TensorProto, source: ElementSource | undefined): ModelPieces {
  const elements = source === undefined ? { bytes: tensor.rawData.length, pieces: [tensor.rawData] } : joined([source]);
  if (source === undefined && elements.bytes < largeBytes) return joined([toBinary(TensorProtoSchema, tensor)]);
  let around = tensor;
  if (source === undefined) clearField((around = changed(tensor, {})), TensorProtoSchema.field.rawData);
  else around = withoutElements(tensor);
  return joined([toBinary(TensorProtoSchema, around), ...lengthField(TensorProtoSchema, 'rawData', elements).pieces]);
}

/** A field of bytes or of a message, with its tag and length. */
function lengthField<M extends Message>(
  schema: GenMessage<M>,
  name: keyof typeof schema.field,
  { bytes, pieces }: ModelPieces,
): ModelPieces {
  return joined([Uint8Array.of(...varint(schema.field[name].number * 8 + 2), ...varint(bytes)), ...pieces]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function joined(pieces: ModelPieces['pieces']): ModelPieces {
  return { bytes: pieces.reduce((total, piece) => total + ('tensor' in piece ? piece.bytes : piece.length), 0), pieces };
}
