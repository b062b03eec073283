import { ModelError } from '../errors/index.js';
import { elementTypeOf, type ElementType } from './element-type.js';
import type { TensorShapeProto, TypeProto, ValueInfoProto } from './onnx_pb.js';

/** A size; the name of a symbolic one, the same name being the same size throughout the model; null where nothing is known. */
export type Dimension = number | string | null;

export type ValueKind = 'tensor' | 'sparse-tensor' | 'sequence' | 'map' | 'optional' | 'opaque' | 'untyped';

/** An input or output of a graph. */
export interface ValueInfo {
  readonly name: string;
  /** Vision models have tensors; dtype and shape of a sequence, map or optional are those of the tensors within. */
  readonly kind: ValueKind;
  readonly dtype: ElementType;
  /** Outermost first; empty for a scalar, null where even the rank is unknown. */
  readonly shape: readonly Dimension[] | null;
}

/** Throws MODEL_INVALID for a size beyond what JavaScript counts exactly. */
export function valueInfo(proto: ValueInfoProto): ValueInfo {
  return Object.freeze({ name: proto.name, ...describeType(proto.type, proto.name) });
}

function describeType(type: TypeProto | undefined, name: string): Omit<ValueInfo, 'name'> {
  const value = type?.value;
  switch (value?.case) {
    case 'tensorType':
      return { kind: 'tensor', dtype: elementTypeOf(value.value.elemType), shape: dimensions(value.value.shape, name) };
    case 'sparseTensorType':
      return { kind: 'sparse-tensor', dtype: elementTypeOf(value.value.elemType), shape: dimensions(value.value.shape, name) };
    case 'sequenceType':
      return { ...describeType(value.value.elemType, name), kind: 'sequence' };
    case 'optionalType':
      return { ...describeType(value.value.elemType, name), kind: 'optional' };
    case 'mapType':
      return { ...describeType(value.value.valueType, name), kind: 'map' };
    case 'opaqueType':
      return { kind: 'opaque', dtype: 'unknown', shape: null };
    case undefined:
      return { kind: 'untyped', dtype: 'unknown', shape: null };
  }
}

function dimensions(shape: TensorShapeProto | undefined, name: string): readonly Dimension[] | null {
  if (shape === undefined) return null;
  return Object.freeze(
    shape.dim.map(({ value }): Dimension => {
      if (value.case === 'dimParam') return value.value === '' ? null : value.value;
      // Some exporters write -1 for a size that is known only at run time.
      if (value.case === undefined || value.value < 0n) return null;
      if (value.value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value.value);
      throw new ModelError('MODEL_INVALID', {
        message: `Invalid value ${JSON.stringify(name)}: it has a dimension of ${value.value}`,
        hint: 'The file is damaged or was written by a faulty exporter: export the model again.',
      });
    }),
  );
}
