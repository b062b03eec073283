import { createHash } from 'node:crypto';

import { Random } from '../metrics/index.js';

/** Which requests the candidate gets: of each caller all or none, and those of a caller that has them keep going there while the share grows. */
export class Routing {
  readonly #seed: number;
  readonly #random: Random;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new Random(seed);
  }

  /** Whether the request is one of `share` of all, 0 to 1. Without a caller, each request is drawn for itself. */
  picks(share: number, caller: string | undefined): boolean {
    return (caller === undefined ? this.#random.next() : this.#place(caller)) < share * 2 ** 32;
  }

  #place(caller: string): number {
    return createHash('sha256').update(`${this.#seed} ${caller}`).digest().readUInt32BE(0);
  }
}
