export { errorCodes, type ErrorCode, type ErrorConcern } from './codes.js';
export {
  AbortedError,
  ArgumentError,
  BackendError,
  BindingError,
  createError,
  DisposedError,
  EngineError,
  FoveateError,
  InternalError,
  MediaError,
  ModelError,
  type ErrorInit,
} from './foveate-error.js';
export {
  checkBoolean,
  checkInteger,
  checkNumber,
  checkOneOf,
  checkOptions,
  checkPath,
  checkSignal,
  constructedDirectly,
  describeValue,
  invalidArgument,
  nearestName,
  withDefaults,
} from './arguments.js';
