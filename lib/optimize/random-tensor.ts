/** Tensors of random numbers, for models of which nothing is known but their inputs. */
import type { Random } from '../metrics/random.js';
import { Tensor, type DType } from '../tensor/index.js';

export function isFloat(dtype: string): boolean {
  return dtype === 'float32' || dtype === 'float16' || dtype === 'float64' || dtype === 'bfloat16';
}

/** Floating point numbers from -1 to 1, uint8 and int8 over their whole range, other integers 0 or 1: they may be places in a table. */
export function randomValues(random: Random, dtype: DType, count: number): number[] {
  const next = (): number => {
    if (isFloat(dtype)) return random.next() / 2 ** 31 - 1;
    if (dtype === 'uint8') return random.below(256);
    return dtype === 'int8' ? random.below(256) - 128 : random.below(2);
  };
  return Array.from({ length: count }, next);
}

export function tensorOfValues(values: readonly number[], dtype: DType, row: readonly number[]): Tensor {
  if (dtype === 'float16' || dtype === 'bfloat16') return Tensor.fromFloat32(values, row, dtype);
  const tensor = Tensor.allocate(dtype, row);
  const isWide = dtype === 'int64' || dtype === 'uint64';
  tensor.data.set((isWide ? values.map(BigInt) : values) as never);
  return tensor;
}
