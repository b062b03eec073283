/** As `noise` in tests/reference/precision/ranges.py: the same numbers from the same seeds. */
export function noise(count: number, seed: number): Float64Array {
  let state = (seed * 2654435761 + 1) % 2 ** 32;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return Float64Array.from({ length: count }, () => next() + next() + next());
}
