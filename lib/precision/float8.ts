/**
 * Numbers of eight bits with a sign, four bits of exponent (bias 7) and three of mantissa, without infinities: FLOAT8E4M3FN of ONNX, the FP8 of GPUs. Micikevicius et
 * al., "FP8 Formats for Deep Learning" (2022), https://arxiv.org/abs/2209.05433
 */

/** The highest number. */
export const highestFloat8 = 448;
const notNumber = 0x7f;

const floatView = new Float32Array(1);
const bitsView = new Uint32Array(floatView.buffer);

/** The bits of the number nearest to `value` in float32, halves to even; beyond the highest number it is that, as QuantizeLinear saturates. */
export function float32ToFloat8Bits(value: number): number {
  floatView[0] = value;
  const bits = bitsView[0] as number;
  const sign = (bits >>> 24) & 0x80;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return notNumber;
  // From 448 on.
  if (magnitude >= 0x43e00000) return sign | 0x7e;
  // Below 2^-6, numbers are multiples of 2^-9. Exact in a double, so that rounding happens once.
  if (magnitude < 0x3c800000) return sign | roundedHalfToEven(Math.abs(floatView[0] as number) * 2 ** 9);
  const rounded = magnitude + 0x7ffff + ((magnitude >>> 20) & 1);
  return sign | ((rounded - 0x3c000000) >>> 20);
}

export function float8BitsToFloat32(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >>> 3) & 0xf;
  const mantissa = bits & 0x7;
  if ((bits & 0x7f) === notNumber) return NaN;
  return exponent === 0 ? sign * mantissa * 2 ** -9 : sign * (8 + mantissa) * 2 ** (exponent - 10);
}

function roundedHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
