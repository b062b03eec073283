import { attempt, native, settle, type NativeLayerInput, type ProductsHandle } from '../binding/index.js';
import { ArgumentError, checkInteger, checkSignal, DisposedError, invalidArgument } from '../errors/index.js';
import { Tensor } from '../tensor/index.js';

/** How a kernel goes along one axis; `begin` and `end` are padding. */
export interface KernelAxis {
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
  readonly end: number;
}

/** What the weights of a layer are multiplied with: each output sees the channels of its group under the kernel. */
export interface LayerInput {
  readonly channels: number;
  readonly groups: number;
  /** The last is the innermost. A kernel along one axis, or none, has size 1 along the others. */
  readonly axes: readonly [KernelAxis, KernelAxis];
  /** The eight bits that it is read in. */
  readonly by: { readonly scale: number; readonly zeroPoint: number; readonly dtype: 'int8' | 'uint8' };
}

/** How many weights an output has. */
export function columnsOf({ channels, groups, axes: [one, other] }: LayerInput): number {
  return (channels / groups) * one.size * other.size;
}

/**
 * Products of what a layer reads in eight bits, each column of its weights with each, summed up over 256 places of each picture. Sums of integers: the same in whatever order
 * pictures come. Dispose of it once it is no longer needed.
 */
export class InputProducts implements Disposable {
  readonly input: LayerInput;
  readonly #handle: ProductsHandle;
  #disposed = false;

  /** Throws INVALID_ARGUMENT for a kernel or groups that cannot be, and for a scale that is not above 0. */
  constructor(input: LayerInput) {
    const { channels, groups, axes, by } = input;
    checkInteger('channels', channels, 1, 2 ** 31 - 1);
    checkInteger('groups', groups, 1, channels);
    if (channels % groups !== 0) throw invalidArgument('groups', `a divisor of ${channels} channels`, groups);
    for (const { size, stride, dilation, begin, end } of axes) {
      for (const [name, value] of Object.entries({ size, stride, dilation })) checkInteger(name, value, 1, 2 ** 31 - 1);
      for (const [name, value] of Object.entries({ begin, end })) checkInteger(name, value, 0, 2 ** 31 - 1);
    }
    if (!(Math.fround(by.scale) > 0 && Number.isFinite(Math.fround(by.scale))))
      throw invalidArgument('scale', 'a number above 0', by.scale);
    const [low, high] = by.dtype === 'int8' ? ([-128, 127] as const) : ([0, 255] as const);
    checkInteger('zeroPoint', by.zeroPoint, low, high);
    this.input = input;
    const spec: NativeLayerInput = { channels, groups, axes, scale: by.scale, zeroPoint: by.zeroPoint, low, high };
    this.#handle = attempt(() => native().productsCreate(spec));
  }

  /** What the sums take in native memory. */
  static bytes(input: LayerInput): number {
    const columns = columnsOf(input);
    return input.groups * 4 * (columns + (columns * (columns + 1)) / 2);
  }

  /**
   * Takes in the layer's input in a picture, as floats, on a thread of the core; which places are looked at depends on `picture`. A tensor in native memory is not
   * copied: leave it until the promise settles. Throws TENSOR_DTYPE, INVALID_ARGUMENT for another shape, ABORTED, after which the sums are worth nothing.
   */
  async add(tensor: Tensor, picture: number, signal?: AbortSignal): Promise<void> {
    checkSignal(signal);
    if (!(tensor instanceof Tensor)) throw invalidArgument('tensor', 'a Tensor', tensor);
    const { dtype, dims, data, leaseHandle: lease } = tensor;
    if (dtype !== 'float32' && dtype !== 'float16') {
      throw new ArgumentError('TENSOR_DTYPE', { message: `Expected float32 or float16 but received ${dtype}` });
    }
    checkInteger('picture', picture, 0, 2 ** 32 - 1);
    await settle((operation) => native().productsAdd(this.handle, { dtype, dims, data, lease }, picture, operation), signal);
  }

  /** @internal */
  get handle(): ProductsHandle {
    if (this.#disposed) throw new DisposedError('DISPOSED', { message: 'The products were disposed before the call' });
    return this.#handle;
  }

  /** Frees the sums. What works with them is not disturbed. Idempotent. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    attempt(() => native().productsRelease(this.#handle));
  }
}

/**
 * Integers from -127 to 127 for weights of shape `dims` with outputs along `axis` (0, or 1 of a matrix), in that shape: rounded column after column so that the errors of
 * one are made good by others, for what layers with these weights read. Undefined where that tells nothing: NaN was seen, or no picture. `inputs` has each layer's
 * products once, of as many columns and groups. Throws INVALID_ARGUMENT for weights that are no numbers, ABORTED.
 *
 * Source: Frantar, Ashkboos, Hoefler, Alistarh, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers" (2022), with the covariance in the
 * place of products, since biases make good the means.
 */
export async function roundWeights(
  data: Float32Array,
  dims: readonly number[],
  axis: number,
  scales: Float32Array,
  inputs: readonly InputProducts[],
  signal?: AbortSignal,
): Promise<Int8Array | undefined> {
  checkSignal(signal);
  const outputs = dims[axis] as number;
  const columns = data.length / outputs;
  const layout =
    axis === 0
      ? { outputs, columns, outputStride: columns, columnStride: 1 }
      : { outputs, columns, outputStride: 1, columnStride: outputs };
  // Products count in steps of each layer's own scale.
  const given = inputs.map(({ handle, input }) => ({ products: handle, square: Math.fround(input.by.scale) ** 2 }));
  return settle((operation) => native().weightsRound(data, layout, scales, given, operation), signal);
}
