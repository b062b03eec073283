import type { OnnxNode } from './onnx-graph.js';
import { broadcast, integer, integers, product, type Numbers, type ShapedNode, type Sizes } from './shape-rule.js';

/**
 * What a list is: that of an attribute, or of the input that newer opsets have instead. Null where it is left out, undefined where it is known only
 * at run time.
 */
function given({ node, numbers }: ShapedNode, attribute: string, input: number): Numbers | null | undefined {
  const listed = integers(node, attribute);
  if (listed !== undefined) return listed;
  return (node.inputs[input] ?? '') === '' ? null : numbers(input);
}

/** An axis counted from the front; undefined where it is not known, or is none of so many. */
function fromFront(axis: number | null | undefined, rank: number): number | undefined {
  if (axis === null || axis === undefined) return undefined;
  const index = axis < 0 ? axis + rank : axis;
  return index >= 0 && index < rank ? index : undefined;
}

const nothingKnown = (sizes: readonly unknown[]): null[] => sizes.map(() => null);

export function concat({ node, inputs }: ShapedNode): Sizes {
  const [first] = inputs;
  if (!first) return null;
  const axis = integer(node, 'axis', 1);
  const along = axis < 0 ? axis + first.length : axis;
  return inputs.slice(1).reduce<Sizes>((sum, input) => {
    if (sum === null || input?.length !== sum.length) return null;
    return sum.map((size, index) => {
      const other = input[index] ?? null;
      if (index !== along) return size ?? other;
      return size === null || other === null ? null : size + other;
    });
  }, first);
}

export function flatten({ node, inputs: [input] }: ShapedNode): Sizes {
  if (!input) return null;
  const axis = integer(node, 'axis', 1);
  const at = axis < 0 ? axis + input.length : axis;
  return [product(input.slice(0, at)), product(input.slice(at))];
}

export function reshape({ node, inputs: [input], numbers }: ShapedNode): Sizes {
  const target = integers(node, 'shape') ?? numbers(1);
  if (target === undefined) return null;
  const keepsZeros = integer(node, 'allowzero', 0) === 1;
  const sizes = target.map((size, axis) => (size === 0 && !keepsZeros ? (input?.[axis] ?? null) : size));
  if (!sizes.includes(-1)) return sizes;
  const elements = product(input ?? null);
  const others = product(sizes.filter((size) => size !== -1));
  const rest = elements === null || others === null ? null : elements / others;
  return sizes.map((size) => (size === -1 ? (Number.isSafeInteger(rest) ? rest : null) : size));
}

export function transpose({ node, inputs: [input] }: ShapedNode): Sizes {
  if (!input) return null;
  const order = integers(node, 'perm') ?? input.map((_, axis) => input.length - 1 - axis);
  return order.map((axis) => input[axis] ?? null);
}

/** Size of the part of `size` elements that begins at `start`, ends before `end` and takes every `step`-th element. */
export function sliceSize(size: number, start: number, end: number, step: number): number {
  const [first, last] = step > 0 ? [0, size] : [-1, size - 1];
  const clamp = (index: number): number => Math.min(Math.max(index < 0 ? index + size : index, first), last);
  return Math.max(0, Math.ceil((clamp(end) - clamp(start)) / step)) + 0; // never -0
}

export function slice(shaped: ShapedNode): Sizes {
  const [input] = shaped.inputs;
  if (!input) return null;
  const starts = given(shaped, 'starts', 1);
  const ends = given(shaped, 'ends', 2);
  const axes = given(shaped, 'axes', 3);
  const steps = given(shaped, 'steps', 4);
  if (!starts || !ends || axes === undefined || steps === undefined) return nothingKnown(input);
  const sizes = [...input];
  for (const [i, start] of starts.entries()) {
    const axis = fromFront(axes === null ? i : axes[i], input.length);
    if (axis === undefined) return nothingKnown(input);
    const [size, end, step] = [input[axis] ?? null, ends[i] ?? null, steps === null ? 1 : (steps[i] ?? null)];
    sizes[axis] = size === null || start === null || end === null || !step ? null : sliceSize(size, start, end, step);
  }
  return sizes;
}

/** Of each output. */
export function split(shaped: ShapedNode): readonly Sizes[] {
  const { node } = shaped;
  const [input] = shaped.inputs;
  if (!input) return [];
  const axis = fromFront(integer(node, 'axis', 0), input.length);
  if (axis === undefined) return [];
  const whole = input[axis] ?? null;
  const parts = given(shaped, 'split', 1);
  const count = node.outputs.length;
  return node.outputs.map((_, i) => {
    // Equal parts; where it does not divide, the last one is smaller.
    const part = whole === null ? null : Math.min(Math.ceil(whole / count), whole - i * Math.ceil(whole / count));
    return input.with(axis, parts === null ? part : (parts?.[i] ?? null));
  });
}

export function pad(shaped: ShapedNode): Sizes {
  const [input] = shaped.inputs;
  if (!input) return null;
  const pads = given(shaped, 'pads', 1);
  const axes = given(shaped, 'axes', 3);
  if (!pads || axes === undefined) return nothingKnown(input);
  const sizes = [...input];
  for (let i = 0; i < pads.length / 2; i++) {
    const axis = fromFront(axes === null ? i : axes[i], input.length);
    if (axis === undefined) return nothingKnown(input);
    const [size, before, after] = [input[axis] ?? null, pads[i] ?? null, pads[i + pads.length / 2] ?? null];
    sizes[axis] = size === null || before === null || after === null ? null : size + before + after;
  }
  return sizes;
}

/** Resize, and Upsample, which it replaced. */
export function resize(shaped: ShapedNode): Sizes {
  const { node, numbers } = shaped;
  const [input] = shaped.inputs;
  if (!input) return null;
  const cropped = node.attributes.get('coordinate_transformation_mode') === 'tf_crop_and_resize';
  const kept = (node.attributes.get('keep_aspect_ratio_policy') ?? 'stretch') !== 'stretch';
  if (cropped || kept) return nothingKnown(input);
  // Two inputs are those of opset 10: no region of interest is among them. Opset 7 has an attribute.
  const attribute = node.attributes.get('scales');
  const scales = Array.isArray(attribute) ? (attribute as number[]) : numbers(node.inputs.length === 2 ? 1 : 2);
  const targets = numbers(3);
  const axes = integers(node, 'axes');
  const sizes = [...input];
  const list = targets ?? (scales && scales.length > 0 ? scales : undefined);
  if (list === undefined) return nothingKnown(input);
  for (const [i, value] of list.entries()) {
    const axis = fromFront(axes === undefined ? i : axes[i], input.length);
    if (axis === undefined) return nothingKnown(input);
    const size = input[axis] ?? null;
    if (targets !== undefined) sizes[axis] = value;
    else sizes[axis] = size === null || value === null ? null : Math.floor(Math.fround(size * Math.fround(value)));
  }
  return sizes;
}

export function squeeze(shaped: ShapedNode): Sizes {
  const [input] = shaped.inputs;
  const axes = given(shaped, 'axes', 1);
  if (!input || axes === undefined || (axes === null && input.includes(null))) return null;
  const dropped = axes?.map((axis) => fromFront(axis, input.length));
  if (dropped?.includes(undefined)) return null;
  return input.filter((size, axis) => (dropped === undefined ? size !== 1 : !dropped.includes(axis)));
}

export function unsqueeze(shaped: ShapedNode): Sizes {
  const [input] = shaped.inputs;
  const axes = given(shaped, 'axes', 1);
  if (!input || !axes) return null;
  const rank = input.length + axes.length;
  const added = axes.map((axis) => fromFront(axis, rank));
  if (added.includes(undefined)) return null;
  const rest = [...input];
  return Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : (rest.shift() ?? null)));
}

export function gather({ node, inputs: [input, indices] }: ShapedNode): Sizes {
  if (!input || !indices) return null;
  const axis = fromFront(integer(node, 'axis', 0), input.length);
  return axis === undefined ? null : [...input.slice(0, axis), ...indices, ...input.slice(axis + 1)];
}

export function expand({ inputs: [input], numbers }: ShapedNode): Sizes {
  return broadcast(input ?? null, numbers(1) ?? null);
}

export function tile({ inputs: [input], numbers }: ShapedNode): Sizes {
  const repeats = numbers(1);
  return input ? input.map((size, axis) => product([size, repeats?.[axis] ?? null])) : null;
}

/** ReduceMean and the like. */
export function reduce(shaped: ShapedNode): Sizes {
  const { node } = shaped;
  const [input] = shaped.inputs;
  const axes = given(shaped, 'axes', 1);
  if (!input || axes === undefined) return null;
  const isNone = axes === null || axes.length === 0;
  if (isNone && integer(node, 'noop_with_empty_axes', 0) === 1) return input;
  return withoutAxes(node, input, isNone ? [...input.keys()] : axes);
}

/** ArgMax and ArgMin. */
export function reduceToIndex({ node, inputs: [input] }: ShapedNode): Sizes {
  return input ? withoutAxes(node, input, [integer(node, 'axis', 0)]) : null;
}

function withoutAxes(node: OnnxNode, input: readonly (number | null)[], axes: Numbers): Sizes {
  const reduced = axes.map((axis) => fromFront(axis, input.length));
  if (reduced.includes(undefined)) return null;
  if (integer(node, 'keepdims', 1) === 1) return input.map((size, axis) => (reduced.includes(axis) ? 1 : size));
  return input.filter((_, axis) => !reduced.includes(axis));
}

/** Values, then their indices. */
export function topK(shaped: ShapedNode): readonly Sizes[] {
  const { node } = shaped;
  const [input] = shaped.inputs;
  if (!input) return [];
  const attribute = node.attributes.get('k');
  const k = typeof attribute === 'number' ? attribute : (shaped.numbers(1)?.[0] ?? null);
  const axis = fromFront(integer(node, 'axis', -1), input.length);
  const sizes = axis === undefined ? null : input.with(axis, k);
  return [sizes, sizes];
}

export function depthToSpace({ node, inputs: [input] }: ShapedNode): Sizes {
  const block = integer(node, 'blocksize', 1);
  const factors = [1, 1 / block ** 2, block, block];
  return input?.length === 4 ? input.map((size, axis) => (size === null ? null : size * (factors[axis] as number))) : null;
}

export function spaceToDepth({ node, inputs: [input] }: ShapedNode): Sizes {
  const block = integer(node, 'blocksize', 1);
  const factors = [1, block ** 2, 1 / block, 1 / block];
  return input?.length === 4 ? input.map((size, axis) => (size === null ? null : size * (factors[axis] as number))) : null;
}

/** `[N, C, …]` and a grid `[N, …, 2]`. */
export function gridSample({ inputs: [input, grid] }: ShapedNode): Sizes {
  return input && grid ? [...input.slice(0, 2), ...grid.slice(1, -1)] : null;
}
