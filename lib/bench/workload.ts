import type { Device } from '../engine/index.js';

/** Where the time of one call went, in milliseconds; of a call of several pictures, of all of them together. */
export interface StageTimes {
  readonly decodeMs: number;
  readonly preprocessMs: number;
  /** Waiting for a lane. */
  readonly queueMs: number;
  readonly computeMs: number;
  /** To a GPU and from it. */
  readonly transferMs: number;
  readonly postprocessMs: number;
}

export const stageNames = ['decodeMs', 'preprocessMs', 'queueMs', 'computeMs', 'transferMs', 'postprocessMs'] as const;

export function noTimes(): { -readonly [Stage in keyof StageTimes]: number } {
  return { decodeMs: 0, preprocessMs: 0, queueMs: 0, computeMs: 0, transferMs: 0, postprocessMs: 0 };
}

/** A model that was opened to be called again and again. Calls may overlap. */
export interface Workload extends AsyncDisposable {
  /** Samples or pictures of a call. */
  readonly items: number;
  /** Where it came to run. */
  readonly device: Exclude<Device, 'auto'>;
  /** Rejects as the model does, and with ABORTED. */
  call(signal: AbortSignal | undefined): Promise<StageTimes>;
}

/** One place of the sweep. */
export interface CellPlace {
  readonly batch: number;
  readonly lanes: number;
  /** Threads inside one run; null: as many as the session takes by itself. */
  readonly threads: number | null;
}
