import { isDeepStrictEqual } from 'node:util';
import { bfloat16BitsToFloat32, float16BitsToFloat32, typedArrays, type DType } from '../tensor/index.js';
import { layoutOf, type ElementType } from './element-type.js';
import type { ReadOptions } from './file-bytes.js';
import type { OnnxTensor } from './onnx-tensor.js';

/** What a constant is, but for its elements. */
export interface TensorLabel {
  readonly dtype: ElementType;
  readonly dims: readonly number[];
  /** Of its elements in raw form; null for strings and unknown types. */
  readonly bytes: number | null;
}

/** How a constant differs. */
export interface TensorDifference {
  readonly name: string;
  readonly before: TensorLabel;
  readonly after: TensorLabel;
  /** Of numbers of the same type and shape: the largest difference, NaN where one of the two is none. Null where that means nothing. */
  readonly maxAbsDifference: number | null;
  /** How many elements differ; null with it. */
  readonly differing: number | null;
}

/** What is compared at once: a multiple of every element. */
const stepBytes = 2 ** 20;

/**
 * Undefined where two constants are equal, however and in whichever file their elements are stored; zero and minus zero are not. Elements are read a
 * piece at a time. Rejects as {@link OnnxTensor.read}.
 */
export async function differenceOfTensors(
  one: OnnxTensor,
  other: OnnxTensor,
  options: ReadOptions = {},
): Promise<TensorDifference | undefined> {
  const told = { name: one.name, before: labelOf(one), after: labelOf(other), maxAbsDifference: null, differing: null };
  if (!isDeepStrictEqual(told.before, told.after)) return told;
  if (!isReadable(one) || !isReadable(other)) {
    const fields = ({ external, proto }: OnnxTensor): unknown => [external?.location, proto.stringData, proto.rawData];
    return isDeepStrictEqual(fields(one), fields(other)) ? undefined : told;
  }
  const difference = new ElementDifference(one.dtype);
  const [steps, otherSteps] = [inSteps(one, options), inSteps(other, options)];
  try {
    for await (const step of steps) difference.take(step, (await otherSteps.next()).value as Uint8Array);
  } finally {
    await otherSteps.return();
  }
  return difference.some ? { ...told, ...difference.counted } : undefined;
}

export function labelOf({ dtype, dims, byteLength }: OnnxTensor): TensorLabel {
  return { dtype, dims, bytes: byteLength ?? null };
}

/** Elements that are no numbers have no bytes, unless in another file. */
function isReadable({ external, byteLength }: OnnxTensor): boolean {
  return external !== undefined || byteLength !== undefined;
}

/** The elements in steps that all tensors of that size have in common; each is overwritten by the next one. */
async function* inSteps(tensor: OnnxTensor, options: ReadOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const step = new Uint8Array(Math.min(stepBytes, tensor.byteLength ?? stepBytes));
  let filled = 0;
  for await (const chunk of tensor.chunks(options)) {
    for (let taken = 0; taken < chunk.length;) {
      const part = chunk.subarray(taken, taken + step.length - filled);
      step.set(part, filled);
      [taken, filled] = [taken + part.length, filled + part.length];
      if (filled < step.length) continue;
      yield step;
      filled = 0;
    }
  }
  if (filled > 0) yield step.subarray(0, filled);
}

/** What differs in elements of one type. */
class ElementDifference {
  some = false;
  #differing = 0;
  #largest = 0;
  readonly #array: DType | undefined;
  readonly #number: ((element: number | bigint) => number) | undefined;

  constructor(dtype: ElementType) {
    this.#array = layoutOf(dtype)?.array;
    this.#number = numberOf(dtype);
  }

  get counted(): Pick<TensorDifference, 'maxAbsDifference' | 'differing'> {
    const counts = this.#number !== undefined;
    return { maxAbsDifference: counts ? this.#largest : null, differing: counts ? this.#differing : null };
  }

  take(one: Uint8Array, other: Uint8Array | undefined): void {
    if (other !== undefined && Buffer.compare(one, other) === 0) return;
    this.some = true;
    if (this.#number === undefined || this.#array === undefined || other === undefined) return;
    const Elements = typedArrays[this.#array];
    const view = ({ buffer, length }: Uint8Array): ArrayLike<number | bigint> =>
      new Elements(buffer as ArrayBuffer, 0, length / Elements.BYTES_PER_ELEMENT);
    const [left, right] = [view(one), view(other)];
    for (let index = 0; index < left.length; index++) {
      const [a, b] = [left[index] as number | bigint, right[index] as number | bigint];
      if (Object.is(a, b)) continue;
      this.#differing++;
      const difference = Math.abs(this.#number(a) - this.#number(b));
      this.#largest = Number.isNaN(difference) ? NaN : Math.max(this.#largest, difference);
    }
  }
}

/** What an element stands for; undefined for packed ones and those that are no single number. */
function numberOf(dtype: ElementType): ((element: number | bigint) => number) | undefined {
  if (dtype === 'float16') return (bits) => float16BitsToFloat32(Number(bits));
  if (dtype === 'bfloat16') return (bits) => bfloat16BitsToFloat32(Number(bits));
  return /^(float(32|64)|u?int(8|16|32|64)|bool)$/.test(dtype) ? Number : undefined;
}
