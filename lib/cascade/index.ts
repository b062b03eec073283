export { Cascade, type CascadeModels, type CascadeOptions, type CascadeStatistics } from './cascade.js';
export { detectionCertainty, topMargin, topScore } from './confidence.js';
export type { CascadeGoal, LearnedThreshold, LearnThresholdOptions } from './learn-threshold.js';
export type { ShownMean } from './shown-below.js';
