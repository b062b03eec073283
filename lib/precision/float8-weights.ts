import { invalidArgument } from '../errors/index.js';
import { highestFloat8, float32ToFloat8Bits } from './float8.js';
import type { LayerWeights } from './layer-weights.js';

/**
 * Weights of shape `dims` as FP8, each channel along `axis` with a scale of its own by which its largest magnitude becomes the highest number. Throws
 * INVALID_ARGUMENT for NaN and infinity.
 */
export function float8Weights(data: Float32Array, dims: readonly number[], axis: number): LayerWeights {
  const channels = dims[axis] as number;
  const inner = dims.slice(axis + 1).reduce((product, size) => product * size, 1);
  const channelOf = (place: number): number => Math.floor(place / inner) % channels;
  const scales = new Float32Array(channels);
  data.forEach((weight, place) => {
    if (!Number.isFinite(weight))
      throw invalidArgument(
        'data',
        'finite weights',
        weight,
        'The model is damaged, or was exported from a training run that diverged.',
      );
    scales[channelOf(place)] = Math.max(scales[channelOf(place)] as number, Math.abs(weight));
  });
  // A channel of zeros has a scale all the same; a subnormal one would have too few digits.
  scales.forEach((largest, channel) => (scales[channel] = largest > lowestAmount ? largest / highestFloat8 : 1));
  const values = Uint8Array.from(data, (weight, place) => float32ToFloat8Bits(weight / (scales[channelOf(place)] as number)));
  return { dtype: 'float8e4m3fn', values, dims, scales, axis };
}

/** Weights up to this are taken for 0: scales below have fewer digits. */
const lowestAmount = highestFloat8 * 2 ** -126;
