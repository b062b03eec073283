import type { BatcherStatistics } from '../batching/index.js';
import type { Entry } from './entry.js';
import type { Loader } from './loader.js';
import type { WarmUpReport } from './warm-up.js';

/** What a model of a pool has done so far, and what it is doing. */
export interface PoolModelStatistics {
  /**
   * 'unloaded'; 'waiting': for its turn to be loaded, and for room; 'loading'; 'loaded'; 'draining': it ends the requests that it has, and then makes room for another one.
   */
  readonly state: 'unloaded' | 'waiting' | 'loading' | 'loaded' | 'draining';
  readonly version: string | undefined;
  readonly pinned: boolean;
  /** Calls that have it at the moment. */
  readonly inUse: number;
  /** Calls that wait until it is loaded. */
  readonly waiting: number;
  /** Calls that were given it. */
  readonly uses: number;
  /** Milliseconds since it was last given to a call; undefined where it never was. */
  readonly unusedMs: number | undefined;
  readonly loads: number;
  readonly failedLoads: number;
  /** How many times it was given up for another one. */
  readonly evictions: number;
  readonly swaps: number;
  /** That it takes; 0 where it is not loaded. */
  readonly memoryBytes: number;
  readonly deviceMemoryBytes: number;
  /** Milliseconds that loading it took, without the warm-up; undefined where it is not loaded. */
  readonly loadMs: number | undefined;
  /** undefined where it is not loaded, and where it was not warmed up. */
  readonly warmUp: WarmUpReport | undefined;
  /** Since it was loaded; undefined where it is not. */
  readonly batcher: BatcherStatistics | undefined;
}

/** What a pool has done so far, and what it is doing. */
export interface PoolStatistics {
  /** In use now: by models that are loaded, being loaded, or being disposed of. */
  readonly memoryBytes: number;
  readonly deviceMemoryBytes: number;
  /** The most that was in use at a time. */
  readonly mostMemoryBytes: number;
  readonly mostDeviceMemoryBytes: number;
  /** Models that are loaded. */
  readonly loaded: number;
  /** Loads that wait for their turn, and for room. */
  readonly waitingLoads: number;
  /** Of all models together. */
  readonly uses: number;
  readonly loads: number;
  readonly failedLoads: number;
  readonly evictions: number;
  readonly swaps: number;
  readonly models: Readonly<Record<string, PoolModelStatistics>>;
}

export function poolStatistics(entries: readonly Entry[], loader: Loader, now: number): PoolStatistics {
  const total = (of: 'uses' | 'loads' | 'failedLoads' | 'evictions' | 'swaps'): number =>
    entries.reduce((sum, entry) => sum + entry[of], 0);
  return {
    memoryBytes: loader.used.host,
    deviceMemoryBytes: loader.used.device,
    mostMemoryBytes: loader.peak.host,
    mostDeviceMemoryBytes: loader.peak.device,
    loaded: entries.filter(({ resident }) => resident !== undefined).length,
    waitingLoads: loader.waiting,
    ...{ uses: total('uses'), loads: total('loads'), failedLoads: total('failedLoads') },
    ...{ evictions: total('evictions'), swaps: total('swaps') },
    models: Object.fromEntries(entries.map((entry) => [entry.name, modelStatistics(entry, loader, now)])),
  };
}

function modelStatistics(entry: Entry, loader: Loader, now: number): PoolModelStatistics {
  const { resident, version, pinned, job, uses, lastUse, loads, failedLoads, evictions, swaps } = entry;
  return {
    state: stateOf(entry, loader),
    version: version.source.version,
    pinned,
    inUse: resident?.holders ?? 0,
    waiting: job?.waiters.size ?? 0,
    uses,
    unusedMs: lastUse === undefined ? undefined : now - lastUse,
    ...{ loads, failedLoads, evictions, swaps },
    memoryBytes: resident?.bytes.host ?? 0,
    deviceMemoryBytes: resident?.bytes.device ?? 0,
    loadMs: resident?.loaded.loadMs,
    warmUp: resident?.loaded.warmUp,
    batcher: resident?.batcher.statistics(),
  };
}

function stateOf({ resident, job }: Entry, loader: Loader): PoolModelStatistics['state'] {
  if (resident !== undefined) return resident.state === 'draining' ? 'draining' : 'loaded';
  if (job === undefined) return 'unloaded';
  return loader.loading === job ? 'loading' : 'waiting';
}
