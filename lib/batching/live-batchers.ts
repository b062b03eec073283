import type { BatcherStatistics } from './statistics.js';

/** A batcher, as far as gauges need it. */
export interface LiveBatcher {
  readonly name: string | undefined;
  statistics(): BatcherStatistics;
}

/** Weak: one that is forgotten is to be collected. */
const live = new Set<WeakRef<LiveBatcher>>();

/** Has the batcher counted until what this returns is called. */
export function countLive(batcher: LiveBatcher): () => void {
  const one = new WeakRef(batcher);
  live.add(one);
  return () => void live.delete(one);
}

/** The batchers of this thread that are not disposed of. */
export function liveBatchers(): LiveBatcher[] {
  const batchers: LiveBatcher[] = [];
  for (const one of live) {
    const batcher = one.deref();
    if (batcher === undefined) live.delete(one);
    else batchers.push(batcher);
  }
  return batchers;
}
