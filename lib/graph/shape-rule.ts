import type { OnnxNode } from './onnx-graph.js';

/** Sizes of a value, outermost first: null for a size that is not known, or for the whole where not even the rank is. */
export type Sizes = readonly (number | null)[] | null;

/** Elements of a short list of integers, such as a shape: null for one that is known only at run time. */
export type Numbers = readonly (number | null)[];

/** A node, and what is known of its inputs. */
export interface ShapedNode {
  readonly node: OnnxNode;
  readonly inputs: readonly Sizes[];
  /** The elements of the input of this index; undefined where it is not a list, or not even its length is known. */
  readonly numbers: (index: number) => Numbers | undefined;
}

/** Sizes of the first output. */
export type SizesRule = (shaped: ShapedNode) => Sizes;

/** The product; null where a size is unknown, or where the product is beyond what JavaScript counts exactly. */
export function product(sizes: Sizes): number | null {
  const total = sizes?.reduce<number | null>((left, size) => (left === null || size === null ? null : left * size), 1) ?? null;
  return Number.isSafeInteger(total) ? total : null;
}

export function integer({ attributes }: OnnxNode, name: string, otherwise: number): number {
  const value = attributes.get(name);
  return typeof value === 'number' ? value : otherwise;
}

/** A list of integers that is an attribute; undefined where there is none. */
export function integers({ attributes }: OnnxNode, name: string): readonly number[] | undefined {
  const value = attributes.get(name);
  return Array.isArray(value) && value.every((item) => typeof item === 'number') ? value : undefined;
}

/** As numpy does: aligned at the end, a size of 1 gives way. */
export function broadcast(left: Sizes, right: Sizes): Sizes {
  if (left === null || right === null) return null;
  const rank = Math.max(left.length, right.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [one, other] = [left, right].map((sizes) => {
      const index = axis - rank + sizes.length;
      return index < 0 ? 1 : (sizes[index] ?? null);
    }) as [number | null, number | null];
    if (one === 1) return other;
    if (other === 1 || one === other) return one;
    // A size that is not known can only be 1 or the other one.
    return one === null ? other : other === null ? one : null;
  });
}
