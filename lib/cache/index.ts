export { ResultCache, type ResultCacheOptions, type ResultCacheStatistics } from './result-cache.js';
