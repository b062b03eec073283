import { aborted } from '../binding/index.js';
import type { FormName } from './optimization-report.js';
import type { StepOptions } from './optimize-steps.js';

/** The steps of an optimisation, in their order. */
export const optimizePhases = [
  'normalise',
  'generate',
  'prune',
  'wait',
  'calibrate',
  'convert',
  'search',
  'latency',
  'agreement',
  'accuracy',
  'write',
] as const;
export type OptimizePhase = (typeof optimizePhases)[number];

/** How far an optimisation is. */
export interface OptimizeProgress {
  readonly phase: OptimizePhase;
  /** Which file is compared or evaluated. */
  readonly form?: FormName | undefined;
  /** Pieces of this phase, of `total`; 0 of 0 as it begins, where it does not tell. */
  readonly done: number;
  readonly total: number;
}

/** Tells of steps as they go on, and how long each took. */
export class StepClock {
  /** Of the steps that are done. */
  readonly seconds: Record<string, number> = {};
  readonly signal: AbortSignal | undefined;
  readonly #onProgress: ((progress: OptimizeProgress) => void) | undefined;

  constructor(signal: AbortSignal | undefined, onProgress: ((progress: OptimizeProgress) => void) | undefined) {
    this.signal = signal;
    this.#onProgress = onProgress;
  }

  /** Tells of what is no step of its own. */
  tell(phase: OptimizePhase): void {
    this.#onProgress?.({ phase, done: 0, total: 0 });
  }

  /** Does a step, of one form or of all. Its time is told by the name of its phase, added to what is there. Throws ABORTED before it begins. */
  async step<T>(phase: OptimizePhase, work: (options: StepOptions) => Promise<T>, form?: FormName): Promise<T> {
    if (this.signal?.aborted) throw aborted(this.signal);
    this.#onProgress?.({ phase, form, done: 0, total: 0 });
    const started = performance.now();
    const onProgress = (done: number, total: number): void => this.#onProgress?.({ phase, form, done, total });
    const result = await work({ signal: this.signal, onProgress });
    this.seconds[phase] = (this.seconds[phase] ?? 0) + (performance.now() - started) / 1000;
    return result;
  }
}
