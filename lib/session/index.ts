export { anyEngine, buildAnyEngine, mayRunEngines, noEngineAtAll } from './any-engine.js';
export type { Backend } from './backend.js';
export { createSession, createSessionBy, type ModelSource } from './create-session.js';
export type { InputTensors, ModelTypes, OutputTensors, ValueType } from './model-types.js';
export { Failover, type Degraded, type Opened, type Recovery, type Runner } from './failover.js';
export { Session, type DeviceRunOptions, type LayerTime, type RunOptions, type RunResult, type TensorInfo } from './session.js';
export { firstGpu, openEngine, openOnCpu, openOnnx } from './open-model.js';
export { checkSessionOptions, mostLanes, sessionOptionNames, type SessionOptions } from './options.js';
