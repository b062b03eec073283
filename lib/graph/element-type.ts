import type { DType } from '../tensor/index.js';
import { TensorProto_DataType as DataType } from './onnx_pb.js';

/** An element type: one of foveate's dtypes, or the name that ONNX has for another, or 'unknown' for a type newer than this reader. */
export type ElementType =
  | DType
  | 'string'
  | 'complex64'
  | 'complex128'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'float8e8m0'
  | 'float4e2m1'
  | 'int4'
  | 'uint4'
  | 'int2'
  | 'uint2'
  | 'unknown';

/** The field of a TensorProto that holds elements which are not in raw_data: bytes for floats, lists of integers for the others. */
type ListField = 'floatData' | 'int32Data' | 'int64Data' | 'doubleData' | 'uint64Data';

/** How elements of a type are stored. */
export interface ElementLayout {
  readonly bits: number;
  /** The typed array that shows them: elements narrower than a byte, and those without an array of their own, are shown as bytes. */
  readonly array: DType;
  readonly field: ListField;
}

interface ElementRow extends ElementLayout {
  readonly code: DataType;
}

/** Storage as ONNX lays it down: IR specification, "Tensor data". A complex number is a pair of floats. */
const elements: Readonly<Record<Exclude<ElementType, 'string' | 'unknown'>, ElementRow>> = {
  float32: { code: DataType.FLOAT, bits: 32, array: 'float32', field: 'floatData' },
  uint8: { code: DataType.UINT8, bits: 8, array: 'uint8', field: 'int32Data' },
  int8: { code: DataType.INT8, bits: 8, array: 'int8', field: 'int32Data' },
  uint16: { code: DataType.UINT16, bits: 16, array: 'uint16', field: 'int32Data' },
  int16: { code: DataType.INT16, bits: 16, array: 'int16', field: 'int32Data' },
  int32: { code: DataType.INT32, bits: 32, array: 'int32', field: 'int32Data' },
  int64: { code: DataType.INT64, bits: 64, array: 'int64', field: 'int64Data' },
  bool: { code: DataType.BOOL, bits: 8, array: 'bool', field: 'int32Data' },
  float16: { code: DataType.FLOAT16, bits: 16, array: 'float16', field: 'int32Data' },
  float64: { code: DataType.DOUBLE, bits: 64, array: 'float64', field: 'doubleData' },
  uint32: { code: DataType.UINT32, bits: 32, array: 'uint32', field: 'uint64Data' },
  uint64: { code: DataType.UINT64, bits: 64, array: 'uint64', field: 'uint64Data' },
  complex64: { code: DataType.COMPLEX64, bits: 64, array: 'float32', field: 'floatData' },
  complex128: { code: DataType.COMPLEX128, bits: 128, array: 'float64', field: 'doubleData' },
  bfloat16: { code: DataType.BFLOAT16, bits: 16, array: 'bfloat16', field: 'int32Data' },
  float8e4m3fn: { code: DataType.FLOAT8E4M3FN, bits: 8, array: 'uint8', field: 'int32Data' },
  float8e4m3fnuz: { code: DataType.FLOAT8E4M3FNUZ, bits: 8, array: 'uint8', field: 'int32Data' },
  float8e5m2: { code: DataType.FLOAT8E5M2, bits: 8, array: 'uint8', field: 'int32Data' },
  float8e5m2fnuz: { code: DataType.FLOAT8E5M2FNUZ, bits: 8, array: 'uint8', field: 'int32Data' },
  float8e8m0: { code: DataType.FLOAT8E8M0, bits: 8, array: 'uint8', field: 'int32Data' },
  uint4: { code: DataType.UINT4, bits: 4, array: 'uint8', field: 'int32Data' },
  int4: { code: DataType.INT4, bits: 4, array: 'uint8', field: 'int32Data' },
  float4e2m1: { code: DataType.FLOAT4E2M1, bits: 4, array: 'uint8', field: 'int32Data' },
  uint2: { code: DataType.UINT2, bits: 2, array: 'uint8', field: 'int32Data' },
  int2: { code: DataType.INT2, bits: 2, array: 'uint8', field: 'int32Data' },
};

const names = new Map<number, ElementType>([[DataType.STRING, 'string']]);
for (const [name, row] of Object.entries(elements)) names.set(row.code, name as ElementType);

/** The name for a number of TensorProto.DataType. */
export function elementTypeOf(code: number): ElementType {
  return names.get(code) ?? 'unknown';
}

/** Undefined for strings, which have no fixed size, and for unknown types. */
export function layoutOf(type: ElementType): ElementLayout | undefined {
  return type === 'string' || type === 'unknown' ? undefined : elements[type];
}

/** The number of TensorProto.DataType for a dtype. */
export function codeOf(dtype: DType): number {
  return elements[dtype].code;
}
