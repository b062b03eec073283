import { attempt, native, settle, type DType, type ObserverHandle } from '../binding/index.js';
import { ArgumentError, checkInteger, checkOptions, checkSignal, DisposedError, invalidArgument } from '../errors/index.js';
import type { TensorStatistics } from './tensor-statistics.js';

/** A tensor that is to be observed. */
export interface ObservedTensor {
  /** Of the output of the model. */
  readonly name: string;
  /** The axis that holds channels, from 0; with it, statistics of each channel are kept too. */
  readonly channelAxis?: number | undefined;
}

const observable: readonly DType[] = ['float32', 'float16'];

/**
 * Counts what tensors hold while pictures run through a model (`Session.observe`): elements go into native histograms on the lane that computed them.
 * The outcome does not depend on the order of the pictures, nor on how many lanes there are. Dispose of it once it is no longer needed.
 */
export class TensorObserver implements Disposable {
  readonly tensors: readonly ObservedTensor[];
  readonly #handle: ObserverHandle;
  #disposed = false;

  /** Throws INVALID_ARGUMENT for no tensors, names that repeat, axes that are none. */
  constructor(tensors: readonly ObservedTensor[]) {
    if (!Array.isArray(tensors) || tensors.length === 0) throw invalidArgument('tensors', 'an array of tensors', tensors);
    const names = new Set<string>();
    this.tensors = Object.freeze(
      tensors.map((tensor, i) => {
        checkOptions(`tensors[${i}]`, tensor, ['name', 'channelAxis']);
        const { name, channelAxis } = tensor as ObservedTensor;
        if (typeof name !== 'string' || name === '') throw invalidArgument(`tensors[${i}].name`, 'the name of a tensor', name);
        if (names.has(name)) throw invalidArgument(`tensors[${i}].name`, 'a name that occurs once', name);
        names.add(name);
        if (channelAxis === undefined) return Object.freeze({ name });
        return Object.freeze({ name, channelAxis: checkInteger(`tensors[${i}].channelAxis`, channelAxis, 0, 31) });
      }),
    );
    this.#handle = attempt(() => native().observerCreate(this.tensors));
  }

  /** An observer that goes on from what was kept. `channelAxes`: of tensors whose statistics have channels, by name. */
  static async from(
    statistics: readonly TensorStatistics[],
    channelAxes: Readonly<Record<string, number>> = {},
  ): Promise<TensorObserver> {
    const observer = new TensorObserver(
      statistics.map(({ name, channels }) => {
        // A tensor may be called "constructor".
        const channelAxis = Object.hasOwn(channelAxes, name) ? channelAxes[name] : undefined;
        if (channels !== undefined && channelAxis === undefined) {
          throw invalidArgument(`the axis of the channels of ${JSON.stringify(name)}`, 'an axis', undefined);
        }
        return { name, channelAxis };
      }),
    );
    try {
      await observer.add(statistics);
    } catch (error) {
      observer.dispose();
      throw error;
    }
    return observer;
  }

  /**
   * Takes in what was kept of other pictures of the same tensors. These get the numbers that follow those seen here. Exact, but for means of channels,
   * which may differ in the last digit from those of one observer for all. Throws INVALID_ARGUMENT for statistics that are not sound or of other tensors,
   * of which then none is taken in.
   */
  async add(statistics: readonly TensorStatistics[]): Promise<void> {
    const byName = new Map(statistics.map((one) => [one.name, one]));
    const ordered = this.tensors.map(({ name }) => {
      const one = byName.get(name);
      if (one === undefined) throw invalidArgument('statistics', `statistics of ${JSON.stringify(name)}`, undefined);
      return one;
    });
    if (byName.size !== ordered.length || statistics.length !== ordered.length) {
      throw invalidArgument('statistics', `statistics of ${ordered.length} tensors, once each`, `${statistics.length}`);
    }
    await settle(() => native().observerAdd(this.handle, ordered));
  }

  /** What was counted so far, in the order of {@link tensors}. */
  async statistics(signal?: AbortSignal): Promise<TensorStatistics[]> {
    checkSignal(signal);
    return settle((operation) => native().observerStatistics(this.handle, operation), signal);
  }

  /** @internal Throws TENSOR_NAME where none of a model's outputs is observed, TENSOR_DTYPE where one is that holds no floats. */
  checkObservable(outputs: readonly { readonly name: string; readonly dtype: DType }[]): void {
    const names = new Set(this.tensors.map((tensor) => tensor.name));
    const observed = outputs.filter((output) => names.has(output.name));
    if (observed.length === 0) {
      throw new ArgumentError('TENSOR_NAME', {
        message: 'The model has no output that is observed',
        hint: `Its outputs: ${outputs.map((output) => JSON.stringify(output.name)).join(', ')}.`,
      });
    }
    const odd = observed.find((output) => !observable.includes(output.dtype));
    if (odd !== undefined) {
      throw new ArgumentError('TENSOR_DTYPE', {
        message: `Expected float32 or float16 of ${JSON.stringify(odd.name)} to observe it, but it is ${odd.dtype}`,
      });
    }
  }

  /** @internal */
  get handle(): ObserverHandle {
    if (this.#disposed) {
      throw new DisposedError('DISPOSED', {
        message: 'The observer was disposed before the call',
        hint: 'Dispose of an observer after its last use.',
      });
    }
    return this.#handle;
  }

  /** Frees the histograms. Runs in flight are not disturbed. Idempotent. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    attempt(() => native().observerRelease(this.#handle));
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
