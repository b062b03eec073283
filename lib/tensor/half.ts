/**
 * Conversions between 32-bit floats and the bit patterns of 16-bit ones. Rounds to nearest, ties to even (IEEE 754-2008, 4.3.1).
 */

const floatView = new Float32Array(1);
const bitsView = new Uint32Array(floatView.buffer);

/** Bits of the float16 nearest to `value`; beyond 65504 + 16 it is infinity, below 2^-25 zero. */
export function float32ToFloat16Bits(value: number): number {
  floatView[0] = value;
  const bits = bitsView[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | 0x7c00 | (magnitude > 0x7f800000 ? 0x0200 : 0);
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Subnormal float16: the value in units of 2^-24. Exact in a double, so that rounding happens once.
  if (magnitude < 0x38800000) return sign | roundHalfToEven(Math.abs(floatView[0] as number) * 2 ** 24);
  const rounded = magnitude + 0x0fff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

export function float16BitsToFloat32(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Bits of the bfloat16 nearest to `value`. */
export function float32ToBfloat16Bits(value: number): number {
  floatView[0] = value;
  const bits = bitsView[0] as number;
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x0040; // NaN stays NaN when its low bits go
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

export function bfloat16BitsToFloat32(bits: number): number {
  bitsView[0] = bits << 16;
  return floatView[0] as number;
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest > 0.5 || (rest === 0.5 && floor % 2 === 1)) return floor + 1;
  return floor;
}
