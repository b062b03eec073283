import { native, settle } from '../binding/index.js';
import { checkBoolean, checkNumber, checkOneOf, checkOptions, checkSignal, invalidArgument } from '../errors/index.js';
import type { TensorStatistics } from './tensor-statistics.js';

/** How a range is chosen; see {@link RangeSpec.method}. */
export const rangeMethods = ['min-max', 'moving-average', 'percentile', 'entropy', 'mse'] as const;
export type RangeMethod = (typeof rangeMethods)[number];

/** Activations whose effect on the error of a range is known. */
export const rangeActivations = [
  'relu',
  'clip',
  'leaky-relu',
  'elu',
  'sigmoid',
  'hard-sigmoid',
  'silu',
  'hard-swish',
  'tanh',
  'gelu',
  'mish',
] as const;

/** A function that follows the tensor, as ONNX defines it. */
export interface RangeActivation {
  readonly name: (typeof rangeActivations)[number];
  /** Of 'clip'; without it, that side is open. */
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** Of 'leaky-relu' (default 0.01), 'elu' (1) and 'hard-sigmoid' (0.2). */
  readonly alpha?: number | undefined;
  /** Of 'hard-sigmoid' (default 0.5). */
  readonly beta?: number | undefined;
}

export interface RangeSpec {
  /**
   * - 'min-max': all that was seen;
   * - 'moving-average': from the mean of the pictures' minima to the mean of their maxima;
   * - 'percentile': but for the elements outside `percentile`, the largest magnitudes where symmetric, else as many at either end;
   * - 'entropy': least Kullback-Leibler divergence, over 2048 bins of the magnitudes, zeros left out;
   * - 'mse': least mean square error.
   */
  readonly method: RangeMethod;
  /** In percent, above 50. Default: 99.99. */
  readonly percentile?: number | undefined;
  /** int8 from -127 to 127 with zero point 0; else uint8 from 0 to 255 with an integer zero point. */
  readonly symmetric: boolean;
  /** The error is that of this function of the elements. */
  readonly activation?: RangeActivation | undefined;
  /** What is quantised: the tensor ('before', the default), or the activation's output, whose distribution is derived from the tensor's. */
  readonly quantized?: 'before' | 'after' | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What eight bits are to stand for. */
export interface TensorRange {
  /** At most 0; -max where symmetric. Both are 0 where all elements are. */
  readonly min: number;
  /** At least 0. */
  readonly max: number;
  /** Mean square of what quantising does to the activation's output, or to the tensor where there is no activation. */
  readonly error: number;
  /** Mean square of the same. The signal-to-noise ratio is 10 * log10(signal / error) dB. */
  readonly signal: number;
}

const defaults: Partial<Record<RangeActivation['name'], { alpha?: number; beta?: number }>> = {
  'leaky-relu': { alpha: 0.01 },
  elu: { alpha: 1 },
  'hard-sigmoid': { alpha: 0.2, beta: 0.5 },
};

/**
 * The range that a tensor is best quantised to, on a thread of the core. One tensor's statistics give that of the tensor and that of an activation after it.
 * Throws INVALID_ARGUMENT for a tensor without a finite element, for statistics that are not sound, and for an activation with values that float32 does not hold.
 */
export async function findRange(statistics: TensorStatistics, spec: RangeSpec): Promise<TensorRange> {
  checkOptions('spec', spec, ['method', 'percentile', 'symmetric', 'activation', 'quantized', 'signal']);
  checkSignal(spec.signal);
  const nativeSpec = {
    method: checkOneOf('method', spec.method, rangeMethods),
    percentile: checkNumber('percentile', spec.percentile ?? 99.99, 50, 100),
    symmetric: checkBoolean('symmetric', spec.symmetric),
    activation: spec.activation && checkActivation(spec.activation),
    after: checkOneOf('quantized', spec.quantized ?? 'before', ['before', 'after']) === 'after',
  };
  return settle((operation) => native().rangeFind(statistics, nativeSpec, operation), spec.signal);
}

function checkActivation(activation: RangeActivation): RangeActivation {
  checkOptions('activation', activation, ['name', 'min', 'max', 'alpha', 'beta']);
  const name = checkOneOf('activation.name', activation.name, rangeActivations);
  const { min = -Infinity, max = Infinity } = activation;
  if (!(min <= max)) throw invalidArgument('activation.min', `a number of at most max, ${max}`, min);
  const alpha = activation.alpha ?? defaults[name]?.alpha ?? 0;
  const beta = activation.beta ?? defaults[name]?.beta ?? 0;
  for (const [key, value] of Object.entries({ alpha, beta })) checkNumber(`activation.${key}`, value, -1e6, 1e6);
  return { name, min, max, alpha, beta };
}
