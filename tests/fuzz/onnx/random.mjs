/** Deterministic pseudo-random numbers (xorshift32, Marsaglia 2003). */
export class Random {
  #state;

  /** @param {number} seed */
  constructor(seed) {
    // Seeds that are near one another are to begin far apart; the state must not be 0.
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1;
    for (let i = 0; i < 8; i++) this.below(2);
  }

  /** An integer in [0, limit). */
  below(limit) {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  /** @template T @param {readonly T[]} list @returns {T} */
  oneOf(list) {
    return list[this.below(list.length)];
  }

  bytes(length) {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}
