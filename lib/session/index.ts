export type { ModelTypes, ValueType } from './model-types.js';
export { createSession, Session, type ModelSource, type RunOptions, type RunResult, type TensorInfo } from './session.js';
export { checkSessionOptions, mostLanes, sessionOptionNames, type SessionOptions } from './options.js';
