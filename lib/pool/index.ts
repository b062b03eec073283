export { ModelPool, type PoolUseOptions } from './model-pool.js';
export type { ModelPoolOptions, PoolModel, PoolModels, PoolSource, RegisterOptions } from './options.js';
export type { PoolModelStatistics, PoolStatistics } from './statistics.js';
export type { WarmUpReport } from './warm-up.js';
