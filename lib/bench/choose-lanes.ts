/** How many lanes a model is best opened with on this machine. */
import { availableParallelism } from 'node:os';

import { aborted } from '../binding/index.js';
import { checkOptions, withDefaults } from '../errors/index.js';
import { benchChecked } from './bench-model.js';
import { checkedBenchOptions, type BenchOptions } from './bench-options.js';
import type { BenchCell } from './bench-report.js';

/** What more lanes must give to be taken: less is none, and each costs memory and makes a run longer. */
const leastGain = 0.05;
/** More than this many at the same time on one processor or GPU are not tried. */
const mostLanes = 16;

const optionNames = ['input', 'pictures', 'open', 'shapes', 'durationMs', 'rounds', 'onProgress', 'signal'] as const;

/** How lanes are tried, as for {@link benchModel}. */
export type ChooseLanesOptions = Pick<BenchOptions, (typeof optionNames)[number]>;

/** What to open a model with. */
export interface LaneChoice {
  /** For `lanes` of a session or task; its `threads` are best left out: the cores divided by the lanes. */
  readonly lanes: number;
  /** Why, in words. */
  readonly reason: string;
  /** What was measured, a number of lanes each. */
  readonly cells: readonly BenchCell[];
}

/**
 * Measures which number of lanes serves the most requests where there are always some that wait, and takes the smallest that comes within 5 % of it, or within what its windows leave in doubt. 1, 2, 4
 * and so on are tried, up to the number of cores, or 16; together they have the machine's cores. By default each is measured for a second in 4 windows.
 *
 *     const { lanes } = await chooseLanes('model.onnx');
 *     const session = await createSession('model.onnx', { lanes });
 *
 * To be called where nothing else is running, before the first request, or once for a kind of machine. Throws as {@link benchModel}.
 */
export async function chooseLanes(model: string | URL, options: ChooseLanesOptions = {}): Promise<LaneChoice> {
  checkOptions('options of chooseLanes', options, optionNames);
  const checked = checkedBenchOptions(
    withDefaults<BenchOptions>({ durationMs: 1000, rounds: 4, lanes: lanesToTry(availableParallelism()) }, options),
  );
  const { cells, interrupted } = await benchChecked(model, { ...checked, waiting: 1, defaultBatch: [1] });
  if (interrupted) throw aborted(options.signal as AbortSignal); // what was measured by then is no choice
  return fewestLanes(cells);
}

/** Powers of two. */
export function lanesToTry(cores: number): number[] {
  const lanes = [1];
  for (let next = 2; next <= Math.min(cores, mostLanes); next *= 2) lanes.push(next);
  return lanes;
}

/** `cells`: at least one, of one batch. */
export function fewestLanes(cells: readonly BenchCell[]): LaneChoice {
  const sorted = [...cells].sort((a, b) => a.lanes - b.lanes);
  const best = sorted.reduce((a, b) => (b.throughput > a.throughput ? b : a));
  // About the standard error of the ratio of two medians.
  const doubt = (cell: BenchCell): number =>
    Math.hypot(cell.variation, best.variation) / Math.sqrt(Math.min(cell.windows.length, best.windows.length));
  const isAsGood = (cell: BenchCell): boolean => best.throughput <= cell.throughput * (1 + Math.max(leastGain, doubt(cell)));
  const chosen = sorted.find(isAsGood) as BenchCell;
  const told = sorted.map((cell) => `${laneCount(cell)} ${cell.throughput.toPrecision(3)} a second`).join(', ');
  const why = chosen === best ? 'the most' : 'more gain too little, or no more than the windows leave in doubt';
  return { lanes: chosen.lanes, reason: `${told}. ${laneCount(chosen)}: ${why}.`, cells: sorted };
}

function laneCount({ lanes }: BenchCell): string {
  return lanes === 1 ? '1 lane' : `${lanes} lanes`;
}
