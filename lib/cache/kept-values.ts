import type { Clock } from '../batching/clock.js';

interface Kept<Value> {
  readonly value: Value;
  readonly bytes: number;
  readonly expiresAt: number;
}

/**
 * Values by key, each for the same time and of a known size. Nothing wakes up to drop those whose time is over: they go when the next call comes. `onExpired` has each of them.
 */
export class KeptValues<Value> {
  readonly #ttlMs: number;
  readonly #clock: Clock;
  readonly #onExpired: (value: Value) => void;
  /** In the order of their last use. */
  readonly #byUse = new Map<string, Kept<Value>>();
  /** In the order in which they came, which is that in which they expire. */
  readonly #byAge = new Map<string, Kept<Value>>();
  #bytes = 0;

  constructor(ttlMs: number, clock: Clock, onExpired: (value: Value) => void) {
    this.#ttlMs = ttlMs;
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  get size(): number {
    return this.#byUse.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** When the next one expires; undefined without any. */
  get nextExpiry(): number | undefined {
    for (const { expiresAt } of this.#byAge.values()) return expiresAt;
    return undefined;
  }

  /** Which has not been used for longest. */
  get leastUsed(): string | undefined {
    for (const key of this.#byUse.keys()) return key;
    return undefined;
  }

  has(key: string): boolean {
    return this.#byUse.has(key);
  }

  /** Counts as a use. */
  get(key: string): Value | undefined {
    const kept = this.#byUse.get(key);
    if (kept === undefined) return undefined;
    this.#byUse.delete(key);
    this.#byUse.set(key, kept);
    return kept.value;
  }

  /** `key` has no value yet. */
  add(key: string, value: Value, bytes: number): void {
    const kept = { value, bytes, expiresAt: this.#clock.now() + this.#ttlMs };
    this.#byUse.set(key, kept);
    this.#byAge.set(key, kept);
    this.#bytes += bytes;
  }

  /** Gives the value to whoever takes it out. */
  remove(key: string): Value | undefined {
    const kept = this.#byUse.get(key);
    if (kept === undefined) return undefined;
    this.#byUse.delete(key);
    this.#byAge.delete(key);
    this.#bytes -= kept.bytes;
    return kept.value;
  }

  /** Drops those whose time is over. */
  expire(): void {
    const now = this.#clock.now();
    for (const [key, { value, expiresAt }] of this.#byAge) {
      if (expiresAt > now) return;
      this.remove(key);
      this.#onExpired(value);
    }
  }

  /** Takes all out. */
  clear(): Value[] {
    const values = [...this.#byAge.values()].map(({ value }) => value);
    this.#byUse.clear();
    this.#byAge.clear();
    this.#bytes = 0;
    return values;
  }
}
