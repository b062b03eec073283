import {
  aborted,
  attempt,
  Lease,
  native,
  settle,
  type NativeObserveResult,
  type NativeTensor,
  type NativeTensorInfo,
  type OperationHandle,
  type SessionHandle,
} from '../binding/index.js';
import type { DeviceChoice } from '../engine/index.js';
import {
  ArgumentError,
  checkBoolean,
  checkOptions,
  constructedDirectly,
  DisposedError,
  FoveateError,
  invalidArgument,
} from '../errors/index.js';
import { publish } from '../events/index.js';
import { modelPath } from '../graph/index.js';
import type { TensorObserver } from '../precision/index.js';
import { dtypeBytes, elementCount, Tensor, type DType } from '../tensor/index.js';
import { checkShapeFits, unknownName } from './input-checks.js';
import { InFlight } from './in-flight.js';
import type { DeviceOutputTensors, InputName, InputTensors, ModelTypes, OutputName, OutputTensors } from './model-types.js';
import { isEngineDevice, openModel, openOnnx, type OpenedModel } from './open-model.js';
import { checkSessionOptions, sessionOptionNames, type SessionOptions } from './options.js';
import { nativeInputs, nativeTensor, outputTensors, requestedOutputs } from './run-tensors.js';

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
}

/** How one run is made whose outputs stay on the GPU. */
export interface DeviceRunOptions<Name extends string = string> extends Pick<RunOptions, 'signal'> {
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

/** The path or `file:` URL of an ONNX file or of an optimised model's bundle, or the bytes of an ONNX file. */
export type ModelSource = string | URL | Uint8Array;

const forgotten = new FinalizationRegistry<{ handle: SessionHandle; model: string }>(({ handle, model }) => {
  process.emitWarning(`A session of ${model} was collected without dispose(); its memory was held until now.`, {
    type: 'FoveateWarning',
    code: 'FOVEATE_NOT_DISPOSED',
  });
  native()
    .sessionClose(handle)
    .catch(() => undefined); // nobody is left to hear of it
});

/** An opened model and how it came to be opened. */
interface SessionInit {
  readonly handle: SessionHandle;
  readonly choice: DeviceChoice;
  readonly runtime: Session['runtime'];
  readonly lanes: number;
  readonly model: string | undefined;
}

/**
 * A model that is ready to run: the layer under every task. Made by {@link createSession}. Runs are queued on its lanes and never
 * block JavaScript; any number may be in flight. With a type that `foveate typegen` wrote, TypeScript knows the model's names and types.
 */
export class Session<M extends ModelTypes = ModelTypes> implements AsyncDisposable {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Where the model runs. */
  readonly device: DeviceChoice['device'];
  /** Why there. */
  readonly deviceReason: string;
  /** The engine behind it, such as `{ name: 'onnxruntime', version: '1.30.0' }`. */
  readonly runtime: { readonly name: string; readonly version: string; readonly path: string };
  /** How many runs are executed at the same time. */
  readonly lanes: number;
  readonly #handle: SessionHandle;
  readonly #model: string | undefined;
  readonly #inputInfos: readonly NativeTensorInfo[];
  /** Whether an engine runs it, on a GPU. */
  readonly #hasGpu: boolean;
  #closing: Promise<void> | undefined;
  readonly #inFlight = new InFlight();

  private constructor(init: SessionInit) {
    if (typeof init !== 'object' || init === null || !('handle' in init))
      throw constructedDirectly('Session', 'createSession(model)');
    const { inputs, outputs } = attempt(() => native().sessionDescribe(init.handle));
    this.inputs = inputs.map(tensorInfo);
    this.outputs = outputs.map(tensorInfo);
    this.device = init.choice.device;
    this.deviceReason = init.choice.reason;
    this.runtime = init.runtime;
    this.lanes = init.lanes;
    this.#handle = init.handle;
    this.#model = init.model;
    this.#inputInfos = inputs;
    this.#hasGpu = isEngineDevice(init.choice.device);
    forgotten.register(this, { handle: init.handle, model: init.model ?? 'a model in memory' }, this);
  }

  /** @internal */
  static over<M extends ModelTypes>(init: SessionInit): Session<M> {
    return new Session<M>(init);
  }

  /**
   * Runs the model once. `inputs` has a tensor for each input, by name.
   *
   * Tensors over arrays of yours are copied before this returns, so the arrays may be reused at once; tensors in native memory are
   * read in place, so leave them alone until the promise settles.
   *
   * Throws TENSOR_NAME, TENSOR_DTYPE or TENSOR_SHAPE for inputs that do not fit the model, DISPOSED, ABORTED, ENGINE_FAILED.
   */
  async run<Name extends OutputName<M> = OutputName<M>>(
    inputs: InputTensors<M>,
    options: RunOptions<Name> = {},
  ): Promise<RunResult<Pick<OutputTensors<M>, Name>>> {
    checkOptions('run options', options, ['outputs', 'layerTimes', 'signal']);
    if (checkBoolean('layerTimes', options.layerTimes ?? false) && !this.#hasGpu) throw notOnGpu('layerTimes', this.device);
    // The type was taken on trust when the session was made; names of outputs have been checked.
    return (await this.#runOnce(inputs, options, false)) as RunResult<Pick<OutputTensors<M>, Name>>;
  }

  /**
   * As {@link run}, but the outputs stay in the memory of the GPU, for another session of that GPU to read in place. Only for a session of an
   * engine of TensorRT, and not for outputs that the engine makes on the processor: INVALID_ARGUMENT.
   */
  async runOnDevice<Name extends OutputName<M> = OutputName<M>>(
    inputs: InputTensors<M>,
    options: DeviceRunOptions<Name> = {},
  ): Promise<RunResult<Pick<DeviceOutputTensors<M>, Name>>> {
    checkOptions('run options', options, ['outputs', 'signal']);
    if (!this.#hasGpu) throw notOnGpu('device', this.device);
    if (options.outputs !== undefined && !Array.isArray(options.outputs))
      throw invalidArgument('outputs', 'an array of output names', options.outputs);
    return (await this.#runOnce(inputs, options, true)) as RunResult<Pick<DeviceOutputTensors<M>, Name>>;
  }

  async #runOnce(inputs: unknown, options: RunOptions, onDevice: boolean): Promise<RunResult<Record<string, unknown>>> {
    if (options.signal?.aborted) throw aborted(options.signal);
    this.#checkOpen();
    const given = nativeInputs(this.#inputInfos, inputs, this.#hasGpu);
    const names = this.outputs.map(({ name }) => name);
    const requested = requestedOutputs(names, options.outputs);
    const places = requested.map(({ index, tensor }) => ({ index, tensor: tensor && nativeTensor(tensor) }));
    const how = { onDevice, layerTimes: options.layerTimes ?? false };
    const result = await this.#inFlight.track(
      settle((operation) => native().sessionRun(this.#handle, given, places, how, operation), options.signal),
    );
    const { copiedBytes, queueMs, computeMs, uploadMs, downloadMs, layers } = result;
    publish('foveate:session.run', { model: this.#model, queueMs, computeMs, uploadMs, downloadMs, copiedBytes });
    const outputs = outputTensors(names, requested, result.outputs);
    const dispose = (): void => {
      for (const tensor of Object.values(outputs)) tensor.dispose();
    };
    return {
      ...{ outputs, copiedBytes, queueMs, computeMs, uploadMs, downloadMs, dispose, [Symbol.dispose]: dispose },
      ...(layers !== undefined && { layers }),
    };
  }

  /**
   * An uninitialised tensor for an input, in memory that the session reads with the fewest copies: for a session on a GPU it is pinned, and the GPU fetches it by itself.
   * Elsewhere as {@link Tensor.allocate}. Throws TENSOR_NAME, TENSOR_SHAPE, OUT_OF_MEMORY, DISPOSED.
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
    const bytes = elementCount(dims) * dtypeBytes(info.dtype);
    checkShapeFits('input', info, dims);
    return Tensor.overLease(info.dtype, dims, new Lease(attempt(() => native().sessionAllocate(this.#handle, bytes)))) as Tensor<
      M['inputs'][Name]['dtype']
    >;
  }

  /**
   * Gives the engine new weights without building it anew: `weights` has tensors by the names of the ONNX model's initializers. Runs under way end first, with the old
   * ones; later runs wait. Only for an engine that was built with `refit: true`.
   *
   * Throws INVALID_ARGUMENT (another engine, a name or size that it does not have, others that are needed at the same time), TENSOR_DTYPE, DISPOSED. After ENGINE_FAILED,
   * CUDA_OUT_OF_MEMORY and DEVICE_LOST, weights of both kinds may be in it: open it again.
   */
  async refit(weights: Readonly<Record<string, Tensor>>): Promise<void> {
    this.#checkOpen();
    if (!this.#hasGpu) throw notOnGpu('refit', this.device);
    if (weights === null || typeof weights !== 'object')
      throw invalidArgument('weights', 'an object of tensors by name', weights);
    const given = Object.entries(weights).map(([name, tensor]) => {
      if (!(tensor instanceof Tensor)) throw invalidArgument(`weights ${JSON.stringify(name)}`, 'a Tensor', tensor);
      return { name, tensor: nativeTensor(tensor) };
    });
    if (given.length === 0) throw invalidArgument('weights', 'at least one tensor', weights);
    await this.#inFlight.track(settle(() => native().sessionRefit(this.#handle, given)));
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
    const given = nativeInputs(this.#inputInfos, inputs, false) as NativeTensor[];
    observer.checkObservable(this.outputs);
    const call = (operation: OperationHandle | undefined): Promise<NativeObserveResult> =>
      native().sessionObserve(this.#handle, given, observer.handle, options.picture, operation);
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

  get disposed(): boolean {
    return this.#closing !== undefined;
  }

  /** Takes no more runs, waits for those in flight, and frees the model. Idempotent. */
  dispose(): Promise<void> {
    if (this.#closing === undefined) {
      forgotten.unregister(this);
      this.#closing = this.#close();
    }
    return this.#closing;
  }

  async #close(): Promise<void> {
    // Runs are waited for here: on one of the few lanes that open and close models, it would keep others from opening.
    await this.#inFlight.idle();
    await settle(() => native().sessionClose(this.#handle));
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

function notOnGpu(what: string, device: string): ArgumentError {
  return new ArgumentError('INVALID_ARGUMENT', {
    message: `Expected a session of an engine of TensorRT for ${what === 'device' ? 'outputs that stay on a GPU' : what} but this one runs on ${device}`,
    hint: "Open the model with device 'tensorrt' or 'tensorrt-rtx'.",
  });
}

/**
 * Opens a model and readies it to run.
 *
 * `model` is a path, a `file:` URL, or the bytes of an ONNX file; weights in external files are found beside a path. Of the bundle of an optimised model,
 * which `foveate optimize` makes, the form for the device is opened. The bundle of an engine, which `foveate build` makes, is run as it is.
 * `M` is what TypeScript is told of the model; `foveate typegen` writes it, and nothing checks that it is of this model.
 * Throws MODEL_NOT_FOUND, MODEL_INVALID, MODEL_UNSUPPORTED, BUNDLE_INVALID, BACKEND_NOT_FOUND (with every place looked at), BACKEND_UNAVAILABLE; for TensorRT ENGINE_NOT_BUILT,
 * ENGINE_MISMATCH, ENGINE_INVALID, NOT_TRUSTED, CUDA_OUT_OF_MEMORY, DEVICE_LOST, and as `buildEngine` where one is built.
 */
export async function createSession<M extends ModelTypes = ModelTypes>(
  model: ModelSource,
  options: SessionOptions = {},
): Promise<Session<M>> {
  return await create<M>(model, options, openModel);
}

/** As {@link createSession} with device 'auto', of ONNX Runtime's devices alone; `reason` is why. */
export async function createOnnxSession(
  model: ModelSource,
  options: SessionOptions,
  reason: string | undefined,
): Promise<Session> {
  return await create(model, options, (given) => openOnnx(given, options, 'auto', reason));
}

async function create<M extends ModelTypes>(
  model: ModelSource,
  options: SessionOptions,
  open: (model: string | Uint8Array, options: SessionOptions) => Promise<OpenedModel>,
): Promise<Session<M>> {
  checkOptions('session options', options, sessionOptionNames);
  checkSessionOptions(options);
  const given = modelSource(model);
  if (options.signal?.aborted) throw aborted(options.signal);
  const started = performance.now();
  const { handle, choice, runtime, path } = await open(given, options).catch((error: unknown) => {
    // From here the stack leads to the caller in two steps; from where the error was made, it would end before.
    if (error instanceof FoveateError) Error.captureStackTrace(error);
    throw error;
  });
  const session = Session.over<M>({ handle, choice, runtime, lanes: options.lanes ?? 1, model: path });
  publish('foveate:session.open', {
    model: path,
    device: choice.device,
    reason: choice.reason,
    runtime: `${runtime.name} ${runtime.version}`,
    loadMs: performance.now() - started,
  });
  return session;
}

function modelSource(model: ModelSource): string | Uint8Array {
  return model instanceof Uint8Array ? model : modelPath('model', model);
}
