import { dtypeBytes, isDType, Lease, typedArrays, type DType, type LeaseHandle, type TypedArrayOf } from '../binding/index.js';
import { ArgumentError, checkOneOf, describeValue, DisposedError, invalidArgument } from '../errors/index.js';
import { bfloat16BitsToFloat32, float16BitsToFloat32, float32ToBfloat16Bits, float32ToFloat16Bits } from './half.js';

/**
 * Number of elements of a shape. Throws INVALID_ARGUMENT for what is no array, TENSOR_SHAPE for a dimension that is not a non-negative
 * integer, or a product that is too large.
 */
export function elementCount(dims: readonly number[]): number {
  if (!Array.isArray(dims)) throw invalidArgument('dims', 'an array of numbers', dims);
  let count = 1;
  for (const dim of dims) {
    if (!Number.isInteger(dim) || dim < 0) {
      throw new ArgumentError('TENSOR_SHAPE', {
        message: `Expected every dimension to be a non-negative integer but received ${describeValue(dim)} in [${dims.join(', ')}]`,
      });
    }
    count *= dim;
  }
  if (!Number.isSafeInteger(count)) {
    throw new ArgumentError('TENSOR_SHAPE', { message: `A tensor of shape [${dims.join(', ')}] has too many elements` });
  }
  return count;
}

/**
 * A dense, row-major, n-dimensional array. `Tensor<'float32'>` has a `Float32Array` as its {@link data}, and so on for each dtype.
 *
 * A tensor is made over an array of yours (which is copied once, when the tensor is given to a session), or in native memory by
 * {@link Tensor.allocate} (which a session reads in place). Outputs of a session live in native memory too: {@link dispose} them
 * when they are no longer needed, or let them be collected.
 *
 * `Shape` is known to TypeScript only of the outputs of a session that has a type of its model (see `createSession`).
 */
export class Tensor<D extends DType = DType, Shape extends readonly number[] = readonly number[]> implements Disposable {
  readonly dtype: D;
  /** Shape; empty for a scalar. */
  readonly dims: Shape;
  /** Number of elements. */
  readonly size: number;
  readonly #data: TypedArrayOf<D>;
  readonly #lease: Lease | undefined;
  /** Views do not own their memory. */
  readonly #owner: boolean;

  /**
   * A tensor over `data`, without a copy. `dims` defaults to one dimension.
   * Throws TENSOR_DTYPE where `data` is not the typed array of `dtype`, TENSOR_SHAPE where its length does not fit `dims`.
   */
  constructor(dtype: D, data: TypedArrayOf<D>, dims?: readonly number[]);
  /** @internal */
  constructor(dtype: D, data: TypedArrayOf<D>, dims: readonly number[], lease: Lease, owner: boolean);
  constructor(dtype: D, data: TypedArrayOf<D>, dims?: readonly number[], lease?: Lease, owner = true) {
    if (!isDType(dtype)) throw invalidArgument('dtype', `one of ${Object.keys(typedArrays).join(', ')}`, dtype);
    const arrayType = typedArrays[dtype];
    if (!(data instanceof arrayType)) {
      throw new ArgumentError('TENSOR_DTYPE', {
        message: `Expected ${article(arrayType.name)} for a tensor of ${dtype} but received ${describeValue(data)}`,
        hint: dtype === 'float16' || dtype === 'bfloat16' ? `Tensor.fromFloat32(values, dims, '${dtype}') converts.` : undefined,
      });
    }
    const shape = dims === undefined ? [data.length] : dims;
    const size = elementCount(shape);
    if (size !== data.length) {
      throw new ArgumentError('TENSOR_SHAPE', {
        message: `Expected ${size} elements for shape [${shape.join(', ')}] but received ${data.length}`,
        details: { dims: shape, length: data.length },
      });
    }
    this.dtype = dtype;
    this.dims = Object.freeze([...shape]) as readonly number[] as Shape;
    this.size = size;
    this.#data = data;
    this.#lease = lease;
    this.#owner = owner;
    Object.freeze(this); // dims and size are what the memory was checked against
  }

  /** An uninitialised tensor in native memory (an arena), which sessions and preprocessing use in place. Throws OUT_OF_MEMORY. */
  static allocate<D extends DType>(dtype: D, dims: readonly number[]): Tensor<D> {
    if (!isDType(dtype)) throw invalidArgument('dtype', `one of ${Object.keys(typedArrays).join(', ')}`, dtype);
    return Tensor.overLease(dtype, dims, Lease.allocate(elementCount(dims) * dtypeBytes(dtype)));
  }

  /** @internal A tensor that owns a lease. */
  static overLease<D extends DType>(dtype: D, dims: readonly number[], lease: Lease): Tensor<D> {
    const arrayType = typedArrays[dtype] as unknown as new (
      buffer: ArrayBuffer,
      offset: number,
      length: number,
    ) => TypedArrayOf<D>;
    return new Tensor(dtype, new arrayType(lease.buffer, 0, elementCount(dims)), dims, lease, true);
  }

  /** `values` as 16-bit floats, rounded to nearest even; what is too large becomes infinity. */
  static fromFloat32<D extends 'float16' | 'bfloat16'>(values: ArrayLike<number>, dims: readonly number[], dtype: D): Tensor<D> {
    checkOneOf('dtype', dtype, ['float16', 'bfloat16']);
    if (!Number.isInteger(values?.length)) throw invalidArgument('values', 'an array of numbers', values);
    const convert = dtype === 'float16' ? float32ToFloat16Bits : float32ToBfloat16Bits;
    const bits = new Uint16Array(values.length);
    for (let i = 0; i < bits.length; i++) bits[i] = convert(values[i] as number);
    return new Tensor<D>(dtype, bits as TypedArrayOf<D>, dims);
  }

  /** The elements, in row-major order. No copy. Throws DISPOSED after {@link dispose}, and where the ArrayBuffer was transferred away. */
  get data(): TypedArrayOf<D> {
    if (this.#lease?.released) void this.#lease.buffer; // throws
    if (this.#data.length !== this.size) {
      throw new DisposedError('DISPOSED', {
        message: `Expected ${this.size} elements in a ${this} but its ArrayBuffer was transferred away or resized`,
        hint: 'Transfer a copy: tensor.data.slice().buffer.',
      });
    }
    return this.#data;
  }

  /** Size of the elements in bytes. */
  get byteLength(): number {
    return this.size * dtypeBytes(this.dtype);
  }

  get disposed(): boolean {
    return this.#lease?.released ?? false;
  }

  /** Whether the elements lie in native memory, so that a session reads them without a copy. */
  get native(): boolean {
    return this.#lease !== undefined;
  }

  /** @internal */
  get leaseHandle(): LeaseHandle | undefined {
    return this.#lease?.handle;
  }

  /** The same elements under another shape. A view: no copy, and disposed of with this tensor. */
  reshape(dims: readonly number[]): Tensor<D> {
    return this.#view(this.data, dims);
  }

  /**
   * The part from `start` to `end` (excluded) along the first dimension. A view: no copy, and disposed of with this tensor.
   * Throws TENSOR_SHAPE for a scalar or a range outside the tensor.
   */
  subtensor(start: number, end: number = start + 1): Tensor<D> {
    const [first, ...rest] = this.dims;
    if (first === undefined || !Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end < start || end > first) {
      throw new ArgumentError('TENSOR_SHAPE', {
        message: `Expected a range within the first dimension of [${this.dims.join(', ')}] but received ${start} to ${end}`,
      });
    }
    const stride = elementCount(rest);
    return this.#view(this.data.subarray(start * stride, end * stride) as TypedArrayOf<D>, [end - start, ...rest]);
  }

  #view(data: TypedArrayOf<D>, dims: readonly number[]): Tensor<D> {
    return this.#lease === undefined
      ? new Tensor(this.dtype, data, dims)
      : new Tensor(this.dtype, data, dims, this.#lease, false);
  }

  /** The elements as 32-bit floats, always a copy: 16-bit floats and integers are converted, 64-bit values rounded. */
  toFloat32(): Float32Array {
    const data = this.data;
    if (this.dtype === 'float16' || this.dtype === 'bfloat16') {
      const convert = this.dtype === 'float16' ? float16BitsToFloat32 : bfloat16BitsToFloat32;
      return Float32Array.from(data as Uint16Array, convert);
    }
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
      return Float32Array.from({ length: data.length }, (_, i) => Number(data[i]));
    }
    return Float32Array.from(data as Exclude<TypedArrayOf<DType>, BigInt64Array | BigUint64Array>);
  }

  /**
   * Gives native memory back: {@link data}, and that of all views, is detached and throws from then on. Runs in flight are
   * not disturbed, but whoever else still reads is: a socket or file that {@link data} is being written to, or sharp, sends what the memory
   * serves next. Give them `data.slice()`, or dispose when they are done. Idempotent; does nothing for a view or a tensor over an array of yours.
   */
  dispose(): void {
    if (this.#owner) this.#lease?.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** `Tensor<float32>[1, 3, 640, 640]` */
  toString(): string {
    return `Tensor<${this.dtype}>[${this.dims.join(', ')}]`;
  }
}

/** The names of typed arrays: a Uint8Array, an Int8Array. */
function article(noun: string): string {
  return `${/^[AEIO]/.test(noun) ? 'an' : 'a'} ${noun}`;
}
