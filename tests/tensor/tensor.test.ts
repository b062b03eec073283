import { describe, expect, it } from 'vitest';
import { dtypeBytes, dtypes, isDType, Tensor, typedArrays, type DType, type TypedArrayOf } from '../../lib/tensor/index.js';
import { expectFailure, thrownBy } from '../errors/failure.js';

const bytesOf: Record<DType, number> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  float64: 8,
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  uint64: 8,
  int64: 8,
  bool: 1,
};

/** An array of the type that belongs to `dtype`. */
function arrayOf<D extends DType>(dtype: D, length: number): TypedArrayOf<D> {
  return new typedArrays[dtype](length) as TypedArrayOf<D>;
}

describe.each(dtypes)('a tensor of %s', (dtype) => {
  it('holds the array it was made over', () => {
    const data = arrayOf(dtype, 6);
    const tensor = new Tensor(dtype, data, [2, 3]);
    expect(tensor.data).toBe(data);
    expect(tensor.dtype).toBe(dtype);
    expect(tensor.dims).toEqual([2, 3]);
    expect(tensor.size).toBe(6);
    expect(tensor.byteLength).toBe(6 * bytesOf[dtype]);
    expect(dtypeBytes(dtype)).toBe(bytesOf[dtype]);
    expect(tensor.native).toBe(false);
    expect(String(tensor)).toBe(`Tensor<${dtype}>[2, 3]`);
  });

  it('is allocated in native memory, aligned to 64 bytes', () => {
    const tensor = Tensor.allocate(dtype, [5, 7]);
    expect(tensor.data).toBeInstanceOf(typedArrays[dtype]);
    expect(tensor.data.length).toBe(35);
    expect(tensor.data.byteOffset).toBe(0);
    expect(tensor.native).toBe(true);
    tensor.data.fill((dtype.endsWith('64') && dtype !== 'float64' ? 9n : 9) as never);
    expect(Number(tensor.data[34])).toBe(9);
    tensor.dispose();
  });
});

describe('the table of dtypes', () => {
  it('has the thirteen of the core', () => {
    expect(Object.keys(bytesOf).sort()).toEqual([...dtypes].sort());
  });

  it.each(['float32', 'int64'])('knows %s', (name) => expect(isDType(name)).toBe(true));
  it.each(['float', 'Float32', '', 'toString', 7, undefined])('does not know %o', (name) => expect(isDType(name)).toBe(false));
});

describe('shapes', () => {
  it('has one dimension by default', () => {
    expect(new Tensor('uint8', new Uint8Array(4)).dims).toEqual([4]);
  });

  it('may be a scalar or empty', () => {
    expect(new Tensor('float32', new Float32Array(1), []).size).toBe(1);
    expect(new Tensor('float32', new Float32Array(0), [3, 0]).size).toBe(0);
    const empty = Tensor.allocate('float32', [0]);
    expect(empty.data.length).toBe(0);
    empty.dispose();
    expect(empty.disposed).toBe(true);
  });

  it('cannot be changed from outside', () => {
    const dims = [2, 2];
    const tensor = new Tensor('uint8', new Uint8Array(4), dims);
    dims[0] = 9;
    expect(tensor.dims).toEqual([2, 2]);
    expect(() => ((tensor.dims as number[])[0] = 9)).toThrow(TypeError);
  });

  it.each([
    [[-1], /non-negative integer but received -1/],
    [[1.5], /received 1\.5/],
    [[NaN], /received NaN/],
    [['4'], /received "4"/],
    [[2, 2], /Expected 4 elements for shape \[2, 2\] but received 3/],
    [[2 ** 40, 2 ** 40], /too many elements/],
  ])('refuses %o', (dims, message) => {
    expectFailure(
      thrownBy(() => new Tensor('uint8', new Uint8Array(3), dims as number[])),
      'TENSOR_SHAPE',
      message,
    );
  });

  it.each(['3', 3, null, { 0: 3 }])('refuses %o as dims', (dims) => {
    expectFailure(
      thrownBy(() => new Tensor('uint8', new Uint8Array(3), dims as never)),
      'INVALID_ARGUMENT',
      /array of numbers for dims/,
    );
    expectFailure(
      thrownBy(() => Tensor.allocate('uint8', dims as never)),
      'INVALID_ARGUMENT',
      /array of numbers for dims/,
    );
  });
});

describe('data', () => {
  it('must be of the type that belongs to the dtype', () => {
    expectFailure(
      thrownBy(() => new Tensor('float32', new Float64Array(2) as never)),
      'TENSOR_DTYPE',
      /a Float32Array for a tensor of float32 but received a Float64Array/,
    );
    expectFailure(
      thrownBy(() => new Tensor('uint8', [1, 2] as never)),
      'TENSOR_DTYPE',
      /a Uint8Array .* \[1, 2\]/,
    );
    expectFailure(
      thrownBy(() => new Tensor('int8', undefined as never)),
      'TENSOR_DTYPE',
      /an Int8Array .* undefined/,
    );
  });

  it('says how to make 16-bit floats', () => {
    expectFailure(
      thrownBy(() => new Tensor('float16', new Float32Array(2) as never)),
      'TENSOR_DTYPE',
      /a Uint16Array for a tensor of float16/,
      /fromFloat32\(values, dims, 'float16'\)/,
    );
  });

  it('needs a dtype that exists', () => {
    expectFailure(
      thrownBy(() => new Tensor('float' as never, new Float32Array(1) as never)),
      'INVALID_ARGUMENT',
      /one of float32, .* but received "float"/,
    );
    expectFailure(
      thrownBy(() => Tensor.allocate(undefined as never, [1])),
      'INVALID_ARGUMENT',
      /one of float32/,
    );
  });

  it('may be a Buffer, for bytes', () => {
    expect(new Tensor('uint8', Buffer.from([1, 2, 3])).toFloat32()).toEqual(new Float32Array([1, 2, 3]));
  });

  it('is more than there is', () => {
    const error = thrownBy(() => Tensor.allocate('float64', [2 ** 49]));
    expectFailure(error, 'OUT_OF_MEMORY', /4503599627370496 bytes/, /smaller batch|dispose/);
    expectFailure(
      thrownBy(() => Tensor.allocate('float64', [2 ** 52])),
      'OUT_OF_MEMORY',
      /3602879701896397\d bytes/,
    );
  });
});

describe('views', () => {
  const tensor = new Tensor(
    'int32',
    Int32Array.from({ length: 24 }, (_, i) => i),
    [4, 2, 3],
  );

  it('reshapes without a copy', () => {
    const flat = tensor.reshape([6, 4]);
    expect(flat.dims).toEqual([6, 4]);
    expect(flat.data).toBe(tensor.data);
  });

  it('takes a part of the first dimension without a copy', () => {
    const part = tensor.subtensor(1, 3);
    expect(part.dims).toEqual([2, 2, 3]);
    expect([...part.data]).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]);
    expect(part.data.buffer).toBe(tensor.data.buffer);
    expect(tensor.subtensor(3).dims).toEqual([1, 2, 3]);
    expect(tensor.subtensor(4, 4).size).toBe(0);
    expect([...part.subtensor(1).reshape([6]).data]).toEqual([12, 13, 14, 15, 16, 17]);
  });

  it.each([
    [-1, 1],
    [0, 5],
    [3, 2],
    [0.5, 1],
    [NaN, 1],
  ])('refuses the part from %o to %o', (start, end) => {
    expectFailure(
      thrownBy(() => tensor.subtensor(start, end)),
      'TENSOR_SHAPE',
      /within the first dimension of \[4, 2, 3\]/,
    );
  });

  it('refuses a part of a scalar, and a shape of another size', () => {
    expectFailure(
      thrownBy(() => new Tensor('int8', new Int8Array(1), []).subtensor(0)),
      'TENSOR_SHAPE',
      /first dimension of \[\]/,
    );
    expectFailure(
      thrownBy(() => tensor.reshape([5, 5])),
      'TENSOR_SHAPE',
      /Expected 25 elements .* received 24/,
    );
  });
});
