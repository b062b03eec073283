export { Classification, type RankedClass } from './classification.js';
export { Detections, type Box, type Detection } from './detections.js';
export { classColor } from './palette.js';
export { Segmentation, type Region } from './segmentation.js';
export type { Timing } from './timing.js';
