/** How sure a result is: what a cascade goes by. */
import { invalidArgument } from '../errors/index.js';
import type { Classification, Detections } from '../results/index.js';

/** The score of the likeliest class. NaN, which is no confidence, without any. */
export function topScore({ scores }: Classification): number {
  return scores[0] ?? Number.NaN;
}

/**
 * How far the likeliest class is ahead of the next one, 0 to 1: that of a model of two close classes is doubtful, be the others as unlikely as they will. Of a model of one class, how far its score is from
 * one half, doubled. Throws INVALID_ARGUMENT for a result of one class of several: the next has to be known (`topK`).
 */
export function topMargin(result: Classification): number {
  const [first, second] = result.scores;
  if (first === undefined) return Number.NaN;
  if (second !== undefined) return first - second;
  if (result.labels.length > 1) throw invalidArgument('result', 'at least two classes', result, 'Classify with { topK: 2 }.');
  return Math.abs(2 * first - 1);
}

/**
 * How certain it is of each object that it is one, or none: an object that scores 0.5 may be either, one of 0.9 or 0.1 is almost decided. Told is the certainty of the most doubtful object, from 0 to 1; 1
 * where there is none. What scores below `ignoreBelow` is noise. Detect with a `scoreThreshold` as low as that: objects that were nearly found are what a better model may find.
 */
export function detectionCertainty({ scores }: Detections, ignoreBelow = 0.1): number {
  let certainty = 1;
  for (const score of scores) {
    if (score >= ignoreBelow) certainty = Math.min(certainty, Math.abs(2 * score - 1));
  }
  return certainty;
}
