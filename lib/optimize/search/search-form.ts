import { nearestMiss, shortfalls, type Budget, type Candidate } from './budget.js';

export interface FormSearch {
  /** What was measured, by rung. */
  readonly candidates: readonly Candidate[];
  /** Of those that keep to the budget, the one with the least in float; where nothing is said of a drop, the one that loses least. */
  readonly chosen?: Candidate | undefined;
  /** Where none does. */
  readonly nearest?: Candidate | undefined;
}

/**
 * Looks for the rung that keeps to a budget, by halves: higher up less is lost, and files and times grow. `rungs` is how many there are; the last, FP32, is
 * measured in any case, and so is the first; all are before none is said to keep to it.
 */
export async function searchForm(
  rungs: number,
  budget: Budget,
  measure: (rung: number) => Promise<Candidate>,
): Promise<FormSearch> {
  const known = new Map<number, Candidate>();
  const look = async (rung: number): Promise<Candidate> => {
    const found = known.get(rung) ?? (await measure(rung));
    known.set(rung, found);
    return found;
  };
  const meets = async (rung: number, goals: Budget): Promise<boolean> => shortfalls(await look(rung), goals).length === 0;
  const top = rungs - 1;
  await look(top);
  await look(0);
  const goesByDrop = budget.maxDrop !== undefined;
  const goals: Budget = goesByDrop ? { maxDrop: budget.maxDrop } : budget;
  // The lowest that loses little enough, or the highest that is small and fast enough.
  let [within, beyond] = goesByDrop ? [top, 0] : [0, top];
  if ((await meets(beyond, goals)) || !(await meets(within, goals))) within = beyond;
  while (Math.abs(within - beyond) > 1) {
    const middle = Math.floor((within + beyond) / 2);
    if (await meets(middle, goals)) within = middle;
    else beyond = middle;
  }
  const fits = (): boolean => [...known.values()].some((one) => shortfalls(one, budget).length === 0);
  // What is lost may rise again on the way up.
  for (let rung = 1; rung < top && !fits(); rung++) await look(rung);
  const candidates = [...known.values()].sort((a, b) => a.rung - b.rung);
  const fitting = candidates.filter((candidate) => shortfalls(candidate, budget).length === 0);
  const chosen = goesByDrop
    ? fitting[0]
    : fitting.toSorted((a, b) => a.dropInterval[1] - b.dropInterval[1] || a.drop - b.drop)[0];
  return chosen === undefined ? { candidates, nearest: nearestMiss(candidates, budget) } : { candidates, chosen };
}
