/** Weights in eight bits: w = values * scales[channel]. */
export interface LayerWeights {
  readonly dtype: 'int8' | 'float8e4m3fn';
  /** Of FP8, bits. */
  readonly values: Int8Array | Uint8Array;
  readonly dims: readonly number[];
  /** One for each output channel. */
  readonly scales: Float32Array;
  /** Of the output channels. */
  readonly axis: number;
  /** A bias in int32, in steps of the scale of the input times that of the channel. */
  readonly bias?: Int32Array | undefined;
}

/** A bias in int32 that is as exact as the float one: its largest element takes 30 of the bits. */
export function exactBias(bias: Float32Array): { readonly values: Int32Array; readonly scale: number } {
  const largest = bias.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const scale = Math.fround(largest / 2 ** 30) || 1;
  return { values: Int32Array.from(bias, (value) => Math.round(value / scale)), scale };
}
