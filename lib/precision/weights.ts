import { native, settle } from '../binding/index.js';
import { checkInteger, checkSignal, invalidArgument } from '../errors/index.js';
import { elementCount } from '../tensor/index.js';

export interface QuantizeWeightsOptions {
  /** The bias of each channel, and the scale of the input that the weights are multiplied with: they give an integer bias. */
  readonly bias?: { readonly values: Float32Array; readonly inputScale: number } | undefined;
  /** Whether scales are rounded up to numbers of FP16, where little is lost by that. Default false. */
  readonly halfScales?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface QuantizedWeights {
  /** -127 to 127, in the shape of the weights. */
  readonly values: Int8Array;
  /** Of each channel, above 0: a weight is its value times this. */
  readonly scales: Float32Array;
  /** Of each channel, in steps of inputScale * scale (a product in float32). */
  readonly bias?: Int32Array | undefined;
}

/**
 * Weights of shape `dims` as int8, each channel along `axis` with a scale of its own by which its largest magnitude becomes 127, on a thread of the core.
 * With a bias, scales are raised where it would exceed 2^30 steps otherwise. Throws INVALID_ARGUMENT for NaN and infinity, and for no weights.
 */
export async function quantizeWeights(
  data: Float32Array,
  dims: readonly number[],
  axis: number,
  options: QuantizeWeightsOptions = {},
): Promise<QuantizedWeights> {
  if (!(data instanceof Float32Array)) throw invalidArgument('data', 'a Float32Array', data);
  const size = elementCount(dims);
  if (size !== data.length) throw invalidArgument('data', `${size} weights for shape [${dims.join(', ')}]`, data.length);
  checkInteger('axis', axis, 0, dims.length - 1);
  checkSignal(options.signal);
  const { bias, halfScales = false } = options;
  if (bias !== undefined) {
    const channels = dims[axis] as number;
    if (!(bias.values instanceof Float32Array && bias.values.length === channels)) {
      throw invalidArgument('bias.values', `a Float32Array of ${channels}`, bias.values);
    }
    if (!(Math.fround(bias.inputScale) > 0 && Number.isFinite(Math.fround(bias.inputScale)))) {
      throw invalidArgument('bias.inputScale', 'a number above 0', bias.inputScale);
    }
  }
  return settle((operation) => native().weightsQuantize(data, dims, axis, bias, halfScales, operation), options.signal);
}
