import { setImmediate } from 'node:timers/promises';
import { aborted } from '../binding/index.js';
import type { OnnxNode } from '../graph/index.js';
import { float16BitsToFloat32, float32ToFloat16Bits } from '../tensor/half.js';
import type { FormNumbers } from './form-onnxruntime.js';
import type { FormPlan } from './form-plan.js';
import { float8Weights } from './float8-weights.js';
import { highestFloat8 } from './float8.js';
import type { LayerWeights } from './layer-weights.js';
import type { Quantization } from './qdq-writer.js';
import type { Structure } from './structure.js';
import type { RangeActivation } from './range.js';
import { wholePartsOf, type SourcedValue } from './value-source.js';
import { quantizeWeights } from './weights.js';

/** Lowest and highest number that a quantised value can be. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

/** What a range is wanted of: the elements of `tap`, or what `activation` makes of them ('after'), or them with the error that shows after it ('before'). */
export interface RangeQuestion {
  readonly tap: string;
  readonly symmetric: boolean;
  readonly activation?: RangeActivation | undefined;
  readonly quantized?: 'before' | 'after' | undefined;
}

/** Values whose range differs by more do not share a scale at a Concat: the smaller would be left with too few of the 256 steps. */
const widestTie = 4;

/** Decides the range of every quantised value of a plan by asking for those of taps, and quantises weights. */
export async function numbersFor(
  structure: Structure,
  plan: FormPlan,
  logits: ReadonlySet<string>,
  rangeOf: (question: RangeQuestion) => Promise<ValueRange>,
  signal?: AbortSignal,
): Promise<FormNumbers> {
  const symmetric = plan.values !== 'uint8';
  const rangeOfPart = async ({ value, source }: SourcedValue): Promise<ValueRange> => {
    if (source === 'unit') return { min: 0, max: 1 };
    const { tap, activation } = source;
    if (activation !== undefined) return rangeOf({ tap, symmetric, activation, quantized: 'after' });
    const shown = symmetric ? undefined : activationBehind(structure, value, logits);
    return rangeOf({ tap, symmetric, ...(shown && { activation: shown, quantized: 'before' as const }) });
  };
  const rangeOfValue = async (value: string): Promise<ValueRange> =>
    union(await Promise.all(wholePartsOf(structure, value).map(rangeOfPart)));
  const ranges = new Map<string, ValueRange>();
  const groupOf = new Map<string, readonly string[]>();
  for (const group of plan.tied) for (const value of group) groupOf.set(value, group);
  for (const value of plan.quantized) {
    const group = groupOf.get(value) ?? [value];
    // What is carried comes from the first, all others are parts of it.
    const roots = group.filter((member) => !isCarried(structure, plan, member));
    if (!ranges.has(value)) {
      const range = union(await Promise.all((roots.length > 0 ? roots : group).map(rangeOfValue)));
      for (const member of group) ranges.set(member, range);
    }
  }
  tieConcatenated(structure, plan, ranges, groupOf);
  const values = new Map<string, Quantization>();
  for (const [value, range] of ranges) values.set(value, withScaleOf(plan.scales, quantizations[plan.values](range)));
  return { values, weights: await weightsFor(structure, plan, values, signal) };
}

/**
 * The same numbers, with other biases for some of the products that are computed in integers. Weights stay as they are, but where an integer bias needs larger scales: these
 * are rounded anew, each by itself.
 */
export async function withBiases(
  structure: Structure,
  plan: FormPlan,
  { values, weights: known }: FormNumbers,
  biases: ReadonlyMap<OnnxNode, Float32Array>,
  signal?: AbortSignal,
): Promise<FormNumbers> {
  const weights = new Map(known);
  for (const [node, bias] of plan.form === 'onnxruntime' ? biases : []) {
    const { tensor, axis } = structure.weights(node);
    const own = known.get(node) as LayerWeights;
    const inputScale = (values.get(node.inputs[0] as string) as Quantization).scale;
    const made = await quantizeWeights(tensor.data as Float32Array, tensor.dims, axis, {
      bias: { values: bias, inputScale },
      signal,
    });
    const isLarger = made.scales.some((scale, channel) => scale > (own.scales[channel] as number));
    weights.set(node, isLarger ? { ...own, ...made } : { ...own, bias: inSteps(bias, inputScale, own.scales) });
  }
  return { values, weights, biases };
}

/** A bias in steps of the scale of the input times that of each channel, as float32 multiplies. */
function inSteps(bias: Float32Array, inputScale: number, scales: Float32Array): Int32Array {
  return Int32Array.from(bias, (value, channel) => Math.round(value / Math.fround(inputScale * (scales[channel] as number))));
}

function isCarried(structure: Structure, plan: FormPlan, value: string): boolean {
  const producer = structure.producer(value);
  return producer !== undefined && plan.int8.has(producer) && structure.kind(producer) === 'carry';
}

/** Where all that is read of a value goes through one activation, errors that this hides do not count. */
function activationBehind(structure: Structure, value: string, logits: ReadonlySet<string>): RangeActivation | undefined {
  if (structure.isNamed(value)) return undefined;
  if (logits.has(value)) return { name: 'sigmoid' };
  const made = structure
    .consumers(value)
    .flatMap(({ outputs }) => outputs)
    .map((output) => structure.activated(output))
    .filter((activated) => activated?.input === value);
  const silu = made.find((activated) => activated?.activation.name === 'silu');
  // Its Sigmoid and its product.
  if (silu !== undefined) return structure.consumers(value).length === 2 ? silu.activation : undefined;
  return structure.consumers(value).length === 1 ? made[0]?.activation : undefined;
}

/** Gives the inputs and the output of each Concat one range, where theirs are alike. */
function tieConcatenated(
  structure: Structure,
  plan: FormPlan,
  ranges: Map<string, ValueRange>,
  groupOf: ReadonlyMap<string, readonly string[]>,
): void {
  const limitsOf = (value: string): ValueRange => {
    const limits = (groupOf.get(value) ?? [value]).map((member) => absorbedLimits(structure, plan, member));
    return { min: Math.max(...limits.map(({ min }) => min)), max: Math.min(...limits.map(({ max }) => max)) };
  };
  for (let changed = true; changed;) {
    changed = false;
    for (const values of plan.concatenated) {
      const own = values.map((value) => ranges.get(value) as ValueRange);
      const all = union(own);
      const mayTie = values.every((value, index) => isAlike(own[index] as ValueRange, all, limitsOf(value)));
      // Otherwise only the output takes them all.
      for (const value of mayTie ? values : values.slice(-1)) {
        const range = ranges.get(value) as ValueRange;
        if (range.min === all.min && range.max === all.max) continue;
        for (const member of groupOf.get(value) ?? [value]) ranges.set(member, all);
        changed = true;
      }
    }
  }
}

/** Where a range has to end, since the activation that makes the value is left to it. */
function absorbedLimits(structure: Structure, plan: FormPlan, value: string): ValueRange {
  const producer = structure.producer(value);
  if (producer === undefined || !plan.absorbed.has(producer)) return { min: -Infinity, max: Infinity };
  const activation = structure.activated(value)?.activation;
  return activation?.name === 'relu'
    ? { min: 0, max: Infinity }
    : { min: activation?.min ?? -Infinity, max: activation?.max ?? Infinity };
}

function isAlike(range: ValueRange, all: ValueRange, limits: ValueRange): boolean {
  if (all.min < limits.min || all.max > limits.max) return false;
  return all.max - all.min <= widestTie * (range.max - range.min);
}

function union(ranges: readonly ValueRange[]): ValueRange {
  return { min: Math.min(...ranges.map(({ min }) => min)), max: Math.max(...ranges.map(({ max }) => max)) };
}

/** uint8 with a zero point: 0 is a number exactly. */
function unsigned({ min, max }: ValueRange): Quantization {
  const [low, high] = [Math.min(min, 0), Math.max(max, 0)];
  const scale = positive((high - low) / 255);
  const zeroPoint = Math.max(0, Math.min(255, Math.round(-low / scale)));
  return { scale, zeroPoint, dtype: 'uint8' };
}

/** int8 around 0. */
function signed({ min, max }: ValueRange): Quantization {
  return { scale: positive(Math.max(Math.abs(min), Math.abs(max)) / 127), zeroPoint: 0, dtype: 'int8' };
}

/** FP8 around 0. */
function float8({ min, max }: ValueRange): Quantization {
  return { scale: positive(Math.max(Math.abs(min), Math.abs(max)) / highestFloat8), zeroPoint: 0, dtype: 'float8e4m3fn' };
}

/** With a scale that is a number of a type, as those of weights in the core: where that is at most a sixteenth larger. */
function withScaleOf(type: FormPlan['scales'], by: Quantization): Quantization {
  if (type === 'float32' || by.scale < finestHalf || by.scale > highestHalf) return by;
  const nearest = float32ToFloat16Bits(by.scale);
  // The least that is not below, so that the range still fits: of numbers above 0, the next has the next bits.
  return { ...by, scale: float16BitsToFloat32(float16BitsToFloat32(nearest) < by.scale ? nearest + 1 : nearest) };
}

const finestHalf = 2 ** -20;
const highestHalf = 65504;

const quantizations = { uint8: unsigned, int8: signed, float8e4m3fn: float8 } as const;

/** A value that is always 0 has a scale all the same. */
function positive(scale: number): number {
  const rounded = Math.fround(scale);
  return rounded > 0 && Number.isFinite(rounded) ? rounded : 1;
}

async function weightsFor(
  structure: Structure,
  plan: FormPlan,
  values: ReadonlyMap<string, Quantization>,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<OnnxNode, LayerWeights>> {
  const weights = new Map<OnnxNode, LayerWeights>();
  const products = [...plan.int8].filter((node) => structure.kind(node) === 'product');
  for (const node of [...products, ...plan.storedInt8]) {
    const { tensor, axis } = structure.weights(node);
    const [input = '', , bias = ''] = node.inputs;
    if (plan.values === 'float8e4m3fn' && plan.int8.has(node)) {
      // Others have their turn between layers.
      await setImmediate();
      if (signal?.aborted) throw aborted(signal);
      weights.set(node, float8Weights(tensor.data as Float32Array, tensor.dims, axis));
      continue;
    }
    const added = bias === '' ? undefined : structure.floats(bias);
    const isInteger = plan.form === 'onnxruntime' && plan.int8.has(node) && added !== undefined;
    const made = await quantizeWeights(tensor.data as Float32Array, tensor.dims, axis, {
      halfScales: plan.scales === 'float16',
      bias: isInteger ? { values: added, inputScale: (values.get(input) as Quantization).scale } : undefined,
      signal,
    });
    weights.set(node, { ...made, dtype: 'int8', dims: tensor.dims, axis });
  }
  return weights;
}
