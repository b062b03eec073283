import type { NativeTensorInfo } from '../binding/index.js';
import { ArgumentError, nearestName } from '../errors/index.js';
import type { DeviceTensor, Tensor } from '../tensor/index.js';

/** TENSOR_NAME for an input or output that the model does not have. */
export function unknownName(kind: string, name: string, names: readonly string[]): ArgumentError {
  const nearest = nearestName(name, names);
  return new ArgumentError('TENSOR_NAME', {
    message: `The model has no ${kind} ${JSON.stringify(name)}`,
    hint:
      nearest === undefined
        ? `It has ${names.map((n) => JSON.stringify(n)).join(', ')}.`
        : `Did you mean ${JSON.stringify(nearest)}?`,
    details: { expected: names, received: name },
  });
}

/** Throws TENSOR_DTYPE or TENSOR_SHAPE unless the tensor is one that the model takes. */
export function checkFits(kind: string, info: NativeTensorInfo, tensor: Tensor | DeviceTensor): void {
  const name = `${kind} ${JSON.stringify(info.name)}`;
  if (tensor.dtype !== info.dtype) {
    throw new ArgumentError('TENSOR_DTYPE', {
      message: `Expected a tensor of ${info.dtype} for ${name} but received ${tensor.dtype}`,
      hint: info.dtype === 'float16' ? "Tensor.fromFloat32(values, dims, 'float16') converts." : undefined,
      details: { name: info.name, expected: info.dtype, received: tensor.dtype },
    });
  }
  checkShapeFits(kind, info, tensor.dims);
}

/** Throws TENSOR_SHAPE unless the model takes tensors of that shape. */
export function checkShapeFits(kind: string, info: NativeTensorInfo, dims: readonly number[]): void {
  const name = `${kind} ${JSON.stringify(info.name)}`;
  const expected = `[${info.dims.map((dim, axis) => (dim >= 0 ? dim : info.symbols[axis] || '?')).join(', ')}]`;
  const received = `[${dims.join(', ')}]`;
  const details = { name: info.name, expected: info.dims, received: dims };
  // No dimensions mean a scalar, or a rank that the model leaves open: the engine tells those apart.
  if (info.dims.length === 0) return;
  if (dims.length !== info.dims.length) {
    throw new ArgumentError('TENSOR_SHAPE', {
      message: `Expected shape ${expected} for ${name} but received ${received}: ${info.dims.length} dimensions are needed, not ${dims.length}`,
      details,
    });
  }
  const axis = info.dims.findIndex((dim, i) => dim >= 0 && dim !== dims[i]);
  if (axis !== -1) {
    throw new ArgumentError('TENSOR_SHAPE', {
      message: `Expected shape ${expected} for ${name} but received ${received}: dimension ${axis} differs`,
      hint: axis === 0 ? 'The model was exported with a fixed batch size.' : undefined,
      details,
    });
  }
  if (dims.includes(0) && !info.dims.includes(0)) {
    throw new ArgumentError('TENSOR_SHAPE', {
      message: `Expected at least one element for ${name} but received shape ${received}`,
      details,
    });
  }
}
