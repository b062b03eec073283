import { dtypeBytes, Lease, native, settle, attempt, type DeviceTensorHandle, type DType } from '../binding/index.js';
import { constructedDirectly, DisposedError } from '../errors/index.js';
import { elementCount, Tensor } from './tensor.js';

/**
 * A tensor in the memory of a GPU, which only sessions of engines on a GPU give ({@link Session.runOnDevice}) and take: one model feeds another without a
 * trip to the host. {@link dispose} it when it is no longer needed. It holds its GPU: one that was lost is not recovered while its tensors live.
 */
export class DeviceTensor<D extends DType = DType, Shape extends readonly number[] = readonly number[]> implements Disposable {
  readonly dtype: D;
  /** Shape; empty for a scalar. */
  readonly dims: Shape;
  /** Number of elements. */
  readonly size: number;
  /** Ordinal of the GPU. */
  readonly gpu: number;
  readonly #handle: DeviceTensorHandle;
  #disposed = false;

  private constructor(dtype: D, dims: Shape, gpu: number, handle: DeviceTensorHandle) {
    if (handle === undefined) throw constructedDirectly('DeviceTensor', 'session.runOnDevice(inputs)');
    this.dtype = dtype;
    this.dims = Object.freeze(dims);
    this.size = elementCount(dims);
    this.gpu = gpu;
    this.#handle = handle;
  }

  /** @internal */
  static over(dtype: DType, dims: readonly number[], gpu: number, handle: DeviceTensorHandle): DeviceTensor {
    return new DeviceTensor(dtype, [...dims], gpu, handle);
  }

  /** Size of the elements in bytes. */
  get byteLength(): number {
    return this.size * dtypeBytes(this.dtype);
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** @internal Throws DISPOSED. */
  get handle(): DeviceTensorHandle {
    if (this.#disposed) {
      throw new DisposedError('DISPOSED', {
        message: `A ${this} was disposed before the call`,
        hint: 'Dispose of a tensor only after the last call that uses it was made.',
      });
    }
    return this.#handle;
  }

  /** A copy in host memory. Throws DISPOSED, CUDA_OUT_OF_MEMORY (no pinned memory), DEVICE_LOST. */
  async toHost(): Promise<Tensor<D, Shape>> {
    const { handle } = this;
    const lease = await settle(() => native().deviceTensorRead(handle));
    return Tensor.overLease(this.dtype, this.dims, new Lease(lease)) as Tensor<D, Shape>;
  }

  /** Gives the memory back; runs in flight are not disturbed. Idempotent. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    attempt(() => native().deviceTensorFree(this.#handle));
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** `DeviceTensor<float32>[1, 3, 640, 640] on GPU 0` */
  toString(): string {
    return `DeviceTensor<${this.dtype}>[${this.dims.join(', ')}] on GPU ${this.gpu}`;
  }
}
