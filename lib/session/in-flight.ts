/** The calls that are under way, for whoever must wait until there are none. */
export class InFlight {
  #count = 0;
  #waiting: (() => void)[] = [];

  /** The same outcome as `call`, which counts as under way until then. */
  async track<T>(call: Promise<T>): Promise<T> {
    this.#count++;
    try {
      return await call;
    } finally {
      if (--this.#count === 0) for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  /** Settles when no call is under way; at once where none is. */
  async idle(): Promise<void> {
    if (this.#count > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
