/**
 * Numbers of eight bits with a sign, four bits of exponent (bias 7) and three of mantissa, without infinities: FLOAT8E4M3FN of ONNX, the FP8 of GPUs. Micikevicius et
 * al., "FP8 Formats for Deep Learning" (2022), https://arxiv.org/abs/2209.05433
 */

/** The highest number. */
export const highestFloat8 = 448;
const notNumber = 0x7f;
/** Below, numbers are multiples of 2^-9. */
const lowestNormal = 2 ** -6;

/** The bits of the number nearest to `value`, halves to even; beyond the highest number it is that, as QuantizeLinear saturates. */
export function float32ToFloat8Bits(value: number): number {
  if (Number.isNaN(value)) return notNumber;
  const sign = value < 0 || Object.is(value, -0) ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(value), highestFloat8);
  if (magnitude < lowestNormal) return sign | roundedHalfToEven(magnitude * 2 ** 9);
  const exponent = Math.floor(Math.log2(magnitude));
  // Sixteen steps of a power of two, of which the upper eight are the mantissa's; the last one carries over by itself.
  const steps = roundedHalfToEven(magnitude * 2 ** (3 - exponent));
  return sign | Math.min((exponent + 6) * 8 + steps, 0x7e);
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
