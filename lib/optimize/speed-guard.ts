import type { Latency } from './latency.js';
import { precisionTitles, type LayerPrecision } from './quantized-layer.js';

/** Whether a form is worth shipping, and why not. */
export interface SpeedVerdict {
  readonly keepFloat: boolean;
  /** For people; undefined where there is nothing to say. */
  readonly words: string | undefined;
}

/**
 * Keeps the float model where the form was measured slower: at one number of threads at least, and over all of them, by the geometric mean of the
 * ratios. `latencies` are those of the form, against the float model.
 */
export function judgeSpeed(precision: LayerPrecision, latencies: readonly Latency[]): SpeedVerdict {
  const slower = latencies.filter(({ verdict }) => verdict === 'slower');
  const keepFloat = slower.length > 0 && meanRatio(latencies) > 1;
  // Of a form that is pruned alone, all else is told by what pruning gained.
  if (precision === 'float32') {
    const words = `The form for ONNX Runtime stays as the model was given: pruned, it is slower here, ${timesOf(slower)}.`;
    return { keepFloat, words: keepFloat ? words : undefined };
  }
  const name = precisionTitles[precision];
  if (keepFloat) {
    return { keepFloat, words: `The form for ONNX Runtime stays FP32: ${name} is slower here, ${timesOf(slower)}.` };
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

/** Geometric, over all numbers of threads. */
export function meanRatio(latencies: readonly Latency[]): number {
  return Math.exp(latencies.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / latencies.length);
}

export function timesOf(latencies: readonly Latency[]): string {
  return latencies
    .map(({ ratio, threads }) => `${ratio.toFixed(2)} times as long with ${threads} ${threads === 1 ? 'thread' : 'threads'}`)
    .join(', ');
}
