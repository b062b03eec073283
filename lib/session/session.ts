import {
  aborted,
  native,
  settle,
  type NativeObserveResult,
  type NativeTensorInfo,
  type OperationHandle,
} from '../binding/index.js';
import { isEngineDevice, type DeviceChoice } from '../engine/index.js';
import {
  ArgumentError,
  checkBoolean,
  checkOptions,
  checkRequestId,
  constructedDirectly,
  DisposedError,
  FoveateError,
  invalidArgument,
  withRequestId,
} from '../errors/index.js';
import type { RunBy } from '../events/index.js';
import type { TensorObserver } from '../precision/index.js';
import { DeviceTensor, Tensor, type DType } from '../tensor/index.js';
import { Backend, type BackendInit } from './backend.js';
import { Failover, type Degraded, type Opened } from './failover.js';
import { HeldInputs } from './held-inputs.js';
import { checkShapeFits, unknownName } from './input-checks.js';
import { InFlight } from './in-flight.js';
import type { DeviceOutputTensors, InputName, InputTensors, ModelTypes, OutputName, OutputTensors } from './model-types.js';
import { publishFailure, publishRun } from './run-events.js';
import { inputTensors, requestedOutputs, runResult } from './run-tensors.js';

/** An input or output of a model. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: DType;
  /** Shape: a number where it is fixed, the dimension's name where it is free, null where it is free and nameless. */
  readonly shape: readonly (number | string | null)[];
}

/** How one run is made. `Name` is that of an output. */
export interface RunOptions<Name extends string = string> {
  /**
   * Which outputs are computed: their names, or tensors in native memory (see `Tensor.allocate`) that they are written to.
   * Default: all, in fresh memory.
   */
  readonly outputs?: readonly Name[] | Readonly<Record<Name, Tensor>> | undefined;
  /** Whether each layer is timed, of which engines of TensorRT alone tell; such a run is slower. Default false. */
  readonly layerTimes?: boolean | undefined;
  /** Aborts: a run that has not begun never does, one that has stops at the engine's next chance. */
  readonly signal?: AbortSignal | undefined;
  /** What events and the `details` of errors call the run, such as the id of an HTTP request; up to 200 characters. Default: none. */
  readonly requestId?: string | undefined;
}

/** How one run is made whose outputs stay on the GPU. */
export interface DeviceRunOptions<Name extends string = string> extends Pick<RunOptions, 'signal' | 'requestId'> {
  /** Names of the outputs that are computed. Default: all. */
  readonly outputs?: readonly Name[] | undefined;
}

/** How long a layer of an engine took. */
export interface LayerTime {
  /** As the engine calls it; often several layers of the model, fused. */
  readonly name: string;
  readonly ms: number;
}

/** What a run gave. */
export interface RunResult<Outputs = Readonly<Record<string, Tensor>>> extends Disposable {
  /** By name. They lie in native memory: read {@link Tensor.data} in place, then {@link dispose}. */
  readonly outputs: Outputs;
  /** Where it ran: not on the session's own device where that failed, see {@link Session.degraded}. */
  readonly device: DeviceChoice['device'];
  /** Bytes copied on the way: inputs from outside native memory, inputs handed on as outputs, and transfers to and from a device. */
  readonly copiedBytes: number;
  /** Milliseconds spent waiting for a lane. */
  readonly queueMs: number;
  /** Milliseconds inside the engine. */
  readonly computeMs: number;
  /** Milliseconds that inputs took to the GPU, and outputs from it; 0 where there is none. */
  readonly uploadMs: number;
  readonly downloadMs: number;
  /** In the order of execution, with `layerTimes`. */
  readonly layers?: readonly LayerTime[];
  /** Disposes of all outputs. */
  dispose(): void;
}

/**
 * A model that is ready to run: the layer under every task. Made by {@link createSession}. Runs are queued on its lanes and never
 * block JavaScript; any number may be in flight. With a type that `foveate typegen` wrote, TypeScript knows the model's names and types.
 */
export class Session<M extends ModelTypes = ModelTypes> implements AsyncDisposable {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** How many runs are executed at the same time. */
  readonly lanes: number;
  readonly #runners: Failover<Backend>;
  readonly #model: string | undefined;
  readonly #inputInfos: readonly NativeTensorInfo[];
  #closing: Promise<void> | undefined;
  readonly #inFlight = new InFlight();

  private constructor(opened: Opened<Backend>, lanes: number, model: string | undefined) {
    if (!(opened?.runner instanceof Backend)) throw constructedDirectly('Session', 'createSession(model)');
    const { inputs, outputs } = opened.runner;
    this.inputs = inputs.map(tensorInfo);
    this.outputs = outputs.map(tensorInfo);
    this.lanes = lanes;
    this.#model = model;
    this.#inputInfos = inputs;
    this.#runners = new Failover(opened, model);
  }

  /** Where the next run is made. It changes where a device is lost, or is back, and where an engine was built in the background. */
  get device(): DeviceChoice['device'] {
    return this.#runners.choice.device;
  }

  /** Why there. */
  get deviceReason(): string {
    return this.#runners.choice.reason;
  }

  /** The engine behind it, such as `{ name: 'onnxruntime', version: '1.30.0' }`. */
  get runtime(): BackendInit['runtime'] {
    return this.#runners.serving.runtime;
  }

  /** Why the device that 'auto' chose does not serve, or did not serve a run; undefined while it does. */
  get degraded(): Degraded | undefined {
    return this.#runners.degraded;
  }

  /**
   * The most rows that a run takes: what the profiles of an engine allow; Infinity where nothing is known to limit it.
   * @internal
   */
  get mostRows(): number {
    return this.#runners.serving.mostRows;
  }

  /** With `build: 'background'` where an engine is built: settles, and never rejects, when that has taken over or could not be built. Else undefined, as where there is no GPU. */
  get building(): Promise<void> | undefined {
    return this.#runners.building;
  }
  /** One that lost its GPU counts: its runs tell so, and bring it back. */
  #checkOnGpu(what: string): void {
    if (isEngineDevice(this.device) || this.degraded !== undefined) return;
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `Expected a session of an engine of TensorRT for ${what} but this one runs on ${this.device}`,
      hint: "Open the model with device 'tensorrt' or 'tensorrt-rtx'.",
    });
  }

  /** @internal */
  static over<M extends ModelTypes>(opened: Opened<Backend>, lanes: number, model: string | undefined): Session<M> {
    return new Session<M>(opened, lanes, model);
  }

  /**
   * Runs the model once. `inputs` has a tensor for each input, by name.
   *
   * Tensors over arrays of yours are copied before this returns, so the arrays may be reused at once; tensors in native memory are
   * read in place, so leave them alone until the promise settles.
   *
   * Throws TENSOR_NAME, TENSOR_DTYPE or TENSOR_SHAPE for inputs that do not fit the model, DISPOSED, ABORTED, ENGINE_FAILED.
   */
  run<Name extends OutputName<M> = OutputName<M>>(
    inputs: InputTensors<M>,
    options: RunOptions<Name> = {},
  ): Promise<RunResult<Pick<OutputTensors<M>, Name>>> {
    return this.runBy('program', inputs, options);
  }

  /** @internal As {@link run}, for a task or a batcher; `requestIds` are those of a batch, for log lines. */
  async runBy<Name extends OutputName<M> = OutputName<M>>(
    by: RunBy,
    inputs: InputTensors<M>,
    options: RunOptions<Name>,
    requestIds?: readonly string[],
  ): Promise<RunResult<Pick<OutputTensors<M>, Name>>> {
    checkOptions('run options', options, ['outputs', 'layerTimes', 'signal', 'requestId']);
    if (checkBoolean('layerTimes', options.layerTimes ?? false)) this.#checkOnGpu('layerTimes');
    // The type was taken on trust when the session was made; names of outputs have been checked.
    return (await this.#runOnce(inputs, options, false, by, requestIds)) as RunResult<Pick<OutputTensors<M>, Name>>;
  }

  /**
   * As {@link run}, but the outputs stay in the memory of the GPU, for another session of that GPU to read in place. Only for a session of an
   * engine of TensorRT, and not for outputs that the engine makes on the processor: INVALID_ARGUMENT.
   */
  async runOnDevice<Name extends OutputName<M> = OutputName<M>>(
    inputs: InputTensors<M>,
    options: DeviceRunOptions<Name> = {},
  ): Promise<RunResult<Pick<DeviceOutputTensors<M>, Name>>> {
    checkOptions('run options', options, ['outputs', 'signal', 'requestId']);
    this.#checkOnGpu('outputs that stay on a GPU');
    if (options.outputs !== undefined && !Array.isArray(options.outputs))
      throw invalidArgument('outputs', 'an array of output names', options.outputs);
    return (await this.#runOnce(inputs, options, true, 'program')) as RunResult<Pick<DeviceOutputTensors<M>, Name>>;
  }

  async #runOnce(
    inputs: unknown,
    options: RunOptions,
    onDevice: boolean,
    by: RunBy,
    requestIds?: readonly string[],
  ): Promise<RunResult<Record<string, unknown>>> {
    const { signal, requestId } = options;
    checkRequestId(requestId);
    const run = { model: this.#model, by, requestId, startedAt: performance.now() };
    try {
      if (signal?.aborted) throw aborted(signal);
      this.#checkOpen();
      const given = inputTensors(this.#inputInfos, inputs);
      const names = this.outputs.map(({ name }) => name);
      const requested = requestedOutputs(names, options.outputs);
      // What is on a GPU, or is to stay there, and times of layers, nothing else can give.
      const isMovable = !onDevice && !options.layerTimes && ![...given.values()].some((tensor) => tensor instanceof DeviceTensor);
      using held = isMovable && this.#runners.mayRunTwice ? new HeldInputs(given, this.#runners.open ?? Tensor) : undefined;
      const how = {
        onDevice,
        layerTimes: options.layerTimes ?? false,
        requestIds: requestIds ?? (requestId === undefined ? undefined : [requestId]),
      };
      const call = async (backend: Backend): Promise<RunResult<Record<string, Tensor | DeviceTensor>>> => {
        const result = await backend.run(held?.tensors ?? given, requested, how, signal);
        return runResult(result, requested, backend.choice.device, held?.copiedBytes ?? 0);
      };
      const result = await this.#inFlight.track(this.#runners.run(call, { signal, isMovable })).catch(toCaller);
      publishRun(run, result);
      return result;
    } catch (error) {
      publishFailure(run, error);
      throw withRequestId(error, requestId);
    }
  }

  /**
   * An uninitialised tensor for an input, in memory that the session reads with the fewest copies: for a session on a GPU it is pinned, and the GPU fetches it by itself.
   * It holds its GPU, as outputs do: a lost one does not come back while such a tensor lives. Elsewhere as {@link Tensor.allocate}. Throws TENSOR_NAME, TENSOR_SHAPE, OUT_OF_MEMORY, DISPOSED.
   */
  allocateInput<Name extends InputName<M>>(name: Name, dims: readonly number[]): Tensor<M['inputs'][Name]['dtype']> {
    this.#checkOpen();
    const info = this.#inputInfos.find((input) => input.name === name);
    if (info === undefined)
      throw unknownName(
        'input',
        String(name),
        this.inputs.map((input) => input.name),
      );
    checkShapeFits('input', info, dims);
    return (this.#runners.open ?? Tensor).allocate(info.dtype, dims) as Tensor<M['inputs'][Name]['dtype']>;
  }

  /**
   * Gives the engine new weights without building it anew: `weights` has tensors by the names of the ONNX model's initializers. Runs under way end first, with the old
   * ones; later runs wait. Only for an engine that was built with `refit: true`. From then on nothing stands in for its GPU with the weights of before: a session on 'auto' whose GPU is lost stays
   * DEVICE_LOST.
   *
   * Throws INVALID_ARGUMENT (another engine, a name or size that it does not have, others that are needed at the same time), TENSOR_DTYPE, DISPOSED. After ENGINE_FAILED,
   * CUDA_OUT_OF_MEMORY and DEVICE_LOST, weights of both kinds may be in it: open it again.
   */
  async refit(weights: Readonly<Record<string, Tensor>>): Promise<void> {
    this.#checkOpen();
    this.#checkOnGpu('refit');
    if (weights === null || typeof weights !== 'object')
      throw invalidArgument('weights', 'an object of tensors by name', weights);
    const given = Object.entries(weights).map(([name, tensor]) => {
      if (!(tensor instanceof Tensor)) throw invalidArgument(`weights ${JSON.stringify(name)}`, 'a Tensor', tensor);
      return { name, tensor };
    });
    if (given.length === 0) throw invalidArgument('weights', 'at least one tensor', weights);
    const refit = this.#runners.run((backend) => backend.refit(given), { signal: undefined, isMovable: false });
    await this.#inFlight.track(refit).catch((error: unknown) => {
      // What was refused has changed nothing.
      if (!(error instanceof ArgumentError)) this.#runners.stayWithDevice();
      return toCaller(error);
    });
    this.#runners.stayWithDevice();
  }

  /** @internal Throws what `run` would for these inputs: TENSOR_NAME, TENSOR_DTYPE, TENSOR_SHAPE, INVALID_ARGUMENT, DISPOSED. */
  checkInputs(inputs: InputTensors<M>): void {
    this.#checkOpen();
    inputTensors(this.#inputInfos, inputs);
  }

  /**
   * @internal Runs the model once, and gives each output that `observer` has a tensor of the same name for to that, on the lane. Outputs are
   * freed before the promise settles. Runs of several pictures may be under way; what is observed does not depend on which ends first.
   * An observed picture counts in all tensors, one whose run failed or was aborted in none. Milliseconds.
   *
   * Throws as `run`, and INVALID_ARGUMENT for an output that cannot be observed (its dtype, its number of channels).
   */
  async observe(
    inputs: InputTensors<M>,
    observer: TensorObserver,
    options: { readonly picture: number; readonly signal?: AbortSignal | undefined },
  ): Promise<NativeObserveResult> {
    if (options.signal?.aborted) throw aborted(options.signal);
    this.#checkOpen();
    const { handle, given } = this.#runners.serving.prepared(inputTensors(this.#inputInfos, inputs));
    observer.checkObservable(this.outputs);
    const call = (operation: OperationHandle | undefined): Promise<NativeObserveResult> =>
      native().sessionObserve(handle, given, observer.handle, options.picture, operation);
    return this.#inFlight.track(settle(call, options.signal));
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) {
      throw new DisposedError('DISPOSED', {
        message: 'The session was disposed before the call',
        hint: 'Dispose of a session after its last use.',
      });
    }
  }

  /** @internal The path of the model, for events; undefined for bytes. */
  get modelPath(): string | undefined {
    return this.#model;
  }

  get disposed(): boolean {
    return this.#closing !== undefined;
  }

  /** Takes no more runs, ends a build in the background, waits for runs in flight, and frees the model. Idempotent. */
  dispose(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#runners.stop();
    // Runs are waited for here: on one of the few lanes that open and close models, it would keep others from opening.
    await this.#inFlight.idle();
    await this.#runners.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

function tensorInfo(info: NativeTensorInfo): TensorInfo {
  return {
    name: info.name,
    dtype: info.dtype,
    shape: Object.freeze(info.dims.map((dim, axis) => (dim >= 0 ? dim : info.symbols[axis] || null))),
  };
}

/** From here the stack leads to the caller in a few steps; from where the error was made, it would end before. */
export function toCaller(error: unknown): never {
  if (error instanceof FoveateError) Error.captureStackTrace(error);
  throw error;
}
