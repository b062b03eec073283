import type { Arm, Latencies } from './arms.js';
import type { MeasureReport } from './measures.js';
import type { RolloutMode } from './options.js';
import type { RolloutVerdict } from './verdict.js';

/** 'promoted': the candidate answers all requests; 'rolled-back': the stable version does. */
export type RolloutState = 'running' | 'promoted' | 'rolled-back';

/** What one version did. Calls that tell nothing of it do not count: those that their callers gave up, that were turned away, or refused for what the caller did wrong. */
export interface VersionStatistics {
  /** Calls that ended, those that failed among them. */
  readonly answered: number;
  readonly failed: number;
  /** Of those that did not fail: NaN without any. */
  readonly meanMs: number;
  /** Of the last 256. */
  readonly p95Ms: number;
}

/** What a rollout has done so far. */
export interface RolloutStatistics {
  readonly mode: RolloutMode;
  readonly state: RolloutState;
  /** Of requests that the candidate answers, 0 to 1; in shadow mode while it runs, of those that it is given too. */
  readonly share: number;
  readonly versions: Readonly<Record<Arm, VersionStatistics>>;
  readonly measures: readonly MeasureReport[];
  readonly verdict: RolloutVerdict | undefined;
  readonly shadows: {
    readonly running: number;
    /** Requests for which there was no room. */
    readonly dropped: number;
    /** Requests that tell nothing: given up, turned away by a full queue, refused by both versions or by `compare`. */
    readonly uncompared: number;
  };
  /** Requests whose outcome may still be reported. */
  readonly pendingOutcomes: number;
}

export function versionStatistics(answered: number, failed: number, latencies: Latencies): VersionStatistics {
  return { answered, failed, meanMs: latencies.mean, p95Ms: latencies.quantile(0.95) };
}
