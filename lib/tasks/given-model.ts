import { EngineBundle, ModelBundle } from '../engine/index.js';
import { modelPath } from '../graph/index.js';
import type { ModelSource } from '../session/index.js';

/** What a task is opened from: a file or bytes, or a bundle, of which an ONNX file tells what the model is. */
export interface GivenModel {
  /** The ONNX model. */
  readonly source: ModelSource;
  /** Of an optimised model, or of an engine, where one was given. */
  readonly bundle: ModelBundle | EngineBundle | undefined;
}

/** Looks at what is given. Throws as `ModelBundle.at` and `EngineBundle.at`, and for files of a bundle that are not as they were written. */
export async function givenModel(model: ModelSource, signal: AbortSignal | undefined): Promise<GivenModel> {
  const engine = model instanceof Uint8Array ? undefined : await EngineBundle.at(modelPath('model', model));
  if (engine !== undefined) return { source: await engine.wholeModel(signal), bundle: engine };
  const bundle = await ModelBundle.at(model);
  return { source: bundle === undefined ? model : await bundle.wholeForm('onnxruntime', signal), bundle };
}
