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
export type { Device, DeviceChoice } from './engine/index.js';
export type { LogEvent, SessionOpenEvent, SessionRunEvent } from './events/index.js';
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
  type PreprocessRunOptions,
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
export type { LabelsOption, LabelsSource } from './labels/index.js';
export {
  Classifier,
  Detector,
  loadTask,
  Segmenter,
  type Activation,
  type ClassifierOptions,
  type ClassifyOptions,
  type DetectionHead,
  type DetectOptions,
  type DetectorOptions,
  type LoadTaskOptions,
  type PreprocessChoice,
  type PreprocessSource,
  type SegmenterOptions,
  type SegmentOptions,
  type Task,
  type TaskName,
  type TaskOptions,
  type TaskRunOptions,
} from './tasks/index.js';
export {
  OnnxModel,
  parseModel,
  readModel,
  type AttributeValue,
  type Dimension,
  type ElementType,
  type ExternalData,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type ParseOptions,
  type ReadModelOptions,
  type TensorData,
  type ValueInfo,
  type ValueKind,
} from './graph/index.js';
export { packageVersion as version } from './binding/index.js';
