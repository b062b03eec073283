import type { OnnxNode } from './onnx-graph.js';
import { OnnxTensor } from './onnx-tensor.js';
import { sliceSize } from './arrangement-shapes.js';
import { elementTypeOf } from './element-type.js';
import { integer, type Numbers, type Sizes } from './shape-rule.js';

/** A scalar or a list of numbers that a shape may be made of. */
export interface NumberList {
  /** Null for what is known only at run time. */
  readonly elements: Numbers;
  /** Whether they are of a floating type, which divides differently. */
  readonly isFloat: boolean;
}

/** Shapes are short: longer lists are data. */
const maxLength = 16;

const integerTypes: readonly unknown[] = ['int64', 'int32', 'bool'];

/** An initializer or constant that may be a shape, an index into one, or a factor of one. */
export function numbersOf(tensor: OnnxTensor): NumberList | undefined {
  const { dtype, dims, elementCount } = tensor;
  const isFloat = dtype === 'float32' || dtype === 'float64';
  const isShort = (isFloat || integerTypes.includes(dtype)) && dims.length <= 1 && elementCount <= maxLength;
  // Asked for last: it may be copied.
  const data = isShort ? tensor.data : undefined;
  return data && { elements: Array.from(data, Number), isFloat };
}

type Lookup<T> = (name: string) => T;

/**
 * The first output of a node, where it is a short list that follows from what is known: exporters compute the targets of Reshape, Resize, Slice and
 * Expand from the shapes of other values.
 */
export function foldNumbers(
  node: OnnxNode,
  sizesOf: Lookup<Sizes>,
  numbers: Lookup<NumberList | undefined>,
): NumberList | undefined {
  const { domain, opType, inputs, attributes } = node;
  if (domain !== '') return undefined;
  const [first = '', second = '', third = ''] = inputs;
  const [one, two, three] = [numbers(first), numbers(second), numbers(third)];
  const arithmetic = elementwise.get(opType);
  if (arithmetic !== undefined) return one && two && combine(one, two, arithmetic);
  switch (opType) {
    case 'Constant':
      return constant(attributes);
    case 'Shape': {
      const sizes = sizesOf(first);
      return sizes === null ? undefined : whole(sizes.slice(integer(node, 'start', 0), integer(node, 'end', sizes.length)));
    }
    case 'Size': {
      const sizes = sizesOf(first);
      return whole([sizes === null || sizes.includes(null) ? null : (sizes as number[]).reduce((all, size) => all * size, 1)]);
    }
    case 'Gather':
      if (one === undefined || two === undefined) return undefined;
      return { ...one, elements: two.elements.map((index) => (index === null ? null : (one.elements.at(index) ?? null))) };
    case 'Slice':
      return one && sliced(one, [two, three, numbers(inputs[4] ?? '')], node);
    case 'Identity':
    case 'Reshape':
    case 'Squeeze':
    case 'Unsqueeze':
      return one;
    case 'Cast':
      return one && cast(one, attributes.get('to'));
    case 'Floor':
    case 'Ceil':
    case 'Neg': {
      const change = { Floor: Math.floor, Ceil: Math.ceil, Neg: (value: number) => -value }[opType];
      return one && { ...one, elements: one.elements.map((value) => (value === null ? null : change(value))) };
    }
    case 'Concat': {
      const parts = inputs.map(numbers);
      if (parts.includes(undefined)) return undefined;
      return { elements: parts.flatMap((part) => part?.elements ?? []), isFloat: parts[0]?.isFloat ?? false };
    }
    case 'ConstantOfShape': {
      const value = attributes.get('value');
      const filling = value instanceof OnnxTensor ? numbersOf(value) : { elements: [0], isFloat: true };
      const length = one?.elements[0] ?? maxLength + 1;
      if (filling === undefined || one?.elements.length !== 1 || length > maxLength) return undefined;
      return { ...filling, elements: Array.from({ length }, () => filling.elements[0] ?? null) };
    }
    case 'Where': {
      if (one === undefined || two === undefined || three === undefined) return undefined;
      const length = Math.max(one.elements.length, two.elements.length, three.elements.length);
      const elements = Array.from({ length }, (_, i) => {
        const isSo = at(one, i);
        return isSo === null ? null : at(isSo === 0 ? three : two, i);
      });
      return { elements, isFloat: two.isFloat };
    }
    case 'ReduceProd':
      return (
        one && {
          ...one,
          elements: [one.elements.reduce((all, value) => (all === null || value === null ? null : all * value), 1)],
        }
      );
    default:
      return undefined;
  }
}

type Arithmetic = (left: number, right: number, isFloat: boolean) => number;

const elementwise: ReadonlyMap<string, Arithmetic> = new Map<string, Arithmetic>([
  ['Add', (left, right) => left + right],
  ['Sub', (left, right) => left - right],
  ['Mul', (left, right) => left * right],
  ['Div', (left, right, isFloat) => (isFloat ? left / right : Math.trunc(left / right))],
  ['Min', (left, right) => Math.min(left, right)],
  ['Max', (left, right) => Math.max(left, right)],
  ['Equal', (left, right) => Number(left === right)],
]);

/** A list of one goes with every element of the other. */
function at({ elements }: NumberList, index: number): number | null {
  return elements[elements.length === 1 ? 0 : index] ?? null;
}

function combine(left: NumberList, right: NumberList, arithmetic: Arithmetic): NumberList {
  const { isFloat } = left;
  const length = left.elements.length === 1 ? right.elements.length : left.elements.length;
  const elements = Array.from({ length }, (_, i) => {
    const [one, other] = [at(left, i), at(right, i)];
    if (one === null || other === null) return null;
    const value = arithmetic(one, other, isFloat);
    // Division by zero gives no size.
    return Number.isFinite(value) ? (isFloat ? Math.fround(value) : value) : null;
  });
  return { elements, isFloat };
}

function whole(elements: Numbers): NumberList {
  return { elements, isFloat: false };
}

function constant(attributes: OnnxNode['attributes']): NumberList | undefined {
  const value = attributes.get('value');
  if (value instanceof OnnxTensor) return numbersOf(value);
  for (const [name, isFloat] of [
    ['value_ints', false],
    ['value_int', false],
    ['value_floats', true],
    ['value_float', true],
  ] as const) {
    const list = attributes.get(name);
    if (list === undefined) continue;
    const elements = [list].flat().filter((element) => typeof element === 'number');
    return elements.length <= maxLength ? { elements, isFloat } : undefined;
  }
  return undefined;
}

/** `to` is a number of TensorProto.DataType. */
function cast({ elements, isFloat }: NumberList, to: unknown): NumberList | undefined {
  const name = typeof to === 'number' ? elementTypeOf(to) : 'unknown';
  if (name === 'float32' || name === 'float64') return { elements, isFloat: true };
  if (name !== 'int64' && name !== 'int32') return undefined;
  return whole(isFloat ? elements.map((value) => (value === null ? null : Math.trunc(value))) : elements);
}

/** A list has one axis, so that which one is meant goes without saying. */
function sliced(
  { elements, isFloat }: NumberList,
  [starts, ends, steps]: readonly (NumberList | undefined)[],
  node: OnnxNode,
): NumberList | undefined {
  const only = (list: NumberList | undefined, attribute: string): number | null => {
    const value = node.attributes.get(attribute);
    return Array.isArray(value) && typeof value[0] === 'number' ? value[0] : (list?.elements[0] ?? null);
  };
  const [start, end] = [only(starts, 'starts'), only(ends, 'ends')];
  const step = (node.inputs[4] ?? '') === '' ? 1 : only(steps, 'steps');
  if (start === null || end === null || !step) return undefined;
  const from = start < 0 ? start + elements.length : Math.min(start, step > 0 ? elements.length : elements.length - 1);
  const length = sliceSize(elements.length, start, end, step);
  return { elements: Array.from({ length }, (_, i) => elements[Math.max(from, 0) + i * step] ?? null), isFloat };
}
