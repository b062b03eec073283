export {
  oneIsToBlame,
  requestIdsOf,
  toBatchable,
  type AnyBatchable,
  type Batchable,
  type BatchRun,
  type Seat,
  type ToBatchable,
} from './batchable.js';
export { failedEvent } from './batch-events.js';
export type { BatchCost } from './batch-sizes.js';
export type { Batched, BatchInfo, BatchReport } from './call.js';
export { realClock, type Clock } from './clock.js';
export type { DelayReport } from './delay.js';
export {
  DynamicBatcher,
  type BatchItem,
  type BatchResult,
  type BatchSource,
  type DisposeBatcherOptions,
} from './dynamic-batcher.js';
export {
  batcherSettings,
  checkRequestOptions,
  checkTimeLeft,
  type BatchRequestOptions,
  type DynamicBatcherOptions,
  type WhenFull,
} from './options.js';
export type { CloseReason } from './policy.js';
export type { SessionResult } from './session-batchable.js';
export type { BatcherStatistics, GroupReport } from './statistics.js';
