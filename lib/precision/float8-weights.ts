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
  const scales = new Float32Array(channels);
  for (let begin = 0, channel = 0; begin < data.length; begin += inner, channel = (channel + 1) % channels) {
    let largest = scales[channel] as number;
    for (let at = begin; at < begin + inner; at++) largest = Math.max(largest, Math.abs(data[at] as number));
    if (!Number.isFinite(largest)) {
      const hint = 'The model is damaged, or was exported from a training run that diverged.';
      throw invalidArgument('data', 'finite weights', largest, hint);
    }
    scales[channel] = largest;
  }
  // A channel of zeros has a scale all the same; a subnormal one would have too few digits.
  scales.forEach((largest, channel) => (scales[channel] = largest > lowestAmount ? largest / highestFloat8 : 1));
  const values = new Uint8Array(data.length);
  for (let begin = 0, channel = 0; begin < data.length; begin += inner, channel = (channel + 1) % channels) {
    const scale = scales[channel] as number;
    for (let at = begin; at < begin + inner; at++) values[at] = float32ToFloat8Bits((data[at] as number) / scale);
  }
  return { dtype: 'float8e4m3fn', values, dims, scales, axis };
}

/** Weights up to this are taken for 0: scales below have fewer digits. */
const lowestAmount = highestFloat8 * 2 ** -126;
