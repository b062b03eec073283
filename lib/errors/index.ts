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
  checkFileUrl,
  checkInteger,
  checkNumber,
  checkOneOf,
  checkOptions,
  checkSignal,
  describeValue,
  invalidArgument,
  nearestName,
  withDefaults,
} from './arguments.js';
