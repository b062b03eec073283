import { integer, integers } from '../shape-rule.js';
import { isPlain, regroupings, type BatchAxis } from './batch-axis.js';
import type { BatchStep } from './batch-step.js';

/** Ends of slices from here on mean the end of the axis, whatever its size. */
const endOfAxis = 2 ** 31 - 1;

/** Reshape and Flatten, and what comes down to them: elements stay in their order. */
export function regroup(step: BatchStep): BatchAxis {
  return regrouped(step, (place) => step.follows(place));
}

function regrouped(step: BatchStep, canStay: (place: BatchAxis) => boolean): BatchAxis {
  const from = step.only;
  const target = step.outputSizes;
  const unknown = target?.filter((size) => size === null).length ?? Infinity;
  if (target === null || unknown > 1) step.refuse('makes a shape that is known only when the model runs');
  if (target.includes(0)) step.refuse('makes a value without elements');
  for (const place of regroupings(from, step.sizes(0), target, step.count)) {
    if (canStay(place)) return place;
    const isCopied = place.axis === from.axis && place.outer * place.inner === from.outer * from.inner;
    const open = isCopied ? 0 : -1;
    const list = target.map((size, axis) => (axis === place.axis ? open : (size ?? -1)));
    if (list.filter((size) => size === -1).length > 1) continue;
    step.replace('Reshape', [step.node.inputs[0] as string, step.integers(list)]);
    return place;
  }
  return step.refuse(`makes of [${step.sizes(0)?.join(', ')}] the shape [${target.join(', ')}], in which pictures are not apart`);
}

/** Drops axes. That of the pictures is folded into its neighbour. */
export function squeeze(step: BatchStep): BatchAxis {
  const batch = step.only;
  const axes = step.list('axes', 1)?.map((axis) => step.fromFront(axis, step.rank(0)));
  // Where no axes are named, those of size 1 are dropped, the batch too where it happens to be 1.
  if (axes === undefined || axes.includes(batch.axis)) return regrouped(step, () => false);
  return { ...batch, axis: batch.axis - axes.filter((axis) => axis < batch.axis).length };
}

export function unsqueeze(step: BatchStep): BatchAxis {
  const batch = step.only;
  const axes = step.list('axes', 1) ?? [];
  const rank = step.rank(0) + axes.length;
  const added = axes.map((axis) => step.fromFront(axis, rank));
  // What was folded may come apart again.
  if (!isPlain(batch)) return regroup(step);
  const kept = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !added.includes(axis));
  return { ...batch, axis: kept[batch.axis] as number };
}

export function transpose(step: BatchStep): BatchAxis {
  const batch = step.only;
  const order = integers(step.node, 'perm') ?? Array.from({ length: step.rank(0) }, (_, axis) => step.rank(0) - 1 - axis);
  const axis = order.indexOf(batch.axis);
  if (axis < 0) step.refuse('drops an axis');
  return { ...batch, axis };
}

export function concat(step: BatchStep): BatchAxis {
  const batch = step.together(step.node.inputs.map((_, index) => index));
  if (step.axis('axis', 1) === batch.axis) step.refuse(`works along axis ${batch.axis}, on which the pictures lie`);
  return batch;
}

/** ReduceMean and the like. */
export function reduce(step: BatchStep): BatchAxis {
  const axes = step.list('axes', 1) ?? [];
  if (axes.length === 0 && integer(step.node, 'noop_with_empty_axes', 0) === 1) return step.only;
  const rank = step.rank(0);
  return reduced(
    step,
    axes.length === 0 ? Array.from({ length: rank }, (_, axis) => axis) : axes.map((axis) => step.fromFront(axis, rank)),
  );
}

/** ArgMax and ArgMin. */
export function reduceToIndex(step: BatchStep): BatchAxis {
  return reduced(step, [step.axis('axis', 0)]);
}

function reduced(step: BatchStep, axes: readonly number[]): BatchAxis {
  const batch = step.only;
  if (axes.includes(batch.axis)) step.refuse('puts the pictures of a batch together');
  if (integer(step.node, 'keepdims', 1) === 1) return batch;
  return { ...batch, axis: batch.axis - axes.filter((axis) => axis < batch.axis).length };
}

/** Along the axis of the pictures only the whole may be taken. */
export function slice(step: BatchStep): BatchAxis {
  const batch = step.only;
  const axes = step.list('axes', 3)?.map((axis) => step.fromFront(axis, step.rank(0)));
  const at = axes === undefined ? batch.axis : axes.indexOf(batch.axis);
  if (at < 0) return batch;
  const [starts, ends, steps] = [step.list('starts', 1), step.list('ends', 2), step.list('steps', 4)];
  const end = ends?.[at];
  if (end === undefined) return batch; // lists shorter than the axes leave the rest alone
  const isWhole = starts?.[at] === 0 && (steps?.[at] ?? 1) === 1 && end >= batch.outer * step.count * batch.inner;
  if (!isWhole) step.refuse('takes some of the pictures');
  if (end >= endOfAxis) return batch;
  // All lists have the same type, which may be another one.
  const lists = [['starts', 1, starts] as const, ['ends', 2, ends?.with(at, endOfAxis)] as const];
  for (const [name, index, values] of [...lists, ['axes', 3, axes] as const, ['steps', 4, steps] as const]) {
    if (values !== null && values !== undefined) step.setList(name, index, values);
  }
  return batch;
}

export function pad(step: BatchStep): BatchAxis {
  const batch = step.only;
  const pads = step.list('pads', 1) ?? [];
  const axes = step.list('axes', 3)?.map((axis) => step.fromFront(axis, step.rank(0)));
  const at = axes === undefined ? batch.axis : axes.indexOf(batch.axis);
  if (at >= 0 && (pads[at] !== 0 || pads[at + pads.length / 2] !== 0)) step.refuse('adds to the pictures of a batch');
  return batch;
}

/** Of constants for pictures, or of parts of each picture. */
export function gather(step: BatchStep): BatchAxis {
  const axis = step.axis('axis', 0);
  const [data, indices] = [step.batch(0), step.batch(1)];
  if (data === undefined) return { ...(indices as BatchAxis), axis: axis + (indices as BatchAxis).axis };
  if (indices !== undefined) step.refuse('takes from each picture what another picture says');
  if (data.axis === axis) step.refuse('takes some of the pictures');
  return data.axis < axis ? data : { ...data, axis: data.axis + step.rank(1) - 1 };
}

/** GatherElements and ScatterElements: all inputs have the same axes. */
export function alongElements(step: BatchStep): BatchAxis {
  const axis = step.axis('axis', 0);
  const batch = step.together(step.node.inputs.map((_, index) => index));
  if (batch.axis === axis) step.refuse(`works along axis ${axis}, on which the pictures lie`);
  return batch;
}

/** Of pictures, or of a constant, which then is the same in each of them. */
export function expand(step: BatchStep): BatchAxis {
  const elements = step.elements(1);
  if (elements === undefined) step.refuse('has a shape that is known only when the model runs');
  const batch = step.batch(0);
  if (batch === undefined) {
    const more = step.rank(0) - elements.length;
    const place = grown(step, elements, (axis) => (axis + more < 0 ? 1 : (step.sizes(0)?.[axis + more] ?? null)));
    return { ...place, axis: place.axis + Math.max(more, 0) };
  }
  const at = batch.axis + elements.length - step.rank(0);
  const element = elements[at];
  if (elements.some(({ grows }, axis) => grows && axis !== at)) step.refuse('has a shape that is not that of one batch');
  const place = { ...batch, axis: Math.max(at, batch.axis) };
  if (element === undefined || (element.value === 1 && !element.grows)) return place;
  if (element.value !== batch.outer * step.count * batch.inner) step.refuse('stretches the axis on which the pictures lie');
  if (element.grows) return place;
  const list = elements.map(({ value }, axis) =>
    axis === at ? 1 : (value ?? step.refuse('has a shape that is known only when the model runs')),
  );
  step.setList(undefined, 1, list);
  return place;
}

export function tile(step: BatchStep): BatchAxis {
  const repeats = step.elements(1);
  if (repeats === undefined) step.refuse('has repeats that are known only when the model runs');
  const batch = step.batch(0);
  if (batch === undefined) return grown(step, repeats, () => 1, step.sizes(0));
  const isKept = repeats.every(({ value, grows }, axis) => !grows && (axis !== batch.axis || value === 1));
  if (!isKept) step.refuse('repeats the pictures of a batch');
  return batch;
}

/** A constant as large as the batch. */
export function constantOfShape(step: BatchStep): BatchAxis {
  return grown(step, step.elements(0) ?? step.refuse('has a shape that is known only when the model runs'), () => 1);
}

/** Where the one element of a list lies that grows with the batch; all that is made along it is the same. `sizeBefore` has to be 1. */
function grown(
  step: BatchStep,
  elements: readonly { readonly value: number | null; readonly grows: boolean }[],
  sizeBefore: (axis: number) => number | null,
  repeated: readonly (number | null)[] | null = null,
): BatchAxis {
  const axis = elements.findIndex(({ grows }) => grows);
  const element = elements[axis];
  const others = elements.filter(({ grows }) => grows).length - 1;
  if (element === undefined || element.value === null || others > 0 || sizeBefore(axis) !== 1) {
    step.refuse('has a shape that is not that of one batch');
  }
  const inner = (element.value / step.count) * (repeated === null ? 1 : (repeated[axis] ?? NaN));
  if (!Number.isSafeInteger(inner)) step.refuse('has a shape that is not that of one batch');
  return { axis, outer: 1, inner };
}
