import { isDeepStrictEqual } from 'node:util';
import { bfloat16BitsToFloat32, float16BitsToFloat32 } from '../tensor/index.js';
import type { OnnxTensor } from './onnx-tensor.js';

/** How a constant differs. */
export interface TensorDifference {
  readonly name: string;
  /** Element type and shape. */
  readonly before: string;
  readonly after: string;
  /** Of numbers of the same type and shape: the largest difference, NaN where one of the two is none. Null where that means nothing, or they are in other files. */
  readonly maxAbsDifference: number | null;
  /** How many elements differ; null with it. */
  readonly differing: number | null;
}

/** Undefined where two constants are equal, however their elements are stored; zero and minus zero are not. */
export function differenceOfTensors(one: OnnxTensor, other: OnnxTensor): TensorDifference | undefined {
  const told = { name: one.name, before: label(one), after: label(other), maxAbsDifference: null, differing: null };
  if (told.before !== told.after) return told;
  const [data, otherData] = [one.data, other.data];
  if (data === undefined || otherData === undefined) {
    const place = ({ external, proto, strings }: OnnxTensor): unknown => external ?? strings ?? proto.rawData;
    const fields = (tensor: OnnxTensor): unknown =>
      tensor.external === undefined ? place(tensor) : tensor.proto.externalData.map(({ key, value }) => [key, value]);
    return isDeepStrictEqual(fields(one), fields(other)) ? undefined : told;
  }
  const bytes = ({ buffer, byteOffset, byteLength }: typeof data): Buffer => Buffer.from(buffer, byteOffset, byteLength);
  if (bytes(data).equals(bytes(otherData))) return undefined;
  const number = numberOf(one.dtype);
  if (number === undefined) return told;
  let [largest, differing] = [0, 0];
  for (let index = 0; index < data.length; index++) {
    const [left, right] = [data[index] as number | bigint, otherData[index] as number | bigint];
    if (Object.is(left, right)) continue;
    differing++;
    const difference = Math.abs(number(left) - number(right));
    largest = Number.isNaN(difference) ? NaN : Math.max(largest, difference);
  }
  return { ...told, maxAbsDifference: largest, differing };
}

function label({ dtype, dims }: OnnxTensor): string {
  return `${dtype} [${dims.join(', ')}]`;
}

/** What an element stands for; undefined for packed ones and those that are no single number. */
function numberOf(dtype: OnnxTensor['dtype']): ((element: number | bigint) => number) | undefined {
  if (dtype === 'float16') return (bits) => float16BitsToFloat32(Number(bits));
  if (dtype === 'bfloat16') return (bits) => bfloat16BitsToFloat32(Number(bits));
  return /^(float(32|64)|u?int(8|16|32|64)|bool)$/.test(dtype) ? Number : undefined;
}
