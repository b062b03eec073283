import type { RangeActivation } from './range.js';
import type { Structure } from './structure.js';

/**
 * Where the distribution of a value comes from: from the elements of the tapped value, as they are or through an activation; or it is known to lie between
 * 0 and 1. So the output of a convolution is tapped once, and tells of what its activation makes too.
 */
export type ValueSource = WholeSource | { readonly parts: readonly string[] };
export type WholeSource = { readonly tap: string; readonly activation?: RangeActivation | undefined } | 'unit';

/** Of carriers that change no element, and add none. */
const wholly = new Set(
  'Reshape Transpose Flatten Squeeze Unsqueeze DepthToSpace SpaceToDepth Split Slice MaxPool Resize'.split(' '),
);

export function sourceOf(structure: Structure, value: string): ValueSource {
  const node = structure.producer(value);
  if (node === undefined) return { tap: value };
  if (node.opType === 'Sigmoid' || node.opType === 'Softmax') return 'unit';
  const activated = structure.activated(value);
  if (activated !== undefined) {
    const source = sourceOf(structure, activated.input);
    // Of an activation of an activation nothing is known in one step.
    return typeof source === 'object' && 'tap' in source && source.activation === undefined
      ? { tap: source.tap, activation: activated.activation }
      : { tap: value };
  }
  if (node.opType === 'Concat' && structure.kind(node) === 'join') return { parts: node.inputs };
  const [carried = ''] = node.inputs;
  // Constants are not tapped: what is made of them is.
  const isCarried = structure.kind(node) === 'carry' && wholly.has(node.opType) && structure.constant(carried) === undefined;
  return isCarried ? sourceOf(structure, carried) : { tap: value };
}

/** A value, and where its distribution comes from. */
export interface SourcedValue {
  readonly value: string;
  readonly source: WholeSource;
}

/** The values that `value` is put together of, each once: itself where it has no parts. A graph can put a value together with itself again and again. */
export function wholePartsOf(structure: Structure, value: string): readonly SourcedValue[] {
  const found: SourcedValue[] = [];
  const seen = new Set([value]);
  // A set is walked to its end while it grows.
  for (const part of seen) {
    const source = sourceOf(structure, part);
    if (source === 'unit' || 'tap' in source) found.push({ value: part, source });
    else for (const name of source.parts) seen.add(name);
  }
  return found;
}

/** The values that have to be tapped to know the distribution of `value`. */
export function tapsOf(structure: Structure, value: string): readonly string[] {
  return wholePartsOf(structure, value).flatMap(({ source }) => (source === 'unit' ? [] : [source.tap]));
}
