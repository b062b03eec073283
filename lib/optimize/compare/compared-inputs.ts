/** What both models are run on. */
import { ArgumentError } from '../../errors/index.js';
import type { ValueInfo } from '../../graph/index.js';
import type { PictureInput, Preprocess } from '../../image/index.js';
import { Random } from '../../metrics/random.js';
import { elementCount, isDType, Tensor, type DType } from '../../tensor/index.js';
import { isFloat, randomValues, tensorOfValues } from '../random-tensor.js';

/** The inputs of one run of each model, by name. */
export interface InputPair extends Disposable {
  readonly a: Readonly<Record<string, Tensor>>;
  readonly b: Readonly<Record<string, Tensor>>;
}

/** Inputs that both models can be run on, any number of times; none is kept. */
export interface ComparedInputs {
  readonly count: number;
  /** How often a picture is repeated for each model: the batch that it was exported with, else 1. */
  readonly batch: { readonly a: number; readonly b: number };
  load(index: number, signal: AbortSignal | undefined): Promise<InputPair>;
}

/** The picture input of a model, and how pictures become it. */
export interface PictureSide {
  readonly input: string;
  readonly batch: number;
  readonly preprocess: Preprocess;
}

/** Pictures, each prepared for each model in its own way. */
export function pictureInputs(pictures: readonly PictureInput[], a: PictureSide, b: PictureSide): ComparedInputs {
  const shared = a.batch === b.batch && JSON.stringify(a.preprocess) === JSON.stringify(b.preprocess);
  return {
    count: pictures.length,
    batch: { a: a.batch, b: b.batch },
    load: async (index, signal) => {
      const picture = pictures[index] as PictureInput;
      const first = await prepared(picture, a, signal);
      try {
        const second = shared ? first : await prepared(picture, b, signal);
        const dispose = (): void => [first, second].forEach((tensor) => tensor.dispose());
        return { a: { [a.input]: first }, b: { [b.input]: second }, [Symbol.dispose]: dispose };
      } catch (error) {
        first.dispose();
        throw error;
      }
    },
  };
}

async function prepared(
  picture: PictureInput,
  { preprocess, batch }: PictureSide,
  signal: AbortSignal | undefined,
): Promise<Tensor> {
  using one = (await preprocess.run(picture, { signal })).tensor;
  return repeated(one, batch);
}

function repeated(one: Tensor, batch: number): Tensor {
  const whole = Tensor.allocate(one.dtype, [batch, ...one.dims]);
  for (let i = 0; i < batch; i++) whole.subtensor(i).data.set(one.data as never);
  return whole;
}

/** Free sizes besides the batch: one that every stride up to 32 divides. */
const freeSize = 64;

/**
 * Random inputs, the same for the same seed, of {@link randomValues}. Free sizes
 * are 1 for the first axis, and 64 for others. Throws INVALID_ARGUMENT where the inputs of the models differ in more than name and batch.
 */
export function randomInputs(a: readonly ValueInfo[], b: readonly ValueInfo[], count: number, seed: number): ComparedInputs {
  const sameNames = a.every(({ name }) => b.some((other) => other.name === name));
  const pairs = a.map((info, i) => {
    const other = sameNames ? b.find(({ name }) => name === info.name) : b[i];
    if (other === undefined || a.length !== b.length) throw differ(`A has ${a.length} inputs and B ${b.length}`);
    return randomPair(info, other);
  });
  const batchOf = (side: 'a' | 'b'): number => Math.max(1, ...pairs.map((pair) => pair[side].batch));
  return {
    count,
    batch: { a: batchOf('a'), b: batchOf('b') },
    load: (index) => {
      const random = new Random((seed + index) % 2 ** 32);
      const sides: Record<'a' | 'b', Record<string, Tensor>> = { a: {}, b: {} };
      for (const { a, b, row } of pairs) {
        const values = randomValues(random, a.dtype, elementCount(row));
        sides.a[a.name] = tensorOf(values, a, row);
        sides.b[b.name] = tensorOf(values, b, row);
      }
      const dispose = (): void => {
        for (const tensor of Object.values(sides).flatMap((side) => Object.values(side))) tensor.dispose();
      };
      return Promise.resolve({ ...sides, [Symbol.dispose]: dispose });
    },
  };
}

interface RandomSide {
  readonly name: string;
  readonly dtype: DType;
  /** How often the row is repeated; 0: the row is all there is. */
  readonly batch: number;
}

interface RandomPair {
  readonly a: RandomSide;
  readonly b: RandomSide;
  /** Sizes of one row. */
  readonly row: readonly number[];
}

function randomPair(a: ValueInfo, b: ValueInfo): RandomPair {
  const [dtype, other] = [a.dtype, b.dtype];
  const areFloats = isFloat(dtype) && isFloat(other);
  if (!isDType(dtype) || !isDType(other) || (dtype !== other && !areFloats)) {
    throw differ(`the input ${JSON.stringify(a.name)} is of ${dtype} in A, and of ${other} in B`);
  }
  if (a.shape === null || b.shape === null || a.shape.length !== b.shape.length) {
    throw differ(`the input ${JSON.stringify(a.name)} has no known shape, or not as many axes in both`);
  }
  const hasBatch = a.shape.length > 1;
  const row = a.shape.slice(hasBatch ? 1 : 0).map((size, i) => {
    const counterpart = b.shape?.[hasBatch ? i + 1 : i];
    const [mine, theirs] = [size, counterpart].map((dim) => (typeof dim === 'number' ? dim : undefined));
    if (mine !== undefined && theirs !== undefined && mine !== theirs) {
      throw differ(
        `the input ${JSON.stringify(a.name)} has the shape [${a.shape?.join(', ')}] in A, [${b.shape?.join(', ')}] in B`,
      );
    }
    return mine ?? theirs ?? (hasBatch ? freeSize : 1);
  });
  const batchOf = ({ shape }: ValueInfo): number => (!hasBatch ? 0 : typeof shape?.[0] === 'number' ? shape[0] : 1);
  return {
    a: { name: a.name, dtype, batch: batchOf(a) },
    b: { name: b.name, dtype: other, batch: batchOf(b) },
    row,
  };
}

function tensorOf(values: readonly number[], { dtype, batch }: RandomSide, row: readonly number[]): Tensor {
  if (batch === 0) return tensorOfValues(values, dtype, row);
  using one = tensorOfValues(values, dtype, row);
  return repeated(one, batch);
}

function differ(reason: string): ArgumentError {
  return new ArgumentError('INVALID_ARGUMENT', {
    message: `Expected two models that take the same random inputs but ${reason}`,
    hint: 'Models that take pictures are compared on pictures, which each of them prepares in its own way: give data.',
  });
}
