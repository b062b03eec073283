import type { Tensor } from '../../tensor/index.js';
import { compareTensors } from './compare-tensors.js';

/** How far a value of B is from that of A, over all pictures. Elements that are not finite in one of both are counted, and left out of all else. */
export interface ValueDifference {
  /** How many elements were compared. */
  readonly elements: number;
  /** Whether every element is the same. */
  readonly equal: boolean;
  /** 10 log10 of A's sum of squares over that of the differences, in dB. Infinity where there is no difference, -Infinity where A is 0 throughout and B is not. */
  readonly snrDb: number;
  /** The channel with the lowest of its own, of those that are not 0 throughout in A; undefined where there is but one channel. */
  readonly worstChannel: ChannelDifference | undefined;
  /** Of any two elements, in the unit of the value. */
  readonly largestDifference: number;
  /** The same as a part of the largest magnitude in A; NaN where both are 0 throughout. */
  readonly largestRelative: number;
  /** Of both as vectors; NaN where one is 0 throughout. */
  readonly cosine: number;
  readonly nonFinite: {
    readonly a: number;
    readonly b: number;
    /** Finite in A, and not in B. */
    readonly onlyB: number;
  };
}

export interface ChannelDifference {
  readonly axis: number;
  readonly channel: number;
  readonly snrDb: number;
}

/** Adds up the difference of one value over pictures. Keeps numbers for each channel, and no element. */
export class DifferenceSum {
  #axis = 0;
  #signal = new Float64Array(0);
  #noise = new Float64Array(0);
  #candidateSignal = 0;
  #largestDifference = 0;
  #largest = 0;
  #elements = 0;
  readonly #nonFinite = { a: 0, b: 0, onlyB: 0 };

  /** Two tensors of one shape. */
  async add(a: Tensor, b: Tensor): Promise<void> {
    const axis = channelAxis(a.dims);
    const found = await compareTensors(a, b, axis);
    // Where pictures differ in size, so may the number of channels: the longest list takes all.
    if (this.#signal.length < found.signal.length) {
      this.#signal = extended(this.#signal, found.signal.length);
      this.#noise = extended(this.#noise, found.signal.length);
    }
    this.#axis = axis;
    this.#elements += a.size;
    for (let i = 0; i < found.signal.length; i++) {
      (this.#signal[i] as number) += found.signal[i] as number;
      (this.#noise[i] as number) += found.noise[i] as number;
      this.#candidateSignal += found.candidateSignal[i] as number;
      this.#largestDifference = Math.max(this.#largestDifference, found.largestDifference[i] as number);
      this.#largest = Math.max(this.#largest, found.largest[i] as number);
    }
    this.#nonFinite.a += found.nonFinite.reference;
    this.#nonFinite.b += found.nonFinite.candidate;
    this.#nonFinite.onlyB += found.nonFinite.onlyCandidate;
  }

  /** Undefined before anything was added. */
  get difference(): ValueDifference | undefined {
    if (this.#elements === 0) return undefined;
    const signal = sum(this.#signal);
    const noise = sum(this.#noise);
    const product = (signal + this.#candidateSignal - noise) / 2;
    const { a, b, onlyB } = this.#nonFinite;
    return {
      elements: this.#elements,
      equal: this.#largestDifference === 0 && a === b && onlyB === 0,
      snrDb: decibels(signal, noise),
      worstChannel: this.#worstChannel(),
      largestDifference: this.#largestDifference,
      largestRelative: this.#largestDifference / this.#largest,
      cosine: Math.min(Math.max(product / Math.sqrt(signal * this.#candidateSignal), -1), 1),
      nonFinite: { a, b, onlyB },
    };
  }

  #worstChannel(): ChannelDifference | undefined {
    if (this.#signal.length < 2) return undefined;
    let worst: ChannelDifference | undefined;
    this.#signal.forEach((signal, channel) => {
      if (signal === 0) return;
      const snrDb = decibels(signal, this.#noise[channel] as number);
      if (worst === undefined || snrDb < worst.snrDb) worst = { axis: this.#axis, channel, snrDb };
    });
    return worst;
  }
}

/** Axis 1 as in `[N, C, H, W]` and `[N, C]`; of three axes the shorter one besides the batch: boxes come both ways. */
function channelAxis(dims: readonly number[]): number {
  if (dims.length < 2) return 0;
  return dims.length === 3 && (dims[2] as number) < (dims[1] as number) ? 2 : 1;
}

function decibels(signal: number, noise: number): number {
  return noise === 0 ? Infinity : 10 * Math.log10(signal / noise);
}

function extended(values: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(length);
  longer.set(values);
  return longer;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
