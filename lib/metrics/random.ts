/**
 * A small generator of random numbers, the same on every machine: xoshiro128** 1.1 of Blackman and Vigna (2018), whose state is filled from the seed:
 * a counter with the step 0x9e3779b9, mixed by the finaliser of MurmurHash3.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** `seed`: an integer from 0 to 2^32 - 1. */
  constructor(seed: number) {
    const words = [1, 2, 3, 4].map((step) => mixed(seed + Math.imul(step, 0x9e3779b9)));
    [this.#a, this.#b, this.#c, this.#d] = words as [number, number, number, number];
  }

  /** An integer from 0 to 2^32 - 1. */
  next(): number {
    const result = Math.imul(rotated(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotated(this.#d, 11);
    return result;
  }

  /** An integer from 0 to `limit` - 1, each as likely: numbers of the last, incomplete round are drawn again. `limit` is from 1 to 2^32 - 1. */
  below(limit: number): number {
    const whole = limit >>> 0; // told to be an integer, both are divided as such, which is several times faster
    for (;;) {
      const drawn = this.next();
      const remainder = drawn % whole;
      if (drawn - remainder <= 2 ** 32 - whole) return remainder;
    }
  }
}

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function mixed(value: number): number {
  const once = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return twice ^ (twice >>> 16);
}
