/** Weights in eight bits: w = values * scales[channel]. */
export interface Int8Weights {
  readonly values: Int8Array;
  readonly dims: readonly number[];
  /** One for each output channel. */
  readonly scales: Float32Array;
  /** Of the output channels. */
  readonly axis: number;
}

/** int32 takes biases up to 2^31 scales; half of that leaves room for what is added to them. */
const largestBias = 2 ** 30;

/**
 * A bias in int32, in the scale of what it is added to: that of the input times that of the weights.
 */
export function quantizedBias(
  bias: Float32Array,
  inputScale: number,
  weightScales: Float32Array,
): { readonly values: Int32Array; readonly scales: Float32Array } {
  const scales = weightScales.map((scale) => scale * inputScale);
  const values = Int32Array.from(bias, (value, channel) => {
    const scaled = Math.round(value / (scales[channel] as number));
    return Math.max(-largestBias, Math.min(largestBias, scaled));
  });
  return { values, scales };
}

/** The scales with which weights are quantised so that the bias of each channel fits into int32: a channel of hardly any weights may have a large bias. */
export function leastScales(bias: Float32Array | undefined, inputScale: number, channels: number): Float32Array {
  return Float32Array.from({ length: channels }, (_, channel) => Math.abs(bias?.[channel] ?? 0) / (inputScale * largestBias));
}

/** A bias in int32 that is as exact as the float one. */
export function sentinelBias(bias: Float32Array): { readonly values: Int32Array; readonly scale: number } {
  const largest = bias.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const scale = largest === 0 ? 1 : Math.fround(largest / largestBias);
  return { values: Int32Array.from(bias, (value) => Math.round(value / scale)), scale };
}

/** Channel by channel, -127 to 127, the largest weight at the end; `least` is a scale for each channel that is not gone below. */
export function int8Weights(weights: Float32Array, dims: readonly number[], axis: number, least?: Float32Array): Int8Weights {
  const channels = dims[axis] as number;
  const inner = dims.slice(axis + 1).reduce((product, size) => product * size, 1);
  const channelOf = (index: number): number => Math.floor(index / inner) % channels;
  const largest = new Float32Array(channels);
  weights.forEach((value, index) => {
    const channel = channelOf(index);
    largest[channel] = Math.max(largest[channel] as number, Math.abs(value));
  });
  const scales = largest.map((value, channel) => Math.max(value / 127, least?.[channel] ?? 0) || 1);
  const values = Int8Array.from(weights, (value, index) => {
    const scaled = roundEven(value / (scales[channelOf(index)] as number));
    return Math.max(-127, Math.min(127, scaled));
  });
  return { values, dims, scales, axis };
}

/** As QuantizeLinear rounds: halves to even. */
function roundEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value - Math.trunc(value)) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
