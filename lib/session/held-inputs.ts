import { Tensor, type DeviceTensor, type DType } from '../tensor/index.js';

/** Inputs that stay as they were given, whatever becomes of the arrays behind them: for runs that may be made a second time. */
export class HeldInputs implements Disposable {
  /** By name. What lies in native memory, which is to be left alone until a run has ended, is not copied. */
  readonly tensors: ReadonlyMap<string, Tensor | DeviceTensor>;
  readonly copiedBytes: number;
  readonly #copies: Tensor[] = [];

  /** `memory` is where the copies are made. Throws OUT_OF_MEMORY. */
  constructor(
    given: ReadonlyMap<string, Tensor | DeviceTensor>,
    memory: { allocate(dtype: DType, dims: readonly number[]): Tensor },
  ) {
    const held = (tensor: Tensor | DeviceTensor): Tensor | DeviceTensor => {
      if (!(tensor instanceof Tensor) || tensor.native) return tensor;
      const copy = memory.allocate(tensor.dtype, tensor.dims);
      this.#copies.push(copy);
      copy.data.set(tensor.data as never);
      return copy;
    };
    this.tensors = new Map([...given].map(([name, tensor]) => [name, held(tensor)] as const));
    this.copiedBytes = this.#copies.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  [Symbol.dispose](): void {
    for (const copy of this.#copies) copy.dispose();
  }
}
