export type { ModelTypes, ValueType } from './model-types.js';
export { anyEngine } from './open-model.js';
export {
  createOnnxSession,
  createSession,
  Session,
  type DeviceRunOptions,
  type LayerTime,
  type ModelSource,
  type RunOptions,
  type RunResult,
  type TensorInfo,
} from './session.js';
export { checkSessionOptions, mostLanes, sessionOptionNames, type SessionOptions } from './options.js';
