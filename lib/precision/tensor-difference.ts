import { native, settle, type NativeTensor } from '../binding/index.js';
import { ArgumentError, checkInteger, checkOptions, checkSignal, invalidArgument } from '../errors/index.js';
import { Tensor } from '../tensor/index.js';

/** How far the elements of one group are from what they should be. Sums are over the places where both are finite. */
export interface TensorDifference {
  readonly count: number;
  /** NaN and infinite elements. */
  readonly referenceNonFinite: number;
  readonly candidateNonFinite: number;
  /** Sums of squares: of the reference, of the candidate, of their differences. */
  readonly signal: number;
  readonly candidateSignal: number;
  readonly noise: number;
  /** Sum of the products: dot / sqrt(signal * candidateSignal) is the cosine. */
  readonly dot: number;
  /** The largest difference, as a magnitude. */
  readonly largest: number;
}

export interface CompareTensorsOptions {
  /** Groups lie along this axis. Default: 0. */
  readonly axis?: number | undefined;
  /** From where, up to and without where, each group reaches. Default: one group of all. */
  readonly groups?: readonly (readonly [begin: number, end: number])[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compares tensors of float32 or float16 and of one shape, group by group, on a thread of the core. Tensors in native memory are not copied: leave them
 * until the promise settles. Throws TENSOR_DTYPE, TENSOR_SHAPE, INVALID_ARGUMENT.
 */
export async function compareTensors(
  reference: Tensor,
  candidate: Tensor,
  options: CompareTensorsOptions = {},
): Promise<TensorDifference[]> {
  checkOptions('options', options, ['axis', 'groups', 'signal']);
  checkSignal(options.signal);
  for (const [name, tensor] of Object.entries({ reference, candidate })) {
    if (!(tensor instanceof Tensor)) throw invalidArgument(name, 'a Tensor', tensor);
    if (tensor.dtype !== 'float32' && tensor.dtype !== 'float16') {
      throw new ArgumentError('TENSOR_DTYPE', {
        message: `Expected float32 or float16 for ${name} but received ${tensor.dtype}`,
      });
    }
  }
  if (reference.dims.join() !== candidate.dims.join()) {
    throw new ArgumentError('TENSOR_SHAPE', {
      message: `Expected shape [${reference.dims.join(', ')}] for candidate, as of reference, but received [${candidate.dims.join(', ')}]`,
    });
  }
  const dims = reference.dims.length === 0 ? [1] : reference.dims;
  const axis = checkInteger('axis', options.axis ?? 0, 0, dims.length - 1);
  const length = dims[axis] as number;
  const groups = options.groups ?? [[0, length]];
  groups.forEach(([begin, end], i) => {
    checkInteger(`groups[${i}][0]`, begin, 0, length);
    checkInteger(`groups[${i}][1]`, end, begin, length);
  });
  const bounds = Uint32Array.from(groups.flat());
  return settle(
    (operation) => native().tensorsCompare(nativeTensor(reference), nativeTensor(candidate), dims, axis, bounds, operation),
    options.signal,
  );
}

function nativeTensor(tensor: Tensor): NativeTensor {
  return { dtype: tensor.dtype, dims: tensor.dims, data: tensor.data, lease: tensor.leaseHandle };
}
