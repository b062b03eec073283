/** Calls in a closed loop: so many are in flight, and where one ends, the next begins. */
import { aborted } from '../binding/index.js';
import { realClock, type Clock } from '../batching/clock.js';
import { noTimes, stageNames, type StageTimes, type Workload } from './workload.js';

/** What a stretch of time held. What was in flight when it ended is awaited and not counted. */
export interface BenchWindow {
  readonly calls: number;
  /** Samples or pictures. */
  readonly items: number;
  readonly seconds: number;
  /** Of each call, in the order in which they ended. */
  readonly latenciesMs: readonly number[];
  /** Of all calls together. */
  readonly stages: StageTimes;
  /** Processor time of the whole process, all of its threads. */
  readonly cpuMs: number;
  /** The most memory that the process held, of what was seen every 20 ms. */
  readonly peakRssBytes: number;
}

/** Where numbers of the process are from; tests have one of their own. */
export interface Meters extends Pick<Clock, 'now'> {
  cpuMs(): number;
  rssBytes(): number;
}

export const realMeters: Meters = {
  now: () => realClock.now(),
  cpuMs: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
  rssBytes: () => process.memoryUsage.rss(),
};

export interface WindowOptions {
  readonly inFlight: number;
  readonly durationMs: number;
  /** The window goes on until so many calls have ended, however long they take. */
  readonly leastCalls: number;
  readonly signal?: AbortSignal | undefined;
}

/** To ask for the memory costs some microseconds. */
const memoryEveryMs = 20;

/** Rejects with the first failure of a call, when all that were begun have ended. */
export async function measureWindow(
  workload: Workload,
  { inFlight, durationMs, leastCalls, signal }: WindowOptions,
  meters: Meters = realMeters,
): Promise<BenchWindow> {
  if (signal?.aborted) throw aborted(signal);
  const latenciesMs: number[] = [];
  const stages = noTimes();
  let peakRssBytes = meters.rssBytes();
  const cpuBefore = meters.cpuMs();
  const startedAt = meters.now();
  let memoryAt = startedAt;
  let ended: { readonly at: number; readonly cpuMs: number } | undefined;
  let hasFailed = false;

  const loop = async (): Promise<void> => {
    while (ended === undefined && !hasFailed) {
      const begunAt = meters.now();
      let times: StageTimes;
      try {
        times = await workload.call(signal);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
      if (ended !== undefined) return;
      const now = meters.now();
      latenciesMs.push(now - begunAt);
      for (const stage of stageNames) stages[stage] += times[stage];
      if (now - memoryAt >= memoryEveryMs) {
        peakRssBytes = Math.max(peakRssBytes, meters.rssBytes());
        memoryAt = now;
      }
      if (now - startedAt >= durationMs && latenciesMs.length >= leastCalls) ended = { at: now, cpuMs: meters.cpuMs() };
    }
  };
  const loops = await Promise.allSettled(Array.from({ length: inFlight }, loop));
  const failure = loops.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  const { at, cpuMs } = ended as unknown as { at: number; cpuMs: number };
  return {
    ...{ calls: latenciesMs.length, items: latenciesMs.length * workload.items, seconds: (at - startedAt) / 1000, latenciesMs },
    ...{ stages, cpuMs: cpuMs - cpuBefore, peakRssBytes: Math.max(peakRssBytes, meters.rssBytes()) },
  };
}

/** How far the last windows of warming up may lie apart, as a part of the fastest. */
const settledWithin = 0.1;
/** Windows that have to agree. */
const agreeing = 3;
const mostWindows = 10;

/**
 * Calls until three windows in a row have throughputs within 10 % of each other; after ten windows, or once three have taken `mostMs`, it is given up. `throughputOf` measures
 * one window. Gives whether they agreed.
 */
export async function warmUp(
  throughputOf: () => Promise<number>,
  mostMs: number,
  { now }: Pick<Meters, 'now'> = realMeters,
): Promise<boolean> {
  const startedAt = now();
  const last: number[] = [];
  for (let windows = 1; ; windows++) {
    last.push(await throughputOf());
    if (last.length > agreeing) last.shift();
    if (last.length < agreeing) continue;
    if (Math.min(...last) >= (1 - settledWithin) * Math.max(...last)) return true;
    if (windows === mostWindows || now() - startedAt >= mostMs) return false;
  }
}
