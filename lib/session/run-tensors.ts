/** The tensors of a run, from what the caller gave to what the addon takes, and back. */
import { Lease, type NativeInput, type NativeRunResult, type NativeTensor, type NativeTensorInfo } from '../binding/index.js';
import type { DeviceChoice } from '../engine/index.js';
import { ArgumentError, invalidArgument } from '../errors/index.js';
import { DeviceTensor, Tensor } from '../tensor/index.js';
import { checkFits, unknownName } from './input-checks.js';
import type { RunResult } from './session.js';

/** An output that is asked for, and the tensor that it is written to, where there is one. */
export interface RequestedOutput {
  readonly name: string;
  readonly tensor: Tensor | undefined;
}

/** The tensors of the model's inputs, by name. Throws TENSOR_NAME, TENSOR_DTYPE, TENSOR_SHAPE, INVALID_ARGUMENT. */
export function inputTensors(infos: readonly NativeTensorInfo[], inputs: unknown): ReadonlyMap<string, Tensor | DeviceTensor> {
  if (inputs === null || typeof inputs !== 'object')
    throw invalidArgument('inputs', 'an object of tensors by input name', inputs);
  const given = inputs as Readonly<Record<string, unknown>>;
  const names = infos.map(({ name }) => name);
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) throw unknownName('input', name, names);
  }
  const tensors = infos.map((info) => {
    const tensor = given[info.name];
    if (tensor === undefined) {
      throw new ArgumentError('TENSOR_NAME', {
        message: `The input ${JSON.stringify(info.name)} is missing`,
        hint: `The model takes ${names.map((name) => JSON.stringify(name)).join(', ')}.`,
        details: { expected: names, received: Object.keys(given) },
      });
    }
    if (!(tensor instanceof Tensor || tensor instanceof DeviceTensor))
      throw invalidArgument(`input ${JSON.stringify(info.name)}`, 'a Tensor', tensor);
    checkFits('input', info, tensor);
    return [info.name, tensor] as const;
  });
  return new Map(tensors);
}

/** A tensor as the addon takes it. Throws INVALID_ARGUMENT for one that is out of reach, DISPOSED. */
export function nativeInput(name: string, tensor: Tensor | DeviceTensor, isOnGpu: boolean): NativeInput {
  if (tensor instanceof Tensor) return nativeTensor(tensor);
  const { dtype, dims, handle } = tensor;
  if (isOnGpu) return { dtype, dims, device: handle };
  const hint = 'This session is not on a GPU: give it await tensor.toHost().';
  throw invalidArgument(`input ${JSON.stringify(name)}`, 'a Tensor', tensor, hint);
}

/** `outputs` as in RunOptions. Throws TENSOR_NAME, INVALID_ARGUMENT. */
export function requestedOutputs(names: readonly string[], outputs: unknown): RequestedOutput[] {
  if (outputs === undefined) return names.map((name) => ({ name, tensor: undefined }));
  if (outputs === null || typeof outputs !== 'object') {
    throw invalidArgument('outputs', 'an array of output names or an object of tensors by output name', outputs);
  }
  const wanted: (readonly [string, unknown])[] = Array.isArray(outputs)
    ? [...new Set(outputs as readonly string[])].map((name) => [name, undefined] as const)
    : Object.entries(outputs);
  return wanted.map(([name, tensor], i) => {
    if (typeof name !== 'string') throw invalidArgument(`outputs[${i}]`, 'the name of an output', name);
    if (!names.includes(name)) throw unknownName('output', name, names);
    if (tensor !== undefined && !(tensor instanceof Tensor && tensor.native)) {
      throw invalidArgument(
        `output ${JSON.stringify(name)}`,
        'a Tensor in native memory',
        tensor,
        'Make it with Tensor.allocate().',
      );
    }
    return { name, tensor };
  });
}

/** By name: the caller's own tensors, and those that the run made. */
export function outputTensors(
  requested: readonly RequestedOutput[],
  outputs: NativeRunResult['outputs'],
): Record<string, Tensor | DeviceTensor> {
  return Object.fromEntries(
    requested.map(({ name, tensor }, position) => {
      const { dtype, dims, lease, device, gpu } = outputs[position] as NativeRunResult['outputs'][number];
      const made =
        device !== undefined
          ? DeviceTensor.over(dtype, dims, gpu as number, device)
          : lease !== undefined
            ? Tensor.overLease(dtype, dims, new Lease(lease))
            : (tensor as Tensor);
      return [name, made];
    }),
  );
}

export function nativeTensor(tensor: Tensor): NativeTensor {
  return { dtype: tensor.dtype, dims: tensor.dims, data: tensor.data, lease: tensor.leaseHandle };
}

/** `copiedBytes` are those that were copied before the run. */
export function runResult(
  result: NativeRunResult,
  requested: readonly RequestedOutput[],
  device: DeviceChoice['device'],
  copiedBytes: number,
): RunResult<Record<string, Tensor | DeviceTensor>> {
  const outputs = outputTensors(requested, result.outputs);
  const dispose = (): void => {
    for (const tensor of Object.values(outputs)) tensor.dispose();
  };
  const { queueMs, computeMs, uploadMs, downloadMs, layers } = result;
  return {
    ...{ outputs, device, copiedBytes: copiedBytes + result.copiedBytes, queueMs, computeMs, uploadMs, downloadMs },
    ...(layers !== undefined && { layers }),
    ...{ dispose, [Symbol.dispose]: dispose },
  };
}
