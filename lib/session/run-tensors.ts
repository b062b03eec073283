/** The tensors of a run, from what the caller gave to what the addon takes, and back. */
import { Lease, type NativeInput, type NativeRunResult, type NativeTensor, type NativeTensorInfo } from '../binding/index.js';
import { ArgumentError, invalidArgument } from '../errors/index.js';
import { DeviceTensor, Tensor } from '../tensor/index.js';
import { checkFits, unknownName } from './input-checks.js';

/** An output that is asked for, and the caller's own tensor for it. */
export interface RequestedOutput {
  readonly index: number;
  readonly tensor: Tensor | undefined;
}

/** Tensors in the order of the model's inputs. Throws TENSOR_NAME, TENSOR_DTYPE, TENSOR_SHAPE, INVALID_ARGUMENT, DISPOSED. */
export function nativeInputs(infos: readonly NativeTensorInfo[], inputs: unknown, hasGpu: boolean): NativeInput[] {
  if (inputs === null || typeof inputs !== 'object')
    throw invalidArgument('inputs', 'an object of tensors by input name', inputs);
  const given = inputs as Readonly<Record<string, unknown>>;
  const names = infos.map(({ name }) => name);
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) throw unknownName('input', name, names);
  }
  return infos.map((info) => {
    const tensor = given[info.name];
    if (tensor === undefined) {
      throw new ArgumentError('TENSOR_NAME', {
        message: `The input ${JSON.stringify(info.name)} is missing`,
        hint: `The model takes ${names.map((name) => JSON.stringify(name)).join(', ')}.`,
        details: { expected: names, received: Object.keys(given) },
      });
    }
    const subject = `input ${JSON.stringify(info.name)}`;
    if (tensor instanceof DeviceTensor) {
      if (!hasGpu)
        throw invalidArgument(subject, 'a Tensor', tensor, 'This session is not on a GPU: give it await tensor.toHost().');
      checkFits('input', info, tensor);
      return { dtype: tensor.dtype, dims: tensor.dims, device: tensor.handle };
    }
    if (!(tensor instanceof Tensor)) throw invalidArgument(subject, 'a Tensor', tensor);
    checkFits('input', info, tensor);
    return nativeTensor(tensor);
  });
}

/** `outputs` as in RunOptions. Throws TENSOR_NAME, INVALID_ARGUMENT. */
export function requestedOutputs(names: readonly string[], outputs: unknown): RequestedOutput[] {
  if (outputs === undefined) return names.map((_, index) => ({ index, tensor: undefined }));
  if (outputs === null || typeof outputs !== 'object') {
    throw invalidArgument('outputs', 'an array of output names or an object of tensors by output name', outputs);
  }
  const wanted: (readonly [string, unknown])[] = Array.isArray(outputs)
    ? [...new Set(outputs as readonly string[])].map((name) => [name, undefined] as const)
    : Object.entries(outputs);
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

/** By name: the caller's own tensors, and those that the run made. */
export function outputTensors(
  names: readonly string[],
  requested: readonly RequestedOutput[],
  outputs: NativeRunResult['outputs'],
): Record<string, Tensor | DeviceTensor> {
  return Object.fromEntries(
    requested.map(({ index, tensor }, position) => {
      const { dtype, dims, lease, device, gpu } = outputs[position] as NativeRunResult['outputs'][number];
      const made =
        device !== undefined
          ? DeviceTensor.over(dtype, dims, gpu as number, device)
          : lease !== undefined
            ? Tensor.overLease(dtype, dims, new Lease(lease))
            : (tensor as Tensor);
      return [names[index] as string, made];
    }),
  );
}

export function nativeTensor(tensor: Tensor): NativeTensor {
  return { dtype: tensor.dtype, dims: tensor.dims, data: tensor.data, lease: tensor.leaseHandle };
}
