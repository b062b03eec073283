export { calibrate, type CalibrateOptions, type CalibrationProgress } from './calibrate.js';
export type { CalibrationData } from './calibration-pictures.js';
export { mergeTables } from './merge-tables.js';
export { tensorRtRanges } from './tensorrt-ranges.js';
