import type { NativeNotice } from '../binding/index.js';
import type { BuildLogLine, BuildOptions } from './build-options.js';
import { BuildPhases } from './build-progress.js';

/** Tells the caller how far a build is. What the caller's functions throw ends the build. */
export class BuildListener {
  readonly #phases = new BuildPhases();
  readonly #options: BuildOptions;
  #thrown: { readonly error: unknown } | undefined;
  readonly #stop = new AbortController();

  constructor(options: BuildOptions) {
    this.#options = options;
  }

  /** Aborted by the caller's signal, and where one of the caller's functions throws. */
  get signal(): AbortSignal {
    const { signal } = this.#options;
    return signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  /** A phase of ours, before the builder begins or once it is done. Throws what the caller's function throws. */
  phase(phase: string, fraction: 0 | 1 = 0): void {
    this.#call(() => this.#options.onProgress?.({ phase, fraction }));
    this.rethrow();
  }

  /** What the builder tells. */
  readonly hear = (notice: NativeNotice): void => {
    if (this.#thrown !== undefined) return;
    const { onLog, onProgress } = this.#options;
    if (notice.kind === 'log') {
      this.#call(() => onLog?.({ level: notice.detail as BuildLogLine['level'], message: notice.text }));
      return;
    }
    const progress = this.#phases.hear(notice);
    if (progress !== undefined) this.#call(() => onProgress?.(progress));
  };

  /** Throws what the caller's function threw, if anything. */
  rethrow(): void {
    if (this.#thrown !== undefined) throw this.#thrown.error;
  }

  #call(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#thrown = { error };
      this.#stop.abort(error);
    }
  }
}
