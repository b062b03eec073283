import { TensorProto_DataLocation as DataLocation, type GraphProto, type ModelProto, type TensorProto } from './onnx_pb.js';
import type { ReadOptions } from './file-bytes.js';
import { OnnxTensor } from './onnx-tensor.js';
import { changed } from './passes/changed.js';

/**
 * The same model with the initializers of its graph in it that are in other files, for passes that change weights. `folder` is that of the model.
 *
 * Rejects with MODEL_NOT_FOUND or MODEL_INVALID where their file cannot be read, ABORTED.
 */
export async function inlineExternalData(model: ModelProto, folder: string, options: ReadOptions = {}): Promise<ModelProto> {
  const { graph } = model;
  if (graph === undefined || !graph.initializer.some(isExternal)) return model;
  const initializer: TensorProto[] = [];
  for (const tensor of graph.initializer) {
    initializer.push(isExternal(tensor) ? await inlined(tensor, folder, options) : tensor);
  }
  return changed(model, { graph: changed<GraphProto>(graph, { initializer }) });
}

function isExternal({ dataLocation }: TensorProto): boolean {
  return dataLocation === DataLocation.EXTERNAL;
}

async function inlined(tensor: TensorProto, folder: string, options: ReadOptions): Promise<TensorProto> {
  const data = await new OnnxTensor(tensor, folder).read(options);
  const rawData = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  return changed(tensor, { rawData, externalData: [], dataLocation: DataLocation.DEFAULT });
}
