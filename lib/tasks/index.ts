export type { Activation } from './activation.js';
export { Classifier, type ClassifierOptions, type ClassifyOptions } from './classifier.js';
export { Detector, type DetectOptions, type DetectorOptions } from './detector.js';
export type { DetectionHead } from './detector-head.js';
export type { PreprocessChoice } from './model-input.js';
export type { PreprocessSource } from './preprocess-source.js';
export { loadTask, recognizeModel, type LoadTaskOptions, type Task, type TaskName } from './recognize-task.js';
export { Segmenter, type SegmenterOptions, type SegmentOptions } from './segmenter.js';
export type { TaskOptions, TaskRunOptions } from './task-model.js';
