import { create } from '@bufbuild/protobuf';
import { bfloat16BitsToFloat32, float16BitsToFloat32, float32ToBfloat16Bits, float32ToFloat16Bits } from '../../tensor/index.js';
import { TensorProto_DataType as DataType, TensorProtoSchema, type TensorProto } from '../onnx_pb.js';
import type { OnnxTensor } from '../onnx-tensor.js';

/** A constant to calculate with, in doubles, rows first. */
export interface ConstantFloats {
  readonly values: Float64Array;
  readonly dims: readonly number[];
  readonly dtype: FloatType;
}

type FloatType = 'float32' | 'float16' | 'bfloat16' | 'float64';

interface FloatStorage {
  readonly code: DataType;
  /** The number of the elements as they are stored. */
  readonly read: (stored: number) => number;
  readonly write: (values: Float64Array) => Uint16Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;
}

const plain = (stored: number): number => stored;

const storage: Readonly<Record<FloatType, FloatStorage>> = {
  float32: { code: DataType.FLOAT, read: plain, write: (values) => Float32Array.from(values) },
  float64: { code: DataType.DOUBLE, read: plain, write: (values) => Float64Array.from(values) },
  float16: {
    code: DataType.FLOAT16,
    read: float16BitsToFloat32,
    write: (values) => Uint16Array.from(values, float32ToFloat16Bits),
  },
  bfloat16: {
    code: DataType.BFLOAT16,
    read: bfloat16BitsToFloat32,
    write: (values) => Uint16Array.from(values, float32ToBfloat16Bits),
  },
};

/** Undefined for a tensor that is not of a floating type, or whose elements are in another file. */
export function floatsOf(tensor: OnnxTensor | undefined): ConstantFloats | undefined {
  const dtype = storage[tensor?.dtype as FloatType] === undefined ? undefined : (tensor?.dtype as FloatType);
  const data = dtype && tensor?.data;
  if (dtype === undefined || data === undefined) return undefined;
  const { read } = storage[dtype];
  return { values: Float64Array.from(data as Float32Array, read), dims: tensor?.dims ?? [], dtype };
}

/** Undefined where a number that is finite has none in that type. */
export function floatTensor(name: string, { values, dims, dtype }: ConstantFloats): TensorProto | undefined {
  const { code, read, write } = storage[dtype];
  const stored = write(values);
  for (const [i, value] of stored.entries()) if (!Number.isFinite(read(value)) && Number.isFinite(values[i])) return undefined;
  return create(TensorProtoSchema, { name, dataType: code, dims: dims.map(BigInt), rawData: new Uint8Array(stored.buffer) });
}
