/** Optimization profiles: the shapes that an engine is built for. */
import type { NativeInputRange } from '../binding/index.js';
import { ArgumentError, invalidArgument } from '../errors/index.js';
import type { ModelPass } from './engine-manifest.js';

/**
 * The shapes of one input, in the axes that the model gives it: smallest, the one that is made fast, largest. A shape alone stands for all three.
 */
export type ShapeRange =
  readonly number[] | { readonly min: readonly number[]; readonly opt: readonly number[]; readonly max: readonly number[] };

/** By input. Inputs of fixed shape may be left out. */
export type OptimizationProfile = Readonly<Record<string, ShapeRange>>;

/** How many pictures a batch may have. A number is the most, and what is made fast. */
export type BatchRange = number | { readonly min: number; readonly opt: number; readonly max: number };

/** An input as the model declares it: null or a name where a dimension is free. */
export interface BuildInput {
  readonly name: string;
  readonly shape: readonly (number | string | null)[];
  /** Its axes in the order in which the engine has them, where that is another. */
  readonly order?: readonly number[];
}

/** What is inferred for a free batch axis where nothing is asked for. */
const defaultBatch = { min: 1, opt: 1, max: 8 } as const;

/** Every profile, with a range for each input that has a free dimension, in the axes of the engine. */
export type ResolvedProfiles = readonly (readonly NativeInputRange[])[];

/**
 * The profiles to build for: those that were asked for, checked against the model; else one, in which only the batch axis is free. A model of fixed
 * shapes needs none.
 *
 * Throws INVALID_ARGUMENT that names the input and the axis.
 */
export function resolveProfiles(
  inputs: readonly BuildInput[],
  asked: readonly OptimizationProfile[] | undefined,
  batch: BatchRange | undefined,
): ResolvedProfiles {
  if (asked !== undefined && batch !== undefined) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: 'Expected profiles or batch but received both',
      hint: 'Give the range of the batch axis in the profiles.',
    });
  }
  const free = inputs.filter(({ shape }) => shape.some((size) => typeof size !== 'number'));
  const range = batch === undefined ? defaultBatch : batchRange(batch);
  if (asked === undefined) return free.length === 0 ? [] : [free.map((input) => inferred(input, range))];
  if (asked.length === 0) throw invalidArgument('profiles', 'at least one profile', asked, 'Leave it out to infer one.');
  return asked.map((profile, i) => resolveProfile(inputs, profile, asked.length === 1 ? 'the profile' : `profile ${i}`));
}

/** Throws INVALID_ARGUMENT for a range that is none, and for one that no input has an axis for. */
export function checkBatch(batch: BatchRange, inputs: readonly BuildInput[], passes: readonly ModelPass[]): void {
  batchRange(batch);
  const isFree = passes.some(({ pass }) => pass === 'free-batch') || inputs.some(({ shape }) => typeof shape[0] !== 'number');
  if (isFree) return;
  throw new ArgumentError('INVALID_ARGUMENT', {
    message: `Expected a free batch axis for option batch, but the model's inputs are fixed: ${inputs.map(({ name, shape }) => `${JSON.stringify(name)} ${shapeText(shape)}`).join(', ')}`,
    hint: 'Leave option freeBatch out: option batch frees the axis by itself.',
  });
}

/** A range of the batch axis, checked. Throws INVALID_ARGUMENT. */
function batchRange(batch: BatchRange): { readonly min: number; readonly opt: number; readonly max: number } {
  const range = typeof batch === 'number' ? { min: 1, opt: batch, max: batch } : batch;
  const numbers = [range?.min, range?.opt, range?.max];
  if (!numbers.every((size) => Number.isInteger(size) && size >= 1) || !(range.min <= range.opt && range.opt <= range.max)) {
    throw invalidArgument('batch', 'a number of pictures, or { min, opt, max } in this order, from 1 on', batch);
  }
  return range;
}

function inferred(input: BuildInput, batch: { min: number; opt: number; max: number }): NativeInputRange {
  const { name, shape } = input;
  const axis = shape.findIndex((size, i) => i > 0 && typeof size !== 'number');
  if (axis !== -1) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `The range of axis ${axis} of input ${JSON.stringify(name)} cannot be inferred: its shape is ${shapeText(shape)}`,
      hint: `Give a profile, as in --profile ${name}=${example(shape, 1)},${example(shape, 1)},${example(shape, 8)}, or profiles in the API.`,
      details: { input: name, axis },
    });
  }
  const at = (size: number): number[] => [size, ...(shape.slice(1) as number[])];
  return inEngineAxes(input, { min: at(batch.min), opt: at(batch.opt), max: at(batch.max) });
}

function resolveProfile(inputs: readonly BuildInput[], profile: OptimizationProfile, what: string): NativeInputRange[] {
  if (profile === null || typeof profile !== 'object') throw invalidArgument(what, 'an object of shapes by input', profile);
  const names = inputs.map(({ name }) => name);
  for (const name of Object.keys(profile)) {
    if (names.includes(name)) continue;
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `The model has no input ${JSON.stringify(name)}, which ${what} gives shapes for`,
      hint: `Its inputs are ${names.map((known) => JSON.stringify(known)).join(', ')}.`,
    });
  }
  return inputs.flatMap((input) => {
    const given = profile[input.name];
    const isFree = input.shape.some((size) => typeof size !== 'number');
    if (given === undefined) {
      if (!isFree) return [];
      throw new ArgumentError('INVALID_ARGUMENT', {
        message: `Input ${JSON.stringify(input.name)} of shape ${shapeText(input.shape)} has no range in ${what}`,
        hint: 'Give its smallest, usual and largest shape.',
        details: { input: input.name },
      });
    }
    if (given === null || typeof given !== 'object')
      throw invalidArgument(
        `the range of input ${JSON.stringify(input.name)} in ${what}`,
        'a shape, or { min, opt, max }',
        given,
      );
    const range = Array.isArray(given)
      ? { min: given as readonly number[], opt: given as readonly number[], max: given as readonly number[] }
      : (given as { min: readonly number[]; opt: readonly number[]; max: readonly number[] });
    for (const which of ['min', 'opt', 'max'] as const) checkShape(input, range[which], `${which} of ${what}`);
    input.shape.forEach((_, axis) => checkOrder(input.name, axis, range, what));
    return isFree ? [inEngineAxes(input, range)] : [];
  });
}

function checkShape({ name, shape }: BuildInput, given: readonly number[], what: string): void {
  if (!Array.isArray(given) || !given.every((size) => Number.isInteger(size) && size >= 1 && size < 2 ** 31)) {
    throw invalidArgument(`the ${what} for input ${JSON.stringify(name)}`, 'a shape of positive integers below 2^31', given);
  }
  if (given.length !== shape.length) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `Expected ${shape.length} dimensions for input ${JSON.stringify(name)} but the ${what} is ${shapeText(given)}`,
      hint: `The model declares ${shapeText(shape)}.`,
    });
  }
  shape.forEach((size, axis) => {
    if (typeof size !== 'number' || size === given[axis]) return;
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `Axis ${axis} of input ${JSON.stringify(name)} is fixed to ${size} in the model, but the ${what} has ${given[axis]}`,
      hint:
        axis === 0
          ? 'Give option freeBatch, which makes the batch axis free.'
          : `The model declares ${shapeText(shape)}: give its shapes in this order, or export it with the axis free.`,
      details: { input: name, axis },
    });
  });
}

function checkOrder(
  input: string,
  axis: number,
  { min, opt, max }: { min: readonly number[]; opt: readonly number[]; max: readonly number[] },
  what: string,
): void {
  const [a, b, c] = [min[axis] as number, opt[axis] as number, max[axis] as number];
  if (a <= b && b <= c) return;
  throw new ArgumentError('INVALID_ARGUMENT', {
    message: `Expected min <= opt <= max for axis ${axis} of input ${JSON.stringify(input)} in ${what} but received ${a}, ${b}, ${c}`,
    details: { input, axis },
  });
}

function inEngineAxes({ name, order }: BuildInput, { min, opt, max }: Omit<NativeInputRange, 'input'>): NativeInputRange {
  const arranged = (shape: readonly number[]): readonly number[] => order?.map((axis) => shape[axis] as number) ?? shape;
  return { input: name, min: arranged(min), opt: arranged(opt), max: arranged(max) };
}

/** `[batch, 3, 640, 640]` */
export function shapeText(shape: readonly (number | string | null)[]): string {
  return `[${shape.map((size) => size ?? '?').join(', ')}]`;
}

/** A shape as the command line takes it, free dimensions filled in. */
function example(shape: readonly (number | string | null)[], batch: number): string {
  return shape.map((size, axis) => (typeof size === 'number' ? size : axis === 0 ? batch : 640)).join('x');
}
