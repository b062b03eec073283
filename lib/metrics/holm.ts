/**
 * P-values of several tests, raised so that the chance of one false alarm among all of them stays what it is for one test (Holm 1979). In the order given; NaN stays NaN and
 * does not count.
 */
export function holm(pValues: readonly number[]): number[] {
  const adjusted = pValues.map(() => NaN);
  const order = [...pValues.keys()]
    .filter((i) => !Number.isNaN(pValues[i]))
    .sort((a, b) => (pValues[a] as number) - (pValues[b] as number));
  let least = 0;
  for (const [passed, i] of order.entries()) {
    least = Math.max(least, Math.min(1, (pValues[i] as number) * (order.length - passed)));
    adjusted[i] = least;
  }
  return adjusted;
}
