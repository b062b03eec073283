export { calibrate, type CalibrateOptions, type CalibrationProgress } from './calibrate.js';
export type { CalibrationData } from './calibration-pictures.js';
