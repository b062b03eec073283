import type { BuildProgress } from '../engine/index.js';
import { startProgress, type Progress } from './progress.js';

/** A bar in thousandths of the build, on a terminal, and a line now and then elsewhere. */
export class BuildBar {
  readonly #wanted: boolean;
  #progress: Progress | undefined;

  constructor(wanted: boolean) {
    this.#wanted = wanted;
  }

  show({ fraction }: BuildProgress): void {
    if (!this.#wanted || fraction === 0) return;
    this.#progress ??= startProgress(1000, 'of the build', true);
    this.#progress.advance(Math.round(fraction * 1000));
  }

  above(write: () => void): void {
    if (this.#progress === undefined) write();
    else this.#progress.above(write);
  }

  stop(): void {
    this.#progress?.stop();
    this.#progress = undefined;
  }
}
