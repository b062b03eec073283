import type { Structure } from './structure.js';
import type { TensorStatistics } from './tensor-statistics.js';
import type { Trial } from './trials.js';
import { wholePartsOf, type WholeSource } from './value-source.js';

/**
 * The trials that are worth measuring, at most `most`, in their order: those in which the channels get the fewest of the 256 steps. One scale for all channels
 * is what loses accuracy: where a few reach far, the others are left with a handful of steps.
 */
export function screenTrials(
  structure: Structure,
  trials: readonly Trial[],
  statistics: ReadonlyMap<string, TensorStatistics>,
  most: number,
): Trial[] {
  const ranked = trials
    .map(({ value, values }, index) => {
      const scale = values.get(value)?.scale ?? 1;
      return {
        index,
        steps: Math.min(...wholePartsOf(structure, value).map(({ source }) => stepsOf(source, scale, statistics))),
      };
    })
    .sort((left, right) => left.steps - right.steps || left.index - right.index)
    .slice(0, most);
  return ranked.sort((left, right) => left.index - right.index).map(({ index }) => trials[index] as Trial);
}

/** Of the channels, the step count of the one that a quarter are worse off than. */
function stepsOf(source: WholeSource, scale: number, statistics: ReadonlyMap<string, TensorStatistics>): number {
  if (source === 'unit') return 1 / scale;
  const { channels, min, max } = statistics.get(source.tap) ?? { channels: undefined, min: 0, max: 0 };
  // What an activation makes of large negative numbers is close to 0 with all that have fewer steps there.
  const floor = source.activation === undefined || source.activation.name === 'leaky-relu' ? -Infinity : 0;
  const spanOf = (low: number, high: number): number => Math.max(high, floor) - Math.max(low, floor);
  if (channels === undefined) return spanOf(min, max) / scale;
  const spans = channels.max.map((high, channel) => spanOf(channels.min[channel] as number, high)).sort();
  return (spans[Math.floor(spans.length / 4)] as number) / scale;
}
