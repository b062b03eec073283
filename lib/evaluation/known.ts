/** A number as JSON can say it: null where it is undefined. */
export function known(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
