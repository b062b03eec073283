import { aborted } from '../binding/index.js';
import { checkOptions } from '../errors/index.js';
import { publish } from '../events/index.js';
import { modelPath } from '../graph/index.js';
import type { Backend } from './backend.js';
import type { Opened } from './failover.js';
import type { ModelTypes } from './model-types.js';
import { openModel } from './open-model.js';
import { checkSessionOptions, sessionOptionNames, type SessionOptions } from './options.js';
import { Session, toCaller } from './session.js';

/** The path or `file:` URL of an ONNX file or of an optimised model's bundle, or the bytes of an ONNX file. */
export type ModelSource = string | URL | Uint8Array;

/**
 * Opens a model and readies it to run.
 *
 * `model` is a path, a `file:` URL, or the bytes of an ONNX file; weights in external files are found beside a path. Of the bundle of an optimised model,
 * which `foveate optimize` makes, the form for the device is opened. The bundle of an engine, which `foveate build` makes, is run as it is.
 * `M` is what TypeScript is told of the model; `foveate typegen` writes it, and nothing checks that it is of this model.
 * Throws MODEL_NOT_FOUND, MODEL_INVALID, MODEL_UNSUPPORTED, BUNDLE_INVALID, BACKEND_NOT_FOUND (with every place looked at), BACKEND_UNAVAILABLE; for TensorRT ENGINE_NOT_BUILT,
 * ENGINE_MISMATCH, ENGINE_INVALID, NOT_TRUSTED, CUDA_OUT_OF_MEMORY, DEVICE_LOST, and as `buildEngine` where one is built.
 */
export async function createSession<M extends ModelTypes = ModelTypes>(
  model: ModelSource,
  options: SessionOptions = {},
): Promise<Session<M>> {
  return await createSessionBy<M>(model, options, openModel);
}

/** A session of what `open` gives for a model; all else as {@link createSession}. */
export async function createSessionBy<M extends ModelTypes = ModelTypes>(
  model: ModelSource,
  options: SessionOptions,
  open: (model: string | Uint8Array, options: SessionOptions) => Promise<Opened<Backend>>,
): Promise<Session<M>> {
  checkOptions('session options', options, sessionOptionNames);
  checkSessionOptions(options);
  const given = modelSource(model);
  if (options.signal?.aborted) throw aborted(options.signal);
  const started = performance.now();
  const opened = await open(given, options).catch(toCaller);
  const { choice, runtime, path: file } = opened.runner;
  const path = typeof given === 'string' ? given : undefined;
  const session = Session.over<M>(opened, options.lanes ?? 1, path);
  publish('foveate:session.open', {
    model: path,
    file,
    device: choice.device,
    reason: choice.reason,
    runtime: `${runtime.name} ${runtime.version}`,
    loadMs: performance.now() - started,
  });
  return session;
}

function modelSource(model: ModelSource): string | Uint8Array {
  return model instanceof Uint8Array ? model : modelPath('model', model);
}
