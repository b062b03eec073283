/** Whether two groups of numbers lie apart more than chance would have it, whatever their distribution (Mann and Whitney 1947). */
import { invalidArgument } from '../errors/index.js';

/** Of both groups together: the table of sums grows with its third power. */
const mostValues = 100;

/**
 * Two-sided and exact, with ties: twice the share of all ways to deal the values to groups of these sizes in which the first has a sum of ranks as far to the side or
 * further. Throws INVALID_ARGUMENT for an empty group, for values that are NaN, and for more than 100 values.
 */
export function mannWhitney(first: readonly number[], second: readonly number[]): number {
  for (const [name, group] of Object.entries({ first, second })) {
    if (group.length === 0 || group.some(Number.isNaN)) throw invalidArgument(name, 'at least one number, and no NaN', group);
  }
  const ranks = doubledRanks([...first, ...second]);
  if (ranks.length > mostValues) throw invalidArgument('first and second', `at most ${mostValues} values`, ranks.length);
  const found = ranks.slice(0, first.length).reduce((sum, rank) => sum + rank, 0);
  const ways = waysBySum(ranks, first.length);
  let [below, above, all] = [0, 0, 0];
  for (const [sum, count] of ways.entries()) {
    all += count;
    if (sum <= found) below += count;
    if (sum >= found) above += count;
  }
  return Math.min(1, (2 * Math.min(below, above)) / all);
}

/** Twice the rank of each value, so that the mean rank of values that are equal is a whole number. */
function doubledRanks(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  const byValue = new Map(values.map((value) => [value, sorted.indexOf(value) + sorted.lastIndexOf(value) + 2]));
  return values.map((value) => byValue.get(value) as number);
}

/** In how many ways `count` of the ranks have each sum. */
function waysBySum(ranks: readonly number[], count: number): Float64Array {
  const most = [...ranks]
    .sort((a, b) => b - a)
    .slice(0, count)
    .reduce((sum, rank) => sum + rank, 0);
  const ways = Array.from({ length: count + 1 }, () => new Float64Array(most + 1));
  (ways[0] as Float64Array)[0] = 1;
  for (const [taken, rank] of ranks.entries()) {
    for (let size = Math.min(count, taken + 1); size > 0; size--) {
      const [without, row] = [ways[size - 1] as Float64Array, ways[size] as Float64Array];
      for (let sum = rank; sum <= most; sum++) row[sum] = (row[sum] as number) + (without[sum - rank] as number);
    }
  }
  return ways[count] as Float64Array;
}
