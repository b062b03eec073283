import {
  attempt,
  dtypeBytes,
  Lease,
  native,
  settle,
  type NativeInput,
  type NativeRunOptions,
  type NativeRunResult,
  type NativeTensorInfo,
  type OperationHandle,
  type SessionHandle,
} from '../binding/index.js';
import { isEngineDevice, type DeviceChoice } from '../engine/index.js';
import { EngineError } from '../errors/index.js';
import { elementCount, Tensor, type DeviceTensor, type DType } from '../tensor/index.js';
import type { Runner } from './failover.js';
import { nativeInput, nativeTensor, type RequestedOutput } from './run-tensors.js';

const forgotten = new FinalizationRegistry<{ handle: SessionHandle; model: string }>(({ handle, model }) => {
  process.emitWarning(`A session of ${model} was collected without dispose(); its memory was held until now.`, {
    type: 'FoveateWarning',
    code: 'FOVEATE_NOT_DISPOSED',
  });
  native()
    .sessionClose(handle)
    .catch(() => undefined); // nobody is left to hear of it
});

/** How a model was opened. */
export interface BackendInit {
  readonly handle: SessionHandle;
  readonly choice: DeviceChoice;
  /** The engine behind it. */
  readonly runtime: { readonly name: string; readonly version: string; readonly path: string };
  /** The file that was opened; undefined for bytes. */
  readonly path: string | undefined;
  /** The most rows that one run takes; Infinity where nothing is known to limit it. */
  readonly mostRows?: number;
}

/** A model that was opened on one device: what a session runs on. */
export class Backend implements Runner {
  readonly handle: SessionHandle;
  readonly choice: DeviceChoice;
  readonly runtime: BackendInit['runtime'];
  readonly path: string | undefined;
  readonly mostRows: number;
  readonly inputs: readonly NativeTensorInfo[];
  readonly outputs: readonly NativeTensorInfo[];

  constructor({ handle, choice, runtime, path, mostRows = Infinity }: BackendInit) {
    const { inputs, outputs } = attempt(() => native().sessionDescribe(handle));
    this.handle = handle;
    this.choice = choice;
    this.runtime = runtime;
    this.path = path;
    this.mostRows = mostRows;
    this.inputs = inputs;
    this.outputs = outputs;
    forgotten.register(this, { handle, model: path ?? 'a model in memory' }, this);
  }

  /** `inputs` and `outputs` were checked; their order is of no account, because it may differ from one device to another. Tensors are read, or copied, before this returns. */
  run(
    inputs: ReadonlyMap<string, Tensor | DeviceTensor>,
    outputs: readonly RequestedOutput[],
    options: NativeRunOptions,
    signal: AbortSignal | undefined,
  ): Promise<NativeRunResult> {
    const call = (operation: OperationHandle | undefined): Promise<NativeRunResult> => {
      const requested = outputs.map(({ name, tensor }) => ({
        index: this.outputs.findIndex((output) => output.name === name),
        tensor: tensor && nativeTensor(tensor),
      }));
      return native().sessionRun(this.handle, this.#given(inputs), requested, options, operation);
    };
    return settle(call, signal);
  }

  /** For a run that observes: the handle, and tensors in the order of the inputs. */
  prepared(inputs: ReadonlyMap<string, Tensor | DeviceTensor>): {
    readonly handle: SessionHandle;
    readonly given: NativeInput[];
  } {
    return { handle: this.handle, given: this.#given(inputs) };
  }

  #given(inputs: ReadonlyMap<string, Tensor | DeviceTensor>): NativeInput[] {
    const isOnGpu = isEngineDevice(this.choice.device);
    return this.inputs.map(({ name }) => nativeInput(name, inputs.get(name) as Tensor | DeviceTensor, isOnGpu));
  }

  /** An uninitialised tensor in memory that runs read with the fewest copies. Throws OUT_OF_MEMORY. */
  allocate<D extends DType>(dtype: D, dims: readonly number[]): Tensor<D> {
    const bytes = elementCount(dims) * dtypeBytes(dtype);
    return Tensor.overLease(dtype, dims, new Lease(attempt(() => native().sessionAllocate(this.handle, bytes))));
  }

  /** See Session.refit. */
  refit(weights: readonly { readonly name: string; readonly tensor: Tensor }[]): Promise<void> {
    const given = weights.map(({ name, tensor }) => ({ name, tensor: nativeTensor(tensor) }));
    return settle(() => native().sessionRefit(this.handle, given));
  }

  /** Throws ENGINE_FAILED unless it takes the same tensors as `other`, and gives the same. */
  checkStandsFor(other: Backend): void {
    for (const kind of ['inputs', 'outputs'] as const) {
      const [expected, received] = [other, this].map((backend) => typesOf(backend[kind]));
      if (expected === received) continue;
      throw new EngineError('ENGINE_FAILED', {
        message: `Expected the ${kind} ${expected} as on '${other.choice.device}' but those on '${this.choice.device}' are ${received}`,
      });
    }
  }

  close(): Promise<void> {
    forgotten.unregister(this);
    return settle(() => native().sessionClose(this.handle));
  }
}

function typesOf(infos: readonly NativeTensorInfo[]): string {
  const texts = infos.map(({ name, dtype }) => `${JSON.stringify(name)} (${dtype})`);
  return texts.sort().join(', ');
}
