import { compareTensors } from '../../precision/index.js';
import { Tensor } from '../../tensor/index.js';

/** How far a value of B is from that of A, over all pictures. Elements that are not finite in one of both are counted, and left out of all else. */
export interface ValueDifference {
  /** How many elements there are. */
  readonly elements: number;
  /** Whether every element is the same, in single precision. */
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
  readonly #channels: { signal: number; noise: number }[] = [];
  #candidateSignal = 0;
  #dot = 0;
  #largestDifference = 0;
  #largest = 0;
  #elements = 0;
  readonly #nonFinite = { a: 0, b: 0, onlyB: 0 };

  /** Two tensors of one shape, which are left alone until this has settled. */
  async add(a: Tensor, b: Tensor, signal?: AbortSignal): Promise<void> {
    const [mine, theirs] = [asFloats(a), asFloats(b)];
    this.#axis = channelAxis(a.dims);
    const groups = Array.from({ length: a.dims[this.#axis] ?? 1 }, (_, i) => [i, i + 1] as const);
    const found = await compareTensors(mine, theirs, { axis: this.#axis, groups, signal });
    this.#elements += a.size;
    let inBoth = 0;
    let notInA = 0;
    found.forEach((group, i) => {
      const channel = (this.#channels[i] ??= { signal: 0, noise: 0 });
      channel.signal += group.signal;
      channel.noise += group.noise;
      this.#candidateSignal += group.candidateSignal;
      this.#dot += group.dot;
      this.#largestDifference = Math.max(this.#largestDifference, group.largest);
      inBoth += group.count;
      notInA += group.referenceNonFinite;
      this.#nonFinite.b += group.candidateNonFinite;
    });
    this.#nonFinite.a += notInA;
    this.#nonFinite.onlyB += a.size - inBoth - notInA;
    this.#largest = Math.max(this.#largest, largestMagnitude(mine));
  }

  /** Undefined before anything was added. */
  get difference(): ValueDifference | undefined {
    if (this.#elements === 0) return undefined;
    const signal = this.#channels.reduce((total, channel) => total + channel.signal, 0);
    const noise = this.#channels.reduce((total, channel) => total + channel.noise, 0);
    const { a, b, onlyB } = this.#nonFinite;
    return {
      elements: this.#elements,
      equal: this.#largestDifference === 0 && a === b && onlyB === 0,
      snrDb: decibels(signal, noise),
      worstChannel: this.#worstChannel(),
      largestDifference: this.#largestDifference,
      largestRelative: this.#largestDifference / this.#largest,
      cosine: Math.min(Math.max(this.#dot / Math.sqrt(signal * this.#candidateSignal), -1), 1),
      nonFinite: { a, b, onlyB },
    };
  }

  #worstChannel(): ChannelDifference | undefined {
    if (this.#channels.length < 2) return undefined;
    let worst: ChannelDifference | undefined;
    this.#channels.forEach(({ signal, noise }, channel) => {
      if (signal === 0) return;
      const snrDb = decibels(signal, noise);
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

function asFloats(tensor: Tensor): Tensor {
  const isFloat = tensor.dtype === 'float32' || tensor.dtype === 'float16';
  return isFloat ? tensor : new Tensor('float32', tensor.toFloat32(), tensor.dims);
}

function largestMagnitude(tensor: Tensor): number {
  const values = tensor.dtype === 'float32' ? (tensor.data as Float32Array) : tensor.toFloat32();
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i] as number);
    if (magnitude > largest && magnitude < Infinity) largest = magnitude;
  }
  return largest;
}

function decibels(signal: number, noise: number): number {
  return noise === 0 ? Infinity : 10 * Math.log10(signal / noise);
}
