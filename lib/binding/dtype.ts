/**
 * Element types of tensors and the typed array that holds each. JavaScript has no 16-bit floats on every supported
 * version of Node: `float16` and `bfloat16` are held as their bit patterns in a `Uint16Array`; see `Tensor.toFloat32`.
 */
export const typedArrays = {
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float64: Float64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} as const;

export type DType = keyof typeof typedArrays;

/** Written out, because the types of the constructors would leave out arrays over shared memory. */
interface TypedArrays {
  float32: Float32Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  float64: Float64Array;
  uint8: Uint8Array;
  int8: Int8Array;
  uint16: Uint16Array;
  int16: Int16Array;
  uint32: Uint32Array;
  int32: Int32Array;
  uint64: BigUint64Array;
  int64: BigInt64Array;
  bool: Uint8Array;
}

/** The typed array of a dtype, at compile time: `TypedArrayOf<'float32'>` is `Float32Array`. */
export type TypedArrayOf<D extends DType> = TypedArrays[D];

export const dtypes = Object.keys(typedArrays) as readonly DType[];

/** Bytes of one element. */
export function dtypeBytes(dtype: DType): number {
  return typedArrays[dtype].BYTES_PER_ELEMENT;
}

export function isDType(value: unknown): value is DType {
  return typeof value === 'string' && Object.hasOwn(typedArrays, value);
}
