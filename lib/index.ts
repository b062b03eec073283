/**
 * foveate: vision models in Node. An ONNX model and a picture in, typed results out.
 */
export {
  AbortedError,
  ArgumentError,
  BackendError,
  BindingError,
  DisposedError,
  EngineError,
  errorCodes,
  FoveateError,
  InternalError,
  MediaError,
  ModelError,
  type ErrorCode,
} from './errors/index.js';
export { Tensor, type DType, type TypedArrayOf } from './tensor/index.js';
export {
  createSession,
  Session,
  type ModelSource,
  type RunOptions,
  type RunResult,
  type SessionOptions,
  type TensorInfo,
} from './session/index.js';
export type { Device } from './engine/index.js';
export {
  Picture,
  Placement,
  Preprocess,
  type EncodedFormat,
  type PictureInput,
  type PixelFormat,
  type PreprocessedPicture,
  type PreprocessOptions,
  type PreprocessPreset,
  type RawFrame,
} from './image/index.js';
export {
  Classification,
  Detections,
  Segmentation,
  type Box,
  type Detection,
  type RankedClass,
  type Region,
  type Timing,
} from './results/index.js';
export {
  Classifier,
  Detector,
  loadTask,
  Segmenter,
  type ClassifierOptions,
  type ClassifyOptions,
  type DetectionHead,
  type DetectOptions,
  type DetectorOptions,
  type LoadTaskOptions,
  type SegmenterOptions,
  type SegmentOptions,
  type Task,
  type TaskName,
  type TaskOptions,
  type TaskRunOptions,
} from './tasks/index.js';
export { OnnxModel, parseModel, readModel } from './graph/index.js';
export { packageVersion as version } from './binding/index.js';
