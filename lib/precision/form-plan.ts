import type { OnnxNode } from '../graph/index.js';
import type { Structure } from './structure.js';

/** What measuring has found to lose too much at eight bits. */
export interface KeptFloat {
  /** Values that are not quantised. */
  readonly values: ReadonlySet<string>;
}

export const nothingKept: KeptFloat = { values: new Set() };

/** Which parts of a graph one form computes in eight bits. Scales are not known here yet. */
export interface FormPlan {
  readonly form: 'onnxruntime' | 'tensorrt';
  /** What values are quantised to; all but uint8 lie around 0. */
  readonly values: 'uint8' | 'int8' | 'float8e4m3fn';
  /** What scales are numbers of, where little is lost by that: the type of what stays float. */
  readonly scales: 'float32' | 'float16';
  /** Those that are computed in eight bits. */
  readonly int8: ReadonlySet<OnnxNode>;
  /** Activations that disappear, because the quantised range of their output ends where they clip. */
  readonly absorbed: ReadonlySet<OnnxNode>;
  /** Products in float whose weights are stored in eight bits all the same: a quarter of the bytes. */
  readonly storedInt8: ReadonlySet<OnnxNode>;
  /** Values that are quantised. */
  readonly quantized: ReadonlySet<string>;
  /** Values that have to share one scale, as what only carries elements hands integers on: each list once. */
  readonly tied: readonly (readonly string[])[];
  /** Inputs and output of a Concat, which are better off with one scale, where their ranges allow it. */
  readonly concatenated: readonly (readonly string[])[];
  /** Why products stay float. */
  readonly reasons: ReadonlyMap<OnnxNode, string>;
}

export const lastReason = 'last of its branch: what it makes is read as numbers';
export const keptReason = 'too much is lost at 8 bits, as was measured';

/**
 * Takes nodes out of `int8` that gain nothing there: those that no integer node feeds or reads. What is left is the products, and what lies between them.
 */
export function dropIslands(structure: Structure, int8: Set<OnnxNode>): void {
  const isFed = (node: OnnxNode): boolean =>
    structure.activationInputs(node).some((value) => {
      const producer = structure.producer(value);
      return producer !== undefined && int8.has(producer);
    });
  const isRead = (node: OnnxNode): boolean =>
    node.outputs.some((value) => structure.consumers(value).some((consumer) => int8.has(consumer)));
  for (let changed = true; changed;) {
    changed = false;
    for (const node of int8) {
      if (structure.kind(node) === 'product' || (isFed(node) && isRead(node))) continue;
      int8.delete(node);
      changed = true;
    }
  }
}

/**
 * A layer with fewer weights than this part of all, or than that many, keeps them in float, which its kernel is faster with: it is not worth the bytes.
 */
const fewWeights = { part: 1 / 200, count: 4096 };

/** So many weights have to be stored in fewer bits at least. */
export function leastStoredWeights(structure: Structure): number {
  const layers = structure.nodes.filter((node) => structure.isLayer(node));
  const all = layers.reduce((sum, node) => sum + structure.weights(node).tensor.elementCount, 0);
  return Math.max(fewWeights.count, fewWeights.part * all);
}

/**
 * Layers in float whose weights are stored in eight bits: transposed convolutions, for which ONNX Runtime has no integer kernel and TensorRT few, and those
 * whose input or output loses too much at eight bits. Not those between two values that are quantised: ONNX Runtime would take them for integer ones.
 */
export function storedInt8(
  structure: Structure,
  { int8, absorbed, quantized }: Pick<FormPlan, 'int8' | 'absorbed' | 'quantized'>,
): ReadonlySet<OnnxNode> {
  const least = leastStoredWeights(structure);
  const isLarge = (node: OnnxNode): boolean => structure.weights(node).tensor.elementCount >= least;
  const isBetween = (node: OnnxNode): boolean => {
    const [output = ''] = node.outputs;
    // Of a Gemm it would not even ask what becomes of the output.
    if (node.opType === 'Gemm' && quantized.has(node.inputs[0] as string)) return true;
    const isQuantized = quantized.has(output) || structure.consumers(output).some((reader) => absorbed.has(reader));
    return quantized.has(node.inputs[0] as string) && isQuantized;
  };
  return new Set(
    structure.nodes.filter((node) => {
      if (structure.isTransposedConvolution(node)) return isLarge(node);
      const isFloat = structure.kind(node) === 'product' && !int8.has(node) && !structure.isTail(node);
      return isFloat && !structure.isDepthwise(node) && isLarge(node) && !isBetween(node);
    }),
  );
}

/** Joins the lists that have a value in common. */
export function tieTogether(lists: readonly (readonly string[])[]): string[][] {
  const root = new Map<string, string>();
  const find = (value: string): string => {
    let top = value;
    for (let next = root.get(top); next !== undefined; next = root.get(top)) top = next;
    return top;
  };
  for (const list of lists) {
    for (const value of list.slice(1)) {
      const [one, other] = [find(list[0] as string), find(value)];
      if (one !== other) root.set(other, one);
    }
  }
  const groups = new Map<string, string[]>();
  for (const value of new Set(lists.flat())) {
    const top = find(value);
    const group = groups.get(top);
    if (group === undefined) groups.set(top, [value]);
    else group.push(value);
  }
  return [...groups.values()];
}
