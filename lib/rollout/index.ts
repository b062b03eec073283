export type { MeasureName, MeasureReport } from './measures.js';
export type { RolloutMargins, RolloutMode, RolloutOptions } from './options.js';
export { Rollout, type RolloutRequest, type RolloutVersions } from './rollout.js';
export type { RolloutState, RolloutStatistics, VersionStatistics } from './statistics.js';
export type { RolloutVerdict } from './verdict.js';
