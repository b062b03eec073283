import { invalidArgument } from '../errors/index.js';
import { Random } from '../metrics/random.js';
import { randomValues, tensorOfValues } from '../optimize/random-tensor.js';
import { createSession, type ModelSource, type Session, type SessionOptions, type TensorInfo } from '../session/index.js';
import { elementCount, type Tensor } from '../tensor/index.js';
import type { CellPlace, Workload } from './workload.js';

/** Sizes of axes besides the batch that are free, where nothing else is given: of pictures, and of all else. */
const [freePictureSize, freeSize] = [224, 16];

/** Sizes of one sample, without the batch, by the name of the input. */
export type SampleShapes = Readonly<Record<string, readonly number[]>>;

/** The batch that a model was exported with; undefined where an input has a free first axis. */
export function fixedBatch(inputs: readonly TensorInfo[]): number | undefined {
  const firsts = inputs.flatMap(({ shape }) => shape.slice(0, 1));
  return firsts.every((first) => typeof first === 'number') ? (firsts[0] ?? 1) : undefined;
}

/** Throws INVALID_ARGUMENT for a shape of an input that the model does not have. */
export function checkShapeNames(inputs: readonly TensorInfo[], shapes: SampleShapes): void {
  const unknown = Object.keys(shapes).find((name) => inputs.every((input) => input.name !== name));
  if (unknown === undefined) return;
  throw invalidArgument('shapes', `inputs of the model: ${inputs.map(({ name }) => name).join(', ')}`, unknown);
}

/** The whole shape of an input. Throws INVALID_ARGUMENT for a shape that is given and does not fit. */
export function inputShape({ name, shape }: TensorInfo, batch: number, shapes: SampleShapes): readonly number[] {
  const given = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
  const own = shape.slice(1);
  if (
    given !== undefined &&
    (given.length !== own.length || own.some((size, i) => typeof size === 'number' && size !== given[i]))
  ) {
    throw invalidArgument(
      `shapes.${name}`,
      `sizes that fit [${own.map((size) => size ?? 'any').join(', ')}], the shape of a sample`,
      given,
      'The batch is not part of it.',
    );
  }
  const free = shape.length === 4 ? freePictureSize : freeSize;
  return shape.map((size, axis) => {
    if (axis === 0) return typeof size === 'number' ? size : batch;
    return given?.[axis - 1] ?? (typeof size === 'number' ? size : free);
  });
}

export interface TensorWorkloadOptions {
  readonly session: Omit<SessionOptions, 'lanes' | 'threads'>;
  readonly shapes: SampleShapes;
  readonly seed: number;
}

/** A session that is called with one set of random tensors, which runs read in place. Rejects as `createSession` and `Session.run`. */
export async function openTensorWorkload(
  model: ModelSource,
  { batch, lanes, threads }: CellPlace,
  { session: options, shapes, seed }: TensorWorkloadOptions,
): Promise<Workload> {
  const session = await createSession(model, { ...options, lanes, ...(threads !== null && { threads }) });
  let inputs: Readonly<Record<string, Tensor>> = {};
  const close = async (): Promise<void> => {
    await session.dispose();
    for (const tensor of Object.values(inputs)) tensor.dispose();
  };
  try {
    inputs = randomInputs(session, (info) => inputShape(info, batch, shapes), seed);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    items: fixedBatch(session.inputs) ?? batch,
    device: session.device,
    call: async (signal) => {
      using result = await session.run(inputs, { signal });
      const { queueMs, computeMs, uploadMs, downloadMs } = result;
      return { decodeMs: 0, preprocessMs: 0, queueMs, computeMs, transferMs: uploadMs + downloadMs, postprocessMs: 0 };
    },
    [Symbol.asyncDispose]: close,
  };
}

/** A tensor for each input, of the whole shape that `shapeOf` tells. To be disposed of after the last run. */
export function randomInputs(
  session: Session,
  shapeOf: (info: TensorInfo) => readonly number[],
  seed: number,
): Readonly<Record<string, Tensor>> {
  const inputs: Record<string, Tensor> = {};
  try {
    for (const info of session.inputs) inputs[info.name] = filledInput(session, info, shapeOf(info), seed);
  } catch (error) {
    for (const tensor of Object.values(inputs)) tensor.dispose();
    throw error;
  }
  return inputs;
}

/** One random sample, as often as the batch has it: what a model takes hardly depends on what is in it. */
function filledInput(session: Session, { name, dtype }: TensorInfo, dims: readonly number[], seed: number): Tensor {
  const tensor = session.allocateInput(name, dims);
  const row = dims.slice(1);
  using sample = tensorOfValues(randomValues(new Random(seed), dtype, elementCount(row)), dtype, row);
  const { data } = sample;
  for (let i = 0; i < (dims[0] ?? 1); i++) tensor.data.set(data as never, i * sample.size);
  return tensor;
}
