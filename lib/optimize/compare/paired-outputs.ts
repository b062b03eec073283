import type { OnnxGraph } from '../../graph/index.js';
import type { NamedPair } from './value-walk.js';

/** Outputs by name; those that are left by their place, where both models have as many of them. */
export function pairedOutputs(
  a: OnnxGraph,
  b: OnnxGraph,
): { readonly pairs: readonly NamedPair[]; readonly onlyA: readonly string[]; readonly onlyB: readonly string[] } {
  const names = { a: a.outputs.map(({ name }) => name), b: b.outputs.map(({ name }) => name) };
  const left = { a: names.a.filter((name) => !names.b.includes(name)), b: names.b.filter((name) => !names.a.includes(name)) };
  const byPlace = left.a.length === left.b.length;
  const pairs = names.a.flatMap((name): NamedPair[] => {
    if (names.b.includes(name)) return [{ a: name, b: name }];
    return byPlace ? [{ a: name, b: left.b[left.a.indexOf(name)] as string }] : [];
  });
  return { pairs, onlyA: byPlace ? [] : left.a, onlyB: byPlace ? [] : left.b };
}
