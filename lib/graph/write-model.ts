import { toBinary } from '@bufbuild/protobuf';
import { ModelError } from '../errors/index.js';
import { tensorsOf } from './model-tensors.js';
import { ModelProtoSchema, type ModelProto, type TensorProto } from './onnx_pb.js';
import { maxModelBytes } from './read-model.js';

/**
 * The bytes of an `.onnx` file that holds `model`, which is that of {@link OnnxModel.proto} or comes out of a pass. Fields that the schema does not
 * know are written as they were read. A tensor whose elements are in another file still points there: write the model into the same folder.
 *
 * Throws MODEL_UNSUPPORTED for a model above 2 GiB, which protobuf cannot hold.
 */
export function encodeModel(model: ModelProto): Uint8Array {
  // Told before it is encoded, which takes several times the memory.
  const elements = sum(tensorsOf(model).map(bytesOfTensor));
  if (elements > maxModelBytes) throw tooLarge(elements);
  const bytes = toBinary(ModelProtoSchema, model);
  if (bytes.length > maxModelBytes) throw tooLarge(bytes.length);
  return bytes;
}

/** The error for a model that its file format cannot hold. */
export function tooLarge(bytes: number): ModelError {
  return new ModelError('MODEL_UNSUPPORTED', {
    message: `Expected a model of at most ${maxModelBytes} bytes, the limit of its file format, but it has ${bytes}`,
    hint: 'Export the model with its tensors in external data, which stays where it is.',
    details: { sizeBytes: bytes },
  });
}

/** What its elements take, as far as they are stored as bytes: those of all tensors are nearly the whole of a large model. */
export function bytesOfTensor({ rawData, floatData, doubleData }: TensorProto): number {
  return sum([rawData, ...floatData, ...doubleData].map(({ length }) => length));
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
