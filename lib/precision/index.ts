export { calibrationPoints, tappedModel } from './calibration-points.js';
export { deadChannels } from './calibration-report.js';
export {
  CalibrationTable,
  type CalibratedPicture,
  type CalibrationContents,
  type CalibrationDoubt,
} from './calibration-table.js';
export {
  readTensorRtCache,
  writeTensorRtCache,
  type ValueRange,
  type TensorRtCache,
  type TensorRtCacheOptions,
} from './tensorrt-cache.js';
export { TensorObserver } from './tensor-observer.js';
export type { ChannelStatistics, TensorStatistics } from './tensor-statistics.js';
