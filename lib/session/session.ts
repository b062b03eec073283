import {
  aborted,
  attempt,
  Lease,
  native,
  settle,
  type NativeObserveResult,
  type NativeRunResult,
  type NativeTensor,
  type NativeTensorInfo,
  type OperationHandle,
  type SessionHandle,
} from '../binding/index.js';
import type { DeviceChoice } from '../engine/index.js';
import {
  ArgumentError,
  checkOptions,
  constructedDirectly,
  DisposedError,
  FoveateError,
  invalidArgument,
} from '../errors/index.js';
import { publish } from '../events/index.js';
import { modelPath } from '../graph/index.js';
import type { TensorObserver } from '../precision/index.js';
import { Tensor, type DType } from '../tensor/index.js';
import { checkFits, unknownName } from './input-checks.js';
import { InFlight } from './in-flight.js';
import type { InputTensors, ModelTypes, OutputName, OutputTensors } from './model-types.js';
import { openModel, openOnnx, type OpenedModel } from './open-model.js';
import { checkSessionOptions, sessionOptionNames, type SessionOptions } from './options.js';

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
  /** Aborts: a run that has not begun never does, one that has stops at the engine's next chance. */
  readonly signal?: AbortSignal | undefined;
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
    checkOptions('run options', options, ['outputs', 'signal']);
    if (options.signal?.aborted) throw aborted(options.signal);
    this.#checkOpen();
    const given = this.#nativeInputs(inputs);
    const requested = this.#requestedOutputs(options.outputs);
    const outputs = requested.map(({ index, tensor }) => ({ index, tensor: tensor && nativeTensor(tensor) }));
    const result = await this.#inFlight.track(
      settle((operation) => native().sessionRun(this.#handle, given, outputs, operation), options.signal),
    );
    publish('foveate:session.run', {
      model: this.#model,
      queueMs: result.queueMs,
      computeMs: result.computeMs,
      copiedBytes: result.copiedBytes,
    });
    // The type was taken on trust when the session was made; names of outputs have been checked.
    return this.#runResult(result, requested) as RunResult<Pick<OutputTensors<M>, Name>>;
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
    const given = this.#nativeInputs(inputs);
    observer.checkObservable(this.outputs);
    const call = (operation: OperationHandle | undefined): Promise<NativeObserveResult> =>
      native().sessionObserve(this.#handle, given, observer.handle, options.picture, operation);
    return this.#inFlight.track(settle(call, options.signal));
  }

  #runResult(result: NativeRunResult, requested: readonly { index: number; tensor: Tensor | undefined }[]): RunResult {
    const outputs: Record<string, Tensor> = {};
    requested.forEach(({ index, tensor }, position) => {
      const output = result.outputs[position] as NativeRunResult['outputs'][number];
      const name = (this.outputs[index] as TensorInfo).name;
      outputs[name] =
        output.lease === undefined ? (tensor as Tensor) : Tensor.overLease(output.dtype, output.dims, new Lease(output.lease));
    });
    const dispose = (): void => {
      for (const tensor of Object.values(outputs)) tensor.dispose();
    };
    const { copiedBytes, queueMs, computeMs } = result;
    return { outputs, copiedBytes, queueMs, computeMs, dispose, [Symbol.dispose]: dispose };
  }

  /** Tensors in the order of the model's inputs. */
  #nativeInputs(inputs: Readonly<Record<string, Tensor>>): NativeTensor[] {
    if (inputs === null || typeof inputs !== 'object')
      throw invalidArgument('inputs', 'an object of tensors by input name', inputs);
    const names = this.inputs.map((input) => input.name);
    for (const name of Object.keys(inputs)) {
      if (!names.includes(name)) throw unknownName('input', name, names);
    }
    return this.#inputInfos.map((info) => {
      const tensor = inputs[info.name];
      if (tensor === undefined) {
        throw new ArgumentError('TENSOR_NAME', {
          message: `The input ${JSON.stringify(info.name)} is missing`,
          hint: `The model takes ${names.map((name) => JSON.stringify(name)).join(', ')}.`,
          details: { expected: names, received: Object.keys(inputs) },
        });
      }
      if (!(tensor instanceof Tensor)) throw invalidArgument(`input ${JSON.stringify(info.name)}`, 'a Tensor', tensor);
      checkFits('input', info, tensor);
      return nativeTensor(tensor);
    });
  }

  #requestedOutputs(outputs: RunOptions['outputs']): { index: number; tensor: Tensor | undefined }[] {
    if (outputs === undefined) return this.outputs.map((_, index) => ({ index, tensor: undefined }));
    if (outputs === null || typeof outputs !== 'object') {
      throw invalidArgument('outputs', 'an array of output names or an object of tensors by output name', outputs);
    }
    const names = this.outputs.map((output) => output.name);
    const wanted: (readonly [string, Tensor | undefined])[] = Array.isArray(outputs)
      ? [...new Set(outputs as readonly string[])].map((name) => [name, undefined] as const)
      : Object.entries(outputs as Readonly<Record<string, Tensor>>);
    return wanted.map(([name, tensor], i) => {
      if (typeof name !== 'string') throw invalidArgument(`outputs[${i}]`, 'the name of an output', name);
      const index = names.indexOf(name);
      if (index === -1) throw unknownName('output', name, names);
      if (tensor !== undefined && !(tensor instanceof Tensor && tensor.native)) {
        throw invalidArgument(
          `output ${JSON.stringify(name)}`,
          'a Tensor in native memory',
          tensor,
          'Make it with Tensor.allocate().',
        );
      }
      return { index, tensor };
    });
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

function nativeTensor(tensor: Tensor): NativeTensor {
  return { dtype: tensor.dtype, dims: tensor.dims, data: tensor.data, lease: tensor.leaseHandle };
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
