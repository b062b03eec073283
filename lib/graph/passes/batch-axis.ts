import { product, type Sizes } from '../shape-rule.js';

/**
 * Where the pictures of a batch lie in a value: along `axis`, whose size is `outer * N * inner`. Picture n has the indices
 * `(o * N + n) * inner + i`. Mostly both factors are 1; attention folds its heads into the batch, linear layers the tokens.
 */
export interface BatchAxis {
  readonly axis: number;
  readonly outer: number;
  readonly inner: number;
}

/** The first axis, with nothing else in it. */
export const firstAxis: BatchAxis = { axis: 0, outer: 1, inner: 1 };

/** Whether the axis is the batch and nothing else. */
export function isPlain({ outer, inner }: BatchAxis): boolean {
  return outer === 1 && inner === 1;
}

export function isSame(left: BatchAxis, right: BatchAxis): boolean {
  return left.axis === right.axis && left.outer === right.outer && left.inner === right.inner;
}

/** Sizes of a value at a batch of `count`, where those at another batch are known. */
export function sizesAt(sizes: Sizes, batch: BatchAxis | undefined, count: number): Sizes {
  if (sizes === null || batch === undefined) return sizes;
  return sizes.with(batch.axis, batch.outer * count * batch.inner);
}

/**
 * Where the pictures can lie after a value's elements, kept in their order, are given other sizes; the likeliest place first. Sizes are those at a
 * batch of `count`. At a batch of 1 there can be several places: each is right by itself, as the elements of a picture are the same in all of them.
 */
export function regroupings(from: BatchAxis, sizes: Sizes, target: Sizes, count: number): readonly BatchAxis[] {
  // Pictures alternate after so many elements, so often: that does not change.
  const around = product(sizes?.slice(0, from.axis) ?? null);
  const within = product(sizes?.slice(from.axis + 1) ?? null);
  if (around === null || target === null) return [];
  const places = target.flatMap((size, axis): BatchAxis[] => {
    const before = product(target.slice(0, axis));
    const after = product(target.slice(axis + 1));
    if (before === null || size === null) return [];
    const outer = (around * from.outer) / before;
    const inner = size / (outer * count);
    if (!Number.isSafeInteger(outer) || !Number.isSafeInteger(inner) || outer < 1 || inner < 1) return [];
    if (after !== null && within !== null && after * inner !== within * from.inner) return [];
    return [{ axis, outer, inner }];
  });
  const unlikely = (place: BatchAxis): number => {
    if (isPlain(place)) return place.axis === from.axis && isPlain(from) ? 0 : 1;
    // The last axis is that of features, and the batch is folded with what comes after it before it is with what comes first.
    if (place.axis === target.length - 1) return 4;
    return place.outer === 1 ? 2 : 3;
  };
  return places.sort((left, right) => unlikely(left) - unlikely(right));
}
