/** Work beside that of the callers: bounded, and nobody waits for it but whoever ends it. */
export class Shadows {
  readonly #most: number;
  readonly #controller = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(most: number) {
    this.#most = most;
  }

  get running(): number {
    return this.#running.size;
  }

  get hasRoom(): boolean {
    return this.#running.size < this.#most && !this.#controller.signal.aborted;
  }

  /** `work` never rejects. */
  start(work: (signal: AbortSignal) => Promise<void>): void {
    const running = work(this.#controller.signal).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Aborts what is running, and settles when all of it has ended. */
  async end(): Promise<void> {
    this.#controller.abort();
    await Promise.all(this.#running);
  }
}
