/** What calibration has seen of one tensor. No element of it is kept: only counts. */
export interface TensorStatistics {
  readonly name: string;
  /** Finite elements that were counted. */
  readonly count: number;
  /** NaN and infinite elements, which count nowhere else. */
  readonly nonFinite: number;
  /** Of the finite elements. */
  readonly min: number;
  readonly max: number;
  /** Of each picture, in the order of their numbers: the lowest and the highest element; Infinity and -Infinity of one without finite elements. */
  readonly pictures: { readonly min: Float32Array; readonly max: Float32Array };
  /**
   * Bin i holds the elements x with floor(x / width) = first + i, width being 2^exponent: the narrowest for which min and max lie in at most
   * `maxBins` bins, so that the histogram does not depend on the order of the pictures.
   */
  readonly histogram: { readonly exponent: number; readonly first: number; readonly counts: Float64Array };
  /** Of each channel, where the tensor has such an axis. */
  readonly channels?: ChannelStatistics | undefined;
}

/** Per channel: over all pictures and places. */
export interface ChannelStatistics {
  readonly min: Float32Array;
  readonly max: Float32Array;
  readonly mean: Float64Array;
  /** Mean of the squares. */
  readonly meanSquare: Float64Array;
}

/** At most so many bins are kept of a tensor. */
export const maxBins = 8192;
