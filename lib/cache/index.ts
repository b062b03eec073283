export { OutputStore, type OutputStoreOptions, type OutputStoreStatistics, type PutOptions } from './output-store.js';
export { ResultCache, type ResultCacheOptions, type ResultCacheStatistics } from './result-cache.js';
