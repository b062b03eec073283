/** What lies between the last layers and the outputs: which of their channels become what. */
import type { OnnxNode, Sizes } from '../graph/index.js';
import type { Structure } from './structure.js';

/** Some channels of an output that mean the same: boxes, or scores. */
export interface ChannelGroup {
  /** Of the graph, or what a product makes. */
  readonly output: string;
  readonly axis: number;
  /** The first, and the one after the last. */
  readonly start: number;
  readonly end: number;
}

/**
 * The parts of the outputs that are judged each by itself, since their sizes differ: what a Concat puts side by side. Boxes count in hundreds, scores in
 * hundredths: in one number, the scores could be lost without being seen. Outputs that are chosen by comparing, such as classes or boxes without those that
 * overlap, are judged by what the last products make for them: how far off they are, they do not tell themselves.
 */
export function outputGroups(structure: Structure): ChannelGroup[] {
  const judged = structure.outputs.flatMap(({ name, dtype }) => {
    const { products, isChosen } = lookBack(structure, name);
    return isChosen || (dtype !== 'float32' && dtype !== 'float16') ? products : [name];
  });
  const seen: SeenParts = new Map();
  return [...new Set(judged)].flatMap((output): ChannelGroup[] => {
    const sizes = structure.sizes.get(output);
    const found = partsOf(structure, output, 0, seen);
    // The longest axis is that of places, such as the cells of several grids one after the other: alike all along.
    const longest = Math.max(...(sizes?.map((size) => size ?? 0) ?? []));
    const parts = found !== undefined && sizes?.[found.axis] !== longest ? found : undefined;
    if (parts === undefined) return [{ output, axis: 0, start: 0, end: sizes?.[0] ?? 1 }];
    let start = 0;
    return parts.sizes.map((size) => {
      const group = { output, axis: parts.axis, start, end: start + size };
      start += size;
      return group;
    });
  });
}

const choosing = new Set('ArgMax ArgMin TopK NonMaxSuppression NonZero Compress Unique'.split(' '));

/** What the last products before an output make, and whether it is chosen from that. */
function lookBack(structure: Structure, output: string): { readonly products: string[]; readonly isChosen: boolean } {
  const seen = new Set<string>();
  const products: string[] = [];
  let isChosen = false;
  const waiting = [output];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    const node = structure.producer(value);
    if (node === undefined || seen.has(value)) continue;
    seen.add(value);
    if (structure.kind(node) === 'product' || structure.isTransposedConvolution(node)) products.push(value);
    else {
      isChosen ||= choosing.has(node.opType);
      waiting.push(...node.inputs);
    }
  }
  return { products, isChosen };
}

interface Parts {
  readonly axis: number;
  readonly sizes: readonly number[];
}

/** Each changes elements one by one, or all of a channel alike. */
const elementwise = new Set('Sigmoid Softmax Relu Clip Tanh Exp Mul Add Sub Div Cast Identity'.split(' '));
const deepest = 64;
/** More parts than any head has: then the whole is judged as one. */
const mostParts = 256;

type SeenParts = Map<string, Parts | undefined>;

/** `seen`: of values that were looked at before. Many ways can lead to one value. */
function partsOf(structure: Structure, value: string, depth: number, seen: SeenParts): Parts | undefined {
  if (!seen.has(value)) seen.set(value, findParts(structure, value, depth, seen));
  return seen.get(value);
}

function findParts(structure: Structure, value: string, depth: number, seen: SeenParts): Parts | undefined {
  const node = structure.producer(value);
  if (node === undefined || structure.kind(node) === 'product' || depth > deepest) return undefined;
  const [first = ''] = node.inputs;
  const sizes = structure.sizes.get(value) ?? null;
  if (node.opType === 'Concat') {
    const axis = positiveAxis(node.attributes.get('axis'), sizes?.length);
    const inner = partsOf(structure, first, depth + 1, seen);
    if (inner !== undefined && inner.axis !== axis) return inner;
    if (axis === undefined) return undefined;
    const own = node.inputs.map((name) => structure.sizes.get(name)?.[axis] ?? null);
    if (own.includes(null)) return undefined;
    const parts = node.inputs.map((name, index): readonly number[] => {
      const within = partsOf(structure, name, depth + 1, seen);
      return within?.axis === axis ? within.sizes : [own[index] as number];
    });
    const all = parts.flat();
    return all.length > mostParts ? undefined : { axis, sizes: all };
  }
  const input = elementwise.has(node.opType)
    ? (node.inputs.find((name) => structure.constant(name) === undefined) ?? first)
    : first;
  const inner = partsOf(structure, input, depth + 1, seen);
  if (inner === undefined) return undefined;
  const axis = axisAfter(structure, node, inner.axis);
  return axis === undefined || sizes?.[axis] !== inner.sizes.reduce((sum, size) => sum + size, 0)
    ? undefined
    : { ...inner, axis };
}

/** Where an axis of the first input lies in the output; undefined where it is no axis there any more. */
function axisAfter(structure: Structure, node: OnnxNode, axis: number): number | undefined {
  if (elementwise.has(node.opType)) return axis;
  if (node.opType === 'Transpose') {
    const order = node.attributes.get('perm');
    const found = Array.isArray(order) ? (order as readonly unknown[]).indexOf(axis) : -1;
    return found < 0 ? undefined : found;
  }
  if (node.opType !== 'Reshape') return undefined;
  const [before, after] = [structure.sizes.get(node.inputs[0] as string), structure.sizes.get(node.outputs[0] as string)];
  return regrouped(before ?? null, after ?? null, axis);
}

/** Reshape leaves an axis alone where as many elements lie before it, and it has its size. */
function regrouped(before: Sizes, after: Sizes, axis: number): number | undefined {
  const outer = elementsBefore(before, axis);
  const found = after?.findIndex((size, at) => size === before?.[axis] && elementsBefore(after, at) === outer) ?? -1;
  return found < 0 || outer === undefined ? undefined : found;
}

function elementsBefore(sizes: Sizes, axis: number): number | undefined {
  let product = 1;
  for (const size of sizes?.slice(0, axis) ?? []) {
    if (size === null) return undefined;
    product *= size;
  }
  return product;
}

/** Part of a value: all of it, or a range of an axis. */
interface Part {
  readonly value: string;
  readonly range: { readonly axis: number; readonly start: number; readonly end: number } | undefined;
}

/**
 * The outputs of products that reach a Sigmoid of the tail, rearranged at most, with all their channels: logits, of which what lies far out makes
 * no difference any more.
 */
export function logitsOf(structure: Structure): ReadonlySet<string> {
  const logits = new Set<string>();
  const others = new Set<string>();
  for (const node of structure.nodes) {
    if (!structure.isTail(node) || !leaves(node)) continue;
    for (const input of structure.kind(node) === 'join' || node.opType !== 'Sigmoid' ? node.inputs : node.inputs.slice(0, 1)) {
      for (const value of sourcesOf(structure, { value: input, range: undefined })) {
        (node.opType === 'Sigmoid' ? logits : others).add(value);
      }
    }
  }
  return new Set([...logits].filter((value) => !others.has(value)));
}

/** What a layer has weights beyond which is left to integers, whatever comes of it: floats would take four times the bytes. */
const smallLayer = 2 ** 16;

/**
 * The last, small layers whose results are read as numbers, such as the sides of boxes: no Sigmoid comes after them, so that every step of the 256 is seen. They
 * take one or two hundredths of the multiply-accumulates, and stay float.
 */
export function numberLayers(structure: Structure): ReadonlySet<OnnxNode> {
  const last = new Set(structure.outputs.flatMap(({ name }) => lookBack(structure, name).products));
  // A classifier, an embedder or a segmenter has one: it makes scores, or what is compared as a whole.
  if (last.size < 2) return new Set();
  const logits = logitsOf(structure);
  const layers = [...last]
    .filter((value) => !logits.has(value) && structure.consumers(value).every((reader) => structure.isTail(reader)))
    .map((value) => structure.producer(value) as OnnxNode);
  return new Set(
    layers.filter((node) => structure.kind(node) === 'product' && structure.weights(node).tensor.elementCount <= smallLayer),
  );
}

const arranging = new Set('Concat Split Slice Reshape Transpose Flatten Squeeze Unsqueeze Identity'.split(' '));

/** Whether a node computes with what it reads, instead of arranging it. */
function leaves({ opType }: OnnxNode): boolean {
  return !arranging.has(opType);
}

function sourcesOf(structure: Structure, whole: Part): ReadonlySet<string> {
  const found = new Set<string>();
  const waiting: Part[] = [whole];
  const seen = new Set<string>();
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    const key = JSON.stringify(part);
    if (seen.has(key)) continue;
    seen.add(key);
    const node = structure.producer(part.value);
    if (node === undefined) continue;
    if (structure.kind(node) === 'product') found.add(part.value);
    else if (!leaves(node)) waiting.push(...partsBefore(structure, node, part));
  }
  return found;
}

/** Which parts of its inputs a part of a node's output comes from. */
function partsBefore(structure: Structure, node: OnnxNode, { value, range }: Part): Part[] {
  const sizesOf = (name: string): Sizes => structure.sizes.get(name) ?? null;
  const [first = ''] = node.inputs;
  const rank = sizesOf(value)?.length;
  if (node.opType === 'Concat') {
    const axis = positiveAxis(node.attributes.get('axis'), rank);
    let start = 0;
    return node.inputs.flatMap((name): Part[] => {
      const size = axis === undefined ? null : (sizesOf(name)?.[axis] ?? null);
      if (range === undefined || axis !== range.axis || size === null)
        return [{ value: name, range: axis === range?.axis ? undefined : range }];
      const [from, to] = [range.start - start, range.end - start];
      start += size;
      return to <= 0 || from >= size ? [] : [{ value: name, range: { axis, start: Math.max(from, 0), end: Math.min(to, size) } }];
    });
  }
  if (node.opType === 'Split') {
    const axis = positiveAxis(node.attributes.get('axis') ?? 0, rank);
    const sizes = node.outputs.map((name) => (axis === undefined ? null : (sizesOf(name)?.[axis] ?? null)));
    const index = node.outputs.indexOf(value);
    if (axis === undefined || sizes.includes(null)) return [{ value: first, range: undefined }];
    const start = sizes.slice(0, index).reduce<number>((sum, size) => sum + (size ?? 0), 0);
    return [{ value: first, range: { axis, start, end: start + (sizes[index] as number) } }];
  }
  if (range === undefined) return [{ value: first, range: undefined }];
  if (node.opType === 'Transpose') {
    const order = node.attributes.get('perm');
    const axis = Array.isArray(order) ? (order[range.axis] as number) : undefined;
    return [{ value: first, range: axis === undefined ? undefined : { ...range, axis } }];
  }
  const axis = node.opType === 'Reshape' ? regrouped(sizesOf(value), sizesOf(first), range.axis) : undefined;
  return [{ value: first, range: axis === undefined ? undefined : { ...range, axis } }];
}

function positiveAxis(axis: unknown, rank: number | undefined): number | undefined {
  if (typeof axis !== 'number') return undefined;
  if (axis >= 0) return axis;
  return rank === undefined ? undefined : axis + rank;
}
