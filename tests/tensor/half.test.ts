/** 16-bit floats against references of another kind: tables and the definition, not bit tricks. */
import { describe, expect, it } from 'vitest';
import {
  bfloat16BitsToFloat32,
  float16BitsToFloat32,
  float32ToBfloat16Bits,
  float32ToFloat16Bits,
  Tensor,
} from '../../lib/tensor/index.js';
import { expectFailure, thrownBy } from '../errors/failure.js';

/** IEEE 754-2008, 3.4: the value of a binary interchange format of 16 bits, from its text. */
function valueOf(bits: number, exponentBits: number): number {
  const text = bits.toString(2).padStart(16, '0');
  const sign = text.startsWith('1') ? -1 : 1;
  const exponent = parseInt(text.slice(1, 1 + exponentBits), 2);
  const fraction = parseInt(text.slice(1 + exponentBits), 2) / 2 ** (15 - exponentBits);
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 * bias + 1) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
  return sign * (1 + fraction) * 2 ** (exponent - bias);
}

interface Format {
  readonly name: 'float16' | 'bfloat16';
  readonly exponentBits: number;
  readonly encode: (value: number) => number;
  readonly decode: (bits: number) => number;
}

const formats: readonly Format[] = [
  { name: 'float16', exponentBits: 5, encode: float32ToFloat16Bits, decode: float16BitsToFloat32 },
  { name: 'bfloat16', exponentBits: 8, encode: float32ToBfloat16Bits, decode: bfloat16BitsToFloat32 },
];

describe.each(formats)('$name', ({ name, exponentBits, encode, decode }) => {
  const infinity = (2 ** exponentBits - 1) << (15 - exponentBits);

  it('reads all 65536 patterns as IEEE 754 defines them', () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 65536; bits++) if (!Object.is(decode(bits), valueOf(bits, exponentBits))) wrong.push(bits);
    expect(wrong).toEqual([]);
  });

  it('gives all 65536 patterns back', () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 65536; bits++) {
      const value = valueOf(bits, exponentBits);
      const again = encode(value);
      if (Number.isNaN(value) ? !Number.isNaN(valueOf(again, exponentBits)) : again !== bits) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  it('rounds to the nearest, ties to even, between all neighbours', () => {
    const wrong: string[] = [];
    const float = new Float32Array(1);
    const word = new Uint32Array(float.buffer);
    const expectBits = (value: number, bits: number): void => {
      if (encode(value) !== bits || encode(-value) !== (bits | 0x8000)) wrong.push(`${value}: ${encode(value)}, not ${bits}`);
    };
    for (let bits = 0; bits < infinity; bits++) {
      // Past the largest finite value, the next would be a power of two: from its half on, all is infinity.
      const low = valueOf(bits, exponentBits);
      const high = bits + 1 === infinity ? low + (low - valueOf(bits - 1, exponentBits)) : valueOf(bits + 1, exponentBits);
      const middle = (low + high) / 2;
      float[0] = middle;
      if (float[0] !== middle) continue; // subnormal bfloat16 has neighbours closer than float32 can tell
      expectBits(middle, bits % 2 === 0 ? bits : bits + 1);
      word[0]!--;
      expectBits(float[0], bits);
      word[0]! += 2;
      expectBits(float[0], bits + 1);
    }
    expect(wrong).toEqual([]);
  });

  it('makes infinity of what is too large, and keeps signs and NaN', () => {
    expect(encode(3.4e38)).toBe(infinity);
    expect(encode(Infinity)).toBe(infinity);
    expect(encode(-Infinity)).toBe(infinity | 0x8000);
    expect(encode(-0)).toBe(0x8000);
    expect(encode(1e-45)).toBe(0);
    expect(decode(encode(NaN))).toBeNaN();
    // A NaN whose payload lies in the bits that are cut off.
    const payload = new Float32Array(new Uint32Array([0x7f800001]).buffer)[0] as number;
    expect(decode(encode(payload))).toBeNaN();
  });

  it('converts whole tensors there and back', () => {
    const values = [0, -0, 1, -2.5, 0.1, 65504, 1e-7, Infinity];
    const tensor = Tensor.fromFloat32(values, [2, 4], name);
    expect(tensor.dtype).toBe(name);
    expect(tensor.dims).toEqual([2, 4]);
    expect(tensor.data).toBeInstanceOf(Uint16Array);
    expect([...tensor.toFloat32()]).toEqual(values.map((value) => decode(encode(value))));
  });
});

describe('Tensor.fromFloat32', () => {
  it('refuses other dtypes and values', () => {
    expectFailure(
      thrownBy(() => Tensor.fromFloat32([1], [1], 'float32' as never)),
      'INVALID_ARGUMENT',
      /one of float16, bfloat16 for dtype but received "float32"/,
    );
    expectFailure(
      thrownBy(() => Tensor.fromFloat32(undefined as never, [1], 'float16')),
      'INVALID_ARGUMENT',
      /array of numbers for values but received undefined/,
    );
    expectFailure(
      thrownBy(() => Tensor.fromFloat32([1, 2], [3], 'float16')),
      'TENSOR_SHAPE',
      /Expected 3 elements/,
    );
  });
});

describe('Tensor.toFloat32', () => {
  it('copies, and converts integers', () => {
    const own = new Float32Array([1, 2]);
    const copy = new Tensor('float32', own).toFloat32();
    copy[0] = 9;
    expect(own[0]).toBe(1);
    expect([...new Tensor('int8', new Int8Array([-128, 127])).toFloat32()]).toEqual([-128, 127]);
    expect([...new Tensor('bool', new Uint8Array([0, 1])).toFloat32()]).toEqual([0, 1]);
    expect([...new Tensor('float64', new Float64Array([0.1])).toFloat32()]).toEqual([Math.fround(0.1)]);
  });

  it('rounds 64-bit integers', () => {
    expect([...new Tensor('int64', new BigInt64Array([-5n, 2n ** 53n + 1n])).toFloat32()]).toEqual([-5, 2 ** 53]);
    expect([...new Tensor('uint64', new BigUint64Array([2n ** 64n - 1n])).toFloat32()]).toEqual([2 ** 64]);
  });
});
