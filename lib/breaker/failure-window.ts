/** A window moves by a tenth of its length at a time. */
const slices = 10;

interface Slice {
  /** Which tenth of a window since the clock began. */
  readonly index: number;
  calls: number;
  failures: number;
}

/** How many calls there were in the last so many milliseconds, and how many of them failed. */
export class FailureWindow {
  readonly #sliceMs: number;
  #slices: Slice[] = [];

  constructor(windowMs: number) {
    this.#sliceMs = windowMs / slices;
  }

  add(now: number, failed: boolean): void {
    const index = Math.floor(now / this.#sliceMs);
    let slice = this.#slices.at(-1);
    if (slice?.index !== index) {
      slice = { index, calls: 0, failures: 0 };
      this.#slices.push(slice);
    }
    slice.calls++;
    if (failed) slice.failures++;
  }

  count(now: number): { calls: number; failures: number } {
    const first = Math.floor(now / this.#sliceMs) - slices + 1;
    this.#slices = this.#slices.filter(({ index }) => index >= first);
    return this.#slices.reduce((sum, { calls, failures }) => ({ calls: sum.calls + calls, failures: sum.failures + failures }), {
      calls: 0,
      failures: 0,
    });
  }

  clear(): void {
    this.#slices = [];
  }
}
