import type { Latency } from './latency.js';
import { precisionTitles, type FormPrecision } from './quantized-layer.js';

/** Whether a form is worth shipping, and why not. */
export interface SpeedVerdict {
  readonly keepFloat: boolean;
  /** For people; undefined where there is nothing to say. */
  readonly words: string | undefined;
}

/** Beyond this many times as long in the mean, a form is not shipped, however far rounds lie apart. */
const likelySlower = 1.25;

/**
 * Keeps the float model where the form was measured slower: at one number of threads at least, and over all of them, by the geometric mean of the
 * ratios; or much slower by that mean, though not in every round. `latencies` are those of the form, against the float model.
 */
export function judgeSpeed(precision: FormPrecision, latencies: readonly Latency[]): SpeedVerdict {
  const slower = latencies.filter(({ verdict }) => verdict === 'slower');
  const isSlower = slower.length > 0 && meanRatio(latencies) > 1;
  const keepFloat = isSlower || meanRatio(latencies) > likelySlower;
  // Of a form that is pruned alone, all else is told by what pruning gained.
  if (precision === 'float32') {
    const words = `The form for ONNX Runtime stays as the model was given: pruned, it ${slowerWords(isSlower, slower, latencies)}.`;
    return { keepFloat, words: keepFloat ? words : undefined };
  }
  const name = precisionTitles[precision];
  if (keepFloat) {
    return { keepFloat, words: `The form for ONNX Runtime stays FP32: ${name} ${slowerWords(isSlower, slower, latencies)}.` };
  }
  const same = latencies.every(({ verdict }) => verdict === 'same');
  const words =
    latencies.length === 0
      ? undefined
      : same
        ? `${name} for ONNX Runtime is kept, for its size: here it was not faster than FP32 in every round (${timesOf(latencies)}).`
        : slower.length > 0
          ? `${name} for ONNX Runtime is kept, though slower in part: ${timesOf(latencies)}.`
          : undefined;
  return { keepFloat, words };
}

function slowerWords(isSlower: boolean, slower: readonly Latency[], all: readonly Latency[]): string {
  return isSlower ? `is slower here, ${timesOf(slower)}` : `is most likely slower here, if not in every round: ${timesOf(all)}`;
}

/** Geometric, over all numbers of threads. */
export function meanRatio(latencies: readonly Latency[]): number {
  return Math.exp(latencies.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / latencies.length);
}

export function timesOf(latencies: readonly Latency[]): string {
  return latencies
    .map(({ ratio, threads }) => `${ratio.toFixed(2)} times as long with ${threads} ${threads === 1 ? 'thread' : 'threads'}`)
    .join(', ');
}
