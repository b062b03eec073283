export { Classification, type RankedClass } from './classification.js';
export { DenseMap } from './dense-map.js';
export {
  cornersOf,
  Detections,
  type Box,
  type Detection,
  type DetectionJson,
  type DetectionsInit,
  type Keypoint,
  type RotatedBox,
} from './detections.js';
export { Embedding, lengthOf, type ZeroShotOptions } from './embedding.js';
export { disposeOf, isDisposable } from './free-to-keep.js';
export { InstanceMask, runLengthMask, type RunLengthMask } from './instance-mask.js';
export { classColor } from './palette.js';
export { Segmentation, type Region } from './segmentation.js';
export type { Timing } from './timing.js';
