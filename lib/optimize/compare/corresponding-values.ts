/** Which values of two models stand for the same. */
import type { OnnxGraph } from '../../graph/index.js';
import { GraphValues, isQuantizing, type GraphValue } from './graph-values.js';
import { pairByStructure } from './structural-pairs.js';

/** How a counterpart was found: by its name, as what a DequantizeLinear makes of it, or by its place in the graph. */
export type PairedBy = 'name' | 'dequantized' | 'structure';

/** A value of A and its counterpart in B. */
export interface ValuePair {
  readonly a: GraphValue;
  /** Name of the value in B. */
  readonly b: string;
  readonly by: PairedBy;
}

export interface CorrespondingValues {
  /** In A's topological order. */
  readonly pairs: readonly ValuePair[];
  /** Names of values without a counterpart; what quantizing alone adds is not counted. */
  readonly onlyA: readonly string[];
  readonly onlyB: readonly string[];
}

/** A share of A's weighted nodes below this, paired by name, means that the graphs are named differently. */
const namedAlike = 0.5;

/**
 * Pairs the values that two graphs make of their inputs. A value has its counterpart in the value of that name that the same operator makes, else
 * in the dequantized one whose name begins with it, else in the value of that name; with `asShipped`, which reads what a fused graph still has, in the dequantized one first. Where the graphs hardly share a name,
 * the structure tells: see {@link pairByStructure}.
 */
export function correspondingValues(first: OnnxGraph, second: OnnxGraph, asShipped = false): CorrespondingValues {
  const a = new GraphValues(first);
  const b = new GraphValues(second);
  const dequantizedB = dequantizedValues(b, a);
  const found = new Map<string, Omit<ValuePair, 'a'>>();
  const taken = new Set<string>();
  const pair = (nameOfA: string, nameOfB: string | undefined, by: PairedBy): void => {
    if (nameOfB === undefined || found.has(nameOfA) || taken.has(nameOfB)) return;
    found.set(nameOfA, { b: nameOfB, by });
    taken.add(nameOfB);
  };
  for (const { name, node } of a.values.values()) {
    const byName = b.values.get(name);
    const dequantized = dequantizedB.get(name);
    // An activation that the range of integers stands for is gone: what has its name in B has not been cut yet.
    const isPlain = !asShipped && byName?.node.opType === node.opType;
    if (dequantized !== undefined && !isPlain) pair(name, dequantized, 'dequantized');
    else if (byName !== undefined) pair(name, name, 'name');
  }
  for (const [name, dequantized] of dequantizedValues(a, b)) pair(dequantized, name, 'dequantized');
  const weighted = [...a.values.values()].filter(({ node }) => a.weights(node).length > 0);
  const named = weighted.filter(({ name }) => found.has(name)).length;
  if (named < weighted.length * namedAlike) {
    for (const [nameOfA, nameOfB] of pairByStructure(a, b)) pair(nameOfA, nameOfB, 'structure');
  }
  const pairs = [...a.values.values()].flatMap((value) => {
    const counterpart = found.get(value.name);
    return counterpart === undefined ? [] : [{ a: value, ...counterpart }];
  });
  return { pairs, onlyA: leftOver(a, found), onlyB: leftOver(b, taken) };
}

function leftOver(graph: GraphValues, paired: { has(name: string): boolean }): string[] {
  return [...graph.values.values()].filter(({ name, node }) => !paired.has(name) && !isQuantizing(node)).map(({ name }) => name);
}

/**
 * Of each value of `other` that has been quantized here, what stands for it: the output of the first DequantizeLinear whose name begins with that of the
 * value, or the value of that name within the pair of nodes.
 */
function dequantizedValues(graph: GraphValues, other: GraphValues): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name, node } of graph.values.values()) {
    if (node.opType !== 'DequantizeLinear') continue;
    const original = originalName(name, other);
    if (original !== undefined && !found.has(original)) found.set(original, name);
  }
  return found;
}

/** The longest name of a value in `other` with which `name` begins, up to the end of a word. */
function originalName(name: string, other: GraphValues): string | undefined {
  for (let end = name.length; end > 0; end--) {
    const begin = name.slice(0, end);
    if (/\w/.test(name[end] ?? '') && name[end] !== '_') continue;
    if (other.values.has(begin)) return begin;
  }
  return undefined;
}
