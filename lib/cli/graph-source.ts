import { dirname } from 'node:path';

import { ModelBundle } from '../engine/index.js';
import { modelPath, readModel, type OnnxModel } from '../graph/index.js';

/** A model whose graph is looked at or changed. */
export interface GraphSource {
  /** Of the ONNX file: in a bundle, the form for ONNX Runtime. */
  readonly path: string;
  /** In which its external data is. */
  readonly folder: string;
  readonly model: OnnxModel;
}

/** Reads a model, or one in a bundle. Rejects as `readModel`, and with BUNDLE_INVALID for a damaged bundle. */
export async function readGraph(model: string, signal: AbortSignal): Promise<GraphSource> {
  const path = (await (await ModelBundle.at(model))?.wholeForm('onnxruntime', signal)) ?? modelPath('model', model);
  return { path, folder: dirname(path), model: await readModel(path, { signal }) };
}
